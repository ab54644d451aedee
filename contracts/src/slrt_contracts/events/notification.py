"""Facts told by the notification service: one message to one resident, without its text or address."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.codes import FailureReason, NotificationChannel, Open
from slrt_contracts.events.base import Event
from slrt_contracts.types import CaseId, EventId, NotificationId, TemplateCode


class _NotificationEvent(Event):
    TOPIC: ClassVar[str] = "slrt.notification.delivery.v1"
    KEY: ClassVar[str] = "notification_id"

    notification_id: NotificationId
    case_id: CaseId
    channel: Open[NotificationChannel]


class NotificationQueued(_NotificationEvent):
    """A message to a resident is to be sent because of another event.

    The channel's connector picks it up, fetches the address by claim check and renders the text.
    """

    TYPE: ClassVar[str] = "id.slrt.notification.notification-queued.v1"

    template: TemplateCode
    cause_event_id: Annotated[EventId, Field(description="The event that the resident is told of.")]


class NotificationDelivered(_NotificationEvent):
    """The channel's provider took the message.

    For timelines and reports.
    """

    TYPE: ClassVar[str] = "id.slrt.notification.notification-delivered.v1"


class NotificationFailed(_NotificationEvent):
    """The message will not be delivered; nobody tries again.

    For timelines, and for the office that must reach the resident another way.
    """

    TYPE: ClassVar[str] = "id.slrt.notification.notification-failed.v1"

    reason_code: Open[FailureReason]
