"""What is done with notifications: queue them, try to send one, record how it ended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from slrt_contracts.codes import FailureReason
from slrt_contracts.events.base import Event
from slrt_contracts.types import EventId, NotificationId
from slrt_kit.clock import NewId
from slrt_kit.regions import NATION
from slrt_notification.domain.messages import Recipient, language_of
from slrt_notification.domain.notification import Notification
from slrt_notification.ports import (
    Codes,
    Contacts,
    KnownCase,
    MessagePolicies,
    Notifications,
    RecipientRefusedError,
    Sender,
    Supervisors,
)


async def queue_notifications(
    event: Event,
    *,
    told: KnownCase,
    cause_event_id: EventId,
    caused_at: datetime,
    policies: MessagePolicies,
    notifications: Notifications,
    at: datetime,
    new_id: NewId,
    only_to: Collection[str] | None = None,
) -> Sequence[Notification]:
    """Queue one notification for each channel that the policy names for the event; returns the new ones.

    A channel that the resident gave no address for is passed over: asking for a contact that is not there would be
    one more look at somebody's data; so is one that the region has switched off. ``told`` is what the event tells of
    its case; ``caused_at`` when it was recorded; ``only_to`` are the channels of an event that may go nowhere else.
    """
    known = await notifications.note_case(told)
    policy = policies.at(known.district_code or NATION)
    template = policy.template_for(event)
    if template is None:
        return ()
    queued = []
    for channel in template.channels:
        if not policy.channels[channel].enabled:
            continue
        is_for_resident = template.to is Recipient.RESIDENT
        if is_for_resident and known.reachable_by is not None and channel not in known.reachable_by:
            continue
        if only_to is not None and channel not in only_to:
            continue
        notification = Notification.queue(
            notification_id=NotificationId(new_id()),
            case_id=known.case_id,
            district_code=known.district_code,
            channel=channel,
            template=template.code,
            cause_event_id=cause_event_id,
            caused_at=caused_at,
            at=at,
            policy_version=policy.version,
            not_before=policy.not_before(template, channel, at),
        )
        if await notifications.add(notification):
            queued.append(notification)
    return queued


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended for good: taken by the provider, or failed for a reason."""

    failure: FailureReason | None
    brought_code: bool = False


async def attempt(
    notification: Notification,
    *,
    policies: MessagePolicies,
    contacts: Contacts,
    supervisors: Supervisors,
    sender: Sender,
    codes: Codes,
    event_id: EventId,
    now: datetime,
) -> Attempt:
    """Fetch the contact, write the message and hand it to the channel. Runs outside any transaction.

    After a crash it may run again for the same notification; the notification's id lets the provider see that.

    Raises:
        KeyError: the template is not in the policy.
        NotFoundError: there is no such policy any more.
        TransientError, RejectedError: it has no end yet.
    """
    policy = await policies.under(notification.policy_version, notification.district_code or NATION)
    if now - notification.caused_at > policy.channels[notification.channel].expires_after:
        return Attempt(FailureReason.EXPIRED)
    template, code = policy.templates[notification.template], ""
    if template.brings_code:
        living = await codes.code_of(notification.case_id, event_id=event_id)
        if living is None:
            return Attempt(FailureReason.EXPIRED)
        code = living
    if template.to is Recipient.SUPERVISOR:
        contact = supervisors.contact_of(notification.case_id, notification.district_code)
    else:
        contact = await contacts.contact_of(notification.case_id, event_id=event_id)
    address = contact.address(notification.channel)
    if address is None:
        return Attempt(FailureReason.NO_CONTACT)
    message = policy.render(
        notification.template,
        channel=notification.channel,
        language=language_of(contact.language),
        ticket_number=contact.ticket_number,
        code=code,
    )
    try:
        await sender.send(notification, message, to=address)
    except RecipientRefusedError:
        return Attempt(FailureReason.RECIPIENT_REFUSED)
    return Attempt(None, brought_code=template.brings_code)


async def release_held(notifications: Notifications, *, at: datetime) -> int:
    """Hand those to their channels whose quiet hours are over, some of them; gives how many."""
    due = await notifications.held_until(at)
    for notification in due:
        notification.release(at=at)
        await notifications.save(notification)
    return len(due)


async def record_attempt(
    notification_id: NotificationId, ended: Attempt, *, notifications: Notifications, at: datetime
) -> Notification | None:
    """Note how the attempt ended; None when the notification had its end already or is gone."""
    notification = await notifications.get(notification_id)
    if notification is None or not notification.is_open:
        return None
    if ended.failure is None:
        notification.deliver(at=at)
    else:
        notification.fail(ended.failure, at=at)
    await notifications.save(notification)
    return notification
