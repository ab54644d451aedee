"""Write new cases with everything that belongs to them: one statement for one case, or for those of many callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from psycopg.errors import UniqueViolation

from slrt_contracts.types import EventId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.party import Contact, Person
from slrt_intake.store.case_clocks import CaseClocks
from slrt_intake.store.holdings import FIRST_HOLDING
from slrt_intake.store.sealed import seal_contact, seal_need, seal_person
from slrt_intake.store.sql import as_json, on_one_line
from slrt_intake.store.timeline import entry_of, insert_entries
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.entries import Actor
from slrt_kit.audit.record import audit_rows, insert_audit
from slrt_kit.clocks.rows import insert_clocks
from slrt_kit.coalesce import Coalescer
from slrt_kit.db import DATABASE_DOWN, Database, UnitOfWork
from slrt_kit.idempotency import CLAIM_ANSWERED, AnsweredCommand
from slrt_kit.outbox import Outbox, insert_events, pending_row
from slrt_kit.privacy import Vault

_COLUMNS = (
    "case_id, version, event_sequence, ticket_number, status, channel, kind, concerns, concerned_people, visit_date, "
    "village_code, urgent, has_subject, restricted, reporter_secret, registered_by, registered_at, key_id, "
    "policy_version"
)
_NEED_COLUMNS = (
    "need_id, case_id, position, need_code, person_id, urgent, sealed, attributes, subject, grievance_type, waits_on, "
    "status"
)
_INSERT_CASES = f"""
    INSERT INTO cases ({_COLUMNS}) SELECT {_COLUMNS}
    FROM jsonb_array_elements(%(cases)s::jsonb) e, jsonb_populate_record(NULL::cases, e)
    """  # noqa: S608 — fixed texts
_INSERT_PARTS = f"""
    needs_added AS (
        INSERT INTO needs ({_NEED_COLUMNS}) SELECT {_NEED_COLUMNS}
        FROM jsonb_populate_recordset(NULL::needs, %(needs)s::jsonb)
        WHERE case_id IN (SELECT case_id FROM added)
    ), persons_added AS (
        INSERT INTO persons (person_id, case_id, position, relation, key_id, sealed)
        SELECT person_id, case_id, position, relation, key_id, sealed
        FROM jsonb_populate_recordset(NULL::persons, %(persons)s::jsonb)
        WHERE case_id IN (SELECT case_id FROM added)
    ), contacts_added AS (
        INSERT INTO contacts (case_id, language, sealed, phone_check)
        SELECT case_id, language, sealed, phone_check
        FROM jsonb_populate_recordset(NULL::contacts, %(contacts)s::jsonb)
        WHERE case_id IN (SELECT case_id FROM added)
    ), held AS (
        {FIRST_HOLDING}
    ), clocks_added AS (
        {insert_clocks(only="k.case_id IN (SELECT case_id FROM added)")}
    ), timeline_added AS (
        {insert_entries(only="t.case_id IN (SELECT case_id FROM added)")}
    ), events_added AS (
        {insert_events(only="e.partition_key IN (SELECT CAST(case_id AS text) FROM added)")}
    ), audited AS (
        {insert_audit(only="a.key IN (SELECT CAST(case_id AS text) FROM added)")}
    )
    """  # noqa: S608 — fixed texts
ADD_CASES = f"""
    WITH added AS (
        {_INSERT_CASES}
        ON CONFLICT (ticket_number) DO NOTHING
        RETURNING case_id, village_code, registered_at
    ), {_INSERT_PARTS}
    SELECT count(*) FROM added
    """  # noqa: S608 — fixed texts
"""Adds cases whose ticket numbers are free, with all that belongs to them; gives how many."""
# Here a ticket number that is taken is an error: its command would be answered and have no case.
_ADD_COMMANDED = on_one_line(f"""
    WITH claimed AS (
        {CLAIM_ANSWERED}
    ), added AS (
        {_INSERT_CASES}
        WHERE (registered_by, e->>'command_key') IN (SELECT subject, key FROM claimed)
        RETURNING case_id, village_code, registered_at
    ), {_INSERT_PARTS}
    SELECT case_id FROM added
    """)  # noqa: S608 — fixed texts


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case that is not saved yet, with its people and events; and the command that registers it, once answered.

    ``actor`` is on whose behalf; None is the service's own.
    """

    case: Case
    persons: Sequence[Person]
    contact: Contact
    events: Sequence[tuple[EventId, RecordedEvent]]
    command: AnsweredCommand | None = None
    actor: Actor | None = None


Rows: TypeAlias = dict[str, list[Any]]
"""What is written for one new case, by the name of the parameter that carries it."""


class Registrations:
    """Registers cases of callers that come side by side, each with the answer to its command."""

    def __init__(self, database: Database, outbox: Outbox, vault: Vault, clocks: CaseClocks) -> None:
        self._database = database
        self._outbox = outbox
        self._vault = vault
        self._clocks = clocks
        self._group = Coalescer(self._write, common=DATABASE_DOWN)

    async def add(self, new: NewCase) -> bool:
        """True: it is durable. False: the command's key or the ticket number is taken; nothing was written.

        Raises:
            ServiceUnavailableError: too many callers wait. psycopg.Error: the database is away, or the keys database
            is and no key is left in memory.
        """
        clocks = self._clocks.first_rows(new.case, self._database.new_id)
        rows = await _rows_of(new, self._outbox, self._vault, clocks, now=self._database.clock.now())
        try:
            return await self._group.add(rows)
        except UniqueViolation:
            return False

    async def _write(self, group: Sequence[Rows]) -> Sequence[bool]:
        # Of two with one key only the first may add its case: the statement cannot tell them apart.
        one_each = {(command["subject"], command["key"]): rows for rows in group for command in rows["commands"]}
        async with self._database.statement() as connection:
            added = set(await connection.values(_ADD_COMMANDED, _values(list(one_each.values()))))
        if added:
            self._database.events_committed()
        return [rows["cases"][0]["case_id"] in added for rows in group]


async def add_case_values(
    new: Sequence[NewCase], outbox: Outbox, vault: Vault, clocks: CaseClocks, work: UnitOfWork
) -> dict[str, object]:
    """The values of `ADD_CASES`."""
    now = work.clock.now()
    return _values(
        [
            await _rows_of(
                each,
                outbox,
                vault,
                clocks.first_rows(each.case, work.new_id),
                now=now,
                causation_id=work.causation_id,
            )
            for each in new
        ]
    )


def _values(group: Sequence[Rows]) -> dict[str, object]:
    return {table: as_json([row for rows in group for row in rows[table]]) for table in (group[0] if group else ())}


async def _rows_of(
    new: NewCase,
    outbox: Outbox,
    vault: Vault,
    clocks: list[dict[str, object]],
    *,
    now: datetime,
    causation_id: EventId | None = None,
) -> Rows:
    case = new.case
    key, *person_keys = await vault.keys.take(1 + len(new.persons))
    told = outbox.envelopes(new.events, now=now, causation_id=causation_id)
    events = [pending_row(envelope, event) for envelope, event in told]
    actor = new.actor or Actor.service(outbox.service, causation_id)
    return {
        "commands": [] if new.command is None else [new.command.row(now)],
        "cases": [_case_row(case, new.command) | {"key_id": key.key_id}],
        "needs": [need_row(case, need, place) | seal_need(vault, key, need) for place, need in enumerate(case.needs)],
        "persons": [
            _person_row(case, person, place) | seal_person(vault, own, person)
            for place, (person, own) in enumerate(zip(new.persons, person_keys, strict=True))
        ],
        "contacts": [seal_contact(vault, key, case, new.contact)],
        "clocks": clocks,
        "entries": [entry_of(envelope, str(row["payload"])) for (envelope, _), row in zip(told, events, strict=True)],
        "events": events,
        "audit": audit_rows(outbox.service, actor, new.events, now=now),
    }


def _case_row(case: Case, command: AnsweredCommand | None) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "version": 1,
        "event_sequence": case.event_sequence,
        "ticket_number": case.ticket_number,
        "status": case.status,
        "channel": case.channel,
        "kind": case.kind,
        "concerns": case.concerns,
        "concerned_people": case.concerned_people,
        "visit_date": case.visit_date,
        "village_code": case.village_code,
        "urgent": case.urgent,
        "has_subject": case.has_subject,
        "restricted": case.restricted,
        "reporter_secret": case.reporter_secret,
        "registered_by": case.registered_by,
        "registered_at": case.registered_at,
        "command_key": command.key if command else None,
        "policy_version": case.policy_version,
    }


def need_row(case: Case, need: Need, position: int) -> dict[str, object]:
    return {
        "need_id": need.need_id,
        "case_id": case.case_id,
        "position": position,
        "need_code": need.need_code,
        "person_id": need.person_id,
        "urgent": need.urgent,
        "attributes": dict(need.attributes),
        "subject": need.subject,
        "grievance_type": need.grievance_type,
        "waits_on": [wait.model_dump(mode="json") for wait in need.waits_on],
        "status": need.status,
        "recommendation": need.recommendation,
        "decision": need.decision,
        "outcome_code": need.outcome_code,
        "referral_id": need.referral_id,
    }


def _person_row(case: Case, person: Person, position: int) -> dict[str, object]:
    return {
        "person_id": person.person_id,
        "case_id": case.case_id,
        "position": position,
        "relation": person.relation,
    }
