"""What notification gives over HTTP: the delivery log, without text and address."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_contracts.codes import FailureReason, NotificationChannel
from slrt_notification.domain.notification import Notification
from slrt_notification.domain.transitions import NotificationStatus


class NotificationView(BaseModel):
    """One message to the resident of a case: what it was about and whether it arrived."""

    notification_id: UUID
    case_id: UUID
    district_code: str | None = Field(description="null until the case's registration was heard of")
    channel: NotificationChannel
    template: str = Field(examples=["referral-accepted"])
    cause_event_id: UUID = Field(description="the event that the resident is told of")
    status: NotificationStatus
    reason_code: FailureReason | None
    queued_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, notification: Notification) -> Self:
        return cls(
            notification_id=notification.notification_id,
            case_id=notification.case_id,
            district_code=notification.district_code,
            channel=notification.channel,
            template=notification.template,
            cause_event_id=notification.cause_event_id,
            status=notification.status,
            reason_code=notification.reason_code,
            queued_at=notification.queued_at,
            ended_at=notification.ended_at,
        )
