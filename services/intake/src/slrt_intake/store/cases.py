"""Keep cases and their needs; saves by version compare-and-set and writes the events beside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    Channel,
    NeedCode,
    NeedDecision,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.party import Contact, Person
from slrt_intake.domain.transitions import CaseStatus, NeedStatus
from slrt_intake.ports import TicketTakenError
from slrt_intake.store.sql import as_json
from slrt_intake.store.timeline import TimelineEntry, add_to_timeline, facts_of
from slrt_kit.access import Scope
from slrt_kit.db import StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.regions import RegionCode

_CASE_COLUMNS = """case_id, version, event_sequence, ticket_number, status, channel, village_code, has_subject,
    registered_by, registered_at, registry_status, recommended_by, decided_by, resolved_at, closed_at, satisfied,
    (SELECT jsonb_agg(to_jsonb(n) ORDER BY n.position) FROM needs n WHERE n.case_id = cases.case_id) AS needs"""
# One statement, hence one snapshot: read one after the other, a case and its needs may be of different versions.

_INSERT_CASE = text(
    """
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, registered_by, registered_at)
    VALUES (:case_id, 1, :event_sequence, :ticket_number, :status, :channel, :village_code, :urgent,
            :has_subject, :registered_by, :registered_at)
    ON CONFLICT (ticket_number) DO NOTHING
    """
)
_INSERT_NEEDS = text(
    """
    INSERT INTO needs (need_id, case_id, position, need_code, person_id, urgent, description, attributes, status)
    SELECT need_id, case_id, position, need_code, person_id, urgent, description, attributes, status
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(need_id uuid, case_id uuid, position integer,
         need_code text, person_id uuid, urgent boolean, description text, attributes jsonb, status text)
    """
)
_INSERT_PERSONS = text(
    """
    INSERT INTO persons (person_id, case_id, position, relation, name, nik, birth_date, sex)
    SELECT person_id, case_id, position, relation, name, nik, birth_date, sex
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS p(person_id uuid, case_id uuid, position integer,
         relation text, name text, nik text, birth_date date, sex char(1))
    """
)
_INSERT_CONTACT = text(
    """
    INSERT INTO contacts (case_id, phone, phone_last4, email, language, kk_number, address, proxy_name)
    VALUES (:case_id, :phone, :phone_last4, :email, :language, :kk_number, :address, :proxy_name)
    """
)
_UPDATE_CASE = text(
    """
    UPDATE cases SET version = version + 1, event_sequence = :event_sequence, status = :status,
        registry_status = :registry_status, recommended_by = :recommended_by, decided_by = :decided_by,
        resolved_at = :resolved_at, closed_at = :closed_at, satisfied = :satisfied
    WHERE case_id = :case_id AND version = :version
    """
)
_UPDATE_NEEDS = text(
    """
    UPDATE needs SET status = n.status, recommendation = n.recommendation, decision = n.decision,
        outcome_code = n.outcome_code, referral_id = n.referral_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(need_id uuid, status text, recommendation text,
         decision text, outcome_code text, referral_id uuid)
    WHERE needs.need_id = n.need_id
    """
)


class CaseStore:
    """The cases of one unit of work (keeps the promises of `ports.Cases`)."""

    def __init__(self, work: UnitOfWork, outbox: Outbox) -> None:
        self._work = work
        self._outbox = outbox

    async def add(self, case: Case, *, persons: Sequence[Person], contact: Contact) -> None:
        """Insert a new case with its people.

        Raises:
            TicketTakenError: another case has that ticket number; nothing is written.
        """
        run = self._work.connection.execute
        if (await run(_INSERT_CASE, _case_values(case))).rowcount != 1:
            raise TicketTakenError
        await run(_INSERT_NEEDS, {"rows": as_json([_need_row(case, n, i) for i, n in enumerate(case.needs)])})
        if persons:
            await run(_INSERT_PERSONS, {"rows": as_json([_person_row(case, p, i) for i, p in enumerate(persons)])})
        await run(_INSERT_CONTACT, _contact_values(case, contact))
        await self._publish(case)

    async def save(self, case: Case) -> None:
        """Write a changed case.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        result = await self._work.connection.execute(_UPDATE_CASE, _case_values(case))
        if result.rowcount != 1:
            raise StaleVersionError
        await self._work.connection.execute(
            _UPDATE_NEEDS, {"rows": as_json([_need_row(case, n, i) for i, n in enumerate(case.needs)])}
        )
        await self._publish(case)

    async def get(self, case_id: CaseId) -> Case | None:
        """The case of that id."""
        return await self._load("case_id = :value", case_id)

    async def get_by_ticket(self, ticket_number: str) -> tuple[Case, str | None] | None:
        """The case of that ticket, and the last four digits of its contact's phone."""
        case = await self._load("ticket_number = :value", ticket_number)
        if case is None:
            return None
        last4 = await self._work.connection.scalar(
            text("SELECT phone_last4 FROM contacts WHERE case_id = :case_id"), {"case_id": case.case_id}
        )
        return case, last4

    async def _load(self, condition: str, value: object) -> Case | None:
        connection = self._work.connection
        query = text(f"SELECT {_CASE_COLUMNS} FROM cases WHERE {condition}")  # noqa: S608 — fixed conditions above
        row = (await connection.execute(query, {"value": value})).one_or_none()
        return None if row is None else _case(row)

    async def _publish(self, case: Case) -> None:
        now = self._work.clock.now()
        entries = [
            TimelineEntry(
                event_id=event_id,
                case_id=case.case_id,
                event_type=recorded.event.TYPE,
                service="intake",
                happened_at=recorded.happened_at,
                recorded_at=now,
                facts=facts_of(recorded.event),
            )
            for event_id, recorded in await self._outbox.add(self._work, case.raised)
        ]
        await add_to_timeline(self._work.connection, entries)
        case.mark_saved()


async def list_cases(
    connection: AsyncConnection,
    scope: Scope,
    *,
    status: CaseStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Case]:
    """Cases inside the scope, newest first, after the given position; without the people."""
    conditions, values = ["true"], {"limit": limit}  # type: tuple[list[str], dict[str, Any]]
    if not scope.everywhere:
        # Every code of a subtree starts with "root." and '/' is the next character after '.'.
        conditions.append(
            "(village_code = :region OR (village_code COLLATE \"C\" >= :region || '.'"
            " AND village_code COLLATE \"C\" < :region || '/'))"
        )
        values["region"] = scope.region or "-"
    if status is not None:
        conditions.append("status = :status")
        values["status"] = status
    if after is not None:
        conditions.append("(registered_at, case_id) < (:after_at, :after_id)")
        values |= {"after_at": after[0], "after_id": after[1]}
    query = text(
        f"SELECT {_CASE_COLUMNS} FROM cases WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed fragments above
        "ORDER BY registered_at DESC, case_id DESC LIMIT :limit"
    )
    return [_case(row) for row in await connection.execute(query, values)]


def _need(row: Mapping[str, Any]) -> Need:
    return Need(
        need_id=NeedId(UUID(row["need_id"])),
        need_code=NeedCode(row["need_code"]),
        person_id=UUID(row["person_id"]) if row["person_id"] else None,
        urgent=row["urgent"],
        description=row["description"],
        attributes={AttributeName(name): AttributeValue(value) for name, value in row["attributes"].items()},
        status=NeedStatus(row["status"]),
        recommendation=Recommendation(row["recommendation"]) if row["recommendation"] else None,
        decision=NeedDecision(row["decision"]) if row["decision"] else None,
        outcome_code=OutcomeCode(row["outcome_code"]) if row["outcome_code"] else None,
        referral_id=ReferralId(UUID(row["referral_id"])) if row["referral_id"] else None,
    )


def _case(row: Row[Any]) -> Case:
    values = dict(row._mapping) | {
        "status": CaseStatus(row.status),
        "channel": Channel(row.channel),
        "village_code": RegionCode(row.village_code),
        "registry_status": RegistryStatus(row.registry_status) if row.registry_status else None,
        "needs": [_need(need) for need in row.needs],
    }
    return Case(**values)


def _case_values(case: Case) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "version": case.version,
        "event_sequence": case.event_sequence,
        "ticket_number": case.ticket_number,
        "status": case.status,
        "channel": case.channel,
        "village_code": case.village_code,
        "urgent": case.urgent,
        "has_subject": case.has_subject,
        "registered_by": case.registered_by,
        "registered_at": case.registered_at,
        "registry_status": case.registry_status,
        "recommended_by": case.recommended_by,
        "decided_by": case.decided_by,
        "resolved_at": case.resolved_at,
        "closed_at": case.closed_at,
        "satisfied": case.satisfied,
    }


def _need_row(case: Case, need: Need, position: int) -> dict[str, object]:
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


def _contact_values(case: Case, contact: Contact) -> dict[str, object]:
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
