"""One function per command: load, decide, save, return."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import UUID

from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    CaseKind,
    Channel,
    ClosedBy,
    Concern,
    DecidedByLevel,
    GrievanceType,
    NeedCode,
    NeedDecision,
    NeedSubject,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
    WaitReason,
)
from slrt_contracts.events.intake import Wait
from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_intake.domain import ticket
from slrt_intake.domain.case import Case, Need, subject_of
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.party import Contact, Person
from slrt_intake.domain.problems import (
    NeedOrderError,
    OutsideYourAreaError,
    TicketLockedError,
    TicketNotFoundError,
    UnknownPersonError,
    UnknownRegionError,
)
from slrt_intake.ports import Cases, Drafts, RegionTable, TicketGuard, TicketTakenError
from slrt_intake.reports.nik import kk_warnings, nik_warnings
from slrt_kit.access import Scope
from slrt_kit.clock import NewId
from slrt_kit.problems import NotFoundError, OutsideScopeError, StaleError
from slrt_kit.regions import RegionCode, regency_of

TICKET_DRAWS = 5
"""How often a number is drawn anew: among 100,000 tickets, two are drawn alike with a chance of one in seven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedInput:
    """A need as the reporter states it.

    ``person_ref`` points into the registration's persons; ``waits_on`` into its needs, each with the reason.
    """

    need_code: NeedCode
    person_ref: int | None
    urgent: bool
    description: str | None
    attributes: Mapping[AttributeName, AttributeValue]
    subject: NeedSubject | None = None
    grievance_type: GrievanceType | None = None
    waits_on: Mapping[int, WaitReason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCase:
    """Put a contact at the door on record."""

    channel: Channel
    village_code: str
    persons: Sequence[Person]
    contact: Contact
    needs: Sequence[NeedInput]
    kind: CaseKind = CaseKind.COMPLAINT
    concerns: Concern = Concern.INDIVIDUAL
    concerned_people: int | None = None
    visit_date: date | None = None
    restricted: bool = False
    reporter_secret: bool = False


def new_case(
    command: RegisterCase, *, regions: RegionTable, scope: Scope, by: str, at: datetime, new_id: NewId
) -> Case:
    """The case, with a ticket number drawn for it; not saved yet.

    Raises:
        UnknownRegionError, OutsideYourAreaError, UnknownPersonError, NeedOrderError: nothing is changed.
    """
    village = check_village(command.village_code, regions=regions, scope=scope)
    needs = [_need(need, command.persons, new_id) for need in command.needs]
    if any(stated.waits_on for stated in command.needs):
        _put_in_order(needs, command.needs)
    return Case.register(
        case_id=CaseId(new_id()),
        ticket_number=ticket.make_ticket(regency_of(village), secrets.randbits(ticket.RANDOM_BITS)),
        channel=command.channel,
        village_code=village,
        needs=needs,
        has_subject=bool(command.persons),
        kind=command.kind,
        concerns=command.concerns,
        concerned_people=command.concerned_people,
        visit_date=command.visit_date,
        restricted=command.restricted,
        reporter_secret=command.reporter_secret,
        reachable_by=command.contact.reachable_by,
        by=by,
        at=at,
    )


async def register_case(
    command: RegisterCase,
    *,
    cases: Cases,
    regions: RegionTable,
    scope: Scope,
    by: str,
    at: datetime,
    new_id: NewId,
) -> Case:
    """Register and return the case.

    Raises:
        What `new_case` raises.
    """
    for _ in range(TICKET_DRAWS):
        case = new_case(command, regions=regions, scope=scope, by=by, at=at, new_id=new_id)
        try:
            await cases.add(case, persons=command.persons, contact=command.contact)
        except TicketTakenError:
            continue
        return case
    raise TicketTakenError


async def register_cases(
    commands: Sequence[RegisterCase],
    *,
    cases: Cases,
    regions: RegionTable,
    scope: Scope,
    by: str,
    at: datetime,
    new_id: NewId,
) -> list[Case]:
    """Register several and return the cases, in their order.

    Raises:
        TicketTakenError: a number that was drawn is somebody else's; nothing may be committed.
        What `new_case` raises.
    """
    made = [new_case(each, regions=regions, scope=scope, by=by, at=at, new_id=new_id) for each in commands]
    await cases.add_all([(case, each.persons, each.contact) for case, each in zip(made, commands, strict=True)])
    return made


def number_warnings(command: RegisterCase, *, regions: RegionTable) -> list[str]:
    """Doubts about NIK and KK numbers, each with where it is: ``persons/0/nik:length``. They refuse nothing."""

    def is_district(code: str) -> bool:
        return regions.get(code) is not None

    found = [
        f"persons/{place}/{warning}"
        for place, person in enumerate(command.persons)
        if person.nik is not None
        for warning in nik_warnings(person.nik, birth_date=person.birth_date, sex=person.sex, is_district=is_district)
    ]
    kk_number = command.contact.kk_number
    return found + [f"contact/{warning}" for warning in (kk_warnings(kk_number) if kk_number else ())]


def check_village(code: str, *, regions: RegionTable, scope: Scope) -> RegionCode:
    """The village's code.

    Raises:
        UnknownRegionError: not in the table. OutsideYourAreaError: not the caller's to work in.
    """
    region = regions.get(code)
    if region is None:
        raise UnknownRegionError
    if not scope.covers(region=code):
        raise OutsideYourAreaError
    return region.code


def _need(stated: NeedInput, persons: Sequence[Person], new_id: NewId) -> Need:
    person_id: UUID | None = None
    if stated.person_ref is not None:
        if stated.person_ref >= len(persons):
            raise UnknownPersonError(person_ref=stated.person_ref)
        person_id = persons[stated.person_ref].person_id
    return Need(
        need_id=NeedId(new_id()),
        need_code=stated.need_code,
        person_id=person_id,
        urgent=stated.urgent,
        description=stated.description,
        attributes=stated.attributes,
        subject=stated.subject or subject_of(stated.need_code),
        grievance_type=stated.grievance_type,
    )


def _put_in_order(needs: Sequence[Need], stated: Sequence[NeedInput]) -> None:
    """Let each need wait for those that it was said to wait for.

    Raises:
        NeedOrderError: that leads round in a circle, or to a need that is not there.
    """
    graph = {place: each.waits_on.keys() for place, each in enumerate(stated)}
    unknown = {ref for refs in graph.values() for ref in refs} - graph.keys()
    if unknown:
        raise NeedOrderError(need_refs=sorted(unknown))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise NeedOrderError(need_refs=sorted(set(error.args[1]))) from None
    for need, each in zip(needs, stated, strict=True):
        need.waits_on = [Wait(need_id=needs[ref].need_id, reason=why) for ref, why in sorted(each.waits_on.items())]


async def load_case(case_id: CaseId, *, cases: Cases, scope: Scope) -> Case:
    """The case, if it exists and is the caller's to work on.

    Raises:
        NotFoundError: also for a case that is not the caller's, so that nobody learns that it exists.
    """
    case = await cases.get_within(case_id, scope)
    if case is None:
        raise NotFoundError
    return case


async def look_at_case(case_id: CaseId, *, cases: Cases, scope: Scope) -> Case:
    """The case, if it exists and the caller may see it, be it by an emergency access.

    Raises:
        NotFoundError: as `load_case`.
    """
    case = await cases.get_to_look(case_id, scope)
    if case is None:
        raise NotFoundError
    return case


async def screen_case(case: Case, *, registry_status: RegistryStatus, cases: Cases, at: datetime) -> None:
    """Front office: note what the registry says."""
    case.screen(registry_status=registry_status, at=at)
    await cases.save(case)


async def recommend(
    case: Case, recommendations: Mapping[NeedId, Recommendation], *, cases: Cases, by: str, at: datetime
) -> None:
    """Back office: propose what to do with each need."""
    case.recommend(recommendations, by=by, at=at)
    await cases.save(case)


async def decide(
    case: Case,
    decisions: Mapping[NeedId, NeedDecision],
    *,
    cases: Cases,
    by: str,
    level: DecidedByLevel,
    at: datetime,
) -> None:
    """Coordinator or manager: decide what happens with each need."""
    case.decide(decisions, by=by, level=level, at=at)
    await cases.save(case)


async def record_referral_outcome(
    case_id: CaseId,
    need_id: NeedId,
    outcome: OutcomeCode,
    *,
    referral_id: ReferralId,
    cases: Cases,
    at: datetime,
) -> None:
    """Take over an office's outcome.

    Raises:
        NotFoundError: no such case here.
    """
    case = await cases.get(case_id)
    if case is None:
        raise NotFoundError
    case.record_referral_outcome(need_id, outcome, referral_id=referral_id, at=at)
    await cases.save(case)


async def open_by_ticket(
    written_ticket: str, phone_last4: str, *, cases: Cases, guard: TicketGuard, now: datetime
) -> Case:
    """The resident's case, by ticket number and the last four digits of the phone.

    Raises:
        TicketLockedError: too many failures on this ticket lately (429).
        TicketNotFoundError: they do not match; the caller must note the failure in a transaction of its own.
    """
    number = ticket.normalise_ticket(written_ticket)
    if number is None:
        raise TicketNotFoundError
    locked_until = await guard.locked_until(number, now)
    if locked_until is not None:
        raise TicketLockedError(retry_after_seconds=int((locked_until - now).total_seconds()) + 1)
    found = await cases.get_by_ticket(number, phone_last4)
    if found is None:
        raise TicketNotFoundError
    case, is_right = found
    if not is_right:
        raise TicketNotFoundError
    return case


async def confirm_by_resident(case: Case, *, satisfied: bool, cases: Cases, at: datetime) -> None:
    """The resident says whether it helped; the case closes."""
    case.close(closed_by=ClosedBy.RESIDENT, satisfied=satisfied, at=at)
    await cases.save(case)


async def close_by_silence(case_id: CaseId, *, cases: Cases, at: datetime) -> None:
    """The resident did not say whether it helped in the time that there was: the case closes (LAPOR, 10 working days).

    Raises:
        NotFoundError: there is no such case.
        OutcomesMissingError, TransitionRefusedError: it does not wait for its resident.
    """
    case = await cases.get(case_id)
    if case is None:
        raise NotFoundError
    case.close(closed_by=ClosedBy.POLICY, satisfied=None, at=at)
    await cases.save(case)


async def load_draft(draft_id: UUID, *, drafts: Drafts, author: str) -> Draft:
    """A draft of the caller's own.

    Raises:
        NotFoundError: no such draft, or somebody else's.
    """
    draft = await drafts.get(draft_id)
    if draft is None:
        raise NotFoundError
    if draft.author != author:
        raise OutsideScopeError
    return draft


async def correct_draft(
    draft_id: UUID,
    content: dict[str, Any],
    *,
    village_code: str,
    expected_version: int,
    drafts: Drafts,
    author: str,
) -> Draft:
    """Replace a draft's content.

    Raises:
        StaleError: it was corrected since the caller read it. DraftConfirmedError, NotFoundError.
    """
    draft = await load_draft(draft_id, drafts=drafts, author=author)
    if draft.version != expected_version:
        raise StaleError
    draft.correct(content, village_code=village_code)
    await drafts.save(draft)
    return draft


async def confirm_draft(
    draft: Draft,
    command: RegisterCase,
    *,
    expected_version: int,
    drafts: Drafts,
    cases: Cases,
    regions: RegionTable,
    scope: Scope,
    by: str,
    at: datetime,
    new_id: NewId,
) -> Case:
    """Register what the draft says and note the case on the draft, in one transaction.

    Raises:
        StaleError: the draft was corrected since the caller read it.
        DraftConfirmedError and what `register_case` raises.
    """
    if draft.version != expected_version:
        raise StaleError
    case = await register_case(command, cases=cases, regions=regions, scope=scope, by=by, at=at, new_id=new_id)
    draft.confirm(case.case_id)
    await drafts.save(draft)
    return case
