"""Nothing that the registry keeps of people can be read without their keys, and they are found all the same."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from tests.leaks.people import DEMO
from tests.leaks.scan import Planted, Scanner
from tests.leaks.tables import everything_in

from slrt_kit import migrations
from slrt_kit.access import Scope
from slrt_kit.db import Database
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.migrating import MigrationVault
from slrt_kit.privacy.wrapping import KeyEncryptionKey
from slrt_kit.testing import keys_url_of, vault_of
from slrt_kit.testing.service import INDEX_KEY, KEY_ENCRYPTION_KEY
from slrt_registry.store import persons
from slrt_registry.store.sealed import name_tokens

MakePerson = Callable[..., dict[str, Any]]
EVERYWHERE = Scope(everywhere=True)
NIK, KK, BORN = "1274034507849911", "1274031502109911", "1984-07-05"
SIGNATURES = Scanner((*DEMO, Planted("birth date", BORN)))


async def test_no_table_holds_anything_of_the_people(service: Any, person: MakePerson) -> None:
    await service.record(person("Marlina Damanik", nik=NIK, born=BORN, sex="P"), person("Rosdiana Purba"), kk=KK)
    held = everything_in(service.database.url)
    assert all(held[table].strip() for table in ("persons", "families", "cases", "inbox", "outbox"))
    assert SIGNATURES.leaks_in(held) == []


async def test_locks_that_are_seen_in_pg_locks_say_nothing_that_could_be_made_without_the_key(service: Any) -> None:
    """Sixteen digits are few enough to try out every one of a district: a plain hash of them would be a list."""
    other = BlindIndex(bytes.fromhex(KEY_ENCRYPTION_KEY))
    assert service.vault.blind.lock("nik", NIK) != other.lock("nik", NIK)


async def test_two_people_of_one_name_born_on_two_days_have_no_token_in_common(service: Any) -> None:
    one = name_tokens(service.vault, "Siti Aminah", date(1984, 7, 5))
    other = name_tokens(service.vault, "Siti Aminah", date(1984, 7, 6))
    assert len(one) == len(other) == 2
    assert set(one) & set(other) == set()


async def test_of_more_born_on_a_day_than_can_be_compared_those_with_a_word_of_the_name_come_first(
    service: Any, person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persons, "MOST_BORN_ON_A_DAY", 2)
    for name in ("Agus Salim", "Bambang Irawan", "Citra Dewi", "Sitti Aminah"):
        await service.record(person(name, born=BORN))
    async with service.database.read() as session:
        found = await persons.by_birth_date(session, service.vault, date(1984, 7, 5), "Siti Rahayu", EVERYWHERE)
    assert (len(found), found[0].name) == (2, "Sitti Aminah")


async def test_a_row_whose_index_was_put_to_another_number_is_not_taken_for_its_holder(
    service: Any, person: MakePerson
) -> None:
    await service.record(person("Marlina Damanik", nik=NIK))
    async with service.database.unit_of_work() as work:
        await work.connection.run(
            "UPDATE persons SET nik_index = %(index)s", {"index": service.vault.blind.of("nik", "1274034507849912")}
        )
        await work.commit()
    async with service.database.read() as session:
        assert await persons.by_nik(session, service.vault, "1274034507849912", EVERYWHERE) is None


async def test_old_rows_are_sealed_and_found_as_before(service_database: Any, postgres_server: Any) -> None:
    service_database("registry")
    url = service_database.empty("registry")
    command.upgrade(migrations._config("slrt_registry", url), "0002")
    with psycopg.connect(url) as connection:
        connection.execute(Path(__file__).with_name("old_rows.sql").read_text(encoding="utf-8"))
    with pytest.raises(RuntimeError, match="keys"):
        migrations.upgrade("slrt_registry", url)
    assert SIGNATURES.leaks_in(everything_in(url)) != []
    keyed = BlindIndex(bytes.fromhex(INDEX_KEY))
    keys_url = keys_url_of("registry", url)
    migrations.upgrade(
        "slrt_registry",
        url,
        vault=MigrationVault("registry", keys_url, KeyEncryptionKey(bytes.fromhex(KEY_ENCRYPTION_KEY)), keyed),
    )
    assert SIGNATURES.leaks_in(everything_in(url)) == []
    admin = postgres_server.url.rsplit("/", 1)[0] + "/" + url.rsplit("/", 1)[1]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        ((file,),) = connection.execute("SELECT pg_read_binary_file(pg_relation_filepath('persons'))")
        assert b"Marlina Damanik" not in bytes(file)
    database, vault = Database(url), vault_of("registry", url)
    async with database.read() as session:
        found = await persons.by_nik(session, vault, NIK, EVERYWHERE)
        assert found is not None
        assert (found.name, found.birth_date, found.sex) == ("Marlina Damanik", date(1984, 7, 5), "P")
        assert [p.name for p in await persons.by_birth_date(session, vault, date(1984, 7, 5), "x", EVERYWHERE)] == [
            "Marlina Damanik"
        ]
    await vault.close()
    await database.close()
