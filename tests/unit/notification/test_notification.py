"""What may become of a notification, and what it tells the world."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from slrt_contracts.codes import FailureReason, NotificationChannel
from slrt_contracts.events.notification import NotificationDelivered, NotificationFailed, NotificationQueued
from slrt_contracts.types import CaseId, DistrictCode, EventId, NotificationId, TemplateCode
from slrt_notification.domain.notification import Notification
from slrt_notification.domain.problems import TransitionRefusedError
from slrt_notification.domain.transitions import TRANSITIONS, NotificationAction, NotificationStatus

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def queued() -> Notification:
    """A new notification."""
    return Notification.queue(
        notification_id=NotificationId(UUID(int=1)),
        case_id=CaseId(UUID(int=2)),
        district_code=DistrictCode("12.74.03"),
        channel=NotificationChannel.EMAIL,
        template=TemplateCode("case-closed"),
        cause_event_id=EventId(UUID(int=3)),
        caused_at=NOW,
        at=NOW,
    )


def take(notification: Notification, action: NotificationAction) -> None:
    """The method of the action."""
    if action is NotificationAction.RELEASE:
        notification.release(at=LATER)
    elif action is NotificationAction.DELIVER:
        notification.deliver(at=LATER)
    else:
        notification.fail(FailureReason.NO_CONTACT, at=LATER)


@pytest.mark.parametrize("status", NotificationStatus)
@pytest.mark.parametrize("action", NotificationAction)
def test_a_step_outside_the_table_is_refused_and_changes_nothing(
    status: NotificationStatus, action: NotificationAction
) -> None:
    notification = queued()
    notification.status = status
    target = TRANSITIONS.get((status, action))
    if target is not None:
        take(notification, action)
        ended = None if action is NotificationAction.RELEASE else LATER
        assert (notification.status, notification.ended_at) == (target, ended)
        return
    with pytest.raises(TransitionRefusedError) as refused:
        take(notification, action)
    assert refused.value.extra == {"state": status, "action": action}
    assert (notification.status, notification.ended_at, notification.reason_code) == (status, None, None)
    assert len(notification.raised) == 1


def test_both_ends_are_final() -> None:
    assert {status for status, _ in TRANSITIONS} == {NotificationStatus.HELD, NotificationStatus.QUEUED}


def test_a_delivered_notification_tells_its_two_events_in_order() -> None:
    notification = queued()
    notification.deliver(at=LATER)
    first, second = notification.raised
    assert first.event == NotificationQueued(
        notification_id=UUID(int=1),
        case_id=UUID(int=2),
        channel="email",
        template="case-closed",
        cause_event_id=UUID(int=3),
    )
    assert second.event == NotificationDelivered(notification_id=UUID(int=1), case_id=UUID(int=2), channel="email")
    assert [(e.key_sequence, e.happened_at) for e in notification.raised] == [(1, NOW), (2, LATER)]
    assert first.event.partition_key == str(UUID(int=1))


def test_a_message_that_is_held_tells_its_channel_once_it_is_released() -> None:
    held = Notification.queue(
        notification_id=NotificationId(UUID(int=1)),
        case_id=CaseId(UUID(int=2)),
        district_code=DistrictCode("18.04.03"),
        channel=NotificationChannel.WHATSAPP,
        template=TemplateCode("case-closed"),
        cause_event_id=EventId(UUID(int=3)),
        caused_at=NOW,
        at=NOW,
        not_before=LATER,
    )
    assert (held.is_open, held.raised) == (False, ())
    held.release(at=LATER)
    assert [(type(each.event), each.happened_at) for each in held.raised] == [(NotificationQueued, LATER)]
    assert (held.is_open, held.queued_at) == (True, NOW)


def test_a_failed_notification_says_why() -> None:
    notification = queued()
    notification.fail(FailureReason.RECIPIENT_REFUSED, at=LATER)
    assert notification.reason_code is FailureReason.RECIPIENT_REFUSED
    assert notification.raised[1].event == NotificationFailed(
        notification_id=UUID(int=1), case_id=UUID(int=2), channel="email", reason_code="recipient_refused"
    )
