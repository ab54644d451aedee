"""Officers' notes cannot be read without their keys, and say so once a key is gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from tests.leaks.scan import Planted, Scanner
from tests.leaks.tables import everything_in

from slrt_contracts.events import PersonErased
from slrt_kit import migrations
from slrt_kit.db import Database
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.privacy import ERASED
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.migrating import MigrationVault
from slrt_kit.privacy.wrapping import KeyEncryptionKey
from slrt_kit.testing import keys_url_of, raw_event
from slrt_kit.testing.service import INDEX_KEY, KEY_ENCRYPTION_KEY
from slrt_referral.consumers.erasures import ErasureParts, erasures
from slrt_referral.store.notes import open_notes
from slrt_referral.store.referrals import history

if TYPE_CHECKING:
    from tests.integration.referral.conftest import Service


async def one(service: Service) -> dict[str, Any]:
    """A fresh referral that was sent."""
    referral: dict[str, Any] = (await service.referrals(await service.decide("ADMINDUK")))["ADMINDUK"]
    return referral


async def test_no_table_holds_a_word_of_a_note_and_a_destroyed_key_says_so(service: Service) -> None:
    note = "ibu mertua belum pernah punya KTP"
    referral = await one(service)
    accepted = (await service.act(referral, "accept")).json()
    await service.act(accepted, "complete", {"outcome_code": "partly", "note": note})
    held = everything_in(service.database.url)
    assert held["referral_steps"].strip()
    assert Scanner([Planted("free text", note)]).leaks_in(held) == []

    async with service.database.read() as session:
        keys = await session.values("SELECT key_id FROM referral_steps WHERE key_id IS NOT NULL")
    await service.vault.destroy(keys)
    answer = await service.client.get(f"/v1/referrals/{referral['referral_id']}", headers=service.manager())
    last = answer.json()["history"][-1]
    assert (last["note"], last["note_erased"], last["outcome_code"]) == (None, True, "partly")
    assert [step["note_erased"] for step in answer.json()["history"][:-1]] == [False, False]


async def test_old_notes_are_sealed_and_read_as_before(service: Service, service_database: Any) -> None:
    """The rows of the database of today, put back to the revision before with a note in the clear."""
    url = service_database.empty("referral")
    command.upgrade(migrations._config("slrt_referral", url), "0002")
    with psycopg.connect(url) as connection:
        connection.execute(Path(__file__).with_name("old_rows.sql").read_text(encoding="utf-8"))
    with pytest.raises(RuntimeError, match="keys"):
        migrations.upgrade("slrt_referral", url)
    keys_url = keys_url_of("referral", url)
    key, index = KeyEncryptionKey(bytes.fromhex(KEY_ENCRYPTION_KEY)), BlindIndex(bytes.fromhex(INDEX_KEY))
    migrations.upgrade("slrt_referral", url, vault=MigrationVault("referral", keys_url, key, index))
    assert Scanner([Planted("free text", "belum pernah punya KTP")]).leaks_in(everything_in(url)) == []
    database = Database(url)
    async with database.read() as session:
        steps = await history(session, service.vault, UUID("00000000-0000-7000-8000-000000000061"))
    await database.close()
    assert [(step.action, step.note) for step in steps] == [
        ("send", None),
        ("decline", "ibu mertua belum pernah punya KTP"),
    ]


async def test_with_a_person_go_the_notes_of_their_cases_and_no_others(service: Service) -> None:
    noted = []
    for _ in range(2):
        referral = await one(service)
        accepted = (await service.act(referral, "accept")).json()
        await service.act(accepted, "complete", {"outcome_code": "partly", "note": "KTP tercetak"})
        noted.append(referral)
    gone, stays = noted
    async with service.database.read() as session:
        copy = await session.rows("SELECT key_id, sealed, action, at, referral_id FROM referral_steps WHERE key_id > 0")
    event = PersonErased(
        person_id=uuid4(), reason="requested", cases=[{"case_id": gone["case_id"], "party_ids": [uuid4()]}]
    )
    processor = Processor(
        consumer="slrt.referral.erasures",
        database=service.database,
        handlers=erasures,
        deps=ErasureParts(service.vault),
    )
    assert await processor.process(raw_event(event)) is Outcome.APPLIED
    for referral, expected in ((gone, (None, True)), (stays, ("KTP tercetak", False))):
        answer = await service.client.get(f"/v1/referrals/{referral['referral_id']}", headers=service.manager())
        last = answer.json()["history"][-1]
        assert (last["note"], last["note_erased"]) == expected
        old = [row for row in copy if str(row.referral_id) == referral["referral_id"]]
        (note,) = await open_notes(service.vault, referral["referral_id"], old)
        assert note == (ERASED if expected[1] else "KTP tercetak")
