"""Keep the one-time codes that residents asked for, without the codes, and their sessions, without the tokens."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.types import CaseId, ChallengeId
from slrt_intake.domain.challenge import Challenge, code_of
from slrt_kit.db import Connection, Row, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault

_CODE = "resident code"
_KEPT = timedelta(days=2)
"""Longer than the longest limit looks back."""
_COLUMNS = "challenge_id, case_id, requested_at, expires_at, wrong, ended_at"


class LivingCode(NamedTuple):
    """A code that opens a case now, and until when."""

    case_id: CaseId
    code: str
    expires_at: datetime


class Residents:
    """The challenges and sessions of one unit of work."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault

    async def asked_before(self, case_id: CaseId, since: datetime) -> Sequence[datetime]:
        """When codes of the case were asked for, newest first."""
        return await self._work.connection.values(
            "SELECT requested_at FROM resident_challenges WHERE case_id = %(case_id)s AND requested_at > %(since)s "
            "ORDER BY requested_at DESC",
            {"case_id": case_id, "since": since},
        )

    def add(self, challenge: Challenge) -> None:
        """Insert a new one, which ends all others of its case."""
        connection, at = self._work.connection, challenge.requested_at
        connection.defer("DELETE FROM resident_challenges WHERE requested_at < %(before)s", {"before": at - _KEPT})
        connection.defer(
            "UPDATE resident_challenges SET ended_at = %(at)s WHERE case_id = %(case_id)s AND ended_at IS NULL",
            {"case_id": challenge.case_id, "at": at},
        )
        connection.defer(
            f"INSERT INTO resident_challenges ({_COLUMNS}) VALUES (%(challenge_id)s, %(case_id)s, %(requested_at)s, "  # noqa: S608 — fixed columns
            "%(expires_at)s, %(wrong)s, %(ended_at)s)",
            {name: getattr(challenge, name) for name in _COLUMNS.split(", ")},
        )
        self._outbox.add(self._work, challenge.raised)
        challenge.mark_saved()

    async def held(self, challenge_id: UUID, ticket_number: str, *, guesses: int) -> Challenge | None:
        """That challenge of that ticket; guesses that come side by side wait here for one another."""
        row = await self._work.connection.row(
            "SELECT c.challenge_id, c.case_id, c.requested_at, c.expires_at, c.wrong, c.ended_at "
            "FROM resident_challenges c JOIN cases USING (case_id) "
            "WHERE c.challenge_id = %(challenge_id)s AND cases.ticket_number = %(ticket)s FOR UPDATE OF c",
            {"challenge_id": challenge_id, "ticket": ticket_number},
        )
        return None if row is None else _challenge(row, guesses)

    def save(self, challenge: Challenge) -> None:
        """Write what a try has changed, of one that is held."""
        self._work.connection.defer(
            "UPDATE resident_challenges SET wrong = %(wrong)s, ended_at = %(ended_at)s "
            "WHERE challenge_id = %(challenge_id)s",
            {"wrong": challenge.wrong, "ended_at": challenge.ended_at, "challenge_id": challenge.challenge_id},
        )

    def mac_of(self, challenge_id: ChallengeId) -> bytes:
        """What the challenge's code is made of."""
        return _mac(self._vault, challenge_id)

    def open_session(self, token: str, case_id: CaseId, *, expires_at: datetime) -> None:
        """Open a session; an earlier one of the case ends."""
        connection, at = self._work.connection, self._work.clock.now()
        connection.defer(
            "DELETE FROM resident_sessions WHERE expires_at <= %(at)s OR case_id = %(case_id)s",
            {"at": at, "case_id": case_id},
        )
        connection.defer(
            "INSERT INTO resident_sessions (token_hash, case_id, opened_at, expires_at) "
            "VALUES (%(token_hash)s, %(case_id)s, %(at)s, %(expires_at)s)",
            {"token_hash": _hash(token), "case_id": case_id, "at": at, "expires_at": expires_at},
        )


async def case_of_session(connection: Connection, token: str, *, at: datetime) -> CaseId | None:
    """The case that a session is open for at ``at`` (UTC)."""
    found = await connection.value(
        "SELECT case_id FROM resident_sessions WHERE token_hash = %(token_hash)s AND expires_at > %(at)s",
        {"token_hash": _hash(token), "at": at},
    )
    return None if found is None else CaseId(found)


async def end_session(connection: Connection, token: str) -> None:
    """End a session, where there is one."""
    await connection.run(
        "DELETE FROM resident_sessions WHERE token_hash = %(token_hash)s", {"token_hash": _hash(token)}
    )


async def living_codes(
    connection: Connection, vault: Vault, case_ids: Sequence[CaseId], *, guesses: int, at: datetime
) -> list[LivingCode]:
    """The codes that open those cases at ``at`` (UTC); of most cases there is none."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM resident_challenges WHERE case_id = ANY(%(case_ids)s) "  # noqa: S608 — fixed columns
        "AND ended_at IS NULL AND expires_at > %(at)s",
        {"case_ids": list(case_ids), "at": at},
    )
    return [
        LivingCode(each.case_id, code_of(_mac(vault, each.challenge_id)), each.expires_at)
        for each in (_challenge(row, guesses) for row in rows)
        if each.is_alive(at)
    ]


def _mac(vault: Vault, challenge_id: ChallengeId) -> bytes:
    return vault.blind.of(_CODE, str(challenge_id))


def _hash(token: str) -> bytes:
    # A token has 256 random bits: nothing is gained by a slow hash.
    return hashlib.sha256(token.encode()).digest()


def _challenge(row: Row, guesses: int) -> Challenge:
    return Challenge(**row._asdict(), guesses=guesses)
