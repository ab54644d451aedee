"""What is held up is judged by policy, roster and offices alone: more people on duty never hold anything up."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import DutyRole, StallKind
from slrt_kit.clocks.clock import ClockState, Owner
from slrt_kit.clocks.steps import Deadlines
from slrt_kit.stalls.judging import Judge
from slrt_kit.stalls.model import Held, OpenClock, OpenGroup
from slrt_kit.stalls.roster import Roster
from slrt_kit.stalls.wording import WORDINGS
from slrt_kit.testing import packaged_deadlines

AT = datetime(2026, 7, 1, 8, tzinfo=UTC)
DISTRICT, VERSION = "12.74.03", "00:1,12.74:1"
OWNERS = {"registered": "front_office", "screening": "back_office", "in_handling": "coordinator"}
EVERYBODY = frozenset((str(role), "12.74", None) for role in DutyRole)

Place = tuple[str, str, str | None]


@pytest.fixture(scope="module")
def deadlines() -> Deadlines:
    return packaged_deadlines("intake")


def clock(step: str = "registered", **changes: Any) -> OpenClock:
    return OpenClock(
        **{
            "step": step,
            "state": ClockState.RUNNING,
            "owner": Owner.role(OWNERS[step]),
            "sla_class": "verification",
            "policy_version": VERSION,
            "next_step": 0,
            "pause_reason": None,
            "failing": False,
        }
        | changes
    )


def group(step: str = "registered", **changes: Any) -> OpenGroup:
    return OpenGroup(
        **{
            "key": "1",
            "held": Held.CASE,
            "step": step,
            "urgent": False,
            "policy_version": VERSION,
            "district": DISTRICT,
            "office": None,
            "on_its_way": True,
            "clock": clock(step) if step in OWNERS else None,
            "count": 1,
        }
        | changes
    )


def kinds(deadlines: Deadlines, found: OpenGroup, people: Collection[Place] = EVERYBODY) -> dict[StallKind, Any]:
    judge = Judge(deadlines, Roster(people), lambda code: code != "12.74.GONE", AT)
    return dict(asyncio.run(judge.judge(found)).kinds)


def without(*roles: str) -> frozenset[Place]:
    return frozenset(place for place in EVERYBODY if place[0] not in roles)


@pytest.mark.parametrize("step", sorted(OWNERS))
def test_where_everybody_is_on_duty_nothing_is_held_up(deadlines: Deadlines, step: str) -> None:
    assert kinds(deadlines, group(step)) == {}


def test_whoever_an_owner_reports_to_stands_in_up_to_the_manager(deadlines: Deadlines) -> None:
    assert StallKind.NO_OWNER not in kinds(deadlines, group(), without("front_office", "coordinator", "supervisor"))
    gone = kinds(deadlines, group(), without("front_office", "coordinator", "supervisor", "manager"))
    assert gone[StallKind.NO_OWNER] == ("front_office",)


def test_the_heads_do_not_do_the_work_of_the_desk(deadlines: Deadlines) -> None:
    heads = without("front_office", "coordinator", "supervisor", "manager", "back_office")
    assert {StallKind.NO_OWNER, StallKind.NO_NEXT_ACTION} <= set(kinds(deadlines, group(), heads))


@pytest.mark.parametrize("area", ["12.74.03.1002", "12.74.03", "12.74", "12", "00"])
def test_whoever_is_on_duty_there_or_above_counts(deadlines: Deadlines, area: str) -> None:
    people = without("front_office", "back_office") | {("front_office", area, None)}
    assert kinds(deadlines, group(), people) == {}


@pytest.mark.parametrize("area", ["12.74.05", "12.71", "18"])
def test_whoever_is_on_duty_elsewhere_does_not(deadlines: Deadlines, area: str) -> None:
    people = without("front_office", "back_office") | {("front_office", area, None)}
    assert StallKind.NO_NEXT_ACTION in kinds(deadlines, group(), people)


def test_a_clock_of_the_step_before_is_not_that_of_this_one(deadlines: Deadlines) -> None:
    late = clock("registered", owner=Owner.role("back_office"))
    assert kinds(deadlines, group("screening", clock=late)) == {StallKind.NO_CLOCK: ()}


def test_a_step_that_the_policy_does_not_know_has_no_exit(deadlines: Deadlines) -> None:
    assert StallKind.NO_NEXT_ACTION in kinds(deadlines, group(step="nowhere"))
    assert StallKind.NO_NEXT_ACTION in kinds(deadlines, group(policy_version="00:77,12.74:1"))


def test_what_began_before_there_were_versions_goes_by_the_policy_in_force(deadlines: Deadlines) -> None:
    assert kinds(deadlines, group(policy_version=None)) == {}
    assert kinds(deadlines, group(policy_version="2026-07-1")) == {}


def test_steps_of_the_escalation_that_are_over_need_nobody(deadlines: Deadlines) -> None:
    people = without("supervisor", "manager", "head_of_office")
    missing = kinds(deadlines, group(), people)[StallKind.NO_ESCALATION]
    assert missing == ("supervisor", "manager", "head_of_office", "office_head")
    assert kinds(deadlines, group(clock=clock(next_step=4)), people) == {}


def test_that_the_late_one_hears_of_it_brings_it_up_to_nobody(deadlines: Deadlines) -> None:
    assert kinds(deadlines, group(), without("supervisor")) == {StallKind.NO_ESCALATION: ("supervisor",)}
    assert kinds(deadlines, group(clock=clock(next_step=2)), without("supervisor")) == {}


def test_a_class_that_the_policy_does_not_know_reaches_nobody(deadlines: Deadlines) -> None:
    assert kinds(deadlines, group(clock=clock(sla_class="gone"))) == {StallKind.NO_ESCALATION: ("gone",)}


@pytest.mark.parametrize(
    ("reason", "people", "ends"),
    [
        ("waiting_for_resident", EVERYBODY, True),
        ("external_decision", EVERYBODY, True),
        ("the_moon", EVERYBODY, False),
        (None, EVERYBODY, False),
        ("waiting_for_resident", {("facilitator", DISTRICT, None)}, True),
        ("external_decision", {("facilitator", DISTRICT, None)}, False),
        ("waiting_for_resident", {("province_desk", "12", None)}, False),
    ],
)
def test_a_pause_ends_when_somebody_hears_that_it_may(
    deadlines: Deadlines, reason: str | None, people: Collection[Place], ends: bool
) -> None:
    paused = group(clock=clock(state=ClockState.PAUSED, pause_reason=reason))
    assert (StallKind.ENDLESS_PAUSE not in kinds(deadlines, paused, people)) is ends


def test_an_office_that_has_ended_holds_nothing(deadlines: Deadlines) -> None:
    assert StallKind.NO_OWNER in kinds(deadlines, group(clock=clock(owner=Owner.office("12.74.GONE"))))
    assert StallKind.NO_OWNER not in kinds(deadlines, group(clock=clock(owner=Owner.office("12.74.HERE"))))


def test_every_kind_says_what_it_means_and_what_to_do() -> None:
    assert set(WORDINGS) == set(StallKind)
    texts = [text for words in WORDINGS.values() for said in words for text in said]
    assert all(text and not text.endswith(".") for text in texts)


_PLACES = st.tuples(
    st.sampled_from([str(role) for role in DutyRole]),
    st.sampled_from(["00", "12", "12.74", DISTRICT, "12.74.05", "12.74.03.1002"]),
    st.sampled_from([None, None, "12.74.HERE"]),
)

_DEADLINES = packaged_deadlines("intake")


@given(
    fewer=st.sets(_PLACES, max_size=8),
    more=st.sets(_PLACES, max_size=4),
    step=st.sampled_from(sorted(OWNERS)),
    paused=st.sampled_from([None, "waiting_for_resident", "external_decision", "the_moon"]),
    next_step=st.integers(0, 5),
)
def test_more_people_on_duty_never_hold_anything_up(
    fewer: set[Place], more: set[Place], step: str, paused: str | None, next_step: int
) -> None:
    state = ClockState.RUNNING if paused is None else ClockState.PAUSED
    found = group(step, clock=clock(step, state=state, pause_reason=paused, next_step=next_step))
    assert set(kinds(_DEADLINES, found, fewer | more)) <= set(kinds(_DEADLINES, found, fewer))
