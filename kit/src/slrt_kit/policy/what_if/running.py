"""Play the past again, in one snapshot that PostgreSQL lets nobody write in, row by row as it comes.

One connection of its own, so that nobody who works waits for it; a cursor of the server's, so that memory is that of a
page; and others are served between any two slices. Whoever stops in the middle leaves nothing: the transaction ends.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from psycopg.rows import namedtuple_row

from slrt_kit.access import Scope
from slrt_kit.clock import WIB, day_of
from slrt_kit.connecting import ANSWER_WITHIN_S, STATEMENT_TIMEOUT_MS, BoundedConnection, open_connection
from slrt_kit.db import Database, ReadSession, Row, Values
from slrt_kit.policy.changes import Draft, findings_of_drafts
from slrt_kit.policy.layers import Documents
from slrt_kit.policy.problems import PolicyFindingsError, PolicyUnknownError
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import PolicyStore, in_force
from slrt_kit.policy.what_if.comparing import Comparison
from slrt_kit.policy.what_if.tally import Tally
from slrt_kit.problems import NotFoundError
from slrt_kit.scoped import in_region

DAYS: Final = 90
"""How far back one looks where nobody says."""
_PAGE: Final = 500
_SLICE: Final = 25
"""Rows judged before others are served: about a millisecond."""


class Replay(Protocol):
    """Judges one kind of what happened. ``column`` is that of a row's region, the query's last clause a WHERE."""

    @property
    def column(self) -> str: ...

    @property
    def query(self) -> tuple[str, Values]: ...

    def judge(self, row: Row) -> None:
        """Add up one row."""


Replays = Sequence[Callable[[Comparison, Tally], Replay]]
"""What a service plays again."""


class WhatIfAbandonedError(Exception):
    """Nobody waits for the answer any more."""


async def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which drafts, over how many days up to now, and which offices: those of ``day`` (WIB; today without one).

    ``versions`` are versions that are kept already, by layer. Only what lies inside ``scope`` is looked at.
    """

    drafts: Mapping[str, Documents]
    versions: Mapping[str, int]
    scope: Scope
    days: int = DAYS
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What would have been otherwise from ``since`` to ``until``, had the drafts been in force."""

    since: datetime
    until: datetime
    day: date
    tally: Tally


async def what_if(
    database: Database,
    rules: PolicyRules,
    question: Question,
    *,
    replays: Replays,
    wanted: Callable[[], Awaitable[bool]] = _always,
) -> Answer:
    """Compare the policy in force with the drafts over what happened; writes nothing.

    Raises:
        PolicyFindingsError: something is wrong with the drafts. NotFoundError: there is no such version.
        PolicyUnknownError: nothing is in force. WhatIfAbandonedError: ``wanted`` said no.
        psycopg.Error: the database is away.
    """
    until = database.clock.now()
    day = question.day or day_of(until)
    async with _snapshot(database) as raw:
        comparison = await _compare(ReadSession(raw), rules, question, until=until, day=day)
        tally = Tally()
        for make in replays:
            replay = make(comparison, tally)
            inside, values = in_region(question.scope, replay.column)
            query, more = replay.query
            async with raw.cursor(name="what_if") as cursor:
                await cursor.execute(f"{query} AND {inside}", {**more, **values})
                while rows := await cursor.fetchmany(_PAGE):
                    for number, row in enumerate(rows):
                        if number % _SLICE == 0:
                            await asyncio.sleep(0)
                        replay.judge(row)
                    if not await wanted():
                        raise WhatIfAbandonedError
    return Answer(since=comparison.since, until=until, day=day, tally=tally)


async def _compare(
    session: ReadSession, rules: PolicyRules, question: Question, *, until: datetime, day: date
) -> Comparison:
    kept = PolicyStore(session)
    activations = await kept.activations()
    # What is planned to hold by then holds in both.
    moment = max(until, datetime.combine(day, time(), WIB).astimezone(UTC))
    numbers = in_force(activations, moment)
    if not numbers:
        raise PolicyUnknownError
    versions = list(question.versions.items())
    documents = await kept.documents([*numbers.items(), *versions])
    if any(each not in documents for each in versions):
        raise NotFoundError
    drafts = {**{layer: documents[layer, number] for layer, number in versions}, **question.drafts}
    findings = await findings_of_drafts(kept, rules, [Draft(layer, each, moment) for layer, each in drafts.items()])
    if findings:
        raise PolicyFindingsError(findings)
    holding = {code: (number, documents[code, number]) for code, number in numbers.items()}
    # Thousands of layers are read in seconds: in a thread, beside those who are served.
    before, after = await asyncio.to_thread(
        lambda: (rules.layers(holding), rules.layers(holding | {code: (0, each) for code, each in drafts.items()}))
    )
    return Comparison(before, after, drafts, since=until - timedelta(days=question.days), until=until, day=day)


@asynccontextmanager
async def _snapshot(database: Database) -> AsyncIterator[BoundedConnection]:
    """A connection of its own, on which PostgreSQL itself refuses a write, and all is as it was at the first look."""
    raw = await open_connection(
        database.url,
        answer_within=ANSWER_WITHIN_S,
        settings={"statement_timeout": STATEMENT_TIMEOUT_MS, "default_transaction_read_only": "on"},
        row_factory=namedtuple_row,
    )
    try:
        await raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield raw
    finally:
        # It ends the transaction too, whatever is under way.
        await raw.close()
