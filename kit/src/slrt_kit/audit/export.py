"""Write what an auditor takes away: sealed entries with their links, the signed days among them, and the signed end.

The form is JSON, a line each, UTF-8, in this order:

    {"slrt_audit":1,"service":…,"chain":…,"first":…,"before":…}        first position, and the link before it
    {"position":…,"link":…,"entry":…}                                  the entry's bytes are those that were sealed
    {"day":…,"signature":…}                                            after the last entry of its day
    {"end":…,"signature":…}                                            the chain's end, or the last day once more
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import psycopg

from slrt_kit.audit import chain
from slrt_kit.audit.lines import end_line, entry_line, first_line, statement_line
from slrt_kit.audit.statements import Day, Head, Signed

_HEAD = "SELECT statement, signature FROM audit_head"
_DAYS = """
    SELECT statement, signature FROM audit_days
    WHERE (CAST(%(since)s AS date) IS NULL OR day >= %(since)s) AND (CAST(%(until)s AS date) IS NULL OR day < %(until)s)
    ORDER BY day
    """
_ENTRIES = "SELECT position, link, entry FROM audit WHERE position >= %s AND position <= %s ORDER BY position"
_BEFORE = "SELECT link FROM audit WHERE position = %s"
_PAGE = 5000


class NothingSealedError(Exception):
    """There is no chain yet, or no closed day in the range that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """UTC days: ``since`` inclusive, ``until`` exclusive. Without ``until`` up to the chain's end, else closed days."""

    since: date | None = None
    until: date | None = None


async def export_lines(connection: psycopg.AsyncConnection[Any], chosen: Range) -> AsyncIterator[bytes]:
    """The lines of an export, as of one moment. It says what the database says, and judges nothing.

    Raises:
        NothingSealedError: see there.
    """
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        async for line in lines_now(connection, chosen):
            yield line


async def lines_now(connection: psycopg.AsyncConnection[Any], chosen: Range) -> AsyncIterator[bytes]:
    """The same inside a transaction that is under way."""
    found = await (await connection.execute(_HEAD)).fetchone()
    if found is None:
        raise NothingSealedError("nothing was ever sealed")
    end = Signed(found[0].encode(), found[1])
    head = Head.of(orjson.loads(end.statement))
    values = {"since": chosen.since, "until": chosen.until}
    days = [
        Signed(statement.encode(), signature)
        for statement, signature in await (await connection.execute(_DAYS, values)).fetchall()
    ]
    if not days and (chosen.until is not None or (chosen.since or head.open_day) > head.open_day):
        raise NothingSealedError("no day of that range is closed")
    closed = [Day.of(orjson.loads(signed.statement)) for signed in days]
    # All there is begins with the first entry, whatever the days say.
    first = 1 if chosen.since is None else closed[0].first if closed else head.day_first
    before = await (await connection.execute(_BEFORE, (first - 1,))).fetchone()
    yield first_line(
        head.service, head.chain_id, first, before[0] if before else chain.genesis(head.service, head.chain_id)
    )
    for day, signed in zip(closed, days, strict=True):
        async for line in _entries(connection, first, day.last):
            yield line
        yield statement_line("day", signed)
        first = day.last + 1
    if chosen.until is None:
        async for line in _entries(connection, first, 2**62):
            yield line
        yield end_line(chain.HEAD, end)
    else:
        yield end_line(chain.DAY, days[-1])


async def _entries(connection: psycopg.AsyncConnection[Any], first: int, last: int) -> AsyncIterator[bytes]:
    while first <= last:
        async with connection.cursor() as cursor:
            await cursor.execute(f"{_ENTRIES} LIMIT {_PAGE}", (first, last))
            page = await cursor.fetchall()
        for position, linked, entry in page:
            yield entry_line(position, linked, entry.encode())
        if len(page) < _PAGE:
            return
        first = page[-1][0] + 1
