"""Keep consents: given once, ended once; what is in somebody's words is sealed under the person's own key."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId, ConsentId, OfficeCode
from slrt_intake.domain.consent import (
    Consent,
    GivenBy,
    HeldClaim,
    Method,
    Notice,
    ProxyRelation,
    Speaker,
    Withdrawal,
    WithdrawalReason,
    WitnessRole,
)
from slrt_intake.domain.party import Relation
from slrt_intake.ports import Principal
from slrt_intake.store.sealed import PERSONS, person_of
from slrt_intake.store.sharings import withdraw_held
from slrt_intake.store.timeline import publish
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import ERASED, SealedRow, SubjectKey, Vault
from slrt_kit.problems import ErasedError

CONSENTS, WITHDRAWALS = "consents", "consent_withdrawals"
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_COLUMNS = (
    "consent_id, event_sequence, case_id, person_id, purposes, purposes_version, offices, notice_version, "
    "notice_language, method, given_by, relation, witness_role, given_at, expires_at, recorded_by, recorded_at"
)
# The client's own, and what somebody's guardian gave: another adult's is theirs to see. And who asked that nobody
# learns of them is mostly not one of those whom the report is about.
_SHOWN_TO_RESIDENT = (
    "(p.relation = 'client' OR c.given_by = 'guardian') AND NOT (SELECT reporter_secret FROM cases k "
    "WHERE k.case_id = c.case_id)"
)
_SELECT = (
    f"SELECT {', '.join(f'c.{name}' for name in _COLUMNS.split(', '))}, c.sealed, c.expired_at, p.key_id, "  # noqa: S608 — fixed texts
    f"{_SHOWN_TO_RESIDENT} AS shown_to_resident, "
    "w.at AS w_at, w.by AS w_by, w.given_by AS w_given_by, w.relation AS w_relation, w.reason AS w_reason, "
    "w.sealed AS w_sealed "
    "FROM consents c JOIN persons p USING (person_id) LEFT JOIN consent_withdrawals w USING (consent_id) "
)
_ONE = "c.consent_id = %(value)s"
_INSERT = (
    f"INSERT INTO consents ({_COLUMNS}, sealed) "  # noqa: S608 — fixed texts
    f"VALUES ({', '.join(f'%({name})s' for name in _COLUMNS.split(', '))}, %(sealed)s)"
)
_IN_FORCE = """
    SELECT consent_id, case_id, person_id FROM consents
    WHERE case_id = ANY(%(case_ids)s) AND %(purpose)s = ANY(purposes) AND (offices = '{}' OR %(office)s = ANY(offices))
      AND withdrawn_at IS NULL AND expired_at IS NULL AND (expires_at IS NULL OR expires_at > %(at)s)
    """
# By the index `consents_running_out`, and in its order.
_RUN_OUT = """
    SELECT expires_at, consent_id FROM consents
    WHERE expires_at <= %(at)s AND withdrawn_at IS NULL AND expired_at IS NULL
      AND (expires_at, consent_id) > (%(after_at)s, %(after_id)s)
    ORDER BY expires_at, consent_id LIMIT %(limit)s
    """
_LOCK_RUN_OUT = """
    SELECT consent_id FROM consents
    WHERE consent_id = %(consent_id)s AND expires_at <= %(at)s AND withdrawn_at IS NULL AND expired_at IS NULL
    FOR UPDATE SKIP LOCKED
    """
COUNT_RUN_OUT = """
    SELECT count(*) FROM consents
    WHERE expires_at < now() - interval '10 minutes' AND withdrawn_at IS NULL AND expired_at IS NULL
    """
"""How many consents ran out more than ten minutes ago, and no office was told; by the same index."""


class RunOut(NamedTuple):
    """A consent whose time is over, and since when (UTC)."""

    expires_at: datetime
    consent_id: ConsentId


class CoveredPerson(NamedTuple):
    """A person of a case, and the consent that speaks for them now."""

    case_id: CaseId
    person_id: UUID
    consent_id: ConsentId


class ConsentStore:
    """The consents of one unit of work."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault

    async def principal(self, case_id: CaseId, person_id: UUID) -> Principal | None:
        """The person of the case, who is locked: of two who record a consent of theirs the second sees the first's.

        Raises:
            ErasedError: the person was erased.
        """
        row = await self._work.connection.row(
            "SELECT key_id, sealed, relation FROM persons "
            "WHERE person_id = %(person_id)s AND case_id = %(case_id)s FOR NO KEY UPDATE",
            {"person_id": person_id, "case_id": case_id},
        )
        if row is None:
            return None
        key = (await self._vault.keys.find([row.key_id]))[row.key_id]
        opened = await self._vault.unseal_one(SealedRow(row.key_id, row.sealed, person_id), table=PERSONS)
        if key is None or opened is ERASED:
            raise ErasedError
        return Principal(person_id, person_of(person_id, Relation(row.relation), opened).birth_date, key)

    async def of_case(self, case_id: CaseId, *, words: bool = True) -> list[Consent]:
        """All consents of a case, oldest first; without ``words`` nothing that is sealed is opened."""
        return await self._load("c.case_id = %(value)s ORDER BY c.given_at, c.consent_id", case_id, words=words)

    async def get_locked(self, case_id: CaseId, consent_id: UUID) -> Consent | None:
        """The consent of the case; deliveries by it that are under way have ended, and none begins."""
        row = await self._work.connection.row(
            "SELECT consent_id FROM consents WHERE consent_id = %(consent_id)s AND case_id = %(case_id)s FOR UPDATE",
            {"consent_id": consent_id, "case_id": case_id},
        )
        return None if row is None else (await self._load(_ONE, consent_id))[0]

    async def get_run_out(self, consent_id: ConsentId, *, at: datetime) -> Consent | None:
        """The consent, without its words and locked as by `get_locked`, when it ran out until ``at`` (UTC).

        None where it was ended since, and where somebody else holds it.
        """
        row = await self._work.connection.row(_LOCK_RUN_OUT, {"consent_id": consent_id, "at": at})
        return None if row is None else (await self._load(_ONE, consent_id, words=False))[0]

    async def held(self, consent: Consent, *, at: datetime) -> list[HeldClaim]:
        """Mark as withdrawn what offices hold by the consent, and return it."""
        return await withdraw_held(self._work.connection, consent.case_id, consent.consent_id, at=at)

    def add(self, consent: Consent, key: SubjectKey) -> None:
        """Insert a new one."""
        self._work.connection.defer(_INSERT, _values(consent) | {"sealed": self._sealed(consent.note, key, consent)})
        consent.mark_saved()

    async def save_withdrawn(self, consent: Consent) -> None:
        """Write its withdrawal, and tell whoever holds something.

        Raises:
            StaleVersionError: somebody else has ended it.
        """
        withdrawal = consent.withdrawal
        if withdrawal is None:
            raise ValueError("the consent was not withdrawn")
        key_id = await self._work.connection.value(
            "SELECT key_id FROM persons WHERE person_id = %(person_id)s", {"person_id": consent.person_id}
        )
        key = (await self._vault.keys.find([key_id]))[key_id]
        sealed = None if key is None else self._sealed(withdrawal.note, key, consent, table=WITHDRAWALS)
        await self._end(consent, "withdrawn_at", withdrawal.at)
        self._work.connection.defer(
            "INSERT INTO consent_withdrawals (consent_id, at, by, given_by, relation, reason, sealed) "
            "VALUES (%(consent_id)s, %(at)s, %(by)s, %(given_by)s, %(relation)s, %(reason)s, %(sealed)s)",
            {
                "consent_id": consent.consent_id,
                "at": withdrawal.at,
                "by": withdrawal.by,
                "given_by": withdrawal.speaker.given_by,
                "relation": withdrawal.speaker.relation,
                "reason": withdrawal.reason,
                "sealed": sealed,
            },
        )
        self._publish(consent)

    async def save_expired(self, consent: Consent) -> None:
        """Write that it ran out, and tell whoever holds something.

        Raises:
            StaleVersionError: somebody else has ended it.
        """
        if consent.expired_at is None:
            raise ValueError("the consent was not ended")
        await self._end(consent, "expired_at", consent.expired_at)
        self._publish(consent)

    async def _end(self, consent: Consent, column: str, at: datetime) -> None:
        written = await self._work.connection.run(
            f"UPDATE consents SET {column} = %(at)s, event_sequence = %(event_sequence)s "  # noqa: S608 — fixed names
            "WHERE consent_id = %(consent_id)s AND withdrawn_at IS NULL AND expired_at IS NULL",
            {"at": at, "event_sequence": consent.event_sequence, "consent_id": consent.consent_id},
        )
        if written != 1:
            raise StaleVersionError

    def _publish(self, consent: Consent) -> None:
        # What tells of a receipt alone is on no case's timeline.
        publish(self._work, self._outbox, consent.raised, told_of="consent_id")
        consent.mark_saved()

    def _sealed(self, note: str | None, key: SubjectKey, consent: Consent, *, table: str = CONSENTS) -> bytes | None:
        if note is None:
            return None
        return self._vault.seal(key, {"note": note}, table=table, row=consent.consent_id)

    async def _load(self, condition: str, value: object, *, words: bool = True) -> list[Consent]:
        rows = await self._work.connection.rows(f"{_SELECT} WHERE {condition}", {"value": value})
        if not words:
            return [_consent(row, None, None) for row in rows]
        notes = await self._notes([SealedRow(row.key_id, row.sealed, row.consent_id) for row in rows], CONSENTS)
        ends = await self._notes([SealedRow(row.key_id, row.w_sealed, row.consent_id) for row in rows], WITHDRAWALS)
        return [_consent(*each) for each in zip(rows, notes, ends, strict=True)]

    async def _notes(self, rows: Sequence[SealedRow], table: str) -> list[str | None]:
        opened = await self._vault.unseal(rows, table=table)
        return [None if fields is ERASED else fields["note"] for fields in opened]


async def consents_run_out(connection: Connection, *, at: datetime, after: RunOut | None, limit: int) -> list[RunOut]:
    """Those that ran out until ``at`` (UTC) and were not ended, longest ago first, after the given one."""
    after_at, after_id = after or (_BEFORE_ALL, UUID(int=0))
    values = {"at": at, "after_at": after_at, "after_id": after_id, "limit": limit}
    return [RunOut(*row) for row in await connection.rows(_RUN_OUT, values)]


async def covered_persons(
    connection: Connection, case_ids: Collection[CaseId], purpose: str, office: OfficeCode | None, *, at: datetime
) -> list[CoveredPerson]:
    """Who of the cases has agreed that the office gets their data for the purpose, at ``at`` (UTC)."""
    values = {"case_ids": list(case_ids), "purpose": purpose, "office": office, "at": at}
    return [
        CoveredPerson(CaseId(row.case_id), row.person_id, ConsentId(row.consent_id))
        for row in await connection.rows(_IN_FORCE, values)
    ]


def _consent(row: Row, note: str | None, withdrawal_note: str | None) -> Consent:
    values = {name: getattr(row, name) for name in _COLUMNS.split(", ")}
    for name in ("notice_version", "notice_language", "given_by", "relation"):
        del values[name]
    withdrawal = None
    if row.w_at is not None:
        withdrawal = Withdrawal(
            at=row.w_at,
            by=row.w_by,
            speaker=_speaker(row.w_given_by, row.w_relation),
            reason=WithdrawalReason(row.w_reason),
            note=withdrawal_note,
        )
    return Consent(
        **values
        | {
            "purposes": tuple(row.purposes),
            "offices": tuple(row.offices),
            "notice": Notice(version=row.notice_version, language=row.notice_language),
            "method": Method(row.method),
            "speaker": _speaker(row.given_by, row.relation),
            "witness_role": None if row.witness_role is None else WitnessRole(row.witness_role),
        },
        note=note,
        withdrawal=withdrawal,
        expired_at=row.expired_at,
        shown_to_resident=row.shown_to_resident,
    )


def _speaker(given_by: str, relation: str | None) -> Speaker:
    return Speaker(given_by=GivenBy(given_by), relation=None if relation is None else ProxyRelation(relation))


def _values(consent: Consent) -> dict[str, object]:
    own = {name: getattr(consent, name, None) for name in _COLUMNS.split(", ")}
    return own | {
        "purposes": list(consent.purposes),
        "offices": list(consent.offices),
        "notice_version": consent.notice.version,
        "notice_language": consent.notice.language,
        "given_by": consent.speaker.given_by,
        "relation": consent.speaker.relation,
    }
