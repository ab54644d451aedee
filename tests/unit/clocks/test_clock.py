"""One clock: starts, pauses, extensions, other calendars; what is due, and what it stands for."""

import copy
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.clocks.policies import national_kinds, national_policy, policy_of

from slrt_contracts.codes import ClockMoveCause, ClockPauseReason
from slrt_kit.clock import WIB
from slrt_kit.clocks.clock import Clock, ClockState, Owner, Subject, SubjectKind
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.policy import Terms, clock_policy
from slrt_kit.clocks.problems import ClockStateError, ExtensionRefusedError
from slrt_kit.problems import SeparationOfDutiesError

POLICY = national_policy()
ID = UUID(int=1)
RESIDENT = ClockPauseReason.WAITING_FOR_RESIDENT


def wib(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=WIB)


def clock_of(sla_class: str = "verification", at: str = "2026-07-06 10:00", terms: Terms | None = None) -> Clock:
    return Clock.start(
        ID,
        Subject(SubjectKind.CASE, ID, ID),
        region="12.74.05",
        step="screen",
        owner=Owner.role("back_office"),
        terms=terms or POLICY.terms(sla_class),
        at=wib(at),
    )


def days(count: int) -> Length:
    return Length(Unit.WORKING_DAYS, count)


def extend(clock: Clock, length: Length, *, at: str, approved_by: str = "kepala-9002") -> None:
    clock.extend(length, by="petugas-9001", approved_by=approved_by, terms=POLICY.terms(clock.sla_class), at=wib(at))


# -- bad input ---------------------------------------------------------------------------------------------------


def test_nobody_extends_what_they_asked_for_themselves() -> None:
    clock = clock_of("standard")
    with pytest.raises(SeparationOfDutiesError):
        extend(clock, days(3), at="2026-07-07 10:00", approved_by="petugas-9001")
    assert clock == clock_of("standard")


@pytest.mark.parametrize(
    ("sla_class", "length", "at"),
    [
        ("verification", days(1), "2026-07-07 10:00"),  # its class allows none
        ("standard", days(15), "2026-07-07 10:00"),  # more than the cap
        ("standard", Length(Unit.HOURS, 3), "2026-07-07 10:00"),  # another unit
        ("standard", days(1), "2026-07-28 10:00"),  # it is late
    ],
)
def test_an_extension_that_the_class_does_not_allow_is_refused(sla_class: str, length: Length, at: str) -> None:
    clock = clock_of(sla_class)
    with pytest.raises(ExtensionRefusedError):
        extend(clock, length, at=at)
    assert clock == clock_of(sla_class)


def test_extensions_have_a_cap_together() -> None:
    clock = clock_of("standard")
    extend(clock, days(7), at="2026-07-07 10:00")
    extend(clock, days(7), at="2026-07-08 10:00")
    with pytest.raises(ExtensionRefusedError):
        extend(clock, days(1), at="2026-07-09 10:00")


def test_steps_that_its_state_does_not_allow_are_refused() -> None:
    clock = clock_of()
    with pytest.raises(ClockStateError):
        clock.resume(POLICY.terms("verification"), at=wib("2026-07-07 10:00"))
    clock.pause(RESIDENT, at=wib("2026-07-07 10:00"))
    with pytest.raises(ClockStateError):
        clock.pause(RESIDENT, at=wib("2026-07-07 11:00"))
    with pytest.raises(ClockStateError):
        clock.fire(POLICY.terms("verification"), at=wib("2026-12-07 10:00"))
    clock.stop(at=wib("2026-07-08 10:00"))
    for step in (
        lambda: clock.pause(RESIDENT, at=wib("2026-07-09 10:00")),
        lambda: clock.resume(POLICY.terms("verification"), at=wib("2026-07-09 10:00")),
        lambda: extend(clock, days(1), at="2026-07-09 10:00"),
        lambda: clock.reschedule(ClockMoveCause.CLASS_CHANGED, POLICY.terms("standard"), at=wib("2026-07-09 10:00")),
    ):
        with pytest.raises(ClockStateError):
            step()


def test_nothing_fires_before_its_instant() -> None:
    clock = clock_of()
    assert clock.next_at is not None
    with pytest.raises(ClockStateError):
        clock.fire(POLICY.terms("verification"), at=clock.next_at - timedelta(microseconds=1))


# -- what it does ------------------------------------------------------------------------------------------------


def test_the_chain_has_its_instants() -> None:
    clock, terms = clock_of(), POLICY.terms("verification")
    instants = []
    while clock.next_at is not None:
        instants.append((clock.next_at.astimezone(WIB).strftime("%m-%d %H:%M"), clock.fire(terms, at=clock.next_at)))
    assert [(at, firing.step.at, list(firing.folded)) for at, firing in instants] == [
        ("07-09 09:30", "-20%", []),  # 27.5 hours of work in all, of which 5.5 are left
        ("07-09 16:00", "0", []),
        ("07-14 16:00", "+3wd", []),
        ("07-20 16:00", "+7wd", []),
        ("07-29 16:00", "+14wd", []),
    ]


def test_after_a_day_down_one_notice_stands_for_those_before() -> None:
    clock, terms = clock_of(), POLICY.terms("verification")
    firing = clock.fire(terms, at=wib("2026-07-15 08:00"))
    assert firing.step.at == "+3wd"
    assert [step.at for step in firing.folded] == ["-20%", "0"]
    assert clock.next_at == wib("2026-07-20 16:00")


def test_what_changes_the_case_is_never_folded() -> None:
    clock, terms = clock_of("resident-reply"), POLICY.terms("resident-reply")
    late = wib("2026-09-01 08:00")
    assert [clock.fire(terms, at=late).step.effect for _ in range(2)] == ["remind", "auto_close"]
    assert clock.next_at is None


def test_a_pause_moves_the_due_instant_by_what_was_worked_meanwhile() -> None:
    clock = clock_of()
    clock.pause(RESIDENT, at=wib("2026-07-07 10:00"))
    assert clock.next_at is None
    moved = clock.resume(POLICY.terms("verification"), at=wib("2026-07-08 10:00"))
    assert (moved.old_due_at, moved.due_at) == (wib("2026-07-09 16:00"), wib("2026-07-10 16:30"))
    assert moved.cause is ClockMoveCause.RESUMED


def test_a_pause_over_a_weekend_moves_nothing() -> None:
    clock = clock_of("standard")
    clock.pause(RESIDENT, at=wib("2026-07-10 17:00"))
    moved = clock.resume(POLICY.terms("standard"), at=wib("2026-07-13 07:00"))
    assert moved.old_due_at == moved.due_at


def test_what_was_late_when_it_paused_is_as_late_when_it_goes_on_and_fires_nothing_twice() -> None:
    clock, terms = clock_of(), POLICY.terms("verification")
    clock.fire(terms, at=wib("2026-07-10 10:00"))
    late = terms.calendar.between(clock.due_at, wib("2026-07-10 10:00"))
    clock.pause(RESIDENT, at=wib("2026-07-10 10:00"))
    clock.resume(terms, at=wib("2026-07-20 10:00"))
    assert terms.calendar.between(clock.due_at, wib("2026-07-20 10:00")) == late
    assert clock.fired == ("-20%", "0")
    assert clock.next_at is not None
    assert clock.next_at > wib("2026-07-20 10:00")


def test_an_extension_arms_the_reminder_again() -> None:
    clock, terms = clock_of("standard"), POLICY.terms("standard")
    assert clock.fire(terms, at=wib("2026-07-23 10:00")).round == 0
    extend(clock, days(10), at="2026-07-23 11:00")
    assert (clock.fired, clock.round) == ((), 1)
    assert clock.due_at == wib("2026-08-07 16:30")
    assert clock.fire(terms, at=wib("2026-08-07 10:00")).round == 1


def test_another_calendar_moves_it_by_what_changed_and_its_pauses_stay() -> None:
    clock = clock_of("standard")
    clock.pause(RESIDENT, at=wib("2026-07-07 10:00"))
    clock.resume(POLICY.terms("standard"), at=wib("2026-07-08 10:00"))
    before = clock.due_at
    kinds = copy.deepcopy(national_kinds())
    kinds["calendar"]["flood"] = {
        "label": {},
        "adds_to": "office",
        "days_off": [{"date": f"2026-07-{day}"} for day in (15, 16, 17)],
    }
    terms = clock_policy(policy_of(kinds)).terms("standard")
    moved = clock.reschedule(ClockMoveCause.CALENDAR_CHANGED, terms, at=wib("2026-07-14 10:00"))
    assert moved.old_due_at == before
    assert terms.calendar.days_between(before, moved.due_at) == 3
    assert not terms.calendar.is_working_day(date(2026, 7, 16))


def test_a_shorter_class_fires_at_once_what_has_passed() -> None:
    clock = clock_of("standard")
    terms = POLICY.terms("urgent")
    moved = clock.reschedule(ClockMoveCause.CLASS_CHANGED, terms, at=wib("2026-07-14 10:00"))
    assert moved.due_at == wib("2026-07-07 16:00")
    assert clock.sla_class == "urgent"
    firing = clock.fire(terms, at=wib("2026-07-14 10:00"))
    assert (firing.step.at, len(firing.folded)) == ("+3wd", 2)


def test_an_emergency_runs_day_and_night() -> None:
    clock = clock_of("emergency", "2026-03-20 23:00")
    assert clock.due_at == wib("2026-03-21 02:00")
    assert clock.next_at == wib("2026-03-21 01:24")


@settings(max_examples=60)
@given(
    st.sampled_from(["verification", "standard", "emergency"]),
    st.lists(st.tuples(st.timedeltas(timedelta(), timedelta(days=6)), st.booleans()), max_size=6),
)
def test_the_due_instant_is_the_time_given_and_the_time_paused(
    sla_class: str, pauses: list[tuple[timedelta, bool]]
) -> None:
    terms = POLICY.terms(sla_class)
    clock, at = clock_of(sla_class), wib("2026-07-06 10:00")
    paused = timedelta()
    for far, resumes in pauses:
        at += far + timedelta(seconds=1)
        if clock.state is ClockState.RUNNING:
            clock.pause(RESIDENT, at=at)
        elif resumes:
            paused += terms.calendar.passed(clock.pauses[-1].since, at, terms.sla.length)
            clock.resume(terms, at=at)
    assert terms.calendar.passed(clock.started_at, clock.due_at, terms.sla.length) == clock.takes + paused
    assert clock.due_at == terms.calendar.shift(clock_of(sla_class).due_at, paused, terms.sla.length)
