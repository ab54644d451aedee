"""Make a projection's table anew from the topics, beside the one that is in use, and put it in its place."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.rows import namedtuple_row

from slrt_kit.connecting import BoundedConnection, open_connection
from slrt_kit.db import DATABASE_DOWN, Connection, Database
from slrt_kit.messaging.connection import BrokerAccess
from slrt_kit.messaging.handlers import Projection
from slrt_kit.operate.console import RefusedError
from slrt_kit.operate.log_reader import LogReader
from slrt_kit.operate.replay import OneConnection, Replay
from slrt_kit.operate.shadow import Carried, Comparison, Shadow

HOLD_S = 2.5
"""How long whoever writes to the table may be kept waiting at a time: less than a pool lets its callers wait."""

_LOCK_TIMEOUT_MS = 200  # whoever reads may queue up behind us for so long
_VACUUM_TIMEOUT_MS = 3000
_TRY_FOR_S = 60.0
_PAUSE_S = 0.5
_LITTLE = 1000
_ROUNDS = 20
_MOST_WAITING = 100_000
_POLL_S = 0.005
_UNREAD_POLLS = 100
# Two tables are joined whole. To compile a statement takes a second or two, for which writers would wait.
_SESSION = {"application_name": "slrt-rebuild", "statement_timeout": 0, "work_mem": "64MB", "jit": "off"}
_LONG_S = 6 * 3600.0  # for one statement over a whole table

_LEAD = "SELECT pg_try_advisory_lock(hashtext(%(name)s))"
# Those that wait for a lock wait for ours: their next statement sees what we have done.
_SNAPSHOTS = """
    SELECT pid, xact_start FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL(%(ours)s)
      AND backend_xmin IS NOT NULL AND wait_event_type IS DISTINCT FROM 'Lock'
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A projection of a service."""

    projection: str
    consumer: str
    topics: str
    event_types: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild read, kept and found. ``writers_waited`` is in seconds; None when nothing was replaced.

    ``events`` were applied; ``unreadable`` ones are those that go to the dead letters; ``left_out`` ones the consumer
    has parked, or an operator has let go of, and they still cannot be applied.
    """

    projection: str
    events: int
    unreadable: int
    left_out: int
    carried: Carried
    comparison: Comparison
    writers_waited: float | None

    def flat(self) -> dict[str, Any]:
        """All of it by name, on one level."""
        return {
            "projection": self.projection,
            "replaced": self.writers_waited is not None,
            "events": self.events,
            "unreadable": self.unreadable,
            "left_out": self.left_out,
            **{f"carried_{why}": count for why, count in asdict(self.carried).items()},
            **asdict(self.comparison),
            "writers_waited": self.writers_waited,
        }


async def kept(database: Database, projections: Sequence[Projection]) -> list[Kept]:
    """The projections with the rows that their tables have now."""
    async with database.read() as session:
        return [
            Kept(
                projection=each.table.name,
                consumer=each.consumer,
                topics=" ".join(sorted(each.all_topics)),
                event_types=len(each.topics),
                rows=await session.value(f'SELECT count(*) FROM public."{each.table.name}"'),  # noqa: S608 — checked
            )
            for each in projections
        ]


async def rebuild(
    database_url: str,
    access: BrokerAccess | str,
    projection: Projection,
    *,
    dry_run: bool,
    hold: float = HOLD_S,
) -> Rebuilt:
    """Make the table anew from what the topics hold, compare, and put it in the place of the one that is there.

    Everybody may read and write all the while; at the end those who write to it, and the service's consumers, wait for
    at most ``hold`` seconds, several times if need be. With ``dry_run`` it ends after comparing. Whatever happens, the
    table is the old one or the new one, and the new one has all that the old one had and that may be true.

    Raises:
        RefusedError: it cannot be done; nothing has changed.
        aiokafka.errors.KafkaError, and what `slrt_kit.db.DATABASE_DOWN` holds: a part is away; nothing has changed.
    """
    shadow = Shadow(projection)
    async with await _open(database_url, search_path=f"{shadow.schema},public") as raw:
        connection = Connection(raw)
        if not await connection.value(_LEAD, {"name": f"slrt-{shadow.schema}"}):
            raise RefusedError(f"a rebuild of {projection.table.name} is under way already")
        session = OneConnection(raw)
        try:
            async with session.unit_of_work() as work:
                await shadow.make(work.connection)
                await work.commit()
            try:
                async with LogReader(access, projection.all_topics) as reader:
                    one = _Rebuild(projection, shadow, reader, session, connection)
                    return await one.run(database_url, hold=None if dry_run else hold)
            finally:
                if not raw.closed:
                    await shadow.drop(connection)
        except DATABASE_DOWN:
            raise
        except psycopg.Error as error:
            said = error.diag.message_primary or type(error).__name__
            raise RefusedError(f"PostgreSQL refuses: {said}; {projection.table.name} is as it was") from error


async def _open(url: str, **settings: object) -> BoundedConnection:
    return await open_connection(
        url,
        answer_within=_LONG_S,
        settings=_SESSION | settings,
        prepare_threshold=None,
        row_factory=namedtuple_row,
    )


class _Rebuild:
    """One run. ``session`` and ``connection`` are of the same connection, on which all but the last step happens."""

    def __init__(
        self,
        projection: Projection,
        shadow: Shadow,
        reader: LogReader,
        session: OneConnection,
        connection: Connection,
    ) -> None:
        self._projection = projection
        self._shadow = shadow
        self._reader = reader
        self._session = session
        self._connection = connection
        self._replay = Replay(projection, shadow, reader, session)

    async def run(self, database_url: str, *, hold: float | None) -> Rebuilt:
        """With ``hold`` None nothing is replaced."""
        await self._replay.catch_up()
        # In this order: what the consumer had applied when the rows were noted is read afterwards at the latest.
        await self._shadow.note_untold(self._connection)
        await self._replay.catch_up()
        carried = await self._shadow.carry(self._connection, self._bounds())
        await self._shadow.finish(self._connection)
        comparison = await self._shadow.compare(self._connection)
        waited = None if hold is None else await self._replace(database_url, hold)
        return Rebuilt(
            projection=self._projection.table.name,
            events=self._replay.applied,
            unreadable=self._replay.unreadable,
            left_out=self._replay.left_out,
            carried=carried,
            comparison=comparison,
            writers_waited=waited,
        )

    def _bounds(self) -> dict[str, datetime | None]:
        log = self._reader.log
        since = {topic: log.holds_all_since(topic) for topic in self._projection.all_topics}
        bounds: dict[str, datetime | None] = {}
        for name, topics in self._projection.topics.items():
            # A twin for restricted cases may well have nothing on it, and then says nothing of the other.
            used = [since[topic] for topic in topics if not log.was_never_used(topic)]
            known = [time for time in used if time is not None]
            bounds[name] = max(known) if known and len(known) == len(used) else None
        return bounds

    async def _replace(self, database_url: str, hold: float) -> float:
        """Put the shadow in the table's place; returns for how many seconds writers waited."""
        for _ in range(_ROUNDS):
            if await self._replay.catch_up() < _LITTLE:
                break
        self._replay.latest.clear()
        waiting = await self._shadow.note_waiting(self._connection)
        if waiting > _MOST_WAITING:
            raise RefusedError(f"{self._projection.consumer} is {waiting} events behind: let it catch up first")
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + _TRY_FOR_S
        async with await _open(database_url) as raw:
            while True:
                await self._replay.catch_up()
                try:
                    return await self._try_to_replace(raw, hold)
                except (LockNotAvailable, DeadlockDetected, TimeoutError) as error:
                    if loop.time() > give_up_at:
                        table, name = self._projection.table.name, type(error).__name__
                        raise RefusedError(
                            f"for {_TRY_FOR_S:.0f} s there was no moment to replace {table} in ({name}): a long "
                            "transaction or a dump holds it; it is as it was"
                        ) from error
                await asyncio.sleep(_PAUSE_S)

    async def _try_to_replace(self, raw: BoundedConnection, hold: float) -> float:
        """Returns for how many seconds writers waited."""
        loop = asyncio.get_running_loop()
        async with OneConnection(raw).unit_of_work() as work:
            # Nobody else waits behind this.
            work.connection.defer(f"SET LOCAL lock_timeout = {_VACUUM_TIMEOUT_MS}")
            await self._shadow.keep_vacuum_away(work.connection)
            work.connection.defer(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
            began = loop.time()
            async with asyncio.timeout(hold):
                await self._shadow.lock_writers(work.connection)
                # On the other connection: what would be committed with the replacement alone, somebody who sees the
                # database as it was a moment ago would find missing in the new table.
                await self._replay.catch_up()
                async with self._session.unit_of_work() as late:
                    await self._shadow.carry_late(late.connection, self._bounds())
                    await late.commit()
                ours = [raw.info.backend_pid, self._session.pid]
                await self._older_snapshots_end(ours)
                await self._readers_end(ours)
                await self._shadow.swap(work.connection, self._replay.latest)
            await work.commit()
            return loop.time() - began

    async def _older_snapshots_end(self, ours: Sequence[int]) -> None:
        """Wait for those who see the database as it was before the last rows came into the shadow."""

        async def open_ones() -> set[tuple[int, datetime]]:
            rows = await self._connection.rows(_SNAPSHOTS, {"ours": list(ours)})
            return {(row.pid, row.xact_start) for row in rows}

        older = await open_ones()
        while older:
            await asyncio.sleep(_POLL_S)
            older &= await open_ones()

    async def _readers_end(self, ours: Sequence[int]) -> None:
        """Wait a while for a moment when nobody reads the table.

        Whoever comes while we wait for the lock itself waits behind us; and one that has read and then writes, while
        we wait for it, would be told of a deadlock.
        """
        for _ in range(_UNREAD_POLLS):
            if not await self._shadow.is_held(self._connection, but=ours):
                return
            await asyncio.sleep(_POLL_S)
