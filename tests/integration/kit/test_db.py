"""Units of work and read sessions on a real PostgreSQL."""

import asyncio
from typing import Any

import psycopg
import pytest

from slrt_kit import db
from slrt_kit.db import Connection, Database, NoConnectionFreeError, StaleVersionError
from slrt_kit.testing.waiting import eventually

INSERT = "INSERT INTO effects (sequence) VALUES (%(sequence)s)"
COUNT = "SELECT count(*) FROM effects"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def test_what_is_deferred_goes_before_the_next_statement_and_in_order(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        for sequence in (3, 1, 2):
            work.connection.defer(INSERT, {"sequence": sequence})
        assert await work.connection.values("SELECT sequence FROM effects ORDER BY id") == [3, 1, 2]
        work.connection.defer("DELETE FROM effects WHERE sequence = 3")
        await work.commit()
    assert rows.all("SELECT sequence FROM effects ORDER BY id") == [(1,), (2,)]


async def test_an_error_of_what_is_deferred_shows_at_the_commit_and_nothing_is_written(
    database: Database, rows: Any
) -> None:
    async with database.unit_of_work() as work:
        work.connection.defer(INSERT, {"sequence": 1})
        work.connection.defer("SELECT 1 / 0")
        work.connection.defer(INSERT, {"sequence": 2})
        with pytest.raises(psycopg.errors.DivisionByZero):
            await work.commit()
    assert not work.committed
    assert rows.one(COUNT) == 0


async def test_a_check_that_fails_ends_the_unit_of_work_before_its_commit(database: Database, rows: Any) -> None:
    def refuse(found: Any) -> None:
        raise StaleVersionError(str(found))

    insert = "INSERT INTO effects (event_id, key, sequence) VALUES (gen_random_uuid(), 'x', 1) RETURNING key"
    async with database.unit_of_work() as work:
        work.connection.defer(insert, check=refuse)
        with pytest.raises(StaleVersionError, match="'x'"):
            await work.commit()
        # Whoever catches it and goes on must not get by.
        with pytest.raises(RuntimeError):
            await work.commit()
    assert rows.one("SELECT count(*) FROM effects") == 0


async def test_a_check_is_made_before_what_was_sent_along_is_used(database: Database, rows: Any) -> None:
    seen: list[Any] = []
    async with database.unit_of_work() as work:
        work.connection.defer("SELECT 1 AS a", check=seen.extend)
        work.connection.defer("SELECT 2 AS a", check=seen.extend)
        one, other = await work.connection.rows_of(("SELECT 3 AS a", {}), ("SELECT %(a)s::int AS a", {"a": 4}))
        assert [row.a for row in (*seen, *one, *other)] == [1, 2, 3, 4]
        work.connection.defer(
            "INSERT INTO effects (event_id, key, sequence) VALUES (gen_random_uuid(), 'y', 1) RETURNING key",
            check=seen.extend,
        )
        await work.commit()
    assert seen[-1].key == "y"
    assert rows.one("SELECT count(*) FROM effects") == 1


async def test_what_is_written_last_is_written_once_and_after_all_else(database: Database, rows: Any) -> None:
    def write(connection: Connection, things: list[int]) -> None:
        for sequence in sorted(things):
            connection.defer(INSERT, {"sequence": sequence})

    async with database.unit_of_work() as work:
        work.write_last(write, [30, 10])
        await work.connection.run(INSERT, {"sequence": 1})
        work.write_last(write, [20])
        assert await work.connection.values("SELECT sequence FROM effects ORDER BY id") == [1]
        await work.connection.run(INSERT, {"sequence": 2})
        await work.commit()
    assert rows.all("SELECT sequence FROM effects ORDER BY id") == [(1,), (2,), (10,), (20,), (30,)]


async def test_an_error_of_what_is_written_last_leaves_nothing(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        await work.connection.run(INSERT, {"sequence": 1})
        work.write_last(lambda connection, _: connection.defer("SELECT 1 / 0"), [1])
        with pytest.raises(psycopg.errors.DivisionByZero):
            await work.commit()
    assert rows.one(COUNT) == 0


async def test_what_is_deferred_and_not_committed_is_not_written(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        work.connection.defer(INSERT, {"sequence": 1})
    assert rows.one(COUNT) == 0


async def test_after_a_failed_statement_nothing_can_be_committed(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        await work.connection.run(INSERT, {"sequence": 1})
        with pytest.raises(psycopg.errors.DivisionByZero):
            await work.connection.run("SELECT 1 / 0")
        with pytest.raises(RuntimeError):
            await work.commit()
    assert not work.committed
    assert rows.one(COUNT) == 0


async def test_a_connection_is_clean_after_a_unit_of_work_that_failed(database: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with database.unit_of_work() as work:
            await work.connection.run("SELECT 1 / 0")
    async with database.unit_of_work() as work:
        assert await work.connection.value(COUNT) == 0


async def test_several_rows_where_one_is_asked_for_are_an_error(database: Database) -> None:
    async with database.read() as session:
        for ask in (session.row, session.one, session.value):
            with pytest.raises(ValueError, match=r"rows|values"):
                await ask("SELECT generate_series(1, 2)")
        with pytest.raises(ValueError, match="values"):
            await session.one("SELECT 1 WHERE false")
        assert await session.row("SELECT 1 WHERE false") is None
        assert await session.value("SELECT 1 WHERE false") is None


async def test_a_snapshot_stays_as_it_is_and_a_read_does_not(database: Database, rows: Any) -> None:
    async with database.snapshot() as snapshot, database.unit_of_work() as work:
        assert await snapshot.value(COUNT) == 0
        await work.connection.run(INSERT, {"sequence": 1})
        await work.commit()
        assert await snapshot.value(COUNT) == 0
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await snapshot.run(INSERT, {"sequence": 2})
    async with database.read() as session:
        assert await session.value(COUNT) == 1
        rows.run(INSERT.replace("%(sequence)s", "%s"), 2)
        assert await session.value(COUNT) == 2


async def test_connections_that_were_ended_while_idle_are_replaced_unnoticed(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as first, database.unit_of_work() as second, database.read() as reader:
        for connection in (first.connection, second.connection, reader):
            await connection.value("SELECT 1")
    rows.all(END_ALL)
    await eventually(lambda: rows.one(CONNECTIONS) == 0, what="all connections are ended")
    async with database.unit_of_work() as first, database.unit_of_work() as second, database.read() as reader:
        for connection in (first.connection, second.connection, reader):
            assert await connection.value("SELECT 1") == 1


async def test_a_connection_lost_in_the_middle_is_transient_and_not_used_again(database: Database, rows: Any) -> None:
    async with database.unit_of_work() as work:
        await work.connection.run(INSERT, {"sequence": 1})
        rows.all(END_ALL)
        with pytest.raises(db.DATABASE_DOWN):
            await work.commit()
    assert rows.one(COUNT) == 0
    async with database.unit_of_work() as work:
        await work.connection.run(INSERT, {"sequence": 2})
        await work.commit()
    assert rows.one(COUNT) == 1


async def test_a_unit_of_work_that_is_cancelled_gives_its_connection_back_clean(database_url: str, rows: Any) -> None:
    database = Database(database_url, pool_size=1)

    async def never_ends() -> None:
        async with database.unit_of_work() as work:
            await work.connection.run(INSERT, {"sequence": 1})
            await work.connection.run("SELECT pg_sleep(60)")

    for _ in range(3):
        task = asyncio.create_task(never_ends())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with database.unit_of_work() as work:
        assert await work.connection.value(COUNT) == 0
    assert rows.one(CONNECTIONS) <= 1
    await database.close()


async def test_who_finds_no_connection_free_is_told_so_and_the_next_is_served(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "POOL_TIMEOUT_S", 0.05)
    database = Database(database_url, pool_size=1)
    async with database.unit_of_work():
        with pytest.raises(NoConnectionFreeError):
            async with database.unit_of_work():
                pass
    async with database.unit_of_work() as work:
        assert await work.connection.value("SELECT 1") == 1
    await database.close()


async def test_connections_are_made_when_needed_and_closed_at_the_end(database_url: str, rows: Any) -> None:
    database = Database(database_url, pool_size=3)
    assert rows.one(CONNECTIONS) == 0
    async with database.unit_of_work() as work, database.unit_of_work():
        await work.connection.value("SELECT 1")
        assert rows.one(CONNECTIONS) == 2
    assert rows.one(CONNECTIONS) == 2
    await database.close()
    await eventually(lambda: rows.one(CONNECTIONS) == 0, what="all connections are closed")


async def test_a_connection_is_clean_after_statements_of_which_one_failed(database_url: str) -> None:
    database = Database(database_url, pool_size=1)

    async def ask(number: int) -> int:
        async with database.read() as session:
            first, second = await session.rows_of(
                ("SELECT 1 / %(number)s::int", {"number": number}), ("SELECT %(number)s::int + 1", {"number": number})
            )
            return int(first[0][0] + second[0][0])

    # The third time a statement is prepared: here that of the second goes down with the first.
    assert [await ask(1), await ask(1)] == [3, 3]
    with pytest.raises(psycopg.errors.DivisionByZero):
        await ask(0)
    assert await ask(1) == 3
    await database.close()


async def test_a_connection_is_clean_after_statements_that_were_cancelled(database_url: str) -> None:
    database = Database(database_url, pool_size=1)

    async def ask(seconds: float) -> int:
        async with database.read() as session:
            _, second = await session.rows_of(
                ("SELECT pg_sleep(%(seconds)s::float)", {"seconds": seconds}), ("SELECT 1", {})
            )
            return int(second[0][0])

    for _ in range(3):
        assert [await ask(0), await ask(0)] == [1, 1]
        task = asyncio.create_task(ask(60))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ask(0) == 1
    await database.close()
