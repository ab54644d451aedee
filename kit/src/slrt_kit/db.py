"""Open units of work on the service's own PostgreSQL: one transaction each, committed by name or rolled back."""

import asyncio
import select
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import orjson
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from psycopg.types.json import set_json_loads

from slrt_contracts.types import EventId
from slrt_kit import metrics
from slrt_kit.clock import Clock, NewId, SystemClock, new_uuid7
from slrt_kit.connecting import ANSWER_WITHIN_S, STATEMENT_TIMEOUT_MS, BoundedConnection, open_connection

if TYPE_CHECKING:
    from slrt_kit.audit.entries import Actor

POOL_TIMEOUT_S = 3.0
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000

DATABASE_DOWN = (psycopg.OperationalError, psycopg.InterfaceError, ConnectionError)
"""What psycopg raises when the database is away, refuses, or has no connection free: transient, by definition."""

Row: TypeAlias = Any
"""A row as a named tuple of the query's columns."""
Values: TypeAlias = Mapping[str, Any]
"""What a statement's ``%(name)s`` stand for."""
Check: TypeAlias = Callable[[Sequence[Row]], None]
"""Looks at what a deferred statement gave, and raises when it is not what it must be."""
WriteLast: TypeAlias = Callable[["Connection", list[Any]], None]
"""Defers the statements that write all these things."""

set_json_loads(orjson.loads)


class StaleVersionError(Exception):
    """A compare-and-set found another version: somebody else changed the row since it was loaded."""


class NoConnectionFreeError(psycopg.OperationalError):
    """All connections were in use for `POOL_TIMEOUT_S`."""

    def __init__(self) -> None:
        super().__init__("no connection is free")


class Connection:
    """Statements on a connection. SQL is written out; its values go separately, by name, and are never in its text.

    The statements are prepared when they come again. Every method raises `psycopg.Error`.
    """

    def __init__(self, raw: BoundedConnection) -> None:
        self._raw = raw
        self._deferred: list[tuple[str, Values | None, Check | None]] = []
        self.checks_hold = True

    def defer(self, statement: str, values: Values | None = None, *, check: "Check | None" = None) -> None:
        """Send a statement together with the next one or the commit, in one round trip; its error shows there.

        For what is written and not asked about. Most of a statement's cost is the way to PostgreSQL and back.
        ``check`` gets the statement's rows then, before anything that was sent with it is used, and may raise.
        """
        self._deferred.append((statement, values, check))

    async def run(self, statement: str, values: Values | None = None) -> int:
        """Run a statement; returns how many rows it touched."""
        return (await self._execute(statement, values)).rowcount

    async def rows(self, query: str, values: Values | None = None) -> Sequence[Row]:
        """All rows."""
        return await (await self._execute(query, values)).fetchall()

    async def _execute(self, statement: str, values: Values | None) -> psycopg.AsyncCursor[Row]:
        if not self._deferred:
            return await self._raw.execute(statement, values)
        (cursor,) = await self._send_with_deferred((statement, values))
        return cursor

    async def rows_of(self, *queries: tuple[str, Values]) -> list[Sequence[Row]]:
        """All rows of each query, asked in one round trip."""
        return [await cursor.fetchall() for cursor in await self._send_with_deferred(*queries)]

    async def send_checked(self) -> None:
        """Send what was deferred with a check: before a commit, and not together with it."""
        if any(check is not None for _, _, check in self._deferred):
            await self._send_with_deferred()

    async def _send_with_deferred(self, *statements: tuple[str, Values | None]) -> list[psycopg.AsyncCursor[Row]]:
        deferred, self._deferred = self._deferred, []
        try:
            async with self._raw.pipeline():
                before = [(await self._raw.execute(statement, values), check) for statement, values, check in deferred]
                cursors = [await self._raw.execute(*each) for each in statements]
        except BaseException:
            self._raw.may_miss_statements = True
            raise
        for cursor, check in before:
            if check is not None:
                rows = await cursor.fetchall()
                self.checks_hold = False
                check(rows)
                self.checks_hold = True
        return cursors

    async def row(self, query: str, values: Values | None = None) -> Row | None:
        """The only row, or None.

        Raises:
            ValueError: there are several.
        """
        rows = await self.rows(query, values)
        if len(rows) > 1:
            raise ValueError(f"{len(rows)} rows where one was asked for")
        return rows[0] if rows else None

    async def one(self, query: str, values: Values | None = None) -> Row:
        """The only row.

        Raises:
            ValueError: there is none, or several.
        """
        (row,) = await self.rows(query, values)
        return row

    async def values(self, query: str, values: Values | None = None) -> Sequence[Any]:
        """The first column of all rows."""
        return [row[0] for row in await self.rows(query, values)]

    async def value(self, query: str, values: Values | None = None) -> Any:
        """The first column of the only row, or None."""
        row = await self.row(query, values)
        return None if row is None else row[0]


class Measure(Protocol):
    """Shows a number: a gauge of `slrt_kit.metrics`."""

    def set(self, value: float) -> None: ...


class ReadSession(Connection):
    """A connection that may only read: PostgreSQL itself refuses a write on it."""


class Connections(Protocol):
    """Lends connections."""

    async def take(self) -> BoundedConnection: ...

    async def give_back(self, raw: BoundedConnection) -> None:
        """Whatever is under way on it is rolled back."""


class UnitOfWork:
    """One transaction. Leaving the block without ``commit()`` rolls everything back.

    It carries the clock, the id maker and what caused the work, so that a store needs nothing else to write events.
    ``recorded`` are the events that were put into the outbox, each with its type; ``actor`` is on whose behalf the
    work is done: None is the service's own.
    """

    def __init__(self, pool: "Connections", *, clock: Clock, new_id: NewId, causation_id: EventId | None) -> None:
        self._pool = pool
        self._raw: BoundedConnection | None = None
        self._connection: Connection | None = None
        self.clock = clock
        self.new_id = new_id
        self.causation_id = causation_id
        self.recorded: list[tuple[EventId, str]] = []
        self.actor: Actor | None = None
        self._last: dict[WriteLast, list[Any]] = {}
        self.committed = False

    @property
    def connection(self) -> Connection:
        """The open connection; only between entering and leaving."""
        if self._connection is None:
            raise RuntimeError("the unit of work is not open")
        return self._connection

    async def __aenter__(self) -> Self:
        self._raw = await self._pool.take()
        self._connection = Connection(self._raw)
        self._connection.defer("BEGIN")
        return self

    def write_last(self, write: WriteLast, things: Iterable[Any]) -> None:
        """Have ``write(connection, things)`` called once, with all that it was given in this unit, before the commit.

        For what takes locks: those who take theirs last, and all at once in one order, never wait for one another in
        a circle, and hold them for the length of a commit.
        """
        self._last.setdefault(write, []).extend(things)

    def settle(self) -> None:
        """Do what was to be done last, before a look at all that the unit has written."""
        last, self._last = self._last, {}
        for write, things in last.items():
            write(self.connection, things)

    async def commit(self) -> None:
        """Make it durable. Returns after PostgreSQL has flushed the commit."""
        connection = self.connection
        # PostgreSQL would answer the COMMIT with a ROLLBACK, and we would promise what is not there.
        failed = self._raw is not None and self._raw.info.transaction_status == TransactionStatus.INERROR
        if failed or not connection.checks_hold:
            raise RuntimeError("a statement of this unit of work has failed: it cannot be committed")
        self.settle()
        await connection.send_checked()
        await connection.run("COMMIT")
        self.committed = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raw, self._raw, self._connection = self._raw, None, None
        if raw is not None:
            await self._pool.give_back(raw)


class Database:
    """The service's own database: units of work, read sessions, and the connections under them."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        clock: Clock | None = None,
        new_id: NewId = new_uuid7,
        pool: str = "api",
        answer_within: float = ANSWER_WITHIN_S,
    ) -> None:
        """``pool_size`` is the most connections that write; at most half as many more only read.

        A statement that has no answer within ``answer_within`` seconds has failed, and its connection is given up.

        ``pool`` says in metrics whose connections they are: ``api`` or ``worker``.
        """
        self.clock = clock or SystemClock()
        self.new_id = new_id
        self.url = url
        self.when_events_committed: list[Callable[[], None]] = []
        self.own_backlog: list[tuple[Measure, str]] = []
        self._writers = _Pool(url, pool_size, read_only=False, name=pool, answer_within=answer_within)
        readers = max(pool_size // 2, 1)
        self._readers = _Pool(url, readers, read_only=True, name=pool, answer_within=answer_within)

    @asynccontextmanager
    async def unit_of_work(self, *, causation_id: EventId | None = None) -> AsyncIterator[UnitOfWork]:
        """A transaction for one command or one received event."""
        work = UnitOfWork(self._writers, clock=self.clock, new_id=self.new_id, causation_id=causation_id)
        async with work:
            yield work
        if work.committed and work.recorded:
            self.events_committed()

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Connection]:
        """For one statement that writes and is a transaction by itself: it takes one round trip.

        Whoever puts events into the outbox this way calls `events_committed` afterwards.
        """
        raw = await self._writers.take()
        try:
            yield Connection(raw)
        finally:
            await self._writers.give_back(raw)

    def events_committed(self) -> None:
        """Let those know who wait for events: the relay, where it runs in this process, and streams."""
        for tell in self.when_events_committed:
            tell()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """For one query: it is a transaction by itself, and so takes one round trip."""
        raw = await self._readers.take()
        try:
            yield ReadSession(raw)
        finally:
            await self._readers.give_back(raw)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSession]:
        """For several queries that must fit together: all see the database as it is at the first one."""
        async with self.read() as session:
            await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            yield session

    async def close(self) -> None:
        """Close the connections."""
        await self._writers.close()
        await self._readers.close()


class _Pool:
    """At most ``size`` connections, made when they are needed and kept.

    While PostgreSQL is away everybody is told so at once, and the first who comes after it is back is served: the
    pools that we know keep their callers waiting for a connection that they retry in the background.
    """

    def __init__(self, url: str, size: int, *, read_only: bool, name: str, answer_within: float) -> None:
        self._url = url
        self._answer_within = answer_within
        self._read_only = read_only
        self._free = asyncio.Semaphore(size)
        self._in_use = metrics.DATABASE_IN_USE.labels(name, "read" if read_only else "write")
        metrics.DATABASE_LIMIT.labels(name, "read" if read_only else "write").set(size)
        self._idle: list[BoundedConnection] = []
        self._closed = False

    async def take(self) -> BoundedConnection:
        """Raises OperationalError: PostgreSQL is away, or no connection was given back for `POOL_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(POOL_TIMEOUT_S):
                await self._free.acquire()
        except TimeoutError as error:
            metrics.REFUSALS.labels("connections").inc()
            raise NoConnectionFreeError from error
        self._in_use.inc()
        try:
            while self._idle:
                raw = self._idle.pop()
                if _is_still_there(raw):
                    return raw
                await raw.close()
            return await self._connect()
        except BaseException:
            self._release()
            raise

    async def give_back(self, raw: BoundedConnection) -> None:
        """Whatever is under way on the connection is rolled back."""
        try:
            if raw.info.transaction_status != TransactionStatus.IDLE:
                await raw.rollback()
                raw.may_miss_statements = False
            elif raw.may_miss_statements:
                await raw.close()
        except psycopg.Error:
            await raw.close()
        except BaseException:
            await raw.close()
            raise
        finally:
            if raw.fell_silent:
                # Those that rest go the same way, and each would cost somebody the same wait. A new one shows sooner
                # whether anybody answers.
                await self._close_idle()
            if raw.closed or self._closed:
                await raw.close()
            else:
                self._idle.append(raw)
            self._release()

    def _release(self) -> None:
        self._in_use.dec()
        self._free.release()

    async def _connect(self) -> BoundedConnection:
        settings: dict[str, object] = {
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        }
        if self._read_only:
            settings["default_transaction_read_only"] = "on"
        # Transactions are begun and ended by name.
        return await open_connection(
            self._url,
            answer_within=self._answer_within,
            settings=settings,
            prepare_threshold=2,
            row_factory=namedtuple_row,
        )

    async def close(self) -> None:
        self._closed = True
        await self._close_idle()

    async def _close_idle(self) -> None:
        while self._idle:
            await self._idle.pop().close()


def _is_still_there(raw: psycopg.AsyncConnection[Row]) -> bool:
    """Whether PostgreSQL still holds the connection, which a restart, for one, ends while nobody looks.

    Where nothing is under way there is nothing to read, unless the server has said farewell or the socket is at its
    end. Looking at the socket costs microseconds; asking the server costs a round trip each time.
    """
    if raw.closed:
        return False
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    return not poll.poll(0)
