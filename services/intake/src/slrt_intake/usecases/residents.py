"""One function per thing that a resident does with a one-time code: ask for one, open a session with it."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from slrt_contracts.types import CaseId, ChallengeId
from slrt_intake.domain.challenge import Challenge, CodeLimits
from slrt_intake.domain.problems import CodeNotAcceptedError
from slrt_intake.domain.ticket import normalise_ticket
from slrt_kit.clock import NewId

_LONGEST = timedelta(days=1)
_TOKEN_BYTES = 32


class Challenges(Protocol):
    """The challenges and sessions of one unit of work."""

    async def asked_before(self, case_id: CaseId, since: datetime) -> Sequence[datetime]:
        """When codes of the case were asked for, newest first."""

    def add(self, challenge: Challenge) -> None:
        """Insert a new one, which ends all others of its case."""

    async def held(self, challenge_id: UUID, ticket_number: str, *, guesses: int) -> Challenge | None:
        """That challenge of that ticket; tries that come side by side wait here for one another."""

    def save(self, challenge: Challenge) -> None: ...

    def mac_of(self, challenge_id: ChallengeId) -> bytes: ...

    def open_session(self, token: str, case_id: CaseId, *, expires_at: datetime) -> None:
        """An earlier one of the case ends."""


async def request_code(
    case_id: CaseId, *, challenges: Challenges, limits: CodeLimits, at: datetime, new_id: NewId
) -> Challenge:
    """Ask for a code. The caller holds the ticket's lock, so that those who ask side by side are counted.

    Raises:
        TooManyCodesError: too soon after the last, or too many lately (429).
    """
    earlier = await challenges.asked_before(case_id, at - _LONGEST)
    challenge = Challenge.request(
        challenge_id=ChallengeId(new_id()), case_id=case_id, earlier=earlier, limits=limits, at=at
    )
    challenges.add(challenge)
    return challenge


async def open_session(
    written_ticket: str,
    challenge_id: UUID,
    code: str,
    *,
    challenges: Challenges,
    limits: CodeLimits,
    lives: timedelta,
    at: datetime,
) -> tuple[str, CaseId]:
    """Open a session with a code; returns its token, which is kept nowhere, and the case.

    Raises:
        CodeNotAcceptedError: also for a ticket or a challenge that does not exist; what was counted must be committed.
    """
    number = normalise_ticket(written_ticket)
    challenge = None if number is None else await challenges.held(challenge_id, number, guesses=limits.guesses)
    if challenge is None:
        raise CodeNotAcceptedError
    try:
        challenge.use(code, of=challenges.mac_of(challenge.challenge_id), at=at)
    finally:
        challenges.save(challenge)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    challenges.open_session(token, challenge.case_id, expires_at=at + lives)
    return token, challenge.case_id
