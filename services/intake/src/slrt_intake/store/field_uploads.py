"""Read and write what an upload is about, in few statements whatever it holds: references, observations, receipts."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from slrt_contracts.catalogue import SENSITIVE_NEEDS
from slrt_intake.domain.device import Device
from slrt_intake.domain.fact import Head, NewFact
from slrt_intake.domain.field_item import ItemStatus, RawItem, Receipt, Taken
from slrt_intake.store.facts import IS_HEAD, fact_digest, insert_facts, raise_conflicts
from slrt_intake.store.sealed import FIELD_ITEMS
from slrt_intake.store.sql import as_json
from slrt_intake.store.visibility import within_visits
from slrt_intake.store.visits import COLUMNS as VISIT_COLUMNS
from slrt_intake.store.visits import INSERT as INSERT_VISITS
from slrt_intake.store.visits import SAVE as SAVE_VISITS
from slrt_intake.store.visits import visit_of, visit_row
from slrt_intake.usecases.field import Known
from slrt_intake.usecases.observing import CaseOfItem, Person, Place, References, Subject, Writes
from slrt_kit.access import Scope
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import Connection, Row, UnitOfWork
from slrt_kit.privacy import ERASED, SealedRow, SubjectKey, Vault
from slrt_kit.privacy.vault import text_of
from slrt_kit.problems import ErasedError, Text

_BUCKETS: Final = 1024
RECEIPT_COLUMNS: Final = (
    "receipt_id, device_id, item_id, sequence, is_first, kind, fingerprint, officer, area_code, reach_code, made_at, "
    "corrected_at, clock_is_off, received_at, status, reason, says, errors, waiting_for, case_id, visit_id, "
    "is_sensitive, result"
)
# Who registers a case and who hands in an item that waits for it see each other: one of them comes second.
_LOCK_ITEMS = """
    SELECT pg_advisory_xact_lock(hashtext('slrt-field-items'), bucket)
    FROM unnest(CAST(%(buckets)s AS integer[])) AS bucket
    """
_FIRST = f"""
    SELECT {RECEIPT_COLUMNS} FROM field_items
    WHERE is_first AND (item_id = ANY(%(items)s) OR (device_id = %(device_id)s AND sequence = ANY(%(sequences)s)))
    """  # noqa: S608 — fixed texts
_REFUSED = f"""
    SELECT {RECEIPT_COLUMNS} FROM field_items
    WHERE NOT is_first AND device_id = %(device_id)s AND item_id = ANY(%(items)s)
    """  # noqa: S608 — fixed texts
_PARKED = f"""
    SELECT {RECEIPT_COLUMNS}, key_id, sealed FROM field_items
    WHERE waiting_for = ANY(%(items)s) AND status = 'waiting_for' ORDER BY device_id, sequence FOR UPDATE
    """  # noqa: S608 — fixed texts
_CASES = """
    SELECT case_id, village_code, key_id, registered_by, NOT restricted AND sealed_at IS NULL AS is_open_to_all,
           ({reached}) AS is_reached,
           (SELECT jsonb_agg(jsonb_build_object('person_id', p.person_id, 'key_id', p.key_id) ORDER BY p.position)
            FROM persons p WHERE p.case_id = cases.case_id) AS persons
    FROM cases
    WHERE case_id IN (SELECT unnest(CAST(%(cases)s AS uuid[]))
                      UNION SELECT o.case_id FROM visits o WHERE o.visit_id = ANY(%(visits)s))
    ORDER BY case_id FOR NO KEY UPDATE OF cases
    """
_VISITS = f"SELECT {VISIT_COLUMNS} FROM visits v WHERE v.visit_id = ANY(%(visits)s) ORDER BY v.visit_id FOR UPDATE"  # noqa: S608
_HEADS = f"""
    SELECT f.fact_id, f.case_id, coalesce(f.person_id, f.case_id) AS about, f.code, f.digest, f.device_id, f.sequence
    FROM facts f WHERE f.case_id = ANY(%(cases)s) AND f.code = ANY(%(codes)s) AND {IS_HEAD}
    """  # noqa: S608 — fixed texts
_CONFLICTS = """
    SELECT conflict_id, case_id, coalesce(person_id, case_id) AS about, code FROM fact_conflicts
    WHERE case_id = ANY(%(cases)s) AND settled_at IS NULL
    """
_CASE_OF_ANY = """
    SELECT case_id AS id, case_id FROM cases WHERE case_id = ANY(%(ids)s)
    UNION ALL SELECT visit_id, case_id FROM visits WHERE visit_id = ANY(%(ids)s)
    UNION ALL SELECT item_id, case_id FROM field_items
    WHERE item_id = ANY(%(ids)s) AND is_first AND case_id IS NOT NULL
    """
_INSERT = f"""
    INSERT INTO field_items ({RECEIPT_COLUMNS}, key_id, sealed)
    SELECT {RECEIPT_COLUMNS}, key_id, sealed FROM jsonb_populate_recordset(NULL::field_items, CAST(%(items)s AS jsonb))
    """  # noqa: S608 — fixed texts
_WAKE = """
    UPDATE field_items SET status = i.status, reason = i.reason, says = i.says, errors = i.errors, waiting_for = NULL,
        case_id = i.case_id, visit_id = i.visit_id,
        is_sensitive = i.is_sensitive, result = i.result,
        sealed = CASE WHEN i.status = 'rejected_with_reason' THEN field_items.sealed END
    FROM jsonb_populate_recordset(NULL::field_items, CAST(%(items)s AS jsonb)) AS i
    WHERE field_items.receipt_id = i.receipt_id
    """
# What others have seen meanwhile goes to whoever holds a visit of the case.
TELL_HOLDERS = """
    UPDATE visits SET changed = pg_current_xact_id() WHERE case_id = ANY(%(cases)s) AND state = 'assigned'
    """
_TOUCH = """
    UPDATE field_devices d SET last_sync_at = %(now)s, clock_offset_s = %(offset)s, area_code = %(area_code)s,
        committed_up_to = coalesce((
            SELECT max(s.sequence) FROM (
                SELECT i.sequence, row_number() OVER (ORDER BY i.sequence) AS place FROM field_items i
                WHERE i.device_id = d.device_id AND i.is_first AND i.sequence > d.committed_up_to) AS s
            WHERE s.sequence = d.committed_up_to + s.place), d.committed_up_to)
    WHERE d.device_id = %(device_id)s RETURNING d.committed_up_to
    """
RECEIPTS_AFTER = f"""
    SELECT {RECEIPT_COLUMNS} FROM field_items
    WHERE device_id = %(device_id)s AND is_first AND sequence > %(after)s ORDER BY sequence LIMIT %(limit)s
    """  # noqa: S608 — fixed texts


class FieldUploads:
    """What `slrt_intake.usecases.field.Upload` asks of the store, in one unit of work."""

    def __init__(self, work: UnitOfWork, vault: Vault, device: Device, *, offset_s: float) -> None:
        self._work = work
        self._vault = vault
        self._device = device
        self._offset_s = offset_s
        self._keys: Mapping[int, SubjectKey | None] = {}

    async def known(self, device: Device, raws: Sequence[RawItem], referred: Collection[UUID]) -> Known:
        """The receipts of these items, and of those that they refer to."""
        connection = self._work.connection
        meeting = {*referred, *(raw.item_id for raw in raws if raw.kind == "case")}
        if meeting:
            connection.defer(_LOCK_ITEMS, {"buckets": sorted({each.int % _BUCKETS for each in meeting})})
        values = {
            "items": [*{raw.item_id for raw in raws}, *referred],
            "sequences": [raw.sequence for raw in raws if raw.is_placed],
            "device_id": device.device_id,
        }
        first, refused = await connection.rows_of((_FIRST, values), (_REFUSED, values))
        receipts = [receipt_of(row) for row in first]
        others = [receipt_of(row) for row in refused]
        return Known(
            {each.item_id: each for each in receipts},
            {each.sequence: each for each in receipts if each.device_id == device.device_id},
            {(each.item_id, each.sequence, each.fingerprint): each for each in others},
        )

    async def parked(self, item_ids: Collection[UUID]) -> Sequence[Taken]:
        """Items that wait for one of these, locked, of whatever device; not what was erased meanwhile."""
        if not item_ids:
            return []
        rows = await self._work.connection.rows(_PARKED, {"items": list(item_ids)})
        opened = await self._vault.unseal(
            [SealedRow(row.key_id, row.sealed, row.receipt_id) for row in rows], table=FIELD_ITEMS
        )
        return [
            Taken(_raw(row, each["content"]), receipt_of(row), has_waited=True)
            for row, each in zip(rows, opened, strict=True)
            if each is not ERASED
        ]

    async def references(self, places: Collection[Place], codes: Collection[str], scope: Scope) -> References:
        """What items refer to."""
        references, self._keys = await load_references(self._work, self._vault, places, codes, scope, of_a_device=True)
        return references

    async def link(self, rejected: Sequence[Taken]) -> None:
        """Note which case each is about, by whatever it names, and whether it is sensitive."""
        named = {each.receipt.receipt_id: _named(each.raw.content) for each in rejected}
        for each in rejected:
            each.receipt.is_sensitive = _is_sensitive(each.raw.content)
        ids = [one for several in named.values() for one in several]
        if not ids:
            return
        rows = await self._work.connection.rows(_CASE_OF_ANY, {"ids": ids})
        cases = {row.id: row.case_id for row in rows}
        for each in rejected:
            found = (cases[one] for one in named[each.receipt.receipt_id] if one in cases)
            each.receipt.case_id = each.receipt.case_id or next(found, None)

    def digest(self, subject: Subject, value: object) -> bytes:
        """See `fact_digest`."""
        return fact_digest(self._vault, subject, value)

    async def write(self, taken: Sequence[Taken], writes: Writes, references: References) -> None:
        """Write everything; the device is in touch, and knows up to where everything is here."""
        connection = self._work.connection
        now = self._work.clock.now()
        self._write_visits(connection, writes)
        if writes.facts:
            insert_facts(connection, self._vault, [(fact, self._key_of(fact, references)) for fact in writes.facts])
            connection.defer(TELL_HOLDERS, {"cases": list({fact.case_id for fact in writes.facts})})
        if writes.conflicts:
            raise_conflicts(connection, writes.conflicts, now=now)
        new = [each for each in taken if not each.has_waited]
        old = [each for each in taken if each.has_waited]
        if new:
            connection.defer(_INSERT, {"items": as_json(await self._rows(new))})
        if old:
            connection.defer(_WAKE, {"items": as_json([_row(each.receipt) for each in old])})
        record_looks(self._work, self._vault.service, self._actor(), [_look(each.receipt) for each in taken])
        values = {
            "now": now,
            "offset": self._offset_s,
            "area_code": self._device.area_code,
            "device_id": self._device.device_id,
        }
        self._device.committed_up_to = await connection.value(_TOUCH, values)

    def _actor(self) -> Any:
        if self._work.actor is None:
            raise RuntimeError("an upload is somebody's")
        return self._work.actor

    @staticmethod
    def _write_visits(connection: Connection, writes: Writes) -> None:
        if writes.new_visits:
            connection.defer(INSERT_VISITS, {"visits": as_json([visit_row(each) for each in writes.new_visits])})
        if writes.ended_visits:
            rows = as_json([visit_row(each) for each in writes.ended_visits])
            connection.defer(SAVE_VISITS, {"visits": rows})

    def _key_of(self, fact: NewFact, references: References) -> SubjectKey:
        return key_for(references, self._keys, fact.case_id, fact.person_id)

    async def _rows(self, new: Sequence[Taken]) -> list[dict[str, object]]:
        """The rows, with the content sealed where it stands nowhere else: under a key of the item's own."""
        kept = [each for each in new if _is_kept(each.receipt)]
        keys = await self._vault.keys.take(len(kept))
        rows = {each.receipt.receipt_id: _row(each.receipt) for each in new}
        for each, key in zip(kept, keys, strict=True):
            receipt_id = each.receipt.receipt_id
            fields = {"content": each.raw.content}
            sealed = self._vault.seal(key, fields, table=FIELD_ITEMS, row=receipt_id)
            rows[receipt_id] |= {"key_id": key.key_id, "sealed": text_of(sealed)}
        return list(rows.values())


async def load_references(
    work: UnitOfWork,
    vault: Vault,
    places: Collection[Place],
    codes: Collection[str],
    scope: Scope,
    *,
    of_a_device: bool = False,
) -> tuple[References, Mapping[int, SubjectKey | None]]:
    """What is referred to, and the keys of all of them. Cases are locked first, in one order: whoever records
    something about a case waits here.

    ``of_a_device``: who registered a case hands in what they saw there, also of one that few may know of.
    """
    reached, values = within_visits(scope, to_record=of_a_device)
    connection = work.connection
    wanted = {
        "cases": list({place.case_id for place in places if place.case_id is not None}),
        "visits": list({place.visit_id for place in places if place.visit_id is not None}),
    }
    rows = await connection.rows(_CASES.format(reached=reached), values | wanted)
    cases = {row.case_id: _case(row) for row in rows}
    asked = {"cases": list(cases), "codes": list(codes), "visits": wanted["visits"]}
    visits, heads, conflicts = await connection.rows_of((_VISITS, asked), (_HEADS, asked), (_CONFLICTS, asked))
    persons = [person.key_id for case in cases.values() for person in case.persons]
    keys = await vault.keys.find([*(case.key_id for case in cases.values()), *persons])
    for case in cases.values():
        case.is_erased = keys[case.key_id] is None
    found: dict[Subject, list[Head]] = {}
    for row in heads:
        head = Head(row.fact_id, row.digest, row.device_id, row.sequence)
        found.setdefault((row.case_id, row.about, row.code), []).append(head)
    references = References(
        cases=cases,
        visits={row.visit_id: visit_of(row) for row in visits},
        heads=found,
        conflicts={(row.case_id, row.about, row.code): row.conflict_id for row in conflicts},
    )
    return references, keys


def key_for(
    references: References, keys: Mapping[int, SubjectKey | None], case_id: UUID, person_id: UUID | None
) -> SubjectKey:
    """The key that an observation goes under: its person's, or its case's.

    Raises:
        ErasedError: it was destroyed.
    """
    case = references.cases[case_id]
    key = keys[next((each.key_id for each in case.persons if each.person_id == person_id), case.key_id)]
    if key is None:
        raise ErasedError
    return key


def _named(content: Any) -> list[UUID]:
    """The ids that an item names what it is about by; whatever else it is."""
    payload = content.get("payload") if isinstance(content, dict) else None
    said = payload if isinstance(payload, dict) else {}
    found = []
    for name in ("case_id", "visit_id", "case_item"):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            found.append(UUID(said.get(name)))
    return found


def _is_sensitive(content: Any) -> bool:
    """Whether it names a need that few may know of, or asks to be kept from most; however broken it is."""
    text = orjson.dumps(content).decode()
    return '"restricted":true' in text or any(f'"{code}"' in text for code in SENSITIVE_NEEDS)


def _is_kept(receipt: Receipt) -> bool:
    return receipt.status in (ItemStatus.REJECTED, ItemStatus.WAITING) and receipt.reason != "erased"


def _look(receipt: Receipt) -> Look:
    result = "refused" if receipt.status is ItemStatus.REJECTED else "ok"
    kind = () if receipt.kind is None else (receipt.kind,)
    return Look("sync", "field-item", receipt.receipt_id, kind, case_id=receipt.case_id, result=result)


def _case(row: Row) -> CaseOfItem:
    return CaseOfItem(
        case_id=row.case_id,
        village_code=row.village_code,
        key_id=row.key_id,
        is_reached=row.is_reached,
        is_open_to_all=row.is_open_to_all,
        registered_by=row.registered_by,
        persons=[Person(person_id=UUID(each["person_id"]), key_id=each["key_id"]) for each in row.persons or ()],
    )


def receipt_of(row: Row) -> Receipt:
    """The receipt of a row."""
    return Receipt(
        receipt_id=row.receipt_id,
        device_id=row.device_id,
        item_id=row.item_id,
        sequence=row.sequence,
        is_first=row.is_first,
        kind=row.kind,
        fingerprint=row.fingerprint,
        officer=row.officer,
        area_code=row.area_code,
        reach_code=row.reach_code,
        made_at=row.made_at,
        corrected_at=row.corrected_at,
        clock_is_off=row.clock_is_off,
        received_at=row.received_at,
        status=ItemStatus(row.status),
        reason=row.reason,
        says=None if row.says is None else Text(**row.says),
        errors=row.errors,
        waiting_for=row.waiting_for,
        case_id=row.case_id,
        visit_id=row.visit_id,
        is_sensitive=row.is_sensitive,
        result=row.result,
    )


def _raw(row: Row, content: Any) -> RawItem:
    return RawItem(
        position=0,
        item_id=row.item_id,
        sequence=row.sequence,
        kind=row.kind,
        made_at=row.made_at,
        content=content,
        fingerprint=row.fingerprint,
    )


def _row(receipt: Receipt) -> dict[str, object]:
    return {
        "receipt_id": receipt.receipt_id,
        "device_id": receipt.device_id,
        "item_id": receipt.item_id,
        "sequence": receipt.sequence,
        "is_first": receipt.is_first,
        "kind": receipt.kind,
        "fingerprint": text_of(receipt.fingerprint),
        "officer": receipt.officer,
        "area_code": receipt.area_code,
        "reach_code": receipt.reach_code,
        "made_at": receipt.made_at,
        "corrected_at": receipt.corrected_at,
        "clock_is_off": receipt.clock_is_off,
        "received_at": receipt.received_at,
        "status": receipt.status,
        "reason": receipt.reason,
        "says": None if receipt.says is None else receipt.says._asdict(),
        "errors": list(receipt.errors),
        "waiting_for": receipt.waiting_for,
        "case_id": receipt.case_id,
        "visit_id": receipt.visit_id,
        "is_sensitive": receipt.is_sensitive,
        "result": receipt.result,
        "key_id": None,
        "sealed": None,
    }


async def receipts_after(connection: Connection, device_id: UUID, *, after: int, limit: int) -> Sequence[Receipt]:
    """The receipts of a device in the order of its sequence numbers, after one of them."""
    values = {"device_id": device_id, "after": after, "limit": limit}
    return [receipt_of(row) for row in await connection.rows(RECEIPTS_AFTER, values)]
