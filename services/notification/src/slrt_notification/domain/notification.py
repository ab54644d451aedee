"""The notification: one message to the resident of a case, on one channel, because of one event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from slrt_contracts.codes import FailureReason, NotificationChannel
from slrt_contracts.events.notification import NotificationDelivered, NotificationFailed, NotificationQueued
from slrt_contracts.types import CaseId, DistrictCode, EventId, NotificationId, TemplateCode
from slrt_kit.aggregate import Aggregate
from slrt_notification.domain.problems import TransitionRefusedError
from slrt_notification.domain.transitions import TRANSITIONS, NotificationAction, NotificationStatus


@dataclass(kw_only=True)
class Notification(Aggregate):
    """The aggregate. It knows neither the words nor the address: both are made for the moment of sending.

    ``caused_at`` is when the event that it tells of was recorded; ``district_code`` is None until the case's
    registration has been heard of; ``policy_version`` names the policy that it was queued under, whose words it has.
    Times in UTC.
    """

    notification_id: NotificationId
    case_id: CaseId
    district_code: DistrictCode | None
    channel: NotificationChannel
    template: TemplateCode
    cause_event_id: EventId
    caused_at: datetime
    queued_at: datetime
    status: NotificationStatus = NotificationStatus.QUEUED
    reason_code: FailureReason | None = None
    ended_at: datetime | None = None
    policy_version: str | None = None
    not_before: datetime | None = None

    @classmethod
    def queue(
        cls,
        *,
        notification_id: NotificationId,
        case_id: CaseId,
        district_code: DistrictCode | None,
        channel: NotificationChannel,
        template: TemplateCode,
        cause_event_id: EventId,
        caused_at: datetime,
        at: datetime,
        policy_version: str | None = None,
        not_before: datetime | None = None,
    ) -> Self:
        """A new one, for its channel's connector to pick up: now, or not before quiet hours are over."""
        notification = cls(
            notification_id=notification_id,
            case_id=case_id,
            district_code=district_code,
            channel=channel,
            template=template,
            cause_event_id=cause_event_id,
            caused_at=caused_at,
            queued_at=at,
            status=NotificationStatus.QUEUED if not_before is None else NotificationStatus.HELD,
            policy_version=policy_version,
            not_before=not_before,
        )
        if notification.is_open:
            notification._tell_connector(at)
        return notification

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.status is NotificationStatus.QUEUED

    def release(self, *, at: datetime) -> None:
        """The quiet hours are over: its channel's connector may pick it up.

        Raises:
            TransitionRefusedError: it was not held.
        """
        self._move(NotificationAction.RELEASE)
        self._tell_connector(at)

    def deliver(self, *, at: datetime) -> None:
        """The channel's provider took the message.

        Raises:
            TransitionRefusedError: it has its end already.
        """
        self._end(NotificationAction.DELIVER, at)
        self._raise_event(
            NotificationDelivered(notification_id=self.notification_id, case_id=self.case_id, channel=self.channel),
            at=at,
        )

    def fail(self, reason: FailureReason, *, at: datetime) -> None:
        """The message will not be delivered; nobody tries again.

        Raises:
            TransitionRefusedError: it has its end already.
        """
        self._end(NotificationAction.FAIL, at)
        self.reason_code = reason
        self._raise_event(
            NotificationFailed(
                notification_id=self.notification_id, case_id=self.case_id, channel=self.channel, reason_code=reason
            ),
            at=at,
        )

    def _tell_connector(self, at: datetime) -> None:
        self._raise_event(
            NotificationQueued(
                notification_id=self.notification_id,
                case_id=self.case_id,
                channel=self.channel,
                template=self.template,
                cause_event_id=self.cause_event_id,
            ),
            at=at,
        )

    def _end(self, action: NotificationAction, at: datetime) -> None:
        self._move(action)
        self.ended_at = at

    def _move(self, action: NotificationAction) -> None:
        target = TRANSITIONS.get((self.status, action))
        if target is None:
            raise TransitionRefusedError(state=self.status, action=action)
        self.status = target
