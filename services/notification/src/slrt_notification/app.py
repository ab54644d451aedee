"""Compose notification: the only place that knows all its parts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slrt_contracts.codes import NotificationChannel
from slrt_kit import metrics
from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.runtime import LINGER_S, Part, Runtime
from slrt_notification import consumers
from slrt_notification.adapters.contacts import IntakeCodes, IntakeContacts
from slrt_notification.adapters.mail import MailSender
from slrt_notification.adapters.message_book import MessageBook
from slrt_notification.adapters.provider import ProviderSender
from slrt_notification.adapters.supervisors_file import SupervisorMailboxes
from slrt_notification.consumers import ConnectorParts, ConsumerParts, OpenNotifications
from slrt_notification.ports import Sender
from slrt_notification.settings import NotificationSettings
from slrt_notification.store import COUNT_HELD_OVER, DeliveryLogStore, NotificationStore
from slrt_notification.sweeps import QuietHours

if TYPE_CHECKING:
    from fastapi import FastAPI

PACKAGE = "slrt_notification"
_BACKLOG = [(metrics.MESSAGES_HELD_OVER, COUNT_HELD_OVER)]


def build_runtime() -> Runtime:
    """The parts of a notification process, from the environment."""
    return Runtime("notification", PACKAGE, NotificationSettings.load())


def build_app(runtime: Runtime) -> "FastAPI":
    """The HTTP application; imported here, because roles without an API do without FastAPI."""
    from slrt_notification.api import notifications  # noqa: PLC0415
    from slrt_notification.api.parts import NotificationParts  # noqa: PLC0415

    runtime.database.own_backlog = [*_BACKLOG]
    app = runtime.app(
        title="SLRT notification",
        description="The answer: what residents were told, through which channel, and whether it arrived.",
        routers=[notifications.router],
        consumers={
            "cases": consumers.cases,
            "referrals": consumers.referrals,
            "supervision": consumers.supervision,
            "residents": consumers.residents,
            "consents": consumers.consents,
            "letters": consumers.letters,
        },
    )
    app.state.parts = NotificationParts(runtime.database, DeliveryLogStore())
    return app


def build_consumers(runtime: Runtime) -> Sequence[EventConsumer]:
    """The consumer groups that make notifications of other services' events."""
    runtime.database.own_backlog = [*_BACKLOG]
    parts = ConsumerParts(_opener(runtime), build_messages(runtime))
    return [
        runtime.consumer("cases", consumers.cases, parts, linger=LINGER_S),
        runtime.consumer("referrals", consumers.referrals, parts, linger=LINGER_S),
        runtime.consumer("supervision", consumers.supervision, parts),
        runtime.consumer("residents", consumers.residents, parts),
        runtime.consumer("consents", consumers.consents, parts, linger=LINGER_S),
        runtime.consumer("letters", consumers.letters, parts, linger=LINGER_S),
    ]


def build_chores(runtime: Runtime) -> Sequence[Part]:
    """What a worker of notification does from time to time."""
    return [QuietHours(runtime.worker_database, _opener(runtime)).run]


def build_messages(runtime: Runtime) -> MessageBook:
    """The messages of the policy that is in force when they are asked for."""
    return MessageBook(runtime.policy_book, runtime.database.clock)


def build_connector(runtime: Runtime, channel: NotificationChannel) -> EventConsumer:
    """The consumer that sends what is queued for one channel; every channel has its own group, and so its own lag."""
    parts = build_connector_parts(runtime, channel)
    return runtime.consumer(f"connector.{channel}", consumers.connector, parts, linger=LINGER_S)


def build_connector_parts(runtime: Runtime, channel: NotificationChannel) -> ConnectorParts:
    """What the connector of a channel works with."""
    settings = _settings(runtime)
    intake = runtime.client_of(settings.intake_url)
    return ConnectorParts(
        channel=channel,
        database=runtime.database,
        delivery_log=DeliveryLogStore(),
        notifications=_opener(runtime),
        policies=build_messages(runtime),
        contacts=IntakeContacts(intake),
        codes=IntakeCodes(intake),
        supervisors=SupervisorMailboxes.load(settings.supervisors_file),
        sender=_sender(runtime, settings, channel),
    )


def _sender(runtime: Runtime, settings: NotificationSettings, channel: NotificationChannel) -> Sender:
    match channel:
        case NotificationChannel.EMAIL:
            return MailSender(
                host=settings.smtp_host,
                port=settings.smtp_port,
                mail_from=settings.mail_from,
                security=settings.smtp_security,
                username=settings.smtp_username,
                password=settings.smtp_password,
            )
        case NotificationChannel.WHATSAPP:
            return ProviderSender(base_url=settings.message_provider_url, client=runtime.http)


def _opener(runtime: Runtime) -> OpenNotifications:
    def opened(work: UnitOfWork) -> NotificationStore:
        return NotificationStore(work, runtime.outbox)

    return opened


def _settings(runtime: Runtime) -> NotificationSettings:
    if not isinstance(runtime.settings, NotificationSettings):
        raise TypeError("this runtime was made for another service")
    return runtime.settings
