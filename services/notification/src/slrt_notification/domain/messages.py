"""What the policy says of messages: which one an event asks for, when it may go out, and its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events.base import Event
from slrt_contracts.types import TemplateCode
from slrt_kit.policy.messages.conditions import Condition


class Recipient(StrEnum):
    """To whom a message goes."""

    RESIDENT = "resident"
    SUPERVISOR = "supervisor"


class Language(StrEnum):
    """A language that messages are written in."""

    INDONESIAN = "id"
    ENGLISH = "en"


def language_of(wanted: str) -> Language:
    """The resident's language if we write it, else Indonesian."""
    return Language(wanted) if wanted in list(Language) else Language.INDONESIAN


@dataclass(frozen=True, slots=True)
class Wording:
    """A message with placeholders; ``subject`` where the channel has one."""

    subject: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message ready to be sent, and as whose it shows. Never logged, never stored."""

    subject: str | None
    text: str
    sender: str = "SLRT"


Layout = Mapping[NotificationChannel, Mapping[Language, Wording]]


@dataclass(frozen=True, slots=True)
class Template:
    """What somebody is told of an event, and how. ``any_time``: quiet hours do not hold it back."""

    code: TemplateCode
    event_type: str
    conditions: tuple[Condition, ...]
    channels: tuple[NotificationChannel, ...]
    layout: Layout
    stage: Mapping[Language, str]
    to: Recipient = Recipient.RESIDENT
    any_time: bool = False
    brings_code: bool = False
    priority: int = 0

    def is_about(self, event: Event) -> bool:
        """Whether it tells of this event."""
        return self.event_type == event.TYPE and all(condition.holds(event) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How a channel is used in a region. ``quiet_hours`` are local times and may go over midnight."""

    enabled: bool
    sender: str
    expires_after: timedelta
    quiet_hours: tuple[time, time] | None = None

    def quiet_until(self, at: datetime, zone: tzinfo) -> datetime | None:
        """When the quiet hours end that a moment (aware) lies in; None when it lies in none."""
        if self.quiet_hours is None:
            return None
        begin, end = self.quiet_hours
        local = at.astimezone(zone)
        now = local.time()
        is_quiet = begin <= now < end if begin < end else now >= begin or now < end
        if not is_quiet:
            return None
        day = local.date() if now < end else local.date() + timedelta(days=1)
        return datetime.combine(day, end, zone)


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """All messages of one version of the policy, in one time zone."""

    version: str
    zone: tzinfo
    templates: Mapping[TemplateCode, Template]
    channels: Mapping[NotificationChannel, ChannelSettings]

    def template_for(self, event: Event) -> Template | None:
        """What somebody is told of the event; None when nobody is."""
        found = [template for template in self.templates.values() if template.is_about(event)]
        return max(found, key=lambda template: template.priority, default=None)

    def not_before(self, template: Template, channel: NotificationChannel, at: datetime) -> datetime | None:
        """Until when a message waits; None when it may go out at once."""
        return None if template.any_time else self.channels[channel].quiet_until(at, self.zone)

    def render(
        self,
        template: TemplateCode,
        *,
        channel: NotificationChannel,
        language: Language,
        ticket_number: str,
        code: str = "",
    ) -> Message:
        """The message. It takes the ticket number, a one-time code and no other fact, so it can tell no other.

        Raises:
            KeyError: the template is not (or no longer) in the policy.
        """
        found = self.templates[template]
        wording = found.layout[channel][language]
        sender = self.channels[channel].sender
        values = {"ticket_number": ticket_number, "stage": found.stage[language], "code": code, "sender": sender}
        return Message(
            subject=None if wording.subject is None else wording.subject.format_map(values),
            text=wording.text.format_map(values).strip(),
            sender=sender,
        )
