"""Write new cases with everything that belongs to them: one statement for one case, or for those of many callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from psycopg.errors import UniqueViolation

from slrt_contracts.types import EventId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.party import Contact, Person
from slrt_intake.store.sql import as_json
from slrt_intake.store.timeline import entry_of, insert_entries
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.entries import Actor
from slrt_kit.audit.record import audit_rows, insert_audit
from slrt_kit.coalesce import Coalescer
from slrt_kit.db import DATABASE_DOWN, Database, UnitOfWork
from slrt_kit.idempotency import CLAIM_ANSWERED, AnsweredCommand
from slrt_kit.outbox import Outbox, insert_events, pending_row

_INSERT_CASES = """
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, restricted, reporter_secret, registered_by, registered_at)
    SELECT case_id, 1, event_sequence, ticket_number, status, channel, village_code, urgent,
           has_subject, restricted, reporter_secret, registered_by, registered_at
    FROM jsonb_to_recordset(CAST(%(cases)s AS jsonb)) AS c(case_id uuid, event_sequence bigint, ticket_number text,
         status text, channel text, village_code text, urgent boolean, has_subject boolean, restricted boolean,
         reporter_secret boolean, registered_by text, registered_at timestamptz, command_key text)
    """
_INSERT_PARTS = f"""
    needs_added AS (
        INSERT INTO needs (need_id, case_id, position, need_code, person_id, urgent, description, attributes, status)
        SELECT need_id, case_id, position, need_code, person_id, urgent, description, attributes, status
        FROM jsonb_to_recordset(CAST(%(needs)s AS jsonb)) AS n(need_id uuid, case_id uuid, position integer,
             need_code text, person_id uuid, urgent boolean, description text, attributes jsonb, status text)
        WHERE case_id IN (SELECT case_id FROM added)
    ), persons_added AS (
        INSERT INTO persons (person_id, case_id, position, relation, name, nik, birth_date, sex)
        SELECT person_id, case_id, position, relation, name, nik, birth_date, sex
        FROM jsonb_to_recordset(CAST(%(persons)s AS jsonb)) AS p(person_id uuid, case_id uuid, position integer,
             relation text, name text, nik text, birth_date date, sex char(1))
        WHERE case_id IN (SELECT case_id FROM added)
    ), contacts_added AS (
        INSERT INTO contacts (case_id, phone, phone_last4, email, language, kk_number, address, proxy_name)
        SELECT case_id, phone, phone_last4, email, language, kk_number, address, proxy_name
        FROM jsonb_to_recordset(CAST(%(contacts)s AS jsonb)) AS k(case_id uuid, phone text, phone_last4 char(4),
             email text, language text, kk_number text, address text, proxy_name text)
        WHERE case_id IN (SELECT case_id FROM added)
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
        RETURNING case_id
    ), {_INSERT_PARTS}
    SELECT count(*) FROM added
    """  # noqa: S608 — fixed texts
"""Adds cases whose ticket numbers are free, with all that belongs to them; gives how many."""
# Here a ticket number that is taken is an error: its command would be answered and have no case.
_ADD_COMMANDED = f"""
    WITH claimed AS (
        {CLAIM_ANSWERED}
    ), added AS (
        {_INSERT_CASES}
        WHERE (registered_by, command_key) IN (SELECT subject, key FROM claimed)
        RETURNING case_id
    ), {_INSERT_PARTS}
    SELECT case_id FROM added
    """  # noqa: S608 — fixed texts


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

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        self._group = Coalescer(self._write, common=DATABASE_DOWN)

    async def add(self, new: NewCase) -> bool:
        """True: it is durable. False: the command's key or the ticket number is taken; nothing was written.

        Raises:
            ServiceUnavailableError: too many callers wait. psycopg.Error: the database is away.
        """
        rows = _rows_of(new, self._outbox, now=self._database.clock.now())
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


def add_case_values(new: NewCase, outbox: Outbox, work: UnitOfWork) -> dict[str, object]:
    """The values of `ADD_CASES` for one case."""
    return _values([_rows_of(new, outbox, now=work.clock.now(), causation_id=work.causation_id)])


def _values(group: Sequence[Rows]) -> dict[str, object]:
    return {table: as_json([row for rows in group for row in rows[table]]) for table in group[0]}


def _rows_of(new: NewCase, outbox: Outbox, *, now: datetime, causation_id: EventId | None = None) -> Rows:
    case = new.case
    told = outbox.envelopes(new.events, now=now, causation_id=causation_id)
    actor = new.actor or Actor.service(outbox.service, causation_id)
    return {
        "commands": [] if new.command is None else [new.command.row(now)],
        "cases": [_case_row(case, new.command)],
        "needs": [need_row(case, need, place) for place, need in enumerate(case.needs)],
        "persons": [_person_row(case, person, place) for place, person in enumerate(new.persons)],
        "contacts": [_contact_row(case, new.contact)],
        "entries": [entry_of(envelope, event) for envelope, event in told],
        "events": [pending_row(envelope, event) for envelope, event in told],
        "audit": audit_rows(outbox.service, actor, new.events, now=now),
    }


def _case_row(case: Case, command: AnsweredCommand | None) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "event_sequence": case.event_sequence,
        "ticket_number": case.ticket_number,
        "status": case.status,
        "channel": case.channel,
        "village_code": case.village_code,
        "urgent": case.urgent,
        "has_subject": case.has_subject,
        "restricted": case.restricted,
        "reporter_secret": case.reporter_secret,
        "registered_by": case.registered_by,
        "registered_at": case.registered_at,
        "command_key": command.key if command else None,
    }


def need_row(case: Case, need: Need, position: int) -> dict[str, object]:
    return {
        "need_id": need.need_id,
        "case_id": case.case_id,
        "position": position,
        "need_code": need.need_code,
        "person_id": need.person_id,
        "urgent": need.urgent,
        "description": need.description,
        "attributes": dict(need.attributes),
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
        "name": person.name,
        "nik": person.nik,
        "birth_date": person.birth_date,
        "sex": person.sex,
    }


def _contact_row(case: Case, contact: Contact) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "phone": contact.phone,
        "phone_last4": contact.phone[-4:] if contact.phone else None,
        "email": contact.email,
        "language": contact.language,
        "kk_number": contact.kk_number,
        "address": contact.address,
        "proxy_name": contact.proxy_name,
    }
