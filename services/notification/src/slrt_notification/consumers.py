"""Translate what other services tell into notifications, and queued notifications into messages sent."""

from collections.abc import Callable
from dataclasses import dataclass

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events.base import Event
from slrt_contracts.events.intake import CaseSealed, CaseTransferred, CaseUnsealed, ResidentCodeRequested
from slrt_contracts.events.notification import NotificationQueued
from slrt_contracts.types import CaseId
from slrt_kit import metrics
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.logs import get_logger
from slrt_kit.messaging.errors import RejectedError
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.policy.messages.events import (
    CASE_EVENTS,
    CONSENT_EVENTS,
    LETTER_EVENTS,
    REFERRAL_EVENTS,
    SUPERVISION_EVENTS,
)
from slrt_kit.problems import NotFoundError
from slrt_notification import usecases
from slrt_notification.ports import (
    Codes,
    Contacts,
    DeliveryLog,
    KnownCase,
    MessagePolicies,
    Notifications,
    Sender,
    Supervisors,
)
from slrt_notification.usecases import Attempt

log = get_logger(__name__)

OpenNotifications = Callable[[UnitOfWork], Notifications]


@dataclass(frozen=True, slots=True)
class ConsumerParts:
    """What the handlers of cases and referrals need."""

    notifications: OpenNotifications
    policies: MessagePolicies


@dataclass(frozen=True, slots=True)
class ConnectorParts:
    """What the connector of one channel needs."""

    channel: NotificationChannel
    database: Database
    delivery_log: DeliveryLog
    notifications: OpenNotifications
    policies: MessagePolicies
    contacts: Contacts
    supervisors: Supervisors
    sender: Sender
    codes: Codes


cases = Handlers[ConsumerParts]()
referrals = Handlers[ConsumerParts]()
supervision = Handlers[ConsumerParts]()
residents = Handlers[ConsumerParts]()
consents = Handlers[ConsumerParts]()
letters = Handlers[ConsumerParts]()
connector = Handlers[ConnectorParts]()


async def queue(received: Received[Event], work: UnitOfWork, parts: ConsumerParts) -> None:
    """Queue what the policy says somebody is told of this event."""
    await usecases.queue_notifications(
        received.event,
        told=KnownCase(
            case_id=CaseId(received.envelope.correlationid),
            district_code=getattr(received.event, "district_code", None),
            reachable_by=getattr(received.event, "reachable_by", None),
            restricted=getattr(received.event, "restricted", False),
        ),
        cause_event_id=received.envelope.id,
        caused_at=received.envelope.recordedtime,
        policies=parts.policies,
        notifications=parts.notifications(work),
        at=work.clock.now(),
        new_id=work.new_id,
    )


for _event in CASE_EVENTS:
    cases.on(_event)(queue)
for _event in REFERRAL_EVENTS:
    referrals.on(_event)(queue)
for _event in SUPERVISION_EVENTS:
    supervision.on(_event)(queue)
for _event in CONSENT_EVENTS:
    consents.on(_event)(queue)
for _event in LETTER_EVENTS:
    letters.on(_event)(queue)


@residents.on(ResidentCodeRequested)
async def queue_code(received: Received[ResidentCodeRequested], work: UnitOfWork, parts: ConsumerParts) -> None:
    """Queue the message that brings the code, to the channels that the event names and to no other."""
    event = received.event
    await usecases.queue_notifications(
        event,
        told=KnownCase(case_id=event.case_id, district_code=None, reachable_by=None),
        cause_event_id=received.envelope.id,
        caused_at=received.envelope.recordedtime,
        policies=parts.policies,
        notifications=parts.notifications(work),
        at=work.clock.now(),
        new_id=work.new_id,
        only_to=event.reachable_by,
    )


@cases.on(CaseTransferred)
async def move_case(received: Received[CaseTransferred], work: UnitOfWork, parts: ConsumerParts) -> None:
    """The new district sees what was told of the case, the old one no longer does."""
    parts.notifications(work).move_case(received.event.case_id, received.event.district_code)


@cases.on(CaseSealed)
async def seal_case(received: Received[CaseSealed], work: UnitOfWork, parts: ConsumerParts) -> None:
    """Nobody sees what was told of the case."""
    parts.notifications(work).seal_case(received.event.case_id, sealed=True)


@cases.on(CaseUnsealed)
async def unseal_case(received: Received[CaseUnsealed], work: UnitOfWork, parts: ConsumerParts) -> None:
    """It is seen again."""
    parts.notifications(work).seal_case(received.event.case_id, sealed=False)


async def send(received: Received[NotificationQueued], parts: ConnectorParts) -> Attempt | None:
    """Send the message of a queued notification; None when it has its end already.

    Raises:
        TransientError, RejectedError: it has no end yet.
    """
    async with parts.database.read() as session:
        notification = await parts.delivery_log.find(session, received.event.notification_id)
    if notification is None:
        # A database restored from a backup that is older than the topic.
        raise RejectedError("no such notification")
    if not notification.is_open:
        return None
    try:
        return await usecases.attempt(
            notification,
            policies=parts.policies,
            contacts=parts.contacts,
            supervisors=parts.supervisors,
            sender=parts.sender,
            codes=parts.codes,
            event_id=received.envelope.id,
            now=parts.database.clock.now(),
        )
    except (KeyError, NotFoundError) as error:
        raise RejectedError("template is not in the policy") from error


def is_of_this_channel(received: Received[NotificationQueued], parts: ConnectorParts) -> bool:
    """Every channel's connector hears of every notification."""
    return received.event.channel == parts.channel


@connector.on_prepared(NotificationQueued, send, concerns=is_of_this_channel)
async def record(
    received: Received[NotificationQueued], work: UnitOfWork, parts: ConnectorParts, ended: Attempt | None
) -> None:
    """Note how it ended, in the transaction that also remembers the event."""
    if ended is None:
        return
    notification = await usecases.record_attempt(
        received.event.notification_id, ended, notifications=parts.notifications(work), at=work.clock.now()
    )
    if notification is not None:
        if ended.brought_code:
            metrics.RESIDENT_CODES_SENT.inc()
        log.info(
            "notification ended",
            notification_id=str(notification.notification_id),
            channel=notification.channel,
            template=notification.template,
            status=notification.status,
            reason=notification.reason_code,
        )
