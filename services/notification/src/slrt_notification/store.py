"""All SQL of notification: the delivery log and the cases it belongs to; saves by version compare-and-set."""

from datetime import datetime
from uuid import UUID

from slrt_contracts.codes import FailureReason, NotificationChannel
from slrt_contracts.types import CaseId, DistrictCode, NotificationId
from slrt_kit.access import Scope
from slrt_kit.db import Connection, ReadSession, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.scoped import in_region
from slrt_notification.domain.notification import Notification
from slrt_notification.domain.transitions import NotificationStatus
from slrt_notification.ports import KnownCase

_COLUMNS = """notification_id, version, event_sequence, case_id, district_code, channel, template, cause_event_id,
    caused_at, queued_at, status, reason_code, ended_at, policy_version, not_before"""

# Always an update, so that the row is locked: the consumers of one case go one after the other.
_NOTE_CASE = """
    INSERT INTO cases (case_id, district_code, reachable_by, restricted)
    VALUES (%(case_id)s, %(district_code)s, %(reachable_by)s, %(restricted)s)
    ON CONFLICT (case_id) DO UPDATE SET district_code = COALESCE(cases.district_code, EXCLUDED.district_code),
        reachable_by = COALESCE(cases.reachable_by, EXCLUDED.reachable_by),
        restricted = cases.restricted OR EXCLUDED.restricted
    RETURNING case_id, district_code, reachable_by, restricted
    """
_FILL_DISTRICT = (
    "UPDATE notifications SET district_code = %(district_code)s WHERE case_id = %(case_id)s AND district_code IS NULL"
)
_INSERT = """
    INSERT INTO notifications (notification_id, version, event_sequence, case_id, district_code, channel, template,
                               cause_event_id, caused_at, queued_at, status, policy_version, not_before)
    VALUES (%(notification_id)s, 1, %(event_sequence)s, %(case_id)s, %(district_code)s, %(channel)s, %(template)s,
            %(cause_event_id)s, %(caused_at)s, %(queued_at)s, %(status)s, %(policy_version)s, %(not_before)s)
    ON CONFLICT (cause_event_id, channel) DO NOTHING
    """
_UPDATE = """
    UPDATE notifications SET version = version + 1, event_sequence = %(event_sequence)s, status = %(status)s,
        reason_code = %(reason_code)s, ended_at = %(ended_at)s
    WHERE notification_id = %(notification_id)s AND version = %(version)s
    """
_SELECT = f"SELECT {_COLUMNS} FROM notifications WHERE notification_id = %(notification_id)s"  # noqa: S608 — fixed columns

_HELD = f"""
    SELECT {_COLUMNS} FROM notifications WHERE status = 'held' AND not_before <= %(at)s
    ORDER BY not_before, notification_id LIMIT 100 FOR UPDATE SKIP LOCKED
    """  # noqa: S608 — fixed columns

COUNT_HELD_OVER = """
    SELECT count(*) FROM notifications WHERE status = 'held' AND not_before < now() - interval '10 minutes'
    """
"""How many should have been given to their channels ten minutes ago; by the index of those that wait."""


class NotificationStore:
    """The notifications of one unit of work (keeps the promises of `ports.Notifications`)."""

    def __init__(self, work: UnitOfWork, outbox: Outbox) -> None:
        self._work = work
        self._outbox = outbox

    async def note_case(self, told: KnownCase) -> KnownCase:
        """Remember the case; a district that becomes known is given to the notifications made before."""
        values = {
            "case_id": told.case_id,
            "district_code": told.district_code,
            "reachable_by": None if told.reachable_by is None else list(told.reachable_by),
            "restricted": told.restricted,
        }
        known = KnownCase(**(await self._work.connection.one(_NOTE_CASE, values))._asdict())
        if told.district_code is not None:
            self._work.connection.defer(
                _FILL_DISTRICT, {"case_id": known.case_id, "district_code": known.district_code}
            )
        return known

    def move_case(self, case_id: CaseId, district_code: DistrictCode) -> None:
        """The case belongs to another district now, and so do its notifications."""
        values = {"case_id": case_id, "district_code": district_code}
        for table in ("cases", "notifications"):
            self._work.connection.defer(
                f"UPDATE {table} SET district_code = %(district_code)s WHERE case_id = %(case_id)s",  # noqa: S608 — fixed
                values,
            )

    def seal_case(self, case_id: CaseId, *, sealed: bool) -> None:
        """Hide the notifications of a case from everybody, or show them again."""
        self._work.connection.defer(
            "UPDATE cases SET sealed = %(sealed)s WHERE case_id = %(case_id)s", {"case_id": case_id, "sealed": sealed}
        )

    async def add(self, notification: Notification) -> bool:
        """Insert a new notification with its event; False when the event has one on this channel."""
        if await self._work.connection.run(_INSERT, _values(notification)) != 1:
            return False
        self._publish(notification)
        return True

    async def get(self, notification_id: NotificationId) -> Notification | None:
        """The notification of that id."""
        return await _find(self._work.connection, notification_id)

    async def held_until(self, at: datetime) -> list[Notification]:
        """Some of those whose quiet hours are over, oldest first."""
        return [_notification(row) for row in await self._work.connection.rows(_HELD, {"at": at})]

    async def save(self, notification: Notification) -> None:
        """Write a changed notification with its events.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        if await self._work.connection.run(_UPDATE, _values(notification)) != 1:
            raise StaleVersionError
        self._publish(notification)

    def _publish(self, notification: Notification) -> None:
        self._outbox.add(self._work, notification.raised)
        notification.mark_saved()


class DeliveryLogStore:
    """Reading (keeps the promises of `ports.DeliveryLog`)."""

    async def find(self, session: ReadSession, notification_id: NotificationId) -> Notification | None:
        """The notification of that id, whoever may see it."""
        return await _find(session, notification_id)

    async def find_within(
        self, session: ReadSession, notification_id: NotificationId, scope: Scope
    ) -> Notification | None:
        """The notification of that id, when the scope reaches it."""
        condition, values = _within(scope)
        row = await session.row(f"{_SELECT} AND {condition}", values | {"notification_id": notification_id})
        return None if row is None else _notification(row)

    async def list(
        self,
        session: ReadSession,
        scope: Scope,
        *,
        case_id: CaseId | None,
        channel: NotificationChannel | None,
        status: NotificationStatus | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[Notification]:
        """Notifications inside the scope, newest first, after the given position."""
        inside, values = _within(scope)
        conditions = [inside]
        values["limit"] = limit
        for column, wanted in (("case_id", case_id), ("channel", channel), ("status", status)):
            if wanted is not None:
                conditions.append(f"{column} = %({column})s")
                values[column] = wanted
        if after is not None:
            conditions.append("(queued_at, notification_id) < (%(after_at)s, %(after_id)s)")
            values |= {"after_at": after[0], "after_id": after[1]}
        query = (
            f"SELECT {_COLUMNS} FROM notifications WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed fragments above
            "ORDER BY queued_at DESC, notification_id DESC LIMIT %(limit)s"
        )
        return [_notification(row) for row in await session.rows(query, values)]


def _within(scope: Scope) -> tuple[str, dict[str, object]]:
    """The condition on a row of ``notifications`` that the scope reaches it, and its values (access.yaml).

    Of a case that is kept from most nobody sees here what was told: those in charge of it follow it in intake.
    """
    condition, values = in_region(scope, "district_code")
    if not scope.everywhere:
        condition += (
            " AND NOT EXISTS (SELECT FROM cases c WHERE c.case_id = notifications.case_id "
            "AND (c.restricted OR c.sealed))"
        )
    return condition, values


async def _find(connection: Connection, notification_id: NotificationId) -> Notification | None:
    row = await connection.row(_SELECT, {"notification_id": notification_id})
    return None if row is None else _notification(row)


def _notification(row: Row) -> Notification:
    values = row._asdict() | {
        "channel": NotificationChannel(row.channel),
        "status": NotificationStatus(row.status),
        "reason_code": FailureReason(row.reason_code) if row.reason_code else None,
    }
    return Notification(**values)


def _values(notification: Notification) -> dict[str, object]:
    return {
        "notification_id": notification.notification_id,
        "version": notification.version,
        "event_sequence": notification.event_sequence,
        "case_id": notification.case_id,
        "district_code": notification.district_code,
        "channel": notification.channel,
        "template": notification.template,
        "cause_event_id": notification.cause_event_id,
        "caused_at": notification.caused_at,
        "queued_at": notification.queued_at,
        "status": notification.status,
        "reason_code": notification.reason_code,
        "ended_at": notification.ended_at,
        "policy_version": notification.policy_version,
        "not_before": notification.not_before,
    }
