"""Keys are durable before they are used, handed out once, remembered for a moment, and destroyed for ever."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from slrt_kit.privacy import ERASED, KeyMissingError, SealBrokenError, SealedRow, Vault, key_table
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.keys import REMEMBERED_S, KeyRing
from slrt_kit.privacy.wrapping import KeyEncryptionKeys
from slrt_kit.testing.service import INDEX_KEY, KEY_ENCRYPTION_KEY

KEK = bytes.fromhex(KEY_ENCRYPTION_KEY)


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Keys:
    """A keys database of the test's own."""

    url: str
    opened: list[KeyRing]

    def ring(
        self, *, block: int = 8, time: Time | None = None, url: str = "", kek: bytes = KEK, others: Sequence[bytes] = ()
    ) -> KeyRing:
        """A process with its own memory of keys."""
        ring = KeyRing(
            url or self.url, KeyEncryptionKeys(kek, others), block=block, **({"monotonic": time} if time else {})
        )
        self.opened.append(ring)
        return ring

    def vault(self, **how: Any) -> Vault:
        return Vault("intake", self.ring(**how), BlindIndex(bytes.fromhex(INDEX_KEY)))

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
async def keys(service_database: Any) -> AsyncIterator[Keys]:
    url = service_database.empty()
    key_table.prepare(url)
    found = Keys(url, [])
    yield found
    for ring in found.opened:
        await ring.close()


def test_the_table_is_made_once_by_however_many(keys: Keys) -> None:
    for _ in range(3):
        key_table.prepare(keys.url)
    assert keys.rows("SELECT count(*) FROM subject_keys") == [(0,)]


async def test_a_key_is_in_the_database_before_anybody_has_it(keys: Keys) -> None:
    taken = await keys.ring().take(3)
    stored = {key_id for (key_id,) in keys.rows("SELECT key_id FROM subject_keys WHERE made_of IS NOT NULL")}
    assert {key.key_id for key in taken} <= stored


async def test_nobody_gets_a_key_that_somebody_else_has(keys: Keys) -> None:
    rings = [keys.ring(block=16) for _ in range(3)]
    taken = await asyncio.gather(*(ring.take(count) for ring in rings for count in (1, 5, 40, 2)))
    ids = [key.key_id for some in taken for key in some]
    assert len(ids) == len(set(ids)) == 3 * 48


async def test_a_process_that_died_wastes_the_rest_of_its_block_and_nothing_else(keys: Keys) -> None:
    first = {key.key_id for key in await keys.ring().take(2)}
    second = {key.key_id for key in await keys.ring().take(8)}
    assert first & second == set()


async def test_the_next_block_is_there_before_the_last_is_used_up(keys: Keys) -> None:
    ring = keys.ring(block=8)
    for _ in range(5):
        await ring.take(1)
    for _ in range(100):
        if keys.rows("SELECT count(*) FROM subject_keys") == [(16,)]:
            break
        await asyncio.sleep(0.02)
    assert keys.rows("SELECT count(*) FROM subject_keys") == [(16,)]


async def test_without_the_keys_database_the_keys_in_memory_are_used_and_then_it_is_an_error(
    keys: Keys, service_database: Any
) -> None:
    ring = keys.ring(block=8)
    await ring.take(1)
    await ring._database.close()
    ring._database = type(ring._database)("postgresql://nobody@127.0.0.1:9/none", pool_size=2, pool="keys")
    taken = [await ring.take(1) for _ in range(7)]
    assert len(taken) == 7
    with pytest.raises(psycopg.OperationalError):
        await ring.take(1)


async def test_another_process_finds_the_same_key(keys: Keys) -> None:
    one, other = keys.vault(), keys.vault()
    (key,) = await one.keys.take(1)
    sealed = one.seal(key, {"name": "Mawar"}, table="persons", row="7")
    assert await other.unseal([SealedRow(key.key_id, sealed, "7")], table="persons") == [{"name": "Mawar"}]
    with pytest.raises(SealBrokenError):
        await other.unseal([SealedRow(key.key_id, sealed, "8")], table="persons")


async def test_another_key_encryption_key_opens_nothing(keys: Keys) -> None:
    one, other = keys.vault(), keys.vault(kek=bytes(reversed(KEK)))
    (key,) = await one.keys.take(1)
    sealed = one.seal(key, {"name": "Mawar"}, table="persons", row="7")
    with pytest.raises(KeyMissingError):
        await other.unseal_one(SealedRow(key.key_id, sealed, "7"), table="persons")


async def test_a_destroyed_key_is_erased_at_once_here_and_after_a_moment_elsewhere(keys: Keys) -> None:
    time = Time()
    here, elsewhere = keys.vault(), keys.vault(time=time)
    gone, stays = await here.keys.take(2)
    rows = [
        SealedRow(key.key_id, here.seal(key, {"name": "Mawar"}, table="persons", row="7"), "7") for key in (gone, stays)
    ]
    assert await elsewhere.unseal(rows, table="persons") == [{"name": "Mawar"}] * 2
    assert await here.destroy([gone.key_id]) == 1
    assert await here.unseal(rows, table="persons") == [ERASED, {"name": "Mawar"}]
    time.now += REMEMBERED_S + 1
    assert await elsewhere.unseal(rows, table="persons") == [ERASED, {"name": "Mawar"}]


async def test_destroying_may_be_repeated(keys: Keys) -> None:
    ring = keys.ring()
    (key,) = await ring.take(1)
    assert [await ring.destroy([key.key_id]), await ring.destroy([key.key_id, key.key_id])] == [1, 0]
    assert await ring.destroy([]) == 0
    assert await ring.find([key.key_id]) == {key.key_id: None}


async def test_the_file_of_the_table_holds_nothing_of_a_destroyed_salt(
    keys: Keys, postgres_server: Any, service_database: Any
) -> None:
    ring = keys.ring(block=8)
    gone, stays = await ring.take(2)
    salts = dict(keys.rows("SELECT key_id, made_of FROM subject_keys"))

    def file() -> bytes:
        admin = postgres_server.url.rsplit("/", 1)[0] + "/" + keys.url.rsplit("/", 1)[1]
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            ((held,),) = connection.execute("SELECT pg_read_binary_file(pg_relation_filepath('subject_keys'))")
            return bytes(held)

    assert salts[gone.key_id] in file()
    await ring.destroy([gone.key_id])
    held = file()
    assert salts[gone.key_id] not in held
    assert salts[stays.key_id] in held


async def test_nothing_is_left_in_the_file_of_salts_that_were_moved_within_it_before(
    keys: Keys, postgres_server: Any
) -> None:
    """One after the other, and the rest at once: what was moved within the file must not outlive its row."""
    ring = keys.ring(block=64)
    taken = await ring.take(48)
    salts = dict(keys.rows("SELECT key_id, made_of FROM subject_keys"))
    for place in (7, 3, 11, 30, 20, 21, 40, 1):
        await ring.destroy([taken[place].key_id])
    await ring.destroy([key.key_id for key in taken])
    admin = postgres_server.url.rsplit("/", 1)[0] + "/" + keys.url.rsplit("/", 1)[1]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        ((held,),) = connection.execute("SELECT pg_read_binary_file(pg_relation_filepath('subject_keys'))")
    assert [key.key_id for key in taken if salts[key.key_id] in bytes(held)] == []


async def test_a_key_that_was_never_heard_of_is_lost_and_not_erased(keys: Keys) -> None:
    """Else a keys database that was restored from too old a backup would look like a wish of the people's."""
    vault = keys.vault()
    (key,) = await vault.keys.take(1)
    rows = [SealedRow(key.key_id + 10_000, vault.seal(key, {}, table="persons", row="7"), "7")]
    with pytest.raises(KeyMissingError):
        await vault.unseal(rows, table="persons")


async def test_the_memory_of_keys_is_bounded(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slrt_kit.privacy.keys.MOST_REMEMBERED", 5)
    ring = keys.ring(block=40)
    taken = await ring.take(40)
    assert len(ring._remembered) == 5
    assert set(await ring.find([key.key_id for key in taken])) == {key.key_id for key in taken}
    assert len(ring._remembered) == 5
