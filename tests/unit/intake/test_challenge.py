"""One-time codes: how often one may be asked for and guessed, and that no order of things opens more than it should."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import ResidentCodeRequested
from slrt_contracts.types import CaseId, ChallengeId
from slrt_intake.domain.challenge import Challenge, CodeLimits, code_of
from slrt_intake.domain.problems import CodeNotAcceptedError, TooManyCodesError

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)
CASE = CaseId(UUID("019f1a00-0000-7000-8000-000000000001"))
LIMITS = CodeLimits(lives=timedelta(minutes=10), guesses=5, per_hour=3, per_day=10, resend_after=timedelta(seconds=60))
MAC = bytes.fromhex("00112233445566778899aabbccddeeff")
RIGHT = code_of(MAC)
WRONG = f"{(int(RIGHT) + 1) % 1_000_000:06d}"


def challenge(number: int = 1, *, at: datetime = NOW, earlier: tuple[datetime, ...] = ()) -> Challenge:
    return Challenge.request(
        challenge_id=ChallengeId(UUID(int=number)), case_id=CASE, earlier=earlier, limits=LIMITS, at=at
    )


# -- guessing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [WRONG, "", RIGHT[:5], RIGHT + "0", f" {RIGHT}", "०" * 6, "-00001", "1e5", "\x00" * 6])
def test_what_is_not_the_code_opens_nothing_and_is_counted(code: str) -> None:
    asked = challenge()
    with pytest.raises(CodeNotAcceptedError):
        asked.use(code, of=MAC, at=NOW)
    assert asked.wrong == 1
    assert asked.ended_at is None


def test_after_five_wrong_guesses_the_right_code_is_dead_too() -> None:
    asked = challenge()
    for _ in range(5):
        with pytest.raises(CodeNotAcceptedError):
            asked.use(WRONG, of=MAC, at=NOW)
    with pytest.raises(CodeNotAcceptedError):
        asked.use(RIGHT, of=MAC, at=NOW)
    assert asked.ended_at is None


def test_a_code_opens_once() -> None:
    asked = challenge()
    asked.use(RIGHT, of=MAC, at=NOW)
    with pytest.raises(CodeNotAcceptedError):
        asked.use(RIGHT, of=MAC, at=NOW)


def test_a_code_is_dead_from_the_moment_on_that_its_event_says() -> None:
    asked = challenge()
    [told] = asked.raised
    assert isinstance(told.event, ResidentCodeRequested)
    last = told.event.expires_at - timedelta(microseconds=1)
    assert (asked.is_alive(last), asked.is_alive(told.event.expires_at)) == (True, False)
    with pytest.raises(CodeNotAcceptedError):
        asked.use(RIGHT, of=MAC, at=told.event.expires_at)


# -- asking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "wait"),
    [
        ([0], 61),
        ([59], 2),
        ([60, 120, 3599], 2),
        ([61, 62, 63], 3538),
        ([*range(4000, 13000, 1000), 86_399], 2),
        ([30, 40, 50], 3551),
    ],
)
def test_who_asks_too_soon_or_too_often_is_told_when(earlier: list[int], wait: int) -> None:
    before = tuple(NOW - timedelta(seconds=seconds) for seconds in earlier)
    with pytest.raises(TooManyCodesError) as refused:
        challenge(earlier=before)
    assert refused.value.headers["Retry-After"] == str(wait)


@pytest.mark.parametrize("earlier", [[], [60], [60, 120], [3600, 3601, 3602], [*range(4000, 13000, 1000)]])
def test_who_waits_gets_another(earlier: list[int]) -> None:
    assert challenge(earlier=tuple(NOW - timedelta(seconds=seconds) for seconds in earlier)).is_alive(NOW)


def test_the_event_has_no_code_and_no_address() -> None:
    [told] = challenge().raised
    assert told.event.model_dump(mode="json") == {
        "challenge_id": str(UUID(int=1)),
        "case_id": str(CASE),
        "expires_at": "2026-07-01T03:10:00Z",
        "reachable_by": [NotificationChannel.WHATSAPP],
    }


def test_codes_are_six_digits_and_evenly_spread() -> None:
    made = [code_of(bytes([first, second] * 8)) for first in range(64) for second in range(64)]
    assert {len(code) for code in made} == {6}
    assert all(code.isascii() and code.isdigit() for code in made)
    assert len(set(made)) > 4000
    assert {code[0] for code in made} == set("0123456789"), "also those that begin with a zero"


# -- any order of things --------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """A code as the test knows it."""

    challenge: Challenge
    mac: bytes
    at: datetime
    tries: int = 0
    used: bool = False


class Codes(RuleBasedStateMachine):
    """A ticket, somebody who asks and guesses, and a clock."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.asked: list[Asked] = []
        self.opened = 0

    @rule(seconds=st.sampled_from([1, 59, 60, 61, 599, 600, 1800, 3600, 86_400]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def ask(self) -> None:
        earlier = tuple(each.at for each in reversed(self.asked) if each.at > self.now - timedelta(days=1))
        number = len(self.asked) + 1
        recent = [at for at in earlier if at > self.now - timedelta(hours=1)]
        due = not earlier or earlier[0] + LIMITS.resend_after <= self.now
        if due and len(recent) < LIMITS.per_hour and len(earlier) < LIMITS.per_day:
            made = challenge(number, at=self.now, earlier=earlier)
            for each in self.asked:  # as the store does
                each.challenge.ended_at = each.challenge.ended_at or self.now
            self.asked.append(Asked(made, number.to_bytes(16), self.now))
        else:
            with pytest.raises(TooManyCodesError):
                challenge(number, at=self.now, earlier=earlier)

    @rule(which=st.integers(min_value=1, max_value=4), is_right=st.booleans())
    def guess(self, which: int, is_right: bool) -> None:
        if len(self.asked) < which:
            return
        asked = self.asked[-which]
        code = code_of(asked.mac) if is_right else f"{(int(code_of(asked.mac)) + 7) % 1_000_000:06d}"
        opens = (
            is_right
            and which == 1
            and not asked.used
            and asked.tries < LIMITS.guesses
            and self.now < asked.at + LIMITS.lives
        )
        if opens:
            asked.challenge.use(code, of=asked.mac, at=self.now)
            asked.used = True
            self.opened += 1
            return
        counts = asked.challenge.is_alive(self.now)
        with pytest.raises(CodeNotAcceptedError):
            asked.challenge.use(code, of=asked.mac, at=self.now)
        asked.tries += counts

    @invariant()
    def at_most_one_is_alive_and_none_opened_twice(self) -> None:
        if not hasattr(self, "asked"):
            return
        alive = [each for each in self.asked if each.challenge.is_alive(self.now)]
        assert len(alive) <= 1
        assert all(each is self.asked[-1] for each in alive)
        assert self.opened <= len(self.asked)
        assert all(each.challenge.wrong <= LIMITS.guesses for each in self.asked)


TestCodes = Codes.TestCase
TestCodes.settings = settings(max_examples=60, stateful_step_count=40)
