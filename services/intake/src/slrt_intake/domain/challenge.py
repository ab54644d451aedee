"""The one-time code of a resident: when one may be asked for, how often guessed, and when it is dead."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events.intake import ResidentCodeRequested
from slrt_contracts.types import CaseId, ChallengeId
from slrt_intake.domain.problems import CodeNotAcceptedError, TooManyCodesError
from slrt_kit.aggregate import Aggregate

CODE_DIGITS = 6
CHANNELS = (NotificationChannel.WHATSAPP,)
"""Whoever asks has shown to know the phone, so there is one; a code that goes elsewhere too leaks more easily."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLimits:
    """What may be tried how often. Source: NIST SP 800-63B sections 5.1.3.2 (ten minutes, one use) and 5.2.2."""

    lives: timedelta
    guesses: int
    per_hour: int
    per_day: int
    resend_after: timedelta


@dataclass(kw_only=True)
class Challenge(Aggregate):
    """A request for a code. It knows no code: whoever compares says whether it was right. Times in UTC.

    ``ended_at`` is when the code was used, or another was asked for.
    """

    challenge_id: ChallengeId
    case_id: CaseId
    requested_at: datetime
    expires_at: datetime
    guesses: int
    wrong: int = 0
    ended_at: datetime | None = None

    @classmethod
    def request(
        cls,
        *,
        challenge_id: ChallengeId,
        case_id: CaseId,
        earlier: Sequence[datetime],
        limits: CodeLimits,
        at: datetime,
    ) -> Self:
        """A new one; ``earlier`` is when the codes of the same case were asked for in the last day, newest first.

        Raises:
            TooManyCodesError: too soon after the last, or too many lately.
        """
        free_at = max(
            (
                earlier[most - 1] + window
                for most, window in ((1, limits.resend_after), (limits.per_hour, _HOUR), (limits.per_day, _DAY))
                if len(earlier) >= most
            ),
            default=at,
        )
        if free_at > at:
            raise TooManyCodesError(retry_after_seconds=int((free_at - at).total_seconds()) + 1)
        challenge = cls(
            challenge_id=challenge_id,
            case_id=case_id,
            requested_at=at,
            expires_at=at + limits.lives,
            guesses=limits.guesses,
        )
        challenge._raise_event(
            ResidentCodeRequested(
                challenge_id=challenge_id,
                case_id=case_id,
                expires_at=challenge.expires_at,
                reachable_by=CHANNELS,
            ),
            at=at,
        )
        return challenge

    @property
    def channels(self) -> Sequence[NotificationChannel]:
        """Where the code goes."""
        return CHANNELS

    def is_alive(self, at: datetime) -> bool:
        """Whether its code opens anything."""
        return self.ended_at is None and at < self.expires_at and self.wrong < self.guesses

    def use(self, code: str, *, of: bytes, at: datetime) -> None:
        """Take a code as it was typed; ``of`` is the challenge's MAC (`code_of`). It opens once.

        Raises:
            CodeNotAcceptedError: it is wrong, which is counted and must be saved; or the challenge is dead.
        """
        if not self.is_alive(at):
            raise CodeNotAcceptedError
        if not hmac.compare_digest(code.encode(), code_of(of).encode()):
            self.wrong += 1
            raise CodeNotAcceptedError
        self.ended_at = at


def code_of(mac: bytes) -> str:
    """The six digits of a MAC, as HOTP makes them of its own (RFC 4226 section 5.3), from 128 bits and not 31."""
    return f"{int.from_bytes(mac) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
