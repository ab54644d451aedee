"""A timeline from before positions gets them in the order in which it was recorded, and goes on from there."""

from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from alembic import command
from psycopg.rows import dict_row

from slrt_kit import migrations

CASE, OTHER = UUID(int=1), UUID(int=2)
REFERRAL, PERSON, FAMILY, NOTICE = (UUID(int=number) for number in range(11, 15))
KEYS = (REFERRAL, FAMILY, NOTICE)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REGISTERED, SCREENED = "id.slrt.intake.case-registered.v1", "id.slrt.intake.case-screened.v1"
SENT, RECEIVED = "id.slrt.referral.referral-sent.v1", "id.slrt.referral.referral-received.v1"
RECORDED, FAMILY_RECORDED = "id.slrt.registry.person-recorded.v1", "id.slrt.registry.family-recorded.v1"
QUEUED, DELIVERED = (f"id.slrt.notification.notification-{what}.v1" for what in ("queued", "delivered"))
# Number of the event's id, second at which it was recorded, its case, type, key, and what it must get.
ROWS: list[tuple[int, int, UUID, str, dict[str, Any], int]] = [
    (9, 1, CASE, REGISTERED, {}, 1),
    (3, 2, OTHER, REGISTERED, {}, 1),
    (4, 3, CASE, SENT, {"referral_id": str(REFERRAL)}, 1),
    # Two of one transaction: their ids say which was first.
    (5, 4, CASE, RECORDED, {"person_id": str(PERSON)}, 1),
    (6, 4, CASE, FAMILY_RECORDED, {"family_id": str(FAMILY)}, 1),
    (7, 4, CASE, SCREENED, {}, 5),
    # A family has needs in more than one case.
    (8, 5, OTHER, FAMILY_RECORDED, {"family_id": str(FAMILY)}, 2),
    (11, 5, OTHER, FAMILY_RECORDED, {"family_id": str(UUID(int=15))}, 1),
    (2, 6, CASE, RECEIVED, {"referral_id": str(REFERRAL)}, 2),
    (1, 7, CASE, QUEUED, {"notification_id": str(NOTICE)}, 1),
    (10, 7, CASE, DELIVERED, {"notification_id": str(NOTICE)}, 2),
]


@pytest.fixture(params=["outbox", "outbox_archive"])
def url(request: pytest.FixtureRequest, service_database: Any) -> str:
    """A database of the revision before, with the rows above; what was sent of the case is still in one table."""
    address: str = service_database.empty()
    config = migrations._config("slrt_intake", address)
    command.upgrade(config, "0002")
    with psycopg.connect(address) as connection:
        for number, second, case, kind, facts, _ in reversed(ROWS):
            connection.execute(
                "INSERT INTO timeline VALUES (%s, %s, %s, %s, now(), to_timestamp(%s), %s)",
                (UUID(int=number), case, kind, kind.split(".")[2], second, orjson.dumps(facts).decode()),
            )
        headers = [["ce_causationid", str(UUID(int=77))], ["traceparent", TRACE]]
        connection.execute(
            f"INSERT INTO {request.param} (seq, event_id, topic, partition_key, key_sequence, headers, created_at) "  # noqa: S608
            "OVERRIDING SYSTEM VALUE VALUES (1, %s, 't', 'k', 5, %s, now())",
            (UUID(int=7), orjson.dumps(headers).decode()),
        )
    return address


def test_old_rows_get_what_can_be_known(url: str) -> None:
    command.upgrade(migrations._config("slrt_intake", url), "head")
    with psycopg.connect(url, row_factory=dict_row) as connection:
        found = connection.execute("SELECT * FROM timeline ORDER BY position").fetchall()
        expected = [(UUID(int=number), sequence) for number, _, _, _, _, sequence in ROWS]
        assert {(row["event_id"], row["key_sequence"]) for row in found} == set(expected)
        assert [row["recorded_at"] for row in found] == sorted(row["recorded_at"] for row in found)
        assert [row["position"] for row in found] == list(range(1, len(ROWS) + 1))
        told = {row["event_id"]: (row["causation_id"], row["traceparent"]) for row in found}
        assert told.pop(UUID(int=7)) == (UUID(int=77), TRACE)
        assert set(told.values()) == {(None, None)}
        for key in ("referral_id", "notification_id", "family_id"):
            numbers = [row["key_sequence"] for row in found if row["facts"].get(key) in map(str, KEYS)]
            assert numbers == [1, 2], key
        assert connection.execute("SELECT nextval('timeline_position') AS next").fetchone() == {"next": len(ROWS) + 1}
        editions = connection.execute(
            "SELECT edition = to_regclass('timeline')::oid AS this, up_to FROM timeline_editions"
        )
        assert editions.fetchall() == [{"this": True, "up_to": 0}]


def test_an_empty_timeline_begins_at_one(service_database: Any) -> None:
    with psycopg.connect(service_database("intake")) as connection:
        assert connection.execute("SELECT nextval('timeline_position')").fetchone() == (1,)
