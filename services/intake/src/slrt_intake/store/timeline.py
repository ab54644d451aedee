"""Keep what happened to a case, in whichever service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.events import Event
from slrt_contracts.types import CaseId
from slrt_intake.store.sql import as_json
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.db import Connection


def insert_entries(*, only: str = "true") -> str:
    """The SQL that inserts `TimelineEntry` rows, as JSON in ``%(entries)s``; ``only`` is a condition on a row ``t``."""
    return f"""
    INSERT INTO timeline (event_id, case_id, event_type, service, happened_at, recorded_at, facts)
    SELECT event_id, case_id, event_type, service, happened_at, recorded_at, facts
    FROM jsonb_to_recordset(CAST(%(entries)s AS jsonb)) AS t(event_id uuid, case_id uuid, event_type text, service text,
         happened_at timestamptz, recorded_at timestamptz, facts jsonb)
    WHERE {only}
    ON CONFLICT DO NOTHING
    """  # noqa: S608 — conditions are written in the stores


_INSERT_ENTRIES = insert_entries()


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a case, told by the service it happened in. Times in UTC."""

    event_id: UUID
    case_id: UUID
    event_type: str
    service: str
    happened_at: datetime
    recorded_at: datetime
    facts: dict[str, Any]


async def timeline(connection: Connection, case_id: CaseId) -> list[TimelineEntry]:
    """The case's timeline, oldest first."""
    rows = await connection.rows(
        (
            "SELECT event_id, case_id, event_type, service, happened_at, recorded_at, facts FROM timeline "
            "WHERE case_id = %(case_id)s ORDER BY happened_at, event_id"
        ),
        {"case_id": case_id},
    )
    return [TimelineEntry(*row) for row in rows]


def add_to_timeline(connection: Connection, entries: Sequence[TimelineEntry]) -> None:
    """Note events on their cases' timelines; one that is there already stays as it is."""
    if entries:
        connection.defer(_INSERT_ENTRIES, {"entries": as_json(entries)})


def entry_of(case_id: CaseId, event_id: UUID, recorded: RecordedEvent, *, now: datetime) -> TimelineEntry:
    """The entry of an event of our own."""
    return TimelineEntry(
        event_id=event_id,
        case_id=case_id,
        event_type=recorded.event.TYPE,
        service="intake",
        happened_at=recorded.happened_at,
        recorded_at=now,
        facts=facts_of(recorded.event),
    )


def facts_of(event: Event) -> dict[str, Any]:
    """What an event says beside its case; events carry no personal data, so it is kept as it is."""
    return event.model_dump(mode="json", exclude={"case_id"})
