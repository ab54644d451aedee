"""Periods end neither too early nor too late; a class or a rule that says too little is refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.clock import WIB
from slrt_kit.privacy.retention import Ends, RetentionClass, class_of, retention_classes
from slrt_kit.privacy.sweep import RetentionSweep, rule_of, sweep_rules

_GOOD = {
    "says": {"id": "contoh", "en": "example"},
    "ends": "delete",
    "since": "made",
    "days": 3,
    "source": "a test",
    "assumed": False,
}
DATES = st.dates(date(2020, 1, 1), date(2040, 12, 31))
EARLY, LATE = datetime(2021, 1, 1), datetime(2040, 1, 1)  # noqa: DTZ001 — hypothesis adds the zone
CLASSES = st.sampled_from([kept for kept in retention_classes().values() if kept.ends is not Ends.LASTS])


@pytest.mark.parametrize(
    "change",
    [
        {"since": "none"},
        {"days": None},
        {"days": -1},
        {"days": 1.5},
        {"months": 1},
        {"ends": "lasts"},
        {"ends": "never"},
        {"since": "long ago"},
        {"says": "example"},
    ],
)
def test_a_class_that_is_not_complete_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"example|never|long ago"):
        class_of("example", _GOOD | change)


def test_a_class_without_a_period_is_one_that_lasts() -> None:
    nothing = {name: value for name, value in _GOOD.items() if name != "days"}
    with pytest.raises(ValueError, match="complete"):
        class_of("example", nothing)
    assert class_of("example", nothing | {"ends": "lasts", "since": "none"}).ends is Ends.LASTS


@pytest.mark.parametrize(
    "said",
    [
        {"class": "case-record", "since": "at"},
        {"class": "backbone", "since": "at"},
        {"class": "told-event", "since": "at"},
        {"class": "for-ever", "since": "at"},
        {"since": "at"},
        {"class": "draft", "since": "at", "where": "true"},
    ],
)
def test_a_rule_about_what_the_sweep_does_not_delete_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="letters"):
        rule_of("letters", said)


def test_rows_with_keys_are_not_removed_by_who_cannot_destroy_them() -> None:
    rules = [rule_of("drafts", {"class": "draft", "since": "created_at", "keys": "key_id"})]
    with pytest.raises(ValueError, match="keys"):
        RetentionSweep(None, rules)  # type: ignore[arg-type]


@given(CLASSES, DATES)
def test_the_newest_day_that_is_over_is_over_and_the_next_one_is_not(kept: RetentionClass, today: date) -> None:
    newest = kept.newest_over(today)
    assert kept.until(newest) <= today < kept.until(newest + timedelta(days=1))


@given(CLASSES, st.datetimes(EARLY, LATE, timezones=st.just(UTC)))
def test_what_began_before_the_cutoff_has_had_its_period_and_what_began_at_it_has_not(
    kept: RetentionClass, now: datetime
) -> None:
    cutoff = kept.over_before(now)
    if kept.days or not kept.months:
        assert cutoff == now - timedelta(days=kept.days)
    else:
        today, first_kept = now.astimezone(WIB).date(), cutoff.astimezone(WIB)
        assert (first_kept.hour, first_kept.minute) == (0, 0)
        assert kept.until(first_kept.date()) > today
        assert kept.until((first_kept - timedelta(microseconds=1)).date()) <= today


def test_every_service_sweeps_the_answers_to_commands() -> None:
    for service in ("intake", "referral", "registry", "notification"):
        assert "idempotency" in {rule.table for rule in sweep_rules(f"slrt_{service}")}
