"""Open units of work on the service's own PostgreSQL: one transaction each, committed by name or rolled back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, NewType, Self

from sqlalchemy import URL, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from slrt_contracts.types import EventId
from slrt_kit.clock import Clock, NewId, SystemClock, new_uuid7

ReadSession = NewType("ReadSession", AsyncConnection)
"""A connection in a read-only transaction: PostgreSQL itself refuses a write on it."""

CONNECT_TIMEOUT_S = 3
POOL_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000

DATABASE_DOWN = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, ConnectionError)
"""What SQLAlchemy raises when the database is away, refuses, or has no connection free: transient, by definition."""


class StaleVersionError(Exception):
    """A compare-and-set found another version: somebody else changed the row since it was loaded."""


def sqlalchemy_url(url: str) -> URL:
    """The given ``postgresql://`` address with the psycopg driver named."""
    return make_url(url).set(drivername="postgresql+psycopg")


class UnitOfWork:
    """One transaction. Leaving the block without ``commit()`` rolls everything back.

    It carries the clock, the id maker and what caused the work, so that a store needs nothing else to write events.
    """

    def __init__(self, engine: AsyncEngine, *, clock: Clock, new_id: NewId, causation_id: EventId | None) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._committed = False
        self.clock = clock
        self.new_id = new_id
        self.causation_id = causation_id
        self.recorded_events = 0

    @property
    def connection(self) -> AsyncConnection:
        """The open connection; only between entering and leaving."""
        if self._connection is None:
            raise RuntimeError("the unit of work is not open")
        return self._connection

    async def __aenter__(self) -> Self:
        self._connection = await self._engine.connect()
        return self

    async def commit(self) -> None:
        """Make it durable. Returns after PostgreSQL has flushed the commit."""
        await self.connection.commit()
        self._committed = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self.connection, None
        # Closing hands the connection back to the pool, which rolls back what was not committed.
        await connection.close()


class Database:
    """The service's own database: a pool, units of work, read sessions."""

    def __init__(self, url: str, *, pool_size: int = 10, clock: Clock | None = None, new_id: NewId = new_uuid7) -> None:
        self.clock = clock or SystemClock()
        self.new_id = new_id
        self.url = url
        self.on_events_committed: Any = None
        self._engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            # After a restart of PostgreSQL every pooled connection is dead: notice it before the work, not in it.
            pool_pre_ping=True,
            # Errors are logged and traced; the values of a statement are people's names and numbers.
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "prepare_threshold": 2,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
                f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} -c timezone=UTC",
            },
        )

    @asynccontextmanager
    async def unit_of_work(self, *, causation_id: EventId | None = None) -> AsyncIterator[UnitOfWork]:
        """A transaction for one command or one received event."""
        work = UnitOfWork(self._engine, clock=self.clock, new_id=self.new_id, causation_id=causation_id)
        async with work:
            yield work
        if work._committed and work.recorded_events and self.on_events_committed is not None:
            self.on_events_committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A read-only transaction."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SET TRANSACTION READ ONLY"))
            yield ReadSession(connection)

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()
