"""Put entries of the audit log into the transaction that they belong to; the sealer links them afterwards."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from slrt_contracts.events.base import Event
from slrt_contracts.types import EventId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.entries import Actor, Look, entry_text, look_text

if TYPE_CHECKING:
    from slrt_kit.db import Database, UnitOfWork


def insert_audit(*, only: str = "true") -> str:
    """The SQL that inserts entries, as JSON in ``%(audit)s``; also as a part of a larger statement.

    The JSON is that of `audit_rows`. ``only`` is a condition on a row ``a``, which has its aggregate's id in ``key``.
    """
    return f"""
    INSERT INTO audit_unsealed (entry)
    SELECT a.entry FROM jsonb_to_recordset(CAST(%(audit)s AS jsonb)) AS a(key text, entry text) WHERE {only}
    """  # noqa: S608 — conditions are written in the stores


INSERT_ENTRIES = insert_audit()


def audit_rows(
    service: str, actor: Actor, events: Iterable[tuple[EventId, RecordedEvent]], *, now: datetime
) -> list[dict[str, str]]:
    """One entry for each recorded event, for `insert_audit`: what was written, and on whose behalf."""
    return [_write_row(service, actor, event_id, recorded.event, at=now) for event_id, recorded in events]


def _write_row(service: str, actor: Actor, event_id: EventId, event: Event, *, at: datetime) -> dict[str, str]:
    key = event.partition_key
    entry = entry_text(
        service,
        actor,
        at=at,
        action=event.TYPE.split(".")[3],
        object_type=event.KEY.removesuffix("_id"),
        object_id=key,
        case_id=None if event.KEY == "case_id" else getattr(event, "case_id", None),
        event_id=event_id,
    )
    return {"key": key, "entry": entry}


def values_of(entries: Iterable[str]) -> dict[str, str]:
    """The values of `INSERT_ENTRIES`."""
    return {"audit": orjson.dumps([{"entry": entry} for entry in entries]).decode()}


def record_looks(work: "UnitOfWork", service: str, actor: Actor, looks: Sequence[Look]) -> None:
    """Write an entry for each look, or for each write that raises no event, with the unit's next statement."""
    now = work.clock.now()
    work.connection.defer(INSERT_ENTRIES, values_of(look_text(service, actor, look, at=now) for look in looks))


async def record_access(database: "Database", service: str, actor: Actor, looks: Sequence[Look]) -> None:
    """Write an entry for each look; they are durable on return, and only then may the data be shown."""
    if not looks:
        return
    now = database.clock.now()
    async with database.statement() as connection:
        await connection.run(INSERT_ENTRIES, values_of(look_text(service, actor, look, at=now) for look in looks))
