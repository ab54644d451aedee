"""A database in memory with the backbone's tables: transactions, row locks, unique keys and identity numbers.

It keeps what PostgreSQL promises at READ COMMITTED to the statements of `slrt_kit.inbox`, `slrt_kit.outbox_queue` and
a service's compare-and-set, each of which is a method here. ``tests/integration/kit/test_stores.py`` asks it and
PostgreSQL the same.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from aiokafka import TopicPartition

from slrt_contracts.types import EventId
from slrt_kit.clock import Clock, NewId
from slrt_kit.db import Database, StaleVersionError
from slrt_kit.inbox import Inbox, ParkedEvent, RawEvent
from slrt_kit.outbox_queue import PendingRow

_LOCK_TIMEOUT_S = 5.0
Key = Any
Row = Any


class Disk:
    """What goes on between a process and its database: nothing, here. The simulation overrides it."""

    async def hop(self) -> None:
        """One way between process and database; may wait, or raise what psycopg raises."""
        await asyncio.sleep(0)


@dataclass
class Tables:
    """What is committed."""

    outbox: dict[int, Row] = field(default_factory=dict)
    archive: dict[int, Row] = field(default_factory=dict)
    published: dict[TopicPartition, int] = field(default_factory=dict)
    inbox: dict[tuple[str, UUID], bool] = field(default_factory=dict)
    parked: dict[int, Row] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    effects: dict[int, Row] = field(default_factory=dict)


class Server:
    """One PostgreSQL server with one database, which processes come and go from."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.locks: dict[Key, Transaction] = {}
        self.leader: Session | None = None
        self.numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self.open: list[Transaction | Session] = []

    def disconnect(self, disk: Disk) -> None:
        """End the connections that came this way: transactions are rolled back, the lead is free."""
        for each in [each for each in self.open if each.disk is disk]:
            each.end()


@dataclass
class Parked:
    """A row of ``parked``."""

    id: int
    consumer: str
    event_id: UUID
    raw: RawEvent
    reason: str
    next_attempt_at: datetime
    attempts: int = 0
    leased_until: datetime | None = None


class Transaction:
    """Stands where a `slrt_kit.db.Connection` stands. Others see what it writes when it has committed."""

    def __init__(self, server: Server, disk: Disk) -> None:
        self._server = server
        self.disk = disk
        self._changes: dict[str, dict[Key, Row | None]] = defaultdict(dict)
        self._over = asyncio.Event()
        self.broken = False
        server.open.append(self)

    async def hop(self) -> None:
        """One way; a connection that broke stays broken, and what it held is rolled back."""
        try:
            await self.disk.hop()
        except BaseException:
            self.end()
            raise
        if self.broken:
            raise psycopg.OperationalError("the connection is lost")

    def seen(self, table: str) -> dict[Key, Row]:
        """A table as this transaction sees it at this moment."""
        rows = {**getattr(self._server.tables, table), **self._changes[table]}
        return {key: row for key, row in rows.items() if row is not None}

    def has(self, table: str, key: Key) -> bool:
        """Whether this transaction sees a row."""
        changed = self._changes[table]
        return changed[key] is not None if key in changed else key in getattr(self._server.tables, table)

    def write(self, table: str, key: Key, row: Row | None) -> None:
        """Write (None: delete) a row whose lock is held."""
        self._changes[table][key] = row

    def next_number(self, name: str) -> int:
        """The next value of an identity: never given twice, and never given back."""
        return next(self._server.numbers[name])

    async def lock(self, *key: Key) -> None:
        """Lock a row or a unique key until the end; waits for whoever has it."""
        locks = self._server.locks
        try:
            async with asyncio.timeout(_LOCK_TIMEOUT_S):
                while (holder := locks.get(key)) not in (None, self):
                    await holder._over.wait()  # type: ignore[union-attr]
        except TimeoutError as error:
            self.end()
            raise psycopg.errors.DeadlockDetected from error
        except BaseException:
            self.end()
            raise
        if self.broken:
            raise psycopg.OperationalError("the connection is lost")
        locks[key] = self

    def locked_by_another(self, *key: Key) -> bool:
        """Whether somebody else holds a lock."""
        return self._server.locks.get(key) not in (None, self)

    def commit(self) -> None:
        """At once and as a whole."""
        for table, rows in self._changes.items():
            committed = getattr(self._server.tables, table)
            for key, row in rows.items():
                if row is None:
                    committed.pop(key, None)
                else:
                    committed[key] = row
        self.end()

    def end(self) -> None:
        """Let go of everything."""
        if not self.broken:
            self._server.open.remove(self)
        self.broken = True
        self._changes = defaultdict(dict)
        for key in [key for key, holder in self._server.locks.items() if holder is self]:
            del self._server.locks[key]
        self._over.set()

    async def compare_and_set(self, key: str, version: int) -> None:
        """Raises StaleVersionError: the aggregate is not at ``version - 1`` (any more)."""
        await self.hop()
        await self.lock("version", key)
        if self.seen("versions").get(key, 0) != version - 1:
            raise StaleVersionError(key)
        self.write("versions", key, version)
        await self.hop()

    async def add_events(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The rows that `Outbox.rows` makes, as pending ones.

        Raises:
            psycopg.errors.UniqueViolation: the key has that sequence already.
        """
        await self.hop()
        for row in rows:
            place = (row["topic"], row["partition_key"], row["key_sequence"])
            seq = self.next_number("outbox")
            await self.lock("outbox", place)
            if any(each["place"] == place for each in self.seen("outbox").values()):
                raise psycopg.errors.UniqueViolation
            self.write("outbox", seq, {**row, "seq": seq, "place": place})
        await self.hop()

    async def note_effect(self, effect: Row) -> None:
        """A row that nothing keeps single: what is applied twice shows."""
        await self.hop()
        self.write("effects", self.next_number("effects"), effect)
        await self.hop()


@dataclass
class Work:
    """Stands where a `slrt_kit.db.UnitOfWork` stands."""

    connection: Transaction
    clock: Clock
    new_id: NewId
    causation_id: EventId | None = None
    recorded: list[tuple[EventId, str]] = field(default_factory=list)
    committed: bool = False

    async def commit(self) -> None:
        """Durable when it returns; when it raises, nobody knows."""
        await self.connection.hop()
        self.connection.commit()
        self.committed = True
        await self.connection.disk.hop()  # the answer can get lost after the server has done it


class MemoryDatabase(Database):
    """A process's view of a server."""

    def __init__(self, server: Server, disk: Disk, *, clock: Clock, new_id: NewId) -> None:
        self.clock = clock
        self.new_id = new_id
        self.when_events_committed: list[Callable[[], None]] = []
        self._server = server
        self._disk = disk

    @asynccontextmanager
    async def unit_of_work(self, *, causation_id: EventId | None = None) -> AsyncIterator[Any]:
        """See `Database`."""
        work = Work(Transaction(self._server, self._disk), self.clock, self.new_id, causation_id)
        try:
            yield work
        finally:
            work.connection.end()
        if work.committed and work.recorded:
            self.events_committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        """See `Database`."""
        transaction = Transaction(self._server, self._disk)
        try:
            yield transaction
        finally:
            transaction.end()


class MemoryInbox(Inbox):
    """The statements of `Inbox`, on a `Transaction`."""

    async def seen(self, connection: Any, event_id: UUID, raw: RawEvent) -> bool:
        await connection.hop()
        found = connection.has("inbox", (self._consumer, event_id)) or bool(self._waiting(connection, raw))
        await connection.hop()
        return found

    async def claim(self, connection: Any, event_id: UUID, raw: RawEvent) -> str:
        await connection.hop()
        handled = connection.has("inbox", (self._consumer, event_id))
        waiting = self._waiting(connection, raw)
        claimed = not waiting and await self._insert(connection, event_id)
        await connection.hop()
        if waiting and not handled:
            return "duplicate" if any(row.event_id == event_id for row in waiting) else "behind"
        return "claimed" if claimed else "duplicate"

    async def handled(self, connection: Any, event_ids: Sequence[UUID]) -> set[UUID] | None:
        await connection.hop()
        found = {each for each in event_ids if connection.has("inbox", (self._consumer, each))}
        parked = self._all_parked(connection)
        await connection.hop()
        return None if parked else found

    async def claim_many(self, connection: Any, event_ids: Sequence[UUID]) -> set[UUID] | None:
        await connection.hop()
        if self._all_parked(connection):
            await connection.hop()
            return None
        claimed = {each for each in sorted(event_ids) if await self._insert(connection, each)}
        await connection.hop()
        return claimed

    async def claim_parked(self, connection: Any, parked: ParkedEvent) -> bool:
        await connection.hop()
        claimed = await self._insert(connection, parked.event_id)
        await connection.lock("parked", parked.id)
        connection.write("parked", parked.id, None)
        await connection.hop()
        return claimed

    async def park(self, connection: Any, event_id: UUID, raw: RawEvent, *, reason: str, until: datetime) -> None:
        await connection.hop()
        number = connection.next_number("parked")
        await connection.lock("parked event", self._consumer, event_id)
        if not any(row.event_id == event_id for row in self._all_parked(connection)):
            row = Parked(number, self._consumer, event_id, raw, reason, until)
            connection.write("parked", number, row)
        await connection.hop()

    async def take_due(self, connection: Any, now: datetime, *, until: datetime) -> ParkedEvent | None:
        await connection.hop()
        found = None
        firsts: dict[tuple[str, str], Parked] = {}
        for row in sorted(self._all_parked(connection), key=lambda row: row.id):
            firsts.setdefault((row.raw.topic, row.raw.key), row)
        for row in sorted(firsts.values(), key=lambda row: (row.next_attempt_at, row.id)):
            free = row.leased_until is None or row.leased_until <= now
            if row.next_attempt_at <= now and free and not connection.locked_by_another("parked", row.id):
                await connection.lock("parked", row.id)
                connection.write("parked", row.id, replace(row, leased_until=until))
                found = ParkedEvent(row.id, row.event_id, row.raw, row.reason, row.attempts, now)
                break
        await connection.hop()
        return found

    async def postpone(self, connection: Any, parked: ParkedEvent, *, reason: str, until: datetime) -> None:
        await connection.hop()
        await connection.lock("parked", parked.id)
        row = connection.seen("parked").get(parked.id)
        if row is not None:
            changed = replace(row, attempts=row.attempts + 1, next_attempt_at=until, reason=reason, leased_until=None)
            connection.write("parked", parked.id, changed)
        await connection.hop()

    async def was_handled(self, connection: Any, event_id: UUID) -> bool:
        await connection.hop()
        return bool(connection.has("inbox", (self._consumer, event_id)))

    async def skip(self, connection: Any, event_id: UUID) -> bool:
        await connection.hop()
        for row in self._all_parked(connection):
            if row.event_id == event_id:
                await connection.lock("parked", row.id)
                if not connection.has("parked", row.id):
                    return False
                connection.write("parked", row.id, None)
                await self._insert(connection, event_id)
                return True
        return False

    async def parked_count(self, connection: Any) -> int:
        await connection.hop()
        return len(self._all_parked(connection))

    def _all_parked(self, connection: Transaction) -> list[Parked]:
        return [row for row in connection.seen("parked").values() if row.consumer == self._consumer]

    def _waiting(self, connection: Transaction, raw: RawEvent) -> list[Parked]:
        place = (raw.topic, raw.key)
        return [row for row in self._all_parked(connection) if (row.raw.topic, row.raw.key) == place]

    async def _insert(self, connection: Transaction, event_id: UUID) -> bool:
        """``INSERT … ON CONFLICT DO NOTHING``: waits for whoever inserts the same."""
        key = (self._consumer, event_id)
        await connection.lock("inbox", key)
        if connection.has("inbox", key):
            return False
        connection.write("inbox", key, True)
        return True


class MemoryOutboxQueue:
    """A process's view of a server's outbox; see `slrt_kit.outbox_queue`."""

    def __init__(self, server: Server, disk: Disk) -> None:
        self._server = server
        self._disk = disk

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """See `OutboxQueue`."""
        await self._disk.hop()
        session = Session(self._server, self._disk)
        try:
            yield session
        finally:
            session.end()


class Session:
    """See `slrt_kit.outbox_queue.QueueSession`. Every statement is a transaction."""

    def __init__(self, server: Server, disk: Disk) -> None:
        self._server = server
        self.disk = disk
        self._ended = False
        server.open.append(self)

    def end(self) -> None:
        """The connection is gone, and with it the lead."""
        if not self._ended:
            self._server.open.remove(self)
        self._ended = True
        if self._server.leader is self:
            self._server.leader = None

    async def try_to_lead(self) -> bool:
        async with self._statement():
            if self._server.leader is None:
                self._server.leader = self
            return self._server.leader is self

    async def fetch(self, limit: int, *, without: Sequence[int] = ()) -> list[PendingRow]:
        async with self._statement() as tables:
            waiting = [each for each in sorted(tables.outbox.items()) if each[0] not in without]
            return [
                PendingRow(seq, row["topic"], row["partition_key"], row["headers"], row["payload"].encode())
                for seq, row in waiting[:limit]
            ]

    async def archive(self, published: Sequence[int], last_offsets: Mapping[TopicPartition, int]) -> None:
        async with self._statement() as tables:
            for seq in published:
                if seq in tables.outbox:
                    tables.archive[seq] = tables.outbox.pop(seq)
            for place, offset in last_offsets.items():
                tables.published[place] = max(tables.published.get(place, -1), offset)

    async def last_offsets(self) -> dict[TopicPartition, int]:
        async with self._statement() as tables:
            return dict(tables.published)

    async def refill(self, topics: Collection[str]) -> int:
        async with self._statement() as tables:
            for place in [each for each in tables.published if each.topic in topics]:
                del tables.published[place]
            return put_back(tables, topics)

    async def keep_house(self, *, today: date, days: int) -> None:
        """Partitions are none of its business."""

    def _must_be_there(self) -> None:
        if self._ended:
            raise psycopg.OperationalError("the connection is lost")

    @asynccontextmanager
    async def _statement(self) -> AsyncIterator[Tables]:
        try:
            await self.disk.hop()
            self._must_be_there()
            yield self._server.tables
            await self.disk.hop()
        except BaseException:
            self.end()
            raise


def put_back(tables: Tables, topics: Collection[str]) -> int:
    """`slrt_kit.archive.put_back`."""
    again = [seq for seq, row in tables.archive.items() if row["topic"] in topics]
    for seq in again:
        tables.outbox[seq] = tables.archive.pop(seq)
    return len(again)
