"""Facts are registers that keep what contradicts, whatever order observations come in; and clocks decide nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_intake.domain.device import CLOCK_IS_OFF, made
from slrt_intake.domain.fact import Head, take

ROOT = UUID("019f1a00-0000-7000-8000-000000000001")
DEVICES = [uuid5(ROOT, f"device {n}") for n in range(3)]
NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


def head(name: str, value: str, device: int | None = None, sequence: int | None = None) -> Head:
    return Head(uuid5(ROOT, name), value.encode(), None if device is None else DEVICES[device], sequence)


def test_the_first_observation_replaces_and_contradicts_nothing() -> None:
    assert take([], head("a", "brick", 0, 1), ()) == (take([], head("b", "zinc"), ()))


def test_one_that_says_the_same_stands_beside_without_a_conflict() -> None:
    goes = take([head("a", "brick", 0, 1)], head("b", "brick", 1, 1), ())
    assert (goes.replaced, goes.contradict, goes.older) == (frozenset(), frozenset(), False)


def test_one_that_was_known_is_replaced_and_one_that_was_not_is_contradicted() -> None:
    known, unknown = head("a", "brick", 0, 1), head("b", "zinc", 1, 1)
    goes = take([known, unknown], head("c", "bamboo", 2, 1), [known.fact_id, ROOT])
    assert (goes.replaced, goes.contradict) == ({known.fact_id}, {unknown.fact_id})


def test_two_of_a_desk_are_not_of_one_device() -> None:
    goes = take([head("a", "brick")], head("b", "zinc"), ())
    assert goes.contradict == {head("a", "brick").fact_id}


@given(st.permutations([1, 2, 3, 4]))
def test_of_one_device_the_last_number_counts_in_whatever_order_they_come(order: list[int]) -> None:
    heads: list[Head] = []
    for sequence in order:
        new = head(f"fact {sequence}", f"value {sequence}", 0, sequence)
        goes = take(heads, new, ())
        assert not goes.contradict
        if not goes.older:
            heads = [each for each in heads if each.fact_id not in goes.replaced] + [new]
    assert [each.sequence for each in heads] == [4]


@given(st.permutations([(device, sequence) for device in range(3) for sequence in (1, 2)]))
def test_of_several_devices_the_same_heads_are_left_in_whatever_order_they_come(order: list[tuple[int, int]]) -> None:
    heads: list[Head] = []
    conflicts = set()
    for device, sequence in order:
        new = head(f"{device}/{sequence}", f"value {device}", device, sequence)
        goes = take(heads, new, ())
        conflicts |= goes.contradict
        if not goes.older:
            heads = [each for each in heads if each.fact_id not in goes.replaced] + [new]
    assert {(each.device_id, each.sequence) for each in heads} == {(device, 2) for device in DEVICES}
    assert conflicts


# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [timedelta(), timedelta(days=730), timedelta(days=-731), CLOCK_IS_OFF, -CLOCK_IS_OFF])
def test_a_time_is_corrected_by_how_far_the_clock_is_off(off: timedelta) -> None:
    found = made(NOW + off - timedelta(hours=5), device_now=NOW + off, now=NOW)
    assert (found.said_at, found.at) == (NOW + off - timedelta(hours=5), NOW - timedelta(hours=5))
    assert found.clock_is_off is (abs(off) > CLOCK_IS_OFF)


def test_nothing_was_made_after_now_and_no_clock_breaks_it() -> None:
    assert made(NOW + timedelta(days=9), device_now=NOW, now=NOW).at == NOW
    ancient = datetime(1, 1, 1, tzinfo=UTC)
    assert made(ancient, device_now=NOW + timedelta(days=400), now=NOW).at == NOW


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_a_corrected_time_is_never_in_the_future(said_at: datetime, device_now: datetime) -> None:
    assert made(said_at, device_now=device_now, now=NOW).at <= NOW
