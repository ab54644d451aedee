"""What the access log has is in the audit log after the migration, as entries like all others."""

from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, make_url
from tests.drills.chains import Chain

from slrt_kit.audit.anomalies import FIELDS
from slrt_kit.backbone import add_audit, add_audit_closings, create_backbone
from slrt_kit.testing import FixedClock

LOOKS = [
    ("officer-1", ["front_office", "supervisor"], "12.74.DINSOS", ["name", "nik"], "request-9"),
    ("slrt-registry", ["service"], None, [], None),
]


@pytest.fixture
def before(service_database: Any) -> str:
    """A database as it was, with two looks on record."""
    url: str = service_database.empty()
    _in_migration(url, create_backbone)
    with psycopg.connect(url) as connection:
        for subject, roles, office, fields, request_id in LOOKS:
            connection.execute(
                "INSERT INTO access_log (at, subject, roles, office, purpose, action, object_type, object_id, fields, "
                "request_id) VALUES ('2026-06-30 08:00:00.5+00', %s, %s, %s, 'case-handling', 'read', 'person', %s, "
                "%s, %s)",
                (subject, roles, office, uuid4(), fields, request_id),
            )
    return url


def _in_migration(url: str, step: Any) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        step()
    engine.dispose()


async def test_old_looks_are_moved_in_their_order_and_can_be_sealed_and_checked(before: str) -> None:
    from slrt_kit.backbone import add_recovery

    _in_migration(before, add_recovery)
    _in_migration(before, lambda: add_audit("intake"))
    _in_migration(before, add_audit_closings)
    chain = Chain(before, FixedClock())
    try:
        assert await chain.seal() == 2
        first, second = await chain.entries()
        assert first == {
            "v": 1,
            "at": "2026-06-30T08:00:00.500000Z",
            "action": "read",
            "fields": ["name", "nik"],
            "object_id": first["object_id"],
            "object_type": "person",
            "office": "12.74.DINSOS",
            "purpose": "case-handling",
            "request_id": "request-9",
            "result": "ok",
            "roles": ["front_office", "supervisor"],
            "service": "intake",
            "subject": "officer-1",
        }
        assert {"office", "fields", "request_id"} & set(second) == set()
        assert set(first) | set(second) <= FIELDS
        async with chain.database.read() as session:
            rows = await session.rows("SELECT entry, subject, object_id, at FROM audit ORDER BY position")
        for row in rows:
            entry = orjson.loads(row.entry)
            assert row.entry == orjson.dumps(entry, option=orjson.OPT_SORT_KEYS).decode(), "as new ones are written"
            assert (row.subject, row.object_id, row.at) == (entry["subject"], entry["object_id"], entry["at"])
        assert chain.check(await chain.export()).is_sound
        assert await chain.told() == []
    finally:
        await chain.close()
