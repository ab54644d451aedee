"""Apply what devices hand in: each item once, whatever the order, and a receipt for each.

An upload is one transaction. What of an item can be taken is taken; what cannot is rejected with a reason, and its
content is kept: a device that has a receipt may forget the item.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from slrt_contracts.types import CaseId
from slrt_intake.domain.device import Device, made
from slrt_intake.domain.fact import NOTE, FactSource
from slrt_intake.domain.field_item import ItemKind, ItemStatus, RawItem, Reason, Receipt, Taken
from slrt_intake.domain.problems import AnswersError
from slrt_intake.domain.visit import Visit, VisitResult
from slrt_intake.ports import Cases, RegionTable
from slrt_intake.usecases.answers import refusal
from slrt_intake.usecases.cases import RegisterCase, check_village, number_warnings, register_case
from slrt_intake.usecases.observing import (
    CaseOfItem,
    FactsContent,
    Observer,
    Origin,
    Place,
    References,
    Subject,
    Writes,
    person_of,
)
from slrt_kit.access import Scope
from slrt_kit.clock import NewId
from slrt_kit.policy.checklists import Checklists
from slrt_kit.policy.forms import Form
from slrt_kit.problems import ProblemError


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseContent:
    """A registration."""

    command: RegisterCase


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitContent:
    """What came of a visit: of one that was assigned, or of one that nobody planned."""

    place: Place
    result: VisitResult


Content = CaseContent | FactsContent | VisitContent
Parse = Callable[[RawItem], Content | Reason | list[dict[str, str]]]
"""Reads an item: its content; or why not, or where it does not fit."""


@dataclass(frozen=True, slots=True)
class Known:
    """The receipts that there are: by item, by sequence number of the device, and of what was refused its place."""

    items: Mapping[UUID, Receipt]
    sequences: Mapping[int, Receipt]
    refused: Mapping[tuple[UUID, int, bytes], Receipt]


class FieldStore(Protocol):
    """What the store does."""

    async def known(self, device: Device, raws: Sequence[RawItem], referred: Collection[UUID]) -> Known:
        """The receipts of these items, and of those that they refer to; others who hand them in wait."""

    async def parked(self, item_ids: Collection[UUID]) -> Sequence[Taken]:
        """Items that wait for one of these, locked, of whatever device."""

    async def references(self, places: Collection[Place], codes: Collection[str], scope: Scope) -> References: ...

    async def link(self, rejected: Sequence[Taken]) -> None:
        """Note on the receipts which case each rejected item is about, and whether it is sensitive: what is kept of it
        is for nobody who may not know of that case."""

    def digest(self, subject: Subject, value: object) -> bytes:
        """Tells values apart, of each subject in another way."""

    async def write(self, taken: Sequence[Taken], writes: Writes, references: References) -> None:
        """Write everything; the device as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What applying needs beside the store. ``forms`` and ``checklists`` by village, ``slip_code`` by ticket number."""

    cases: Cases
    regions: RegionTable
    forms: Callable[[str], Mapping[str, Form]]
    checklists: Callable[[str], Checklists]
    slip_code: Callable[[str], str]
    parse: Parse
    new_id: NewId
    now: datetime
    may_register: Scope | None
    may_record: Scope


def place_of(content: Content) -> Place | None:
    """What a content refers to."""
    return None if isinstance(content, CaseContent) else content.place


class Upload:
    """One upload of a device: make one, `run` it once."""

    def __init__(self, device: Device, store: FieldStore, parts: Field, *, device_now: datetime) -> None:
        self._device = device
        self._store = store
        self._parts = parts
        self._device_now = device_now
        self._writes = Writes()
        self._contents: dict[UUID, Content] = {}
        self._items: dict[UUID, Receipt] = {}
        self._references = References({}, {}, {}, {})

    async def run(self, raws: Sequence[RawItem]) -> list[Taken]:
        """Take the items; gives each with its receipt, in the order in which they came."""
        contents = {raw.position: self._read(raw) for raw in raws}
        referred = {
            place.case_item
            for content in contents.values()
            if isinstance(content, CaseContent | FactsContent | VisitContent)
            and (place := place_of(content)) is not None
            and place.case_item is not None
        }
        self._known = await self._store.known(self._device, raws, referred)
        taken = self._placed(raws)
        fresh = [each for each in taken if not each.is_repeated and each.receipt.status is ItemStatus.COMMITTED]
        fresh.sort(key=lambda each: each.raw.sequence)
        for each in fresh:
            self._accept(each, contents[each.raw.position])
        await self._register([each for each in fresh if each.receipt.status is ItemStatus.COMMITTED])
        told = [each.receipt for each in taken if not each.is_repeated and each.receipt.is_first]
        parked = await self._store.parked([each.item_id for each in told if each.kind == ItemKind.CASE])
        for each in parked:
            self._wake(each)
        await self._apply([*fresh, *parked])
        new = [each for each in taken if not each.is_repeated]
        await self._store.link([each for each in (*new, *parked) if each.receipt.status is ItemStatus.REJECTED])
        await self._store.write([*new, *parked], self._writes, self._references)
        return taken

    def _read(self, raw: RawItem) -> Content | Reason | list[dict[str, str]]:
        if raw.unreadable:
            return [dict(each) for each in raw.unreadable]
        return self._parts.parse(raw)

    # -- which items are new ----------------------------------------------------------------------------------------

    def _placed(self, raws: Sequence[RawItem]) -> list[Taken]:
        items = self._items = dict(self._known.items)
        sequences = dict(self._known.sequences)
        refused = dict(self._known.refused)
        taken: list[Taken] = []
        for raw in raws:
            before = items.get(raw.item_id) or sequences.get(raw.sequence) if raw.is_placed else None
            same_place = (raw.item_id, raw.sequence, raw.fingerprint)
            if (
                before is not None
                and before.item_id == raw.item_id
                and (before.fingerprint, before.officer) == (raw.fingerprint, self._device.officer)
            ):
                taken.append(Taken(raw, before, is_repeated=True))
                continue
            if same_place in refused:
                taken.append(Taken(raw, refused[same_place], is_repeated=True))
                continue
            receipt = self._new_receipt(raw, is_first=raw.is_placed and before is None)
            if before is not None:
                own = before.device_id == self._device.device_id and before.sequence == raw.sequence
                receipt.reject(Reason.SEQUENCE_REUSED if own else Reason.ITEM_ID_REUSED)
            if receipt.is_first:
                items[raw.item_id] = sequences[raw.sequence] = receipt
            else:
                refused[same_place] = receipt
            taken.append(Taken(raw, receipt))
        return taken

    def _new_receipt(self, raw: RawItem, *, is_first: bool) -> Receipt:
        now = self._parts.now
        when = None if raw.made_at is None else made(raw.made_at, device_now=self._device_now, now=now)
        return Receipt(
            receipt_id=self._parts.new_id(),
            device_id=self._device.device_id,
            item_id=raw.item_id,
            sequence=raw.sequence,
            is_first=is_first,
            kind=raw.kind,
            fingerprint=raw.fingerprint,
            officer=self._device.officer,
            area_code=self._device.area_code,
            reach_code=self._parts.may_record.region,
            made_at=raw.made_at,
            corrected_at=None if when is None else when.at,
            clock_is_off=when is not None and when.clock_is_off,
            received_at=now,
            status=ItemStatus.COMMITTED,
        )

    def _accept(self, each: Taken, content: Content | Reason | list[dict[str, str]]) -> None:
        if self._device.must_wipe:
            each.receipt.reject(Reason.DEVICE_REVOKED)
        elif isinstance(content, Reason):
            each.receipt.reject(content)
        elif isinstance(content, list):
            each.receipt.reject(Reason.UNREADABLE, errors=content)
        else:
            self._contents[each.receipt.receipt_id] = content

    # -- registrations ----------------------------------------------------------------------------------------------

    async def _register(self, fresh: Sequence[Taken]) -> None:
        for each in fresh:
            content = self._contents.get(each.receipt.receipt_id)
            if isinstance(content, CaseContent):
                try:
                    await self._register_one(each.receipt, content.command)
                except ProblemError as problem:
                    each.receipt.refuse(problem)

    async def _register_one(self, receipt: Receipt, command: RegisterCase) -> None:
        parts = self._parts
        if parts.may_register is None:
            receipt.reject(Reason.NOT_ALLOWED)
            return
        village = check_village(command.village_code, regions=parts.regions, scope=parts.may_register)
        wrong: AnswersError | None = refusal(command.needs, parts.forms(village))
        if wrong is not None:
            raise wrong
        case = await register_case(
            command,
            cases=parts.cases,
            regions=parts.regions,
            scope=parts.may_register,
            by=self._device.officer,
            at=parts.now,
            new_id=parts.new_id,
        )
        receipt.case_id = case.case_id
        receipt.result = {
            "ticket_number": case.ticket_number,
            "slip_code": None if command.contact.phone else parts.slip_code(case.ticket_number),
            "warnings": number_warnings(command, regions=parts.regions),
        }

    def _wake(self, parked: Taken) -> None:
        """What it waited for has come."""
        content = self._parts.parse(parked.raw)
        if isinstance(content, Reason | list):
            # It was readable when it came: of an older program.
            parked.receipt.reject(Reason.UNREADABLE, errors=content if isinstance(content, list) else ())
        else:
            parked.receipt.status, parked.receipt.waiting_for = ItemStatus.COMMITTED, None
            self._contents[parked.receipt.receipt_id] = content

    # -- all else ---------------------------------------------------------------------------------------------------

    async def _apply(self, items: Sequence[Taken]) -> None:
        wanted: list[tuple[Taken, FactsContent | VisitContent, Place]] = []
        for each in items:
            content = self._contents.get(each.receipt.receipt_id)
            if each.receipt.status is not ItemStatus.COMMITTED or not isinstance(content, FactsContent | VisitContent):
                continue
            place = self._resolved(each.receipt, content.place)
            if place is not None:
                wanted.append((each, content, place))
        if not wanted:
            return
        codes = {code for _, content, _ in wanted if isinstance(content, FactsContent) for code in content.answers}
        self._references = await self._store.references(
            [place for _, _, place in wanted], codes - {NOTE}, self._parts.may_record
        )
        recorder = Recorder(self._references, self._writes, self._store.digest, self._parts)
        for each, content, place in wanted:
            try:
                recorder.record(each.receipt, content, place, self._device)
            except ProblemError as problem:
                each.receipt.refuse(problem)

    def _resolved(self, receipt: Receipt, place: Place) -> Place | None:
        """The place with the id of its case; None where the item waits or is rejected."""
        if place.case_item is None:
            return place
        registration = self._items.get(place.case_item)
        if registration is None:
            receipt.status, receipt.waiting_for = ItemStatus.WAITING, place.case_item
        elif registration.kind != ItemKind.CASE:
            receipt.reject(Reason.CASE_NOT_FOUND)
        elif registration.case_id is None:
            receipt.reject(Reason.REFERS_TO_REJECTED)
        else:
            return Place(
                case_id=registration.case_id,
                visit_id=place.visit_id,
                person_id=place.person_id,
                person_ref=place.person_ref,
            )
        return None


class Recorder:
    """Records observations and results, one after the other, in what was loaded of their cases. Pure."""

    def __init__(
        self, references: References, writes: Writes, digest: Callable[[Subject, object], bytes], parts: Field
    ) -> None:
        self._references = references
        self._writes = writes
        self._parts = parts
        self._observer = Observer(references, writes, digest, parts.new_id)

    def record(self, receipt: Receipt, content: FactsContent | VisitContent, place: Place, device: Device) -> None:
        """Take what an item says.

        Raises:
            ProblemError: it is refused, and nothing of it was taken.
        """
        case, visit = self._found(receipt, place, device)
        if case is None:
            return
        receipt.case_id = case.case_id
        if isinstance(content, VisitContent):
            self._end_visit(receipt, content, case, visit)
        else:
            self._observe(receipt, content, case, visit, place)

    def _found(self, receipt: Receipt, place: Place, device: Device) -> tuple[CaseOfItem | None, Visit | None]:
        visit = None
        if place.visit_id is not None:
            visit = self._references.visits.get(place.visit_id)
            if visit is None or (place.case_id is not None and place.case_id != visit.case_id):
                receipt.reject(Reason.VISIT_NOT_FOUND)
                return None, None
            receipt.visit_id = visit.visit_id
        case_id = place.case_id if visit is None else visit.case_id
        case = None if case_id is None else self._references.cases.get(case_id)
        if case is None or not self._reaches(receipt, case, device):
            receipt.reject(Reason.CASE_NOT_FOUND if visit is None else Reason.VISIT_NOT_FOUND)
            receipt.visit_id = None
            return None, None
        if case.is_erased:
            receipt.reject(Reason.ERASED)
            return None, None
        return case, visit

    @staticmethod
    def _reaches(receipt: Receipt, case: CaseOfItem, device: Device) -> bool:
        if receipt.device_id == device.device_id:
            return case.is_reached
        # It waited here, of another officer: by the area that they had when they handed it in.
        scope = Scope(subject=receipt.officer, region=receipt.reach_code)
        own = receipt.officer == case.registered_by
        return own or (case.is_open_to_all and scope.covers(region=case.village_code))

    def _end_visit(self, receipt: Receipt, content: VisitContent, case: CaseOfItem, visit: Visit | None) -> None:
        ended_at = receipt.corrected_at or self._parts.now
        if visit is None:
            visit = Visit(
                visit_id=uuid5(receipt.item_id, "visit"),
                case_id=CaseId(case.case_id),
                checklists=(),
                due_on=None,
                planned_by=receipt.officer,
                planned_at=self._parts.now,
            )
            visit.assign(receipt.officer, until=self._parts.now)
            receipt.visit_id = visit.visit_id
            written = self._writes.new_visits
        else:
            written = self._writes.ended_visits
        visit.record(content.result, by=receipt.officer, ended_at=ended_at, at=self._parts.now)
        written.append(visit)

    def _observe(
        self, receipt: Receipt, content: FactsContent, case: CaseOfItem, visit: Visit | None, place: Place
    ) -> None:
        person = person_of(case, place)
        if person is None and (place.person_id is not None or place.person_ref is not None):
            receipt.reject(Reason.PERSON_NOT_FOUND)
            return
        now = self._parts.now
        origin = Origin(
            officer=receipt.officer,
            source=FactSource.VISIT,
            said_at=receipt.made_at or now,
            at=receipt.corrected_at or now,
            recorded_at=now,
            device_id=receipt.device_id,
            sequence=receipt.sequence,
            item_id=receipt.item_id,
        )
        known = self._parts.checklists(case.village_code)
        observed = self._observer.observe(origin, content, known, case=case, visit=visit, person=person)
        receipt.result["warnings"] = observed.warnings
        if observed.conflicts:
            receipt.status = ItemStatus.CONFLICT
            receipt.result["conflicts"] = [str(each) for each in observed.conflicts]
