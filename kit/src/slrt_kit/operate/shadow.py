"""The shadow of a projection's table: made beside it in a schema of its own, filled, compared, and put in its place.

All that has to do with it is in that schema: what a rebuild that was killed leaves behind is the schema, and the next
one drops it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from slrt_kit.db import Connection
from slrt_kit.messaging.handlers import Projection
from slrt_kit.operate import shadow_definition as definition
from slrt_kit.operate.console import RefusedError

MARK = "slrt: a projection is made anew in here"

_WATERMARK = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS xid) AS text)"
_CLAIM = """
    INSERT INTO {seen} (event_id) SELECT unnest(CAST(%(ids)s AS uuid[])) ON CONFLICT DO NOTHING RETURNING event_id
    """
# What the transaction has done so far, by table.
_WRITTEN_ELSEWHERE = """
    SELECT CAST(CAST(relid AS regclass) AS text) FROM pg_stat_xact_user_tables
    WHERE schemaname <> %(schema)s AND n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1
    """
_STANDING = """
    SELECT CASE
        WHEN EXISTS (SELECT FROM public.parked WHERE consumer = %(consumer)s AND event_id = %(event_id)s) THEN 'parked'
        WHEN EXISTS (SELECT FROM {live} WHERE {event_id} = %(event_id)s) THEN 'applied'
        WHEN EXISTS (SELECT FROM public.inbox WHERE consumer = %(consumer)s AND event_id = %(event_id)s)
            THEN 'let go of'
        ELSE 'not reached'
    END
    """
# Why a row that the topics did not give is true all the same; null where it is not. Any consumer's inbox tells that
# an event was there once. Comparisons with what is null must carry the row.
_WHY = """
    CASE
        WHEN (t.{event_type} = ANY(%(types)s)) IS NOT TRUE THEN 'own'
        WHEN EXISTS (SELECT FROM {seen} e WHERE e.event_id = t.{event_id}) THEN NULL
        WHEN EXISTS (SELECT FROM public.inbox i WHERE i.event_id = t.{event_id}) THEN 'gone'
        WHEN (t.{recorded_at} <= coalesce(CAST(CAST(%(bounds)s AS jsonb) ->> t.{event_type} AS timestamptz),
                                          'infinity')) IS NOT FALSE THEN 'unjudged'
    END
    """
_CARRY_EARLY = (
    "TRUNCATE {carried}",
    """
    INSERT INTO {carried}
    SELECT {t_key}, {why} FROM {live} t JOIN {untold} USING ({key})
    WHERE NOT EXISTS (SELECT FROM {shadow} s WHERE {same})
    """,
    "DELETE FROM {carried} WHERE why IS NULL",
    "INSERT INTO {shadow} ({columns}) SELECT {t_columns} FROM {live} t JOIN {carried} c USING ({key})",
)
_UNTOLD = """
    INSERT INTO {untold}
    SELECT {t_key} FROM {live} t WHERE NOT EXISTS (SELECT FROM {shadow} s WHERE {same})
    """
# Rows that were written since the watermark: a scan of the table, but no join of it.
_LATE = """
    INSERT INTO {late}
    SELECT {t_key}, {why} FROM {live} t WHERE age(t.xmin) <= age(CAST(%(watermark)s AS xid))
    """
_CARRY_LATE = (
    "DELETE FROM {shadow} s USING {late} t WHERE {same} AND t.why = 'own'",
    """
    INSERT INTO {shadow} ({columns})
    SELECT {t_columns} FROM {live} t JOIN {late} l USING ({key})
    WHERE l.why IS NOT NULL AND NOT EXISTS (SELECT FROM {shadow} s WHERE {same})
    """,
)
_WAITING = """
    INSERT INTO {waiting} SELECT event_id FROM {seen} s
    WHERE NOT EXISTS (SELECT FROM public.inbox i WHERE i.consumer = %(consumer)s AND i.event_id = s.event_id)
    """
# Sums of two hashes of each row: equal whatever the order, over no more than one pass, and narrow enough to join. A
# row that only one side can have yet, because the consumer has come further than the reading or the reading further
# than the consumer, says nothing of either. Nor does a number that each table draws for itself. OFFSET 0 and
# MATERIALIZED keep PostgreSQL from writing and hashing each row anew wherever its hash is asked for: that took five
# times as long.
_COMPARE = """
    WITH old AS (
        SELECT {key}, late, hashtextextended(whole, 0) AS one, hashtextextended(whole, 1) AS two
        FROM (SELECT {key}, {t_told} AS whole, age(t.xmin) <= age(CAST(%(watermark)s AS xid)) AS late
              FROM {live} t OFFSET 0) AS written
        OFFSET 0
    ), new AS (
        SELECT {key}, event, hashtextextended(whole, 0) AS one, hashtextextended(whole, 1) AS two
        FROM (SELECT {key}, {t_told} AS whole, t.{event_id} AS event FROM {shadow} t OFFSET 0) AS written
        OFFSET 0
    ), pairs AS MATERIALIZED (
        SELECT o.one AS old_one, o.two AS old_two, n.one AS new_one, n.two AS new_two,
               n.one IS NULL AND o.late AS meanwhile,
               o.one IS NULL AND NOT EXISTS (
                   SELECT FROM public.inbox i WHERE i.consumer = %(consumer)s AND i.event_id = n.event) AS ahead
        FROM old o FULL JOIN new n USING ({key})
    )
    SELECT count(old_one) FILTER (WHERE NOT meanwhile) AS old_rows, count(new_one) FILTER (WHERE NOT ahead) AS new_rows,
           md5(concat(sum(old_one) FILTER (WHERE NOT meanwhile), ' ', sum(old_two) FILTER (WHERE NOT meanwhile)))
               AS old_digest,
           md5(concat(sum(new_one) FILTER (WHERE NOT ahead), ' ', sum(new_two) FILTER (WHERE NOT ahead)))
               AS new_digest,
           count(*) FILTER (WHERE new_one IS NULL AND NOT meanwhile) AS only_old,
           count(*) FILTER (WHERE old_one IS NULL AND NOT ahead) AS only_new,
           count(*) FILTER (WHERE (old_one, old_two) <> (new_one, new_two)) AS different,
           count(*) FILTER (WHERE ahead) AS ahead
    FROM pairs
    """
_CLAIM_FOR_CONSUMER = """
    WITH claimed AS (
        INSERT INTO public.inbox (consumer, event_id)
        SELECT %(consumer)s, event_id
        FROM (SELECT event_id FROM {waiting} UNION SELECT unnest(CAST(%(latest)s AS uuid[]))) AS applied
        ORDER BY event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id
    )
    DELETE FROM public.parked p USING claimed c WHERE p.consumer = %(consumer)s AND p.event_id = c.event_id
    """
_LOCK_WRITERS = (
    # In the order in which a consumer's transaction takes them.
    "LOCK TABLE public.inbox IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE {live} IN SHARE ROW EXCLUSIVE MODE",
)
_HELD = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE relation = CAST('{live}' AS regclass) AND granted AND pid <> ALL(%(but)s)
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    """
_SWAP = ("DROP TABLE {live}", "ALTER TABLE {shadow} SET SCHEMA public", "DROP SCHEMA {schema} CASCADE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The table and its shadow. Digests do not depend on the order of rows.

    ``ahead`` are rows of events that the consumer has not applied yet; they are in neither count, nor are rows that
    came to the table since the shadow was filled.
    """

    equal: bool
    old_rows: int
    new_rows: int
    old_digest: str
    new_digest: str
    only_old: int
    only_new: int
    different: int
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Rows that the topics do not tell and that are kept.

    ``own``: of types that the projection does not take; ``gone``: of events that a consumer has handled and that are
    on the topics no more; ``unjudged``: recorded before the time since when the topics hold everything, so that nothing
    tells whether they are true.
    """

    own: int = 0
    gone: int = 0
    unjudged: int = 0


class Shadow:
    """Statements about one table and its shadow; each is given the connection that it is to run on."""

    def __init__(self, projection: Projection) -> None:
        table = projection.table
        self.schema = f"rebuild_{table.name}"
        self._projection = projection
        self._oid = 0
        self._names: dict[str, str] = {
            "schema": f'"{self.schema}"',
            "live": f'public."{table.name}"',
            "shadow": f'"{self.schema}"."{table.name}"',
            "event_id": f'"{table.event_id}"',
            "event_type": f'"{table.event_type}"',
            "recorded_at": f'"{table.recorded_at}"',
            **{name: f'"{self.schema}".rebuild_{name}' for name in ("seen", "untold", "carried", "late", "waiting")},
        }
        self._watermark = ""

    # -- making it --------------------------------------------------------------------------------------------------

    async def make(self, connection: Connection) -> None:
        """Make an empty shadow with the constraints, unique indexes and rights of the table.

        Raises:
            RefusedError: the table is not of a kind that can be replaced by another one.
        """
        live = self._names["live"]
        await definition.check(connection, live)
        await self.drop(connection)
        key, columns, drawn = await definition.columns_of(connection, live)
        self._names |= {
            "key": ", ".join(key),
            "t_key": ", ".join(f"t.{each}" for each in key),
            "same": " AND ".join(f"s.{each} = t.{each}" for each in key),
            "columns": ", ".join(columns),
            "t_columns": ", ".join(f"t.{each}" for each in columns),
            "t_told": f"CAST(ROW({', '.join(f't.{each}' for each in columns if each not in drawn)}) AS text)",
        }
        self._names["why"] = self._sql(_WHY)
        await connection.run(self._sql("CREATE SCHEMA {schema}"))
        await connection.run(self._sql("COMMENT ON SCHEMA {schema} IS '") + MARK + "'")
        await definition.copy(connection, live, self._names["shadow"])
        # Not worth the log: when PostgreSQL goes down, the rebuild ends.
        for statement in (
            "CREATE UNLOGGED TABLE {seen} (event_id uuid PRIMARY KEY)",
            "CREATE UNLOGGED TABLE {waiting} (event_id uuid)",
            "CREATE UNLOGGED TABLE {untold} AS SELECT {t_key} FROM {live} t WITH NO DATA",
            "CREATE UNLOGGED TABLE {carried} AS SELECT {t_key}, CAST(NULL AS text) AS why FROM {live} t WITH NO DATA",
            "CREATE UNLOGGED TABLE {late} AS SELECT {t_key}, CAST(NULL AS text) AS why FROM {live} t WITH NO DATA",
        ):
            await connection.run(self._sql(statement))
        self._oid = await self._shadow_oid(connection)

    async def finish(self, connection: Connection) -> None:
        """Add what is cheaper to make of a full table: the other indexes; and do what a vacuum would soon do."""
        await definition.copy_plain_indexes(connection, self._names["live"], self._names["shadow"])
        await connection.run(self._sql("VACUUM (ANALYZE) {shadow}"))

    async def drop(self, connection: Connection) -> None:
        """Drop the schema, if there is one.

        Raises:
            RefusedError: it is somebody else's.
        """
        found = await connection.row(
            "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = %(schema)s",
            {"schema": self.schema},
        )
        if found is None:
            return
        if found.mark != MARK:
            raise RefusedError(f"there is a schema {self.schema} that no rebuild has made")
        await connection.run(self._sql("DROP SCHEMA {schema} CASCADE"))

    # -- filling it -------------------------------------------------------------------------------------------------

    async def claim(self, connection: Connection, event_ids: Sequence[UUID]) -> set[UUID]:
        """Those that the shadow does not have yet, for applying them in this transaction."""
        # Without it the projection would find the table itself behind it on the search path.
        connection.defer(self._sql("LOCK TABLE {shadow} IN ROW EXCLUSIVE MODE"))
        return set(await connection.values(self._sql(_CLAIM), {"ids": list(event_ids)}))

    async def written_elsewhere(self, connection: Connection) -> list[str]:
        """Which tables outside the schema this transaction has written to."""
        return list(await connection.values(_WRITTEN_ELSEWHERE, {"schema": self.schema}))

    async def standing(self, connection: Connection, event_id: UUID) -> str:
        """How the consumer stands to an event: ``parked``, ``applied``, ``let go of`` or ``not reached``."""
        values = {"consumer": self._projection.consumer, "event_id": event_id}
        return str(await connection.value(self._sql(_STANDING), values))

    async def note_untold(self, connection: Connection) -> None:
        """Note the rows of the table that the shadow lacks; what the topics hold by now must be applied afterwards."""
        self._watermark = await connection.value(_WATERMARK)
        await connection.run(self._sql(_UNTOLD))
        await connection.run(self._sql("ANALYZE {untold}"))

    async def carry(self, connection: Connection, bounds: Mapping[str, datetime | None]) -> Carried:
        """Copy those of the noted rows that are to be kept; ``bounds`` has `HeldLog.holds_all_since` by type."""
        for statement in _CARRY_EARLY:
            await connection.run(self._sql(statement), self._values(bounds))
        counts = await connection.rows(self._sql("SELECT why, count(*) FROM {carried} GROUP BY why"))
        return Carried(**{why: count for why, count in counts})  # noqa: C416 — rows are no pairs to the type checker

    async def carry_late(self, connection: Connection, bounds: Mapping[str, datetime | None]) -> None:
        """The same for rows that were written since; nobody may write to the table meanwhile."""
        await connection.run(self._sql("TRUNCATE {late}"))
        await connection.run(self._sql(_LATE), self._values(bounds))
        for statement in _CARRY_LATE:
            await connection.run(self._sql(statement))

    async def compare(self, connection: Connection) -> Comparison:
        """Compare the two, at one moment."""
        row = await connection.one(self._sql(_COMPARE), self._values({}))
        return Comparison(equal=row.old_digest == row.new_digest, **row._asdict())

    # -- putting it in the table's place ----------------------------------------------------------------------------

    async def note_waiting(self, connection: Connection) -> int:
        """Note the events that the consumer has not applied; returns how many."""
        await connection.run(self._sql("TRUNCATE {waiting}"))
        return await connection.run(self._sql(_WAITING), self._values({}))

    async def keep_vacuum_away(self, connection: Connection) -> None:
        """Until the end of this transaction. An automatic one gives way to whoever has waited for a second."""
        await connection.run(self._sql("LOCK TABLE public.inbox, {live}, {shadow} IN SHARE UPDATE EXCLUSIVE MODE"))

    async def lock_writers(self, connection: Connection) -> None:
        """Have consumers, and whoever writes to the table, wait until the end of this transaction."""
        for statement in _LOCK_WRITERS:
            await connection.run(self._sql(statement))

    async def is_held(self, connection: Connection, *, but: Sequence[int]) -> bool:
        """Whether somebody has the table in hand, beside the sessions with those process ids."""
        return bool(await connection.value(self._sql(_HELD), {"but": list(but)}))

    async def swap(self, connection: Connection, latest: Collection[UUID]) -> None:
        """Put it in the table's place; what the consumer has not applied counts as handled, also what it has parked.

        Raises:
            RefusedError: it is not the one that was filled.
        """
        values = {"consumer": self._projection.consumer, "latest": list(latest)}
        await connection.run(self._sql(_CLAIM_FOR_CONSUMER), values)
        await connection.run(self._sql("LOCK TABLE {live}, {shadow} IN ACCESS EXCLUSIVE MODE"))
        if await self._shadow_oid(connection) != self._oid:
            raise RefusedError("another rebuild has begun meanwhile")
        for statement in _SWAP:
            await connection.run(self._sql(statement))

    async def _shadow_oid(self, connection: Connection) -> int:
        return int(await connection.value(self._sql("SELECT CAST('{shadow}' AS regclass)::oid")) or 0)

    def _values(self, bounds: Mapping[str, datetime | None]) -> dict[str, object]:
        since = {name: bound.isoformat() for name, bound in bounds.items() if bound is not None}
        return {
            "consumer": self._projection.consumer,
            "types": sorted(self._projection.topics),
            "bounds": orjson.dumps(since).decode(),
            "watermark": self._watermark,
        }

    def _sql(self, template: str) -> str:
        return template.format(**self._names)
