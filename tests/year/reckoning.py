"""What a year amounts to: its figures, to the digit, and whatever should not have been.

The checks ask the tables themselves and use nothing of the code that wrote them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.rows import namedtuple_row
from tests.year.plan import WIB

Figures: TypeAlias = dict[str, Any]
Link: TypeAlias = "psycopg.Connection[Any]"

BEGINS: Final = datetime(2026, 1, 1, tzinfo=WIB)
# Each gives the ids of what violates it.
_OF_BOTH: Final[Mapping[str, str]] = {
    "an effect is due and was not done": "SELECT clock_id FROM clocks WHERE wake_at <= %(now)s",
    "an effect was done twice": """
        SELECT clock_id FROM clocks, unnest(fired) AS f(done) GROUP BY clock_id, done HAVING count(*) > 1
        """,
    "an event was put aside": "SELECT event_id FROM parked",
    "something is held by nobody, or by two": """
        SELECT h.held_id FROM holdings h JOIN holdings n ON n.held_id = h.held_id AND n.sequence = h.sequence + 1
        WHERE h.until IS DISTINCT FROM n.since
        """,
}
_OF_INTAKE: Final[Mapping[str, str]] = {
    "an open case has not one clock": """
        SELECT c.case_id FROM cases c WHERE c.closed_at IS NULL AND 1 <> (
            SELECT count(*) FROM clocks k WHERE k.subject_id = c.case_id AND k.state <> 'stopped')
        """,
    "the clock of a closed case runs": """
        SELECT k.clock_id FROM clocks k JOIN cases c ON c.case_id = k.case_id
        WHERE k.state <> 'stopped' AND c.closed_at IS NOT NULL
        """,
    "what was held does not add up to what went by": """
        SELECT c.case_id FROM cases c LEFT JOIN holdings h ON h.held_id = c.case_id
        GROUP BY c.case_id, c.registered_at, c.closed_at
        HAVING coalesce(sum(coalesce(h.until, %(now)s) - h.since), '0')
            <> coalesce(c.closed_at, %(now)s) - c.registered_at
        """,
    "a need of a closed case has no outcome": """
        SELECT n.need_id FROM needs n JOIN cases c USING (case_id)
        WHERE c.closed_at IS NOT NULL AND n.outcome_code IS NULL
        """,
}
_OF_REFERRAL: Final[Mapping[str, str]] = {
    "an open referral has not one clock": """
        SELECT r.referral_id FROM referrals r
        WHERE r.status IN ('sent', 'received', 'accepted', 'in_service') AND 1 <> (
            SELECT count(*) FROM clocks k WHERE k.subject_id = r.referral_id AND k.state <> 'stopped')
        """,
    "the clock of an ended referral runs": """
        SELECT k.clock_id FROM clocks k JOIN referrals r ON r.referral_id = k.subject_id
        WHERE k.state <> 'stopped' AND r.status NOT IN ('sent', 'received', 'accepted', 'in_service')
        """,
    "what a draft waits for is done": """
        SELECT r.referral_id FROM referrals r WHERE r.status = 'draft' AND NOT EXISTS (
            SELECT FROM referrals w WHERE w.referral_id = ANY (r.waiting_on)
              AND w.status NOT IN ('completed', 'confirmed_by_client'))
        """,
}

_LATE = """
    SELECT step, owner, count(*) AS steps, count(*) FILTER (WHERE coalesce(stopped_at, %(now)s) > due_at) AS late,
           count(*) FILTER (WHERE state <> 'stopped') AS open
    FROM clocks GROUP BY step, owner ORDER BY step, owner
    """
_HELD = """
    SELECT coalesce(office_code, holder) AS holder, count(DISTINCT held_id) AS things,
           round(extract(epoch FROM sum(coalesce(until, %(now)s) - since)) / 60)::bigint AS minutes
    FROM holdings GROUP BY 1 ORDER BY 1
    """
_MONTHS = """
    SELECT to_char(m, 'YYYY-MM') AS month,
           count(*) FILTER (WHERE registered_at >= m AND registered_at < m + '1 month'::interval) AS registered,
           count(*) FILTER (WHERE closed_at >= m AND closed_at < m + '1 month'::interval) AS closed,
           count(*) FILTER (WHERE registered_at < m + '1 month'::interval
                            AND coalesce(closed_at, 'infinity') >= m + '1 month'::interval) AS open_at_its_end
    FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz, '1 month') AS m, cases
    GROUP BY m ORDER BY m
    """


@dataclass
class Reckoning:
    """The figures of a year, and what violates the promises: by promise, so many."""

    figures: Figures
    violations: Counter[str] = field(default_factory=Counter)


def reckon(intake: Link, referral: Link, *, now: datetime, told: Mapping[str, int], arrived: int) -> Reckoning:
    """Look at all that the year has left behind, up to ``now``."""
    for link in (intake, referral):
        link.execute("SET LOCAL TIME ZONE 'Asia/Jakarta'")  # months begin there
    found: Counter[str] = Counter()
    for service, link, own in (("intake", intake, _OF_INTAKE), ("referral", referral, _OF_REFERRAL)):
        for promise, query in {**_OF_BOTH, **own}.items():
            violating = len(link.execute(query, {"now": now}).fetchall())
            if violating:
                found[f"{service}: {promise}"] += violating
    cases = _one(intake, "SELECT count(*) FROM cases")
    if cases != arrived:
        found["intake: somebody came and has no case"] += abs(arrived - cases)
    return Reckoning(_figures(intake, referral, now=now, told=told), found)


def _figures(intake: Link, referral: Link, *, now: datetime, told: Mapping[str, int]) -> Figures:
    return {
        "cases": _counts(intake, "SELECT status, count(*) FROM cases GROUP BY 1"),
        "satisfied": _counts(
            intake,
            "SELECT coalesce(satisfied::text, 'said nothing'), count(*) FROM cases "
            "WHERE closed_at IS NOT NULL GROUP BY 1",
        ),
        "needs": _counts(intake, "SELECT need_code, count(*) FROM needs GROUP BY 1"),
        "outcomes": _counts(intake, "SELECT coalesce(outcome_code, 'none yet'), count(*) FROM needs GROUP BY 1"),
        "months": {
            row.month: {"registered": row.registered, "closed": row.closed, "open at its end": row.open_at_its_end}
            for row in _rows(intake, _MONTHS, first=BEGINS, last=now - timedelta(seconds=1))
        },
        "referrals": _counts(referral, "SELECT status, count(*) FROM referrals GROUP BY 1"),
        "offices": _counts(referral, "SELECT office_code, count(*) FROM referrals GROUP BY 1"),
        "rules": _counts(referral, "SELECT routing_rule, count(*) FROM referrals GROUP BY 1"),
        "steps of cases": dict(_steps(intake, now)),
        "steps of referrals": dict(_steps(referral, now)),
        "minutes of cases": dict(_held(intake, now)),
        "minutes of referrals": dict(_held(referral, now)),
        "events": dict(sorted(told.items())),
    }


def _steps(link: Link, now: datetime) -> Iterator[tuple[str, Mapping[str, int]]]:
    for row in _rows(link, _LATE, now=now):
        yield f"{row.step} of {row.owner}", {"taken": row.steps, "late": row.late, "open": row.open}


def _held(link: Link, now: datetime) -> Iterator[tuple[str, Mapping[str, int]]]:
    for row in _rows(link, _HELD, now=now):
        yield row.holder, {"things": row.things, "minutes": row.minutes}


def _counts(link: Link, query: str) -> dict[str, int]:
    return {str(name): number for name, number in sorted(link.execute(query).fetchall())}


def _rows(link: Link, query: str, **values: object) -> list[Any]:
    with link.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query, values).fetchall()


def _one(link: Link, query: str) -> int:
    (number,) = link.execute(query).fetchone() or (0,)
    return int(number)
