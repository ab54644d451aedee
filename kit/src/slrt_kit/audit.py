"""Put on record who looked at whose data and what for, before it is shown."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import orjson

from slrt_kit.access import Principal
from slrt_kit.db import Database

_INSERT = """
    INSERT INTO access_log (at, subject, roles, office, purpose, action, object_type, object_id, fields, request_id)
    SELECT %(at)s, %(subject)s, %(roles)s, %(office)s, %(purpose)s, action, object_type, object_id, fields,
           coalesce(event_id, %(request_id)s)
    FROM jsonb_to_recordset(CAST(%(looks)s AS jsonb)) AS l(action text, object_type text, object_id uuid,
         fields text[], event_id text)
    """


class Look(NamedTuple):
    """One look at one thing, and which fields of it were shown. ``event_id`` is the event that made somebody look."""

    action: str
    object_type: str
    object_id: UUID
    fields: Sequence[str]
    event_id: UUID | None = None


async def record_access(
    database: Database, principal: Principal, looks: Sequence[Look], *, purpose: str, request_id: str | None
) -> None:
    """Write one row of the access log for each look; it is durable on return, and only then may the data be shown."""
    values = {
        "at": database.clock.now(),
        "subject": principal.subject,
        "roles": sorted(principal.roles),
        "office": principal.office,
        "purpose": purpose,
        "request_id": request_id,
        "looks": orjson.dumps([look._asdict() for look in looks]).decode(),
    }
    async with database.statement() as connection:
        await connection.run(_INSERT, values)
