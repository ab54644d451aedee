"""A key-encryption key is replaced while everybody works on; what was sealed is read before, during and after it."""

import asyncio

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.kit.test_subject_keys import KEK, Keys
from tests.integration.kit.test_subject_keys import keys as keys  # noqa: PLC0414 — the fixture

from slrt_kit.privacy import ERASED, KeyMissingError, SealedRow, Vault
from slrt_kit.privacy.wrapping import KeyEncryptionKeys, StoredKey, UnknownKeyEncryptionKeyError

NEW, THIRD = bytes(reversed(KEK)), bytes(range(100, 132))
MAWAR = {"name": "Mawar"}


async def sealed_rows(vault: Vault, count: int) -> list[SealedRow]:
    taken = await vault.keys.take(count)
    return [SealedRow(key.key_id, vault.seal(key, MAWAR, table="persons", row="7"), "7") for key in taken]


@given(where=st.integers(0, 59), bit=st.integers(0, 7), key_id=st.integers(1, 2**62))
def test_what_is_kept_of_a_key_cannot_be_altered_or_moved_to_another_id(where: int, bit: int, key_id: int) -> None:
    old, both = KeyEncryptionKeys(KEK), KeyEncryptionKeys(NEW, [KEK])
    stored = StoredKey(old.current.name, bytes(range(32)))
    kept = both.carried_over(key_id, stored)
    assert both.key(key_id, kept) == old.key(key_id, stored)
    altered = bytearray(kept.made_of)
    altered[where] ^= 1 << bit
    for wrong_id, wrong in ((key_id, bytes(altered)), (key_id + 1, kept.made_of)):
        with pytest.raises(UnknownKeyEncryptionKeyError):
            both.key(wrong_id, StoredKey(kept.kek, wrong))
    with pytest.raises(UnknownKeyEncryptionKeyError):
        old.key(key_id, kept)


async def test_what_was_sealed_is_read_before_during_and_after_and_by_the_old_key_no_more(keys: Keys) -> None:
    old, announced = keys.vault(), keys.vault(others=[NEW])
    rows = await sealed_rows(old, 5)
    new = keys.vault(kek=NEW, others=[KEK])
    # While both kinds of processes run, each reads what the other has sealed.
    fresh = await sealed_rows(new, 3)
    assert await new.unseal(rows, table="persons") == [MAWAR] * 5
    assert await announced.unseal(fresh, table="persons") == [MAWAR] * 3
    assert await new.keys.carry_over(at_once=2) >= 5
    assert await new.keys.carry_over() == 0
    alone = keys.vault(kek=NEW)
    assert await alone.unseal(rows + fresh, table="persons") == [MAWAR] * 8
    with pytest.raises(KeyMissingError):
        await keys.vault().unseal(rows, table="persons")


async def test_the_old_salts_are_not_in_the_file_any_more(keys: Keys, postgres_server: object) -> None:
    await keys.vault().keys.take(1)
    salts = [made_of for (made_of,) in keys.rows("SELECT made_of FROM subject_keys")]
    await keys.vault(kek=NEW, others=[KEK]).keys.carry_over()
    admin = postgres_server.url.rsplit("/", 1)[0] + "/" + keys.url.rsplit("/", 1)[1]  # type: ignore[attr-defined]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        ((held,),) = connection.execute("SELECT pg_read_binary_file(pg_relation_filepath('subject_keys'))")
    assert [salt for salt in salts if salt in bytes(held)] == []


async def test_a_key_can_be_carried_over_again_and_be_destroyed_as_any_other(keys: Keys) -> None:
    (gone, stays) = await sealed_rows(keys.vault(), 2)
    await keys.vault(kek=NEW, others=[KEK]).keys.carry_over()
    third = keys.vault(kek=THIRD, others=[NEW])
    await third.keys.carry_over()
    assert gone.key_id is not None
    await third.keys.destroy([gone.key_id])
    assert await keys.vault(kek=THIRD).unseal([gone, stays], table="persons") == [ERASED, MAWAR]


async def test_a_process_that_holds_keys_of_a_block_goes_on_while_they_are_carried_over(keys: Keys) -> None:
    working = keys.vault(others=[NEW])
    rows = await sealed_rows(working, 1)
    await keys.vault(kek=NEW, others=[KEK]).keys.carry_over()
    rows += await sealed_rows(working, 2)
    assert await keys.vault(kek=NEW).unseal(rows, table="persons") == [MAWAR] * 3


async def test_two_who_carry_over_at_once_and_one_who_destroys_do_no_harm(keys: Keys) -> None:
    rows = await sealed_rows(keys.vault(block=64), 40)
    new = [keys.vault(kek=NEW, others=[KEK]) for _ in range(3)]
    gone = [row.key_id for row in rows[::4] if row.key_id is not None]
    await asyncio.gather(
        new[0].keys.carry_over(at_once=5), new[1].keys.carry_over(at_once=7), new[2].keys.destroy(gone)
    )
    found = await keys.vault(kek=NEW).unseal(rows, table="persons")
    assert found == [ERASED if place % 4 == 0 else MAWAR for place in range(40)]


async def test_without_the_old_key_nothing_is_carried_over_and_nothing_is_lost(keys: Keys) -> None:
    rows = await sealed_rows(keys.vault(), 3)
    with pytest.raises(KeyMissingError):
        await keys.vault(kek=NEW).keys.carry_over()
    assert await keys.vault().unseal(rows, table="persons") == [MAWAR] * 3


async def test_the_operator_sees_what_is_under_which_key(keys: Keys) -> None:
    await keys.vault(block=8).keys.take(1)
    new = keys.vault(kek=NEW, block=4)
    await new.keys.take(1)
    assert [(each.keys, each.is_set) for each in await new.keys.counts()] == [(8, "no"), (4, "today's")]
    assert [each.is_set for each in await keys.vault(kek=NEW, others=[KEK]).keys.counts()] == ["yes", "today's"]
