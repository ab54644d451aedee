"""Keep the devices of officers in the field, and when each was last in touch."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from slrt_intake.domain.device import Device
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError
from slrt_kit.scoped import in_region

_COLUMNS = (
    "device_id, version, officer, area_code, registered_at, last_sync_at, clock_offset_s, committed_up_to, revoked_at, "
    "revoked_by, wiped_at"
)
_INSERT = f"""
    INSERT INTO field_devices ({_COLUMNS})
    VALUES (%(device_id)s, 1, %(officer)s, %(area_code)s, %(registered_at)s, NULL, NULL, 0, NULL, NULL, NULL)
    """  # noqa: S608 — fixed texts
_SAVE = """
    UPDATE field_devices SET version = version + 1, revoked_at = %(revoked_at)s, revoked_by = %(revoked_by)s,
        wiped_at = %(wiped_at)s, area_code = %(area_code)s
    WHERE device_id = %(device_id)s AND version = %(version)s
    """
_TOUCH = """
    UPDATE field_devices SET last_sync_at = %(now)s, clock_offset_s = %(offset)s, area_code = %(area_code)s
    WHERE device_id = %(device_id)s
    """

COUNT_SILENT = """
    SELECT count(*) FROM field_devices d WHERE d.revoked_at IS NULL
    AND coalesce(d.last_sync_at, d.registered_at) < now() - interval '7 days'
    """
"""How many devices were not in touch for a week."""
OLDEST_WAITING = """
    SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0) FROM field_items WHERE status = 'waiting_for'
    """
"""For how many seconds the item waits that has waited longest."""

# Of a facilitator on the roster who was never in touch there is no device: the area is silent all the same.
_AGES = """
    WITH areas AS (
        SELECT d.area_code, d.officer, d.device_id, d.last_sync_at FROM field_devices d
        WHERE d.revoked_at IS NULL
        UNION ALL
        SELECT u.area_code, u.officer, NULL, NULL FROM duties u
        WHERE u.role = 'facilitator' AND u.ended_at IS NULL AND u.first_day <= %(today)s
        AND (u.last_day IS NULL OR u.last_day >= %(today)s)
    )
    SELECT area_code, count(DISTINCT officer) AS officers, count(DISTINCT device_id) AS devices,
           max(last_sync_at) AS last_sync_at
    FROM areas WHERE {inside} GROUP BY area_code
    HAVING max(last_sync_at) IS NULL OR max(last_sync_at) <= %(before)s
    ORDER BY max(last_sync_at) NULLS FIRST, area_code LIMIT %(limit)s
    """


class SyncAge(NamedTuple):
    """When anybody who works in an area was last in touch; None: never."""

    area_code: str
    officers: int
    devices: int
    last_sync_at: datetime | None


async def get_device(connection: Connection, device_id: UUID, *, locked: bool = False) -> Device | None:
    """The device of that id; ``locked`` until the commit."""
    lock = " FOR NO KEY UPDATE" if locked else ""
    query = f"SELECT {_COLUMNS} FROM field_devices WHERE device_id = %(id)s{lock}"  # noqa: S608 — fixed texts
    row = await connection.row(query, {"id": device_id})
    return None if row is None else _device(row)


async def add_device(connection: Connection, device: Device) -> None:
    """Insert a new one.

    Raises:
        psycopg.errors.UniqueViolation: the id is taken.
    """
    await connection.run(_INSERT, _values(device))


async def save_device(connection: Connection, device: Device) -> None:
    """Write what was decided about it.

    Raises:
        StaleVersionError: somebody else saved it since it was loaded.
    """
    if await connection.run(_SAVE, _values(device)) != 1:
        raise StaleVersionError
    device.version += 1


def touch(connection: Connection, device: Device, *, offset_s: float | None, now: datetime) -> None:
    """It is in touch at ``now`` (UTC); its clock is off by so many seconds."""
    values = {"device_id": device.device_id, "now": now, "offset": offset_s, "area_code": device.area_code}
    connection.defer(_TOUCH, values)


async def list_devices(
    connection: Connection, scope: Scope, *, after: tuple[str, UUID] | None, limit: int
) -> list[Device]:
    """The devices of a scope's region, by area."""
    inside, values = in_region(scope, "area_code")
    conditions = [inside]
    if after is not None:
        conditions.append("(coalesce(area_code, '') COLLATE \"C\", device_id) > (%(after_area)s, %(after_id)s)")
        values |= {"after_area": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM field_devices WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed texts
        'ORDER BY area_code COLLATE "C", device_id LIMIT %(limit)s',
        values | {"limit": limit},
    )
    return [_device(row) for row in rows]


async def sync_ages(
    connection: Connection, scope: Scope, *, before: datetime, today: object, limit: int
) -> Sequence[SyncAge]:
    """The areas of the scope's region from which nobody was in touch after ``before`` (UTC), silent longest first."""
    inside, values = in_region(scope, "area_code")
    rows = await connection.rows(
        _AGES.format(inside=inside), values | {"before": before, "today": today, "limit": limit}
    )
    return [SyncAge(*row) for row in rows]


def _device(row: Row) -> Device:
    return Device(**row._asdict())


def _values(device: Device) -> dict[str, object]:
    return {
        "device_id": device.device_id,
        "version": device.version,
        "officer": device.officer,
        "area_code": device.area_code,
        "registered_at": device.registered_at,
        "revoked_at": device.revoked_at,
        "revoked_by": device.revoked_by,
        "wiped_at": device.wiped_at,
    }
