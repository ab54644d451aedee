"""Ways to alter the sealed rows in the database before they are taken away, by somebody who owns every table."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

import orjson
import psycopg
from tests.drills.tampering import FORGER, Original

from slrt_kit.audit import chain


@dataclass(frozen=True)
class Expected:
    """At which of the positions it must be found."""

    positions: Collection[int]


Rows: TypeAlias = psycopg.AsyncConnection[Any]
RowKind: TypeAlias = Callable[[Rows, Original, Random], Awaitable[Expected]]


async def _link_anew(rows: Rows, position: int) -> None:
    """Link all from a position on as they are now."""
    found = await (await rows.execute("SELECT link FROM audit WHERE position = %s", (position - 1,))).fetchone()
    assert found is not None
    before = found[0]
    later = await rows.execute("SELECT position, entry FROM audit WHERE position >= %s ORDER BY position", (position,))
    values = []
    for at, entry in await later.fetchall():
        before = chain.link(before, entry.encode())
        values.append((before, at))
    async with rows.cursor() as cursor:
        await cursor.executemany("UPDATE audit SET link = %s WHERE position = %s", values)


def _some(of: Original, rng: Random) -> tuple[int, int]:
    index = rng.choice(of.entries[1:-1])
    return index, of.read[index][0]


async def edit_row(rows: Rows, of: Original, rng: Random) -> Expected:
    index, position = _some(of, rng)
    await rows.execute("UPDATE audit SET entry = %s WHERE position = %s", (of.forged(index).decode(), position))
    return Expected({position})


async def edit_row_and_link_anew(rows: Rows, of: Original, rng: Random) -> Expected:
    index, position = _some(of, rng)
    await rows.execute("UPDATE audit SET entry = %s WHERE position = %s", (of.forged(index).decode(), position))
    await _link_anew(rows, position)
    return Expected(of.positions_of_day_with(position))


async def edit_link_of_row(rows: Rows, of: Original, rng: Random) -> Expected:
    _, position = _some(of, rng)
    await rows.execute("UPDATE audit SET link = %s WHERE position = %s", (bytes(32), position))
    return Expected({position})


async def delete_row(rows: Rows, of: Original, rng: Random) -> Expected:
    _, position = _some(of, rng)
    await rows.execute("DELETE FROM audit WHERE position = %s", (position,))
    return Expected({position})


async def delete_row_and_close_up(rows: Rows, of: Original, rng: Random) -> Expected:
    _, position = _some(of, rng)
    await rows.execute("DELETE FROM audit WHERE position = %s", (position,))
    await _shift(rows, position, -1)
    await _link_anew(rows, position)
    return Expected(of.positions_of_day_with(position))


async def _shift(rows: Rows, position: int, by: int) -> None:
    # By way of numbers that nobody has: the key is checked row by row.
    far = 10**9
    await rows.execute("UPDATE audit SET position = position + %s WHERE position >= %s", (far, position))
    await rows.execute("UPDATE audit SET position = position - %s WHERE position >= %s", (far - by, far))


async def delete_tail(rows: Rows, of: Original, rng: Random) -> Expected:
    position = of.last - rng.randrange(min(30, of.last - 2))
    await rows.execute("DELETE FROM audit WHERE position >= %s", (position,))
    return Expected({position})


async def delete_whole_days(rows: Rows, of: Original, rng: Random) -> Expected:
    """With their statements; the end is signed, and stays."""
    day = of.day_of[rng.choice(of.days)]
    await rows.execute("DELETE FROM audit WHERE position >= %s", (day.first,))
    await rows.execute("DELETE FROM audit_days WHERE day >= %s", (day.day,))
    return Expected({day.first})


async def swap_rows(rows: Rows, of: Original, rng: Random) -> Expected:
    _, position = _some(of, rng)
    await rows.execute(
        "UPDATE audit a SET entry = b.entry, link = b.link FROM audit b "
        "WHERE (a.position, b.position) IN ((%(one)s, %(other)s), (%(other)s, %(one)s))",
        {"one": position, "other": position + 1},
    )
    return Expected({position})


async def duplicate_row(rows: Rows, of: Original, rng: Random) -> Expected:
    _, position = _some(of, rng)
    await _shift(rows, position + 1, 1)
    await rows.execute(
        "INSERT INTO audit (position, link, entry) SELECT position + 1, link, entry FROM audit WHERE position = %s",
        (position,),
    )
    return Expected({position + 1})


async def insert_row(rows: Rows, of: Original, rng: Random) -> Expected:
    index, position = _some(of, rng)
    await _shift(rows, position, 1)
    entry = of.forged(index)
    await rows.execute(
        "INSERT INTO audit (position, link, entry) VALUES (%s, %s, %s)",
        (position, chain.link(of.link_before(index), entry), entry.decode()),
    )
    return Expected({position, position + 1})


async def insert_row_and_link_anew(rows: Rows, of: Original, rng: Random) -> Expected:
    position = min((await insert_row(rows, of, rng)).positions)
    await _link_anew(rows, position)
    return Expected(of.positions_of_day_with(position))


async def append_row(rows: Rows, of: Original, rng: Random) -> Expected:
    index = of.entries[-1]
    entry = of.forged(index)
    await rows.execute(
        "INSERT INTO audit (position, link, entry) VALUES (%s, %s, %s)",
        (of.last + 1, chain.link(of.read[index][1], entry), entry.decode()),
    )
    return Expected({of.last + 1})


async def delete_statement(rows: Rows, of: Original, rng: Random) -> Expected:
    day = of.day_of[rng.choice(of.days)]
    await rows.execute("DELETE FROM audit_days WHERE day = %s", (day.day,))
    return Expected({day.first, day.last + 1})


async def sign_statement_by_own_key(rows: Rows, of: Original, rng: Random) -> Expected:
    day = of.day_of[rng.choice(of.days)]
    signed = FORGER.sign(chain.DAY, day)
    await rows.execute(
        "UPDATE audit_days SET statement = %s, signature = %s WHERE day = %s",
        (signed.statement.decode(), signed.signature, day.day),
    )
    return Expected({day.first})


async def set_back_to_an_old_end(rows: Rows, of: Original, rng: Random) -> Expected:
    """By somebody who kept the statement of an earlier end, which is signed well: the published roots tell."""
    found = await rows.execute("SELECT statement, signature FROM kept_heads")
    ends = [(orjson.loads(statement), statement, signature) for statement, signature in await found.fetchall()]
    content, statement, signature = rng.choice([end for end in ends if end[0]["days"] < len(of.days)])
    undone = [day for day in of.day_of.values() if day.number > content["days"]]
    await rows.execute("UPDATE audit_head SET statement = %s, signature = %s", (statement, signature))
    await rows.execute("DELETE FROM audit WHERE position > %s", (content["position"],))
    await rows.execute("DELETE FROM audit_days WHERE day >= %s", (undone[0].day,))
    return Expected({undone[0].first})


OF_ROWS: tuple[RowKind, ...] = (
    *(edit_row, edit_row_and_link_anew, edit_link_of_row),
    *(delete_row, delete_row_and_close_up, delete_tail, delete_whole_days),
    *(swap_rows, duplicate_row, insert_row, insert_row_and_link_anew, append_row),
    *(delete_statement, sign_statement_by_own_key, set_back_to_an_old_end),
)
