"""Keep what happened to a case, in whichever service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from slrt_contracts.events import Event
from slrt_contracts.types import CaseId, EventId

_INSERT_TIMELINE = text(
    """
    INSERT INTO timeline (event_id, case_id, event_type, service, happened_at, recorded_at, facts)
    VALUES (:event_id, :case_id, :event_type, :service, :happened_at, :recorded_at, CAST(:facts AS jsonb))
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a case, told by the service it happened in. Times in UTC."""

    event_id: UUID
    event_type: str
    service: str
    happened_at: datetime
    recorded_at: datetime
    facts: dict[str, Any]


async def timeline(connection: AsyncConnection, case_id: CaseId) -> list[TimelineEntry]:
    """The case's timeline, oldest first."""
    rows = await connection.execute(
        text(
            "SELECT event_id, event_type, service, happened_at, recorded_at, facts FROM timeline "
            "WHERE case_id = :case_id ORDER BY happened_at, event_id"
        ),
        {"case_id": case_id},
    )
    return [TimelineEntry(*row) for row in rows]


async def add_to_timeline(
    connection: AsyncConnection,
    event: Event,
    *,
    event_id: EventId,
    case_id: CaseId,
    service: str,
    happened_at: datetime,
    recorded_at: datetime,
) -> None:
    """Note an event on its case's timeline; events carry no personal data, so their facts are kept as they are."""
    await connection.execute(
        _INSERT_TIMELINE,
        {
            "event_id": event_id,
            "case_id": case_id,
            "event_type": event.TYPE,
            "service": service,
            "happened_at": happened_at,
            "recorded_at": recorded_at,
            "facts": event.model_dump_json(exclude={"case_id"}),
        },
    )
