"""Write what an auditor takes away: sealed entries with their links, the signed days among them, and the signed end.

The form is JSON, a line each, UTF-8, in this order:

    {"slrt_audit":1,"service":…,"chain":…,"first":…,"before":…}        first position, and the link before it
    {"position":…,"link":…,"entry":…}                                  the entry's bytes are those that were sealed
    {"day":…,"signature":…}                                            after the last entry of its day
    {"closing":…,"signature":…}                                        where a chain was lost; another one follows
    {"end":…,"signature":…}                                            the chain's end, or the last day once more
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Self

import orjson
import psycopg

from slrt_kit.audit import chain
from slrt_kit.audit.lines import end_line, entry_line, first_line, statement_line
from slrt_kit.audit.statements import Closing, Day, Head, Signed

_HEAD = "SELECT statement, signature FROM audit_head"
_DAYS = """
    SELECT statement, signature FROM audit_days
    WHERE (CAST(%(since)s AS date) IS NULL OR day >= %(since)s) AND (CAST(%(until)s AS date) IS NULL OR day < %(until)s)
    ORDER BY day
    """
_CLOSINGS = "SELECT statement, signature FROM audit_closings ORDER BY position"
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
    lost = [_Lost.of(*row) for row in await (await connection.execute(_CLOSINGS)).fetchall()]
    within = [each for each in lost if each.closing.lost_to + 1 >= first]
    if chosen.until is not None:
        within = [each for each in within if each.closing.lost_to < closed[-1].first]
    if within and first > within[0].closing.position:
        # It begins where a chain does: then with the end of the one before.
        first = within[0].closing.position + 1
    chain_id = within[0].closing.chain_id if within else closed[-1].chain_id if chosen.until else head.chain_id
    before = next((each for each in lost if each.closing.next_chain == chain_id), None)
    begins = 1 if before is None else before.closing.lost_to + 1
    link = None if first == begins else await (await connection.execute(_BEFORE, (first - 1,))).fetchone()
    genesis = chain.genesis(head.service, chain_id, b"" if before is None else before.signed.digest)
    yield first_line(head.service, chain_id, first, link[0] if link else genesis)
    pending = list(zip(closed, days, strict=True))
    for each in within:
        gone = each.closing
        # A day that is not there as a whole any more is not among them.
        whole = [day for day in pending if day[0].chain_id == gone.chain_id and day[0].last <= gone.position]
        pending = [day for day in pending if day[0].chain_id != gone.chain_id]
        async for line in _days(connection, first, whole):
            yield line
        first = whole[-1][0].last + 1 if whole else first
        async for line in _entries(connection, first, gone.position):
            yield line
        yield statement_line("closing", each.signed)
        first = gone.lost_to + 1
    async for line in _days(connection, first, pending):
        yield line
    first = pending[-1][0].last + 1 if pending else first
    if chosen.until is None:
        async for line in _entries(connection, first, 2**62):
            yield line
        yield end_line(chain.HEAD, end)
    else:
        yield end_line(chain.DAY, days[-1])


class _Lost(NamedTuple):
    """A chain that was closed, and the statement of it."""

    closing: Closing
    signed: Signed

    @classmethod
    def of(cls, statement: str, signature: bytes) -> Self:
        return cls(Closing.of(orjson.loads(statement)), Signed(statement.encode(), signature))


async def _days(
    connection: psycopg.AsyncConnection[Any], first: int, days: Sequence[tuple[Day, Signed]]
) -> AsyncIterator[bytes]:
    for day, signed in days:
        async for line in _entries(connection, first, day.last):
            yield line
        yield statement_line("day", signed)
        first = day.last + 1


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
