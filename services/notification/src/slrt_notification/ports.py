"""What the use cases need from outside, as Protocols; `store.py` and `adapters/` keep these promises."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.types import CaseId, DistrictCode, EventId, NotificationId
from slrt_kit.access import Scope
from slrt_kit.db import ReadSession
from slrt_notification.domain.contact import Contact
from slrt_notification.domain.messages import Message, MessagePolicy
from slrt_notification.domain.notification import Notification
from slrt_notification.domain.transitions import NotificationStatus


class RecipientRefusedError(Exception):
    """The provider will never take a message for this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """What is known of a case. None: no event has told it yet."""

    case_id: CaseId
    district_code: DistrictCode | None
    reachable_by: Collection[str] | None
    restricted: bool = False


class Notifications(Protocol):
    """The notifications of one unit of work. Both writes put the raised events into the outbox."""

    async def note_case(self, told: KnownCase) -> KnownCase:
        """Remember what an event tells of a case; returns what is known of it by now."""

    def move_case(self, case_id: CaseId, district_code: DistrictCode) -> None:
        """The case belongs to another district now, and so do its notifications."""

    def seal_case(self, case_id: CaseId, *, sealed: bool) -> None:
        """Hide the notifications of a case from everybody, or show them again."""

    async def add(self, notification: Notification) -> bool:
        """False when one for the same event and channel is there already: nothing is written."""

    async def get(self, notification_id: NotificationId) -> Notification | None: ...

    async def held_until(self, at: datetime) -> Sequence[Notification]:
        """Some of those whose quiet hours are over, oldest first; nobody else gets them before the commit."""

    async def save(self, notification: Notification) -> None:
        """Raises StaleVersionError when somebody else saved it since."""


class MessagePolicies(Protocol):
    """What the policy says of messages."""

    def at(self, region: str) -> MessagePolicy:
        """What holds in a region now; raises PolicyUnknownError while nothing has been read."""

    async def under(self, version: str | None, region: str) -> MessagePolicy:
        """What a message goes by that was queued under a version; what holds now for those that name none.

        Raises NotFoundError: there is no such version.
        """


class DeliveryLog(Protocol):
    """Reading, for connectors and the API; never a text or an address."""

    async def find(self, session: ReadSession, notification_id: NotificationId) -> Notification | None: ...

    async def find_within(
        self, session: ReadSession, notification_id: NotificationId, scope: Scope
    ) -> Notification | None:
        """The one of that id, when the scope reaches it."""

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
    ) -> Sequence[Notification]:
        """Those inside the scope, newest first, after the given position."""


class Contacts(Protocol):
    """The owner of the residents' contacts."""

    async def contact_of(self, case_id: CaseId, *, event_id: EventId) -> Contact:
        """Raises TransientError when the owner is away, RejectedError when it refuses."""


class Codes(Protocol):
    """The owner of the residents' one-time codes."""

    async def code_of(self, case_id: CaseId, *, event_id: EventId) -> str | None:
        """The code that opens the case now; None when there is none any more.

        Raises TransientError when the owner is away, RejectedError when it refuses.
        """


class Supervisors(Protocol):
    """Who supervises what."""

    def contact_of(self, case_id: CaseId, district_code: DistrictCode | None) -> Contact:
        """How the supervisor of the case's district is reached, without an address where none is known."""


class Sender(Protocol):
    """One channel. Sending twice under the same ``notification_id`` must be recognisable by whoever receives it."""

    async def send(self, notification: Notification, message: Message, *, to: str) -> None:
        """Returns once the provider has taken the message.

        Raises:
            RecipientRefusedError: never for this address.
            TransientError: the provider is away; nobody's message goes out now.
            RejectedError: not this message now; others may.
        """
