"""Keep cases and their needs; saves by version compare-and-set and writes the events beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.codes import (
    AttributeName,
    AttributeValue,
    CaseKind,
    Channel,
    Concern,
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
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.party import Contact, Person
from slrt_intake.domain.transitions import CaseStatus, NeedStatus, SealReason
from slrt_intake.ports import TicketTakenError
from slrt_intake.store.case_clocks import CaseClocks
from slrt_intake.store.clock_events import tell_of_clocks
from slrt_intake.store.holdings import CASES
from slrt_intake.store.new_cases import ADD_CASES, NewCase, add_case_values, need_row
from slrt_intake.store.sealed import phone_agrees
from slrt_intake.store.sql import as_json
from slrt_intake.store.timeline import publish
from slrt_intake.store.visibility import within, within_area
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox, identify, types_of
from slrt_kit.privacy import Vault
from slrt_kit.regions import RegionCode

_CASE_COLUMNS = """case_id, version, event_sequence, ticket_number, status, channel, kind, concerns,
    concerned_people, visit_date, village_code, has_subject,
    restricted, reporter_secret, sealed_at, sealed_by, seal_reason,
    registered_by, registered_at, registry_status, recommended_by, decided_by, resolved_at, closed_at, satisfied,
    policy_version,
    (SELECT jsonb_agg(to_jsonb(n) - 'sealed' ORDER BY n.position) FROM needs n WHERE n.case_id = cases.case_id)
        AS needs"""
# One statement, hence one snapshot: read one after the other, a case and its needs may be of different versions.

_UPDATE_CASE = """
    UPDATE cases SET version = version + 1, event_sequence = %(event_sequence)s, status = %(status)s,
        registry_status = %(registry_status)s, recommended_by = %(recommended_by)s, decided_by = %(decided_by)s,
        resolved_at = %(resolved_at)s, closed_at = %(closed_at)s, satisfied = %(satisfied)s,
        village_code = %(village_code)s, sealed_at = %(sealed_at)s,
        sealed_by = %(sealed_by)s, seal_reason = %(seal_reason)s
    WHERE case_id = %(case_id)s AND version = %(version)s AND event_sequence = %(loaded_sequence)s
    """
_UPDATE_NEEDS = """
    UPDATE needs SET status = n.status, recommendation = n.recommendation, decision = n.decision,
        outcome_code = n.outcome_code, referral_id = n.referral_id
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS n(need_id uuid, status text, recommendation text,
         decision text, outcome_code text, referral_id uuid)
    WHERE needs.need_id = n.need_id
    """


class CaseStore:
    """The cases of one unit of work (keeps the promises of `ports.Cases`)."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault, clocks: CaseClocks) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault
        self._clocks = clocks

    async def add(self, case: Case, *, persons: Sequence[Person], contact: Contact) -> None:
        """Insert a new case with its people.

        Raises:
            TicketTakenError: another case has that ticket number; nothing is written.
        """
        await self.add_all([(case, persons, contact)])

    async def add_all(self, new: Sequence[tuple[Case, Sequence[Person], Contact]]) -> None:
        """Insert new cases with their people, in one statement.

        Raises:
            TicketTakenError: another case has a ticket number of theirs; the others are written, not to be committed.
        """
        work = self._work
        rows = [NewCase(*each, identify(each[0].raised, work.new_id), actor=work.actor) for each in new]
        values = await add_case_values(rows, self._outbox, self._vault, self._clocks, work)
        if rows and await work.connection.value(ADD_CASES, values) != len(rows):
            raise TicketTakenError
        for each in rows:
            work.recorded += types_of(each.events)
            each.case.mark_saved()

    async def save(self, case: Case) -> None:
        """Write a changed case.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded, or its clock told something.
        """
        if await self._work.connection.run(_UPDATE_CASE, _case_values(case)) != 1:
            raise StaleVersionError
        self._work.connection.defer(
            _UPDATE_NEEDS, {"rows": as_json([need_row(case, need, place) for place, need in enumerate(case.needs)])}
        )
        if not case.raised:
            self._publish(case)
            return
        happened_at = case.raised[-1].happened_at
        followed = await self._clocks.follow(self._work, case)
        now = self._work.clock.now()
        CASES.follow(self._work.connection, [(case.case_id, happened_at)], now=now, resume=followed.ended)
        self._publish(case)
        if followed.told:
            await tell_of_clocks(self._outbox, self._work, followed.told, happened_at)
            case.event_sequence += len(followed.told)

    async def get(self, case_id: CaseId) -> Case | None:
        """The case of that id."""
        return await self._load("case_id = %(value)s", case_id)

    async def get_within(self, case_id: CaseId, scope: Scope) -> Case | None:
        """The case of that id, when the scope reaches it."""
        condition, values = within(scope)
        return await self._load(f"case_id = %(value)s AND {condition}", case_id, **values)

    async def get_to_look(self, case_id: CaseId, scope: Scope) -> Case | None:
        """As `get_within`, also for somebody who has opened an emergency access."""
        condition, values = within(scope, at=self._work.clock.now())
        return await self._load(f"case_id = %(value)s AND {condition}", case_id, **values)

    async def get_to_assign(self, case_id: CaseId, scope: Scope) -> Case | None:
        """The case of that id in the scope's region, also when it is kept from most."""
        condition, values = within_area(scope)
        return await self._load(f"case_id = %(value)s AND {condition}", case_id, **values)

    async def id_of_ticket(self, ticket_number: str) -> CaseId | None:
        """The id of the case of that ticket."""
        found = await self._work.connection.value(
            "SELECT case_id FROM cases WHERE ticket_number = %(ticket)s", {"ticket": ticket_number}
        )
        return None if found is None else CaseId(found)

    async def get_by_ticket(self, ticket_number: str, phone_last4: str) -> tuple[Case, bool] | None:
        """The case of that ticket, and whether these are the last four digits of its contact's phone."""
        case = await self._load("ticket_number = %(value)s", ticket_number)
        if case is None:
            return None
        check = await self._work.connection.value(
            "SELECT phone_check FROM contacts WHERE case_id = %(case_id)s", {"case_id": case.case_id}
        )
        return case, phone_agrees(self._vault, check, ticket_number, phone_last4)

    async def _load(self, condition: str, value: object, **more: object) -> Case | None:
        connection = self._work.connection
        query = f"SELECT {_CASE_COLUMNS} FROM cases WHERE {condition}"  # noqa: S608 — fixed conditions above
        row = await connection.row(query, {"value": value, **more})
        return None if row is None else _case(row)

    def _publish(self, case: Case) -> None:
        publish(self._work, self._outbox, case.raised)
        case.mark_saved()


@dataclass(frozen=True, slots=True)
class CaseStores:
    """Opens the store of a unit of work."""

    outbox: Outbox
    vault: Vault
    clocks: CaseClocks

    def __call__(self, work: UnitOfWork) -> CaseStore:
        """The cases of a unit of work."""
        return CaseStore(work, self.outbox, self.vault, self.clocks)


async def list_cases(
    connection: Connection,
    scope: Scope,
    *,
    status: CaseStatus | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Case]:
    """Cases inside the scope, newest first, after the given position; without the people."""
    inside, values = within(scope)
    conditions = [inside]
    values["limit"] = limit
    if status is not None:
        conditions.append("status = %(status)s")
        values["status"] = status
    if after is not None:
        conditions.append("(registered_at, case_id) < (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    query = (
        f"SELECT {_CASE_COLUMNS} FROM cases WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed fragments above
        "ORDER BY registered_at DESC, case_id DESC LIMIT %(limit)s"
    )
    return [_case(row) for row in await connection.rows(query, values)]


def _need(row: Mapping[str, Any]) -> Need:
    return Need(
        need_id=NeedId(UUID(row["need_id"])),
        need_code=NeedCode(row["need_code"]),
        person_id=UUID(row["person_id"]) if row["person_id"] else None,
        urgent=row["urgent"],
        description=None,
        attributes={AttributeName(name): AttributeValue(value) for name, value in row["attributes"].items()},
        subject=NeedSubject(row["subject"]),
        grievance_type=GrievanceType(row["grievance_type"]) if row["grievance_type"] else None,
        waits_on=[
            Wait(need_id=NeedId(UUID(wait["need_id"])), reason=WaitReason(wait["reason"])) for wait in row["waits_on"]
        ],
        status=NeedStatus(row["status"]),
        recommendation=Recommendation(row["recommendation"]) if row["recommendation"] else None,
        decision=NeedDecision(row["decision"]) if row["decision"] else None,
        outcome_code=OutcomeCode(row["outcome_code"]) if row["outcome_code"] else None,
        referral_id=ReferralId(UUID(row["referral_id"])) if row["referral_id"] else None,
    )


def _case(row: Row) -> Case:
    values = row._asdict() | {
        "status": CaseStatus(row.status),
        "channel": Channel(row.channel),
        "kind": CaseKind(row.kind),
        "concerns": Concern(row.concerns),
        "village_code": RegionCode(row.village_code),
        "seal_reason": SealReason(row.seal_reason) if row.seal_reason else None,
        "registry_status": RegistryStatus(row.registry_status) if row.registry_status else None,
        "needs": [_need(need) for need in row.needs],
    }
    return Case(**values)


def _case_values(case: Case) -> dict[str, object]:
    return {
        "case_id": case.case_id,
        "version": case.version,
        "event_sequence": case.event_sequence,
        "loaded_sequence": case.loaded_sequence,
        "status": case.status,
        "registry_status": case.registry_status,
        "recommended_by": case.recommended_by,
        "decided_by": case.decided_by,
        "resolved_at": case.resolved_at,
        "closed_at": case.closed_at,
        "satisfied": case.satisfied,
        "village_code": case.village_code,
        "sealed_at": case.sealed_at,
        "sealed_by": case.sealed_by,
        "seal_reason": case.seal_reason,
    }
