"""Keep referrals and their history; saves by version compare-and-set and writes the events beside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from slrt_contracts.codes import DeclineReason, FunctionCode, NeedCode, OutcomeCode, ProgrammeCode
from slrt_contracts.types import CaseId, DistrictCode, NeedId, ReferralId
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import ERASED, Vault
from slrt_referral.domain.referral import Referral, Step
from slrt_referral.domain.transitions import ReferralAction, ReferralStatus
from slrt_referral.store.holdings import end_case, follow, follow_case
from slrt_referral.store.notes import open_notes, seal_note
from slrt_referral.store.referral_clocks import ReferralClocks
from slrt_referral.store.visibility import within

COLUMNS = """referral_id, version, event_sequence, case_id, need_id, need_code, programme_code, function_code,
    office_code, district_code, urgent, restricted, routing_rule, policy_version, status, waiting_on, rerouted_from,
    rerouted_to, reroute_reason, reroute_count, outcome_code, created_at, sent_at, attributes, routed_in"""

_INSERT = """
    INSERT INTO referrals (referral_id, version, event_sequence, case_id, need_id, need_code, programme_code,
        function_code, office_code, district_code, urgent, restricted, routing_rule, policy_version, status, waiting_on,
        rerouted_from, reroute_reason, reroute_count, created_at, sent_at, attributes, routed_in)
    VALUES (%(referral_id)s, 1, %(event_sequence)s, %(case_id)s, %(need_id)s, %(need_code)s, %(programme_code)s,
        %(function_code)s, %(office_code)s, %(district_code)s, %(urgent)s, %(restricted)s, %(routing_rule)s,
        %(policy_version)s, %(status)s, %(waiting_on)s, %(rerouted_from)s, %(reroute_reason)s,
        %(reroute_count)s, %(created_at)s, %(sent_at)s, CAST(%(attributes)s AS jsonb), %(routed_in)s)
    """
_UPDATE = """
    UPDATE referrals SET version = version + 1, event_sequence = %(event_sequence)s, status = %(status)s,
        waiting_on = %(waiting_on)s, rerouted_to = %(rerouted_to)s, outcome_code = %(outcome_code)s,
        sent_at = %(sent_at)s
    WHERE referral_id = %(referral_id)s AND version = %(version)s AND event_sequence = %(loaded_sequence)s
    """
_INSERT_STEPS = """
    INSERT INTO referral_steps
        (referral_id, action, from_status, to_status, at, by, reason_code, outcome_code, office_code,
         key_id, sealed)
    SELECT %(referral_id)s, action, from_status, to_status, at, by, reason_code, outcome_code, office_code,
           key_id, sealed
    FROM ROWS FROM (jsonb_to_recordset(CAST(%(steps)s AS jsonb)) AS (action text, from_status text, to_status text,
        at timestamptz, by text, reason_code text, outcome_code text, office_code text, key_id bigint, sealed bytea))
        WITH ORDINALITY
    ORDER BY ordinality
    """


class ReferralStore:
    """The referrals of one unit of work (keeps the promises of `ports.Referrals`)."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault, clocks: ReferralClocks) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault
        self._clocks = clocks

    async def add(self, referral: Referral) -> None:
        """Insert a new referral."""
        self._work.connection.defer(_INSERT, _values(referral))
        await self._finish(referral)

    async def save(self, referral: Referral) -> None:
        """Write a changed referral.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        if await self._work.connection.run(_UPDATE, _values(referral)) != 1:
            raise StaleVersionError
        await self._finish(referral)

    async def get(self, referral_id: ReferralId) -> Referral | None:
        """The referral of that id."""
        found = await self._select("referral_id = %(value)s", referral_id)
        return found[0] if found else None

    async def get_within(self, referral_id: ReferralId, scope: Scope) -> Referral | None:
        """The referral of that id, when the scope reaches it."""
        condition, values = within(scope)
        found = await self._select(f"referral_id = %(value)s AND {condition}", referral_id, **values)
        return found[0] if found else None

    async def get_locked(self, referral_id: ReferralId) -> Referral | None:
        """The referral of that id, as it is after everybody who is changing it has ended."""
        found = await self._select("referral_id = %(value)s FOR UPDATE", referral_id)
        return found[0] if found else None

    async def waiting_for(self, referral: Referral) -> Sequence[Referral]:
        """The drafts that wait for it. Locked, because two awaited referrals may end at the same moment."""
        return await self._select(
            "case_id = %(value)s AND %(awaited)s = ANY(waiting_on) ORDER BY referral_id FOR UPDATE",
            referral.case_id,
            awaited=referral.referral_id,
        )

    async def of_case(self, case_id: CaseId, *, status: ReferralStatus) -> Sequence[Referral]:
        """The referrals of a case in that status, locked."""
        return await self._select(
            "case_id = %(value)s AND status = %(status)s ORDER BY referral_id FOR UPDATE", case_id, status=status
        )

    async def move_case(self, case_id: CaseId, district_code: DistrictCode, *, at: datetime) -> None:
        """The case belongs to another district from ``at`` (UTC) on; the offices keep what they have."""
        self._work.connection.defer(
            "UPDATE referrals SET district_code = %(district_code)s WHERE case_id = %(case_id)s",
            {"case_id": case_id, "district_code": district_code},
        )
        await follow_case(self._work, case_id, at=at)

    def end_case(self, case_id: CaseId, *, at: datetime) -> None:
        """The case was closed at ``at`` (UTC): nobody is waited for any more."""
        end_case(self._work, case_id, at=at)

    def seal_case(self, case_id: CaseId, *, sealed: bool) -> None:
        """Hide the referrals of a case from everybody, or show them again."""
        self._work.connection.defer(
            "UPDATE referrals SET sealed = %(sealed)s WHERE case_id = %(case_id)s",
            {"case_id": case_id, "sealed": sealed},
        )

    async def needs_with_referral(self, needs: Collection[NeedId]) -> frozenset[NeedId]:
        """Which of the needs have a referral already."""
        rows = await self._work.connection.values(
            "SELECT DISTINCT need_id FROM referrals WHERE need_id = ANY(%(needs)s)", {"needs": list(needs)}
        )
        return frozenset(NeedId(need_id) for need_id in rows)

    async def _select(self, condition: str, value: object, **more: object) -> list[Referral]:
        query = f"SELECT {COLUMNS} FROM referrals WHERE {condition}"  # noqa: S608 — fixed conditions above
        rows = await self._work.connection.rows(query, {"value": value, **more})
        return [referral_of(row) for row in rows]

    async def _finish(self, referral: Referral) -> None:
        if referral.new_steps:
            steps = [
                _step_values(step) | await seal_note(self._vault, referral.referral_id, step)
                for step in referral.new_steps
            ]
            self._work.connection.defer(
                _INSERT_STEPS, {"referral_id": referral.referral_id, "steps": orjson.dumps(steps).decode()}
            )
        raised = referral.raised
        # What a draft waits for may change without an event of its own.
        follow(self._work, referral.referral_id, at=raised[-1].happened_at if raised else self._work.clock.now())
        await self._clocks.follow(self._work, referral)
        self._outbox.add(self._work, raised)
        referral.mark_saved()


@dataclass(frozen=True, slots=True)
class ReferralStores:
    """Opens the store of a unit of work."""

    outbox: Outbox
    vault: Vault
    clocks: ReferralClocks

    def __call__(self, work: UnitOfWork) -> ReferralStore:
        """The referrals of a unit of work."""
        return ReferralStore(work, self.outbox, self.vault, self.clocks)


async def history(connection: Connection, vault: Vault, referral_id: ReferralId) -> list[Step]:
    """What happened to a referral, in order.

    Raises:
        KeyMissingError, SealBrokenError: see `Vault.unseal`.
    """
    rows = await connection.rows(
        (
            "SELECT action, from_status, to_status, at, by, reason_code, outcome_code, office_code, key_id, sealed "
            "FROM referral_steps WHERE referral_id = %(referral_id)s ORDER BY step_id"
        ),
        {"referral_id": referral_id},
    )
    notes = await open_notes(vault, referral_id, rows)
    return [
        Step(
            action=ReferralAction(row.action),
            from_status=ReferralStatus(row.from_status),
            to_status=ReferralStatus(row.to_status),
            at=row.at,
            by=row.by,
            reason_code=DeclineReason(row.reason_code) if row.reason_code else None,
            outcome_code=OutcomeCode(row.outcome_code) if row.outcome_code else None,
            office_code=row.office_code,
            note=None if note is ERASED else note,
            note_erased=note is ERASED,
        )
        for row, note in zip(rows, notes, strict=True)
    ]


def referral_of(row: Row) -> Referral:
    """The aggregate of a row that has `COLUMNS`."""
    values = row._asdict() | {
        "need_code": NeedCode(row.need_code),
        "programme_code": ProgrammeCode(row.programme_code) if row.programme_code else None,
        "function_code": FunctionCode(row.function_code),
        "status": ReferralStatus(row.status),
        "waiting_on": tuple(ReferralId(awaited) for awaited in row.waiting_on),
        "reroute_reason": DeclineReason(row.reroute_reason) if row.reroute_reason else None,
        "outcome_code": OutcomeCode(row.outcome_code) if row.outcome_code else None,
    }
    return Referral(**values)


def _values(referral: Referral) -> dict[str, object]:
    return {
        "referral_id": referral.referral_id,
        "version": referral.version,
        "event_sequence": referral.event_sequence,
        "loaded_sequence": referral.loaded_sequence,
        "case_id": referral.case_id,
        "need_id": referral.need_id,
        "need_code": referral.need_code,
        "programme_code": referral.programme_code,
        "function_code": referral.function_code,
        "office_code": referral.office_code,
        "district_code": referral.district_code,
        "urgent": referral.urgent,
        "restricted": referral.restricted,
        "routing_rule": referral.routing_rule,
        "policy_version": referral.policy_version,
        "status": referral.status,
        "waiting_on": list(referral.waiting_on),
        "rerouted_from": referral.rerouted_from,
        "rerouted_to": referral.rerouted_to,
        "reroute_reason": referral.reroute_reason,
        "reroute_count": referral.reroute_count,
        "outcome_code": referral.outcome_code,
        "created_at": referral.created_at,
        "sent_at": referral.sent_at,
        "attributes": None if referral.attributes is None else orjson.dumps(dict(referral.attributes)).decode(),
        "routed_in": referral.routed_in,
    }


def _step_values(step: Step) -> dict[str, object]:
    return {
        "action": step.action,
        "from_status": step.from_status,
        "to_status": step.to_status,
        "at": step.at,
        "by": step.by,
        "reason_code": step.reason_code,
        "outcome_code": step.outcome_code,
        "office_code": step.office_code,
    }
