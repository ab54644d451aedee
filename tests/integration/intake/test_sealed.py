"""Nothing that intake keeps of people can be read without their keys: in no row, and in no file of a table."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from tests.leaks.people import DEMO, registration
from tests.leaks.scan import Scanner
from tests.leaks.tables import everything_in

from slrt_intake.store.people import parties_of, reach_of
from slrt_intake.store.sealed import phone_agrees
from slrt_kit import migrations
from slrt_kit.access import Scope
from slrt_kit.db import Database
from slrt_kit.privacy import SealBrokenError
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.migrating import MigrationVault
from slrt_kit.privacy.wrapping import KeyEncryptionKey
from slrt_kit.testing import keys_url_of, vault_of
from slrt_kit.testing.service import INDEX_KEY, KEY_ENCRYPTION_KEY

PERSONAL = ("cases", "persons", "contacts", "needs", "drafts")
AT = datetime(2026, 7, 1, tzinfo=UTC)
EVERYWHERE = Scope(everywhere=True)
WORDS = b"Marlina Damanik"


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner(DEMO)


async def test_no_table_holds_anything_of_the_people_of_a_case_or_a_draft(
    intake: Any, scanner: Scanner, root: Path
) -> None:
    await intake.register(**registration())
    report = (root / "deploy/local/src/slrt_local/demo/report.txt").read_text(encoding="utf-8")
    assert scanner.leaks_in({"report": report}) != []
    drafted = await intake.post("/v1/drafts", {"text": report})
    assert drafted.status_code == 201, drafted.text
    held = everything_in(intake.database.url)
    assert set(PERSONAL) <= set(held)
    assert all(held[table].strip() for table in PERSONAL)
    assert scanner.leaks_in(held) == []


async def test_the_scanner_would_find_a_plain_row_and_an_encoded_one(intake: Any, scanner: Scanner) -> None:
    plain = base64.b64encode(b"the name is Marlina Damanik, known to all").decode()
    async with intake.database.unit_of_work() as work:
        await work.connection.run("UPDATE cases SET closed_at = closed_at")
        await work.connection.run(
            "INSERT INTO ticket_failures VALUES ('Marlina Damanik', 0, now()), (%(text)s, 0, now())", {"text": plain}
        )
        await work.connection.run("INSERT INTO audit_unsealed (entry) VALUES ('1274034507849911')")
        await work.commit()
    try:
        found = scanner.leaks_in(everything_in(intake.database.url))
        assert {(leak.channel, leak.what) for leak in found} >= {
            ("ticket_failures", "name Marlina Damanik"),
            ("audit_unsealed", "NIK 1274034507849911"),
        }
    finally:
        async with intake.database.unit_of_work() as work:
            await work.connection.run("DELETE FROM ticket_failures WHERE failures = 0")
            await work.connection.run("DELETE FROM audit_unsealed WHERE entry = '1274034507849911'")
            await work.commit()


async def test_a_person_s_sealed_value_moved_to_another_person_is_refused(intake: Any) -> None:
    one, other = [await intake.register() for _ in range(2)]
    async with intake.database.unit_of_work() as work:
        await work.connection.run(
            "UPDATE persons SET (key_id, sealed) = (SELECT key_id, sealed FROM persons WHERE case_id = %(one)s) "
            "WHERE case_id = %(other)s",
            {"one": one["case_id"], "other": other["case_id"]},
        )
        await work.commit()
    headers = intake.asking("coordinator")
    answer = await intake.client.get(f"/v1/cases/{other['case_id']}/parties", headers=headers)
    assert answer.status_code == 500
    assert "Mawar" not in answer.text
    async with intake.database.read() as session:
        with pytest.raises(SealBrokenError):
            await parties_of(session, intake.vault, [other["case_id"]], EVERYWHERE, at=AT)


async def test_every_person_and_every_case_and_every_draft_has_a_key_of_its_own(intake: Any) -> None:
    await intake.register()
    rows = await intake.rows(
        "SELECT key_id FROM persons UNION ALL SELECT key_id FROM cases UNION ALL SELECT key_id FROM drafts"
    )
    ids = [key_id for (key_id,) in rows if key_id is not None]
    # One test above has moved a value, with its key.
    assert len(ids) - len(set(ids)) <= 1


# -- the rows of before ------------------------------------------------------------------------------------------


@pytest.fixture
def old(service_database: Any) -> str:
    """A database of the revision before, with two people in the clear."""
    url: str = service_database.empty()
    command.upgrade(migrations._config("slrt_intake", url), "0003")
    with psycopg.connect(url) as connection:
        connection.execute(Path(__file__).with_name("old_rows.sql").read_text(encoding="utf-8"))
    return url


def _vault(url: str) -> MigrationVault:
    return MigrationVault(
        "intake",
        keys_url_of("intake", url),
        KeyEncryptionKey(bytes.fromhex(KEY_ENCRYPTION_KEY)),
        BlindIndex(bytes.fromhex(INDEX_KEY)),
    )


def test_people_are_not_left_in_the_clear_for_want_of_keys(old: str) -> None:
    with pytest.raises(RuntimeError, match="keys"):
        migrations.upgrade("slrt_intake", old)
    with psycopg.connect(old) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0005",)
        assert connection.execute("SELECT count(name) FROM persons").fetchone() == (2,)


async def test_old_rows_are_sealed_and_read_as_before(old: str, service_database: Any, scanner: Scanner) -> None:
    service_database("intake")  # makes the keys database's table
    assert scanner.leaks_in(everything_in(old)) != []
    migrations.upgrade("slrt_intake", old, vault=_vault(old))
    assert scanner.leaks_in(everything_in(old)) == []
    database, vault = Database(old), vault_of("intake", old)
    async with database.read() as session:
        ids = await session.values("SELECT case_id FROM cases ORDER BY ticket_number")
        ((parties, _, _),) = await parties_of(session, vault, ids[:1], EVERYWHERE, at=AT)
        (reach,) = await reach_of(session, vault, ids[:1], EVERYWHERE)
        check = await session.value("SELECT phone_check FROM contacts WHERE case_id = %(case_id)s", {"case_id": ids[0]})
    assert [(p.name, p.nik, str(p.birth_date), p.sex, p.erased) for p in parties.persons] == [
        ("Marlina Damanik", "1274034507849911", "1984-07-05", "P", False),
        ("Rosdiana Purba", None, "1951-03-04", None, False),
    ]
    assert (parties.kk_number, parties.address, parties.phone) == (
        "1274031502109911",
        "Jl. Anwar Idris Gg. Bersama No. 7, Lingkungan III",
        "+6281200009911",
    )
    assert (reach.phone, reach.email) == ("+6281200009911", "marlina@contoh.example")
    assert phone_agrees(vault, check, "1274-AAAA-AAA1", "9911")
    assert not phone_agrees(vault, check, "1274-AAAA-AAA2", "9911")
    await vault.close()
    await database.close()


def test_the_files_of_the_tables_hold_nothing_plain_either(old: str, postgres_server: Any) -> None:
    """A dropped column is only hidden: what it held stays in the file until the row is written anew."""
    admin = postgres_server.url.rsplit("/", 1)[0] + "/" + old.rsplit("/", 1)[1]

    def files() -> bytes:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            return b"".join(
                bytes(connection.execute("SELECT pg_read_binary_file(pg_relation_filepath(%s))", [table]).fetchone()[0])
                for table in PERSONAL
            )

    assert WORDS in files()
    migrations.upgrade("slrt_intake", old, vault=_vault(old))
    assert WORDS not in files()
    assert b"belum pernah punya KTP" not in files()
