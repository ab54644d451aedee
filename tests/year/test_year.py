"""A year of a regency goes by without a silent stop, each time to the same digit; and the reckoning sees what fails."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from tests.year.reckoning import reckon
from tests.year.run import BEGINS, Year, live, prepare, written

GOLDEN = Path(__file__).with_name("golden-1.json")
MONTH = 31


@pytest.fixture(scope="module")
def month(service_database: Callable[[str], str]) -> tuple[dict[str, str], Year]:
    """The databases after January, and how it went."""
    urls = prepare(service_database)
    return urls, live(urls, seed=2, days=MONTH)


def test_a_year_goes_by_as_it_did_the_last_time(service_database: Callable[[str], str]) -> None:
    year = live(prepare(service_database), seed=1)
    assert year.reckoning.violations == {}
    assert year.cases > 700
    # `make year SEED=1 WRITE=tests/year/golden-1.json` when it is meant to go by otherwise.
    assert written(year) == GOLDEN.read_text(encoding="utf-8")


def test_a_month_in_which_nothing_that_is_due_is_done_is_seen(service_database: Callable[[str], str]) -> None:
    year = live(prepare(service_database), seed=2, days=MONTH, with_timers=False)
    assert set(year.reckoning.violations) == {
        "intake: an effect is due and was not done",
        "referral: an effect is due and was not done",
    }


# What the database itself would refuse.
_LET_IT = """
    ALTER TABLE holdings DISABLE TRIGGER only_end;
    ALTER TABLE holdings DROP CONSTRAINT holdings_held_id_previous_since_fkey
    """
_TAMPERING = {
    "intake: an open case has not one clock": "DELETE FROM clocks WHERE state = 'running'",
    "intake: the clock of a closed case runs": """
        UPDATE clocks SET state = 'running', stopped_at = NULL WHERE clock_id = (
            SELECT clock_id FROM clocks JOIN cases USING (case_id) WHERE closed_at IS NOT NULL LIMIT 1)
        """,
    "intake: what was held does not add up to what went by": """
        DELETE FROM holdings WHERE until IS NULL
            AND held_id = (SELECT case_id FROM cases WHERE closed_at IS NULL LIMIT 1)
        """,
    "intake: something is held by nobody, or by two": """
        UPDATE holdings SET until = until - interval '1 second' WHERE (held_id, sequence) = (
            SELECT held_id, sequence FROM holdings WHERE until > since + interval '1 minute' LIMIT 1)
        """,
    "intake: an effect is due and was not done": """
        UPDATE clocks SET next_at = started_at, wake_at = started_at WHERE clock_id = (
            SELECT clock_id FROM clocks WHERE state = 'running' LIMIT 1)
        """,
    "intake: an effect was done twice": """
        UPDATE clocks SET fired = fired || fired WHERE clock_id = (
            SELECT clock_id FROM clocks WHERE fired <> '{}' LIMIT 1)
        """,
    "intake: an event was put aside": """
        INSERT INTO parked (consumer, event_id, topic, partition_key, headers, reason, next_attempt_at)
        VALUES ('slrt.intake.outcomes', gen_random_uuid(), 'a.topic', 'a-key', '[]', 'broken', now())
        """,
    "intake: a need of a closed case has no outcome": """
        UPDATE needs SET outcome_code = NULL WHERE need_id = (
            SELECT need_id FROM needs JOIN cases USING (case_id) WHERE closed_at IS NOT NULL LIMIT 1)
        """,
    "intake: somebody came and has no case": "",
    "referral: an open referral has not one clock": "DELETE FROM clocks WHERE state = 'running'",
    "referral: the clock of an ended referral runs": """
        UPDATE clocks SET state = 'running', stopped_at = NULL WHERE clock_id = (
            SELECT k.clock_id FROM clocks k JOIN referrals r ON r.referral_id = k.subject_id
            WHERE r.status = 'completed' AND k.state = 'stopped' LIMIT 1)
        """,
    "referral: what a draft waits for is done": """
        UPDATE referrals SET status = 'draft', waiting_on = '{}' WHERE referral_id = (
            SELECT referral_id FROM referrals WHERE status = 'completed' LIMIT 1)
        """,
}


@pytest.mark.parametrize("promise", _TAMPERING)
def test_the_reckoning_sees_a_promise_that_is_not_kept(month: tuple[dict[str, str], Year], promise: str) -> None:
    urls, year = month
    assert year.reckoning.violations == {}
    with psycopg.connect(urls["intake"]) as intake, psycopg.connect(urls["referral"]) as referral:
        service = intake if promise.startswith("intake") else referral
        try:
            service.execute(_LET_IT)
            changed = service.execute(_TAMPERING[promise]).rowcount if _TAMPERING[promise] else 1
            arrived = year.cases + (not _TAMPERING[promise])
            found = reckon(intake, referral, now=BEGINS + timedelta(days=MONTH), told={}, arrived=arrived)
        finally:
            intake.rollback()
            referral.rollback()
    assert changed > 0
    assert promise in found.violations
