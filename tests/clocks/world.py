"""Cases with clocks in a database of intake, workers that fire them, and what must be true of it all afterwards."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import namedtuple_row
from tests.clocks.policies import national_policy

from slrt_intake.store.clock_events import tell_of_clocks
from slrt_kit.clocks.clock import Clock, Firing, Owner, Subject, SubjectKind
from slrt_kit.clocks.policy import ClockPolicy
from slrt_kit.clocks.rows import as_json, clock_row, insert_clocks
from slrt_kit.clocks.telling import Notices
from slrt_kit.clocks.timers import Effect, Time, Timers
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.outbox import Outbox

REGIONS = ("12.74.05", "51.71.01", "94.71.01")
POLICIES = {region: national_policy(region) for region in REGIONS}
CLASSES = ("verification", "urgent", "standard", "emergency", "resident-reply")
# No unique column: what is done twice shows as two rows.
_EFFECTS = """
    CREATE TABLE IF NOT EXISTS clock_effects (id bigint GENERATED ALWAYS AS IDENTITY, clock_id uuid, round integer,
        step text, effect text, folded text[], due_since timestamptz, at timestamptz, really_at timestamptz)
    """
_NOTE = """
    INSERT INTO clock_effects (clock_id, round, step, effect, folded, due_since, at, really_at)
    SELECT clock_id, round, step, effect, folded, due_since, at, clock_timestamp()
    FROM jsonb_to_recordset(CAST(%(rows)s AS jsonb))
        AS f(clock_id uuid, round integer, step text, effect text, folded text[], due_since timestamptz, at timestamptz)
    """
_CASES = """
    INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent,
                       has_subject, registered_by, registered_at, key_id)
    SELECT id, 1, 1, 'clock-' || id, 'registered', 'facilitator', village, false, false, 'kader-9001', %(at)s, 1
    FROM unnest(%(ids)s::uuid[], %(villages)s::text[]) AS c(id, village)
    """


async def policy_of(version: str, region: str) -> ClockPolicy:
    """The national policy in a region: what `Timers` asks for."""
    del version
    return POLICIES[region]


def clock_id_of(number: int) -> UUID:
    """The clock of that number; its case has the id above."""
    return UUID(int=(0xC10C << 112) | number * 2)


def new_clock(number: int, *, sla_class: str, at: datetime) -> Clock:
    """The clock of that number, of a case of its own, somewhere in the country."""
    region = REGIONS[number % len(REGIONS)]
    case_id = UUID(int=clock_id_of(number).int + 1)
    return Clock.start(
        clock_id_of(number),
        Subject(SubjectKind.CASE, case_id, case_id),
        region=region,
        step="screen",
        owner=Owner.role("back_office"),
        terms=POLICIES[region].terms(sla_class),
        at=at,
    )


def seed(url: str, clocks: Sequence[Clock]) -> None:
    """Their cases, and them."""
    with psycopg.connect(url) as connection:
        connection.execute(_EFFECTS)
        connection.execute("CREATE TABLE IF NOT EXISTS clock_workers (up_at timestamptz)")
        connection.execute(
            _CASES,
            {
                "ids": [clock.subject.case_id for clock in clocks],
                "villages": [f"{clock.region}.1001" for clock in clocks],
                "at": clocks[0].started_at,
            },
        )
        for start in range(0, len(clocks), 5000):
            rows = as_json([clock_row(clock) for clock in clocks[start : start + 5000]])
            connection.execute(insert_clocks(), {"clocks": rows})


def effects(outbox: Outbox) -> dict[str, Effect]:
    """Each effect notes what it does; notices are told as well, as in life."""
    tell = Notices(partial(tell_of_clocks, outbox))

    async def note(work: UnitOfWork, firings: Sequence[Firing]) -> None:
        rows = [
            {
                "clock_id": each.clock.clock_id,
                "round": each.round,
                "step": each.step.at,
                "effect": each.step.effect,
                "folded": [step.at for step in each.folded],
                "due_since": each.due_since,
                "at": each.at,
            }
            for each in firings
        ]
        work.connection.defer(_NOTE, {"rows": orjson.dumps(rows).decode()})

    async def notice(work: UnitOfWork, firings: Sequence[Firing]) -> None:
        await tell(work, firings)
        await note(work, firings)

    return {"remind": notice, "escalate": notice, "auto_close": note}


def timers(
    database: Database, *, at: Time | None = None, batch: int = 100, instead: Mapping[str, Effect] | None = None
) -> Timers:
    """A worker's timers."""
    outbox = Outbox("intake")
    return Timers(database, instead or effects(outbox), policy_of, service="intake", batch=batch, at=at)


@dataclass
class Found:
    """What the database has after a run."""

    fired: int = 0
    folded: int = 0
    doubled: int = 0
    missed: int = 0
    early: int = 0
    wrong: list[str] = field(default_factory=list)


def look(url: str, now: datetime) -> Found:
    """Compare what was done with the clocks and with the events, when nothing is due any more at ``now``."""
    with psycopg.connect(url, row_factory=namedtuple_row) as connection:
        rows = connection.execute("SELECT * FROM clock_effects ORDER BY id").fetchall()
        clocks = connection.execute("SELECT * FROM clocks").fetchall()
        told = connection.execute(
            "SELECT partition_key, key_sequence, payload FROM outbox UNION ALL "
            "SELECT partition_key, key_sequence, payload FROM outbox_archive ORDER BY 1, 2"
        ).fetchall()
    found = Found(fired=len(rows), folded=sum(len(row.folded) for row in rows))
    done = Counter((row.clock_id, row.round, step) for row in rows for step in (*row.folded, row.step))
    found.doubled = sum(count - 1 for count in done.values())
    found.early = sum(row.at < row.due_since for row in rows)
    steps_done: dict[UUID, set[str]] = {}
    for clock_id, _, step in done:
        steps_done.setdefault(clock_id, set()).add(step)
    for clock in clocks:
        if clock.next_at is not None and clock.next_at <= now:
            found.missed += 1
        lost = set(clock.fired) - steps_done.get(clock.clock_id, set())
        found.missed += len(lost)
    _events(found, rows, told)
    return found


def _events(found: Found, rows: Iterable[Any], told: Iterable[Any]) -> None:
    """Each notice has one event, and the events of a case are numbered without a hole."""
    notices = Counter((str(row.clock_id), row.step) for row in rows if row.effect != "auto_close")
    sequences: dict[str, list[int]] = {}
    events: Counter[tuple[str, str]] = Counter()
    for row in told:
        sequences.setdefault(row.partition_key, []).append(row.key_sequence)
        payload = orjson.loads(row.payload)
        if "offset" in payload:
            events[payload["clock_id"], payload["offset"]] += 1
    for key, numbers in sequences.items():
        if numbers != list(range(2, len(numbers) + 2)):
            found.wrong.append(f"case {key} has the numbers {numbers}")
    if events != notices:
        found.wrong.append(
            f"{events.total()} events for {notices.total()} notices: {(events - notices) or (notices - events)}"
        )
