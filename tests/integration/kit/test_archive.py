"""The archive's daily partitions: made ahead, dropped when old, whatever the server's time zone is."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from slrt_kit.archive import keep_archive
from slrt_kit.outbox_queue import connect

TODAY = date(2026, 7, 10)
PARTITIONS = """
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'outbox_archive'::regclass AND c.relname <> 'outbox_archive_default' ORDER BY 1
"""
INSERT = """
    INSERT INTO outbox_archive (seq, event_id, topic, partition_key, key_sequence, headers, created_at, published_at)
    VALUES (%s, gen_random_uuid(), 't', 'k', %s, '[]', now(), %s)
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """As the relay connects."""
    async with await connect(database_url) as opened:
        yield opened


def names(rows: Any) -> list[str]:
    return [name for (name,) in rows.all(PARTITIONS)]


async def test_today_and_three_days_ahead_have_their_partitions(connection: Any, rows: Any) -> None:
    for _ in range(2):
        await keep_archive(connection, today=TODAY, days=30)
        assert names(rows) == [f"outbox_archive_202607{day}" for day in (10, 11, 12, 13)]
    await keep_archive(connection, today=TODAY + timedelta(days=1), days=30)
    assert names(rows)[-1] == "outbox_archive_20260714"


async def test_partitions_older_than_the_retention_are_dropped(connection: Any, rows: Any) -> None:
    for back in (40, 31, 30, 29):
        await keep_archive(connection, today=TODAY - timedelta(days=back), days=90)
    assert "outbox_archive_20260531" in names(rows)
    await keep_archive(connection, today=TODAY, days=30)
    assert names(rows)[0] == "outbox_archive_20260610"
    assert "outbox_archive_20260609" not in names(rows)


async def test_a_row_goes_into_the_partition_of_its_utc_day(connection: Any, rows: Any) -> None:
    await keep_archive(connection, today=TODAY, days=30)
    for number, moment in enumerate(
        ["2026-07-10 00:00:00+00", "2026-07-11 06:59:59+07", "2026-07-10 23:59:59.999+00", "2026-07-11 00:00:00+00"]
    ):
        rows.run(INSERT, number, number + 1, moment)
    found = rows.all("SELECT seq, tableoid::regclass::text FROM outbox_archive ORDER BY seq")
    assert [name[-2:] for _, name in found] == ["10", "10", "10", "11"]


async def test_a_day_whose_rows_are_in_the_default_partition_stays_there(connection: Any, rows: Any) -> None:
    rows.run(INSERT, 1, 1, "2026-07-11 12:00:00+00")
    await keep_archive(connection, today=TODAY, days=30)
    assert names(rows) == [f"outbox_archive_202607{day}" for day in (10, 12, 13)]
    rows.run(INSERT, 2, 2, "2026-07-11 13:00:00+00")
    assert rows.one("SELECT count(*) FROM outbox_archive_default") == 2


async def test_what_is_old_in_the_default_partition_goes_too(connection: Any, rows: Any) -> None:
    rows.run(INSERT, 1, 1, "2026-06-09 23:59:59+00")
    rows.run(INSERT, 2, 2, "2026-06-10 00:00:00+00")
    await keep_archive(connection, today=TODAY, days=30)
    assert [seq for (seq,) in rows.all("SELECT seq FROM outbox_archive")] == [2]


@pytest.mark.parametrize("zone", ["Asia/Jayapura", "America/Los_Angeles"])
async def test_the_servers_time_zone_does_not_matter(
    database_url: str, rows: Any, zone: str, postgres_server: Any
) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {rows.name} SET timezone TO '{zone}'")
    # In each zone one of these is on the other day.
    rows.run(INSERT, 1, 1, "2026-07-11 00:30:00+00")
    rows.run(INSERT, 2, 2, "2026-07-12 23:30:00+00")
    rows.run(INSERT, 3, 3, "2026-06-10 00:30:00+00")
    rows.run(INSERT, 4, 4, "2026-06-09 23:30:00+00")
    async with await connect(database_url) as opened:
        await keep_archive(opened, today=TODAY, days=30)
    assert names(rows) == ["outbox_archive_20260710", "outbox_archive_20260713"]
    assert [seq for (seq,) in rows.all("SELECT seq FROM outbox_archive ORDER BY seq")] == [1, 2, 3]
