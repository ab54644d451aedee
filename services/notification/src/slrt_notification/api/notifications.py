"""The delivery log: what residents were told and whether it arrived."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.types import CaseId, NotificationId
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import etag
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import NotFoundError
from slrt_notification.api.parts import Parts
from slrt_notification.api.schemas import NotificationView
from slrt_notification.domain.transitions import NotificationStatus

router = APIRouter(tags=["notifications"])

MayRead = Annotated[Authorized, require("notification.delivery.read")]


@router.get("/notifications")
async def list_notifications(
    *,
    authorized: MayRead,
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
    case_id: UUID | None = None,
    channel: NotificationChannel | None = None,
    status: NotificationStatus | None = None,
) -> Page[NotificationView]:
    """The notifications of the caller's area, newest first."""
    async with parts.database.read() as session:
        found = await parts.delivery_log.list(
            session,
            authorized.scope,
            case_id=None if case_id is None else CaseId(case_id),
            channel=channel,
            status=status,
            after=None if cursor is None else _position(cursor),
            limit=limit + 1,
        )
    return page_of(found, limit, NotificationView.of, lambda each: (each.queued_at, each.notification_id))


def _position(cursor: str) -> tuple[datetime, UUID]:
    at, notification_id = decode_position(cursor, datetime, UUID)
    return at, notification_id


@router.get("/notifications/{notification_id}")
async def get_notification(
    notification_id: UUID, authorized: MayRead, parts: Parts, response: Response
) -> NotificationView:
    """One notification; 404 also when it is not the caller's to see."""
    async with parts.database.read() as session:
        found = await parts.delivery_log.find_within(session, NotificationId(notification_id), authorized.scope)
    if found is None:
        raise NotFoundError
    response.headers["ETag"] = etag(found.version)
    return NotificationView.of(found)
