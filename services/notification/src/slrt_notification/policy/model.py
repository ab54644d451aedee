"""The policy as the program uses it: which template an event asks for, and a message in a resident's language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events.base import Event
from slrt_contracts.events.intake import (
    CaseClosed,
    CaseDecided,
    CaseRegistered,
    CaseResolved,
    ConsentEnded,
    EmergencyAccessOpened,
    ResidentCodeRequested,
)
from slrt_contracts.events.referral import ReferralAccepted, ReferralCompleted, ReferralRerouted, ReferralSent
from slrt_contracts.types import TemplateCode

CASE_EVENTS: tuple[type[Event], ...] = (CaseRegistered, CaseDecided, CaseResolved, CaseClosed)
REFERRAL_EVENTS: tuple[type[Event], ...] = (ReferralSent, ReferralAccepted, ReferralRerouted, ReferralCompleted)

SUPERVISION_EVENTS: tuple[type[Event], ...] = (EmergencyAccessOpened,)

RESIDENT_EVENTS: tuple[type[Event], ...] = (ResidentCodeRequested,)
"""Those whose message brings a one-time code."""

CONSENT_EVENTS: tuple[type[Event], ...] = (ConsentEnded,)

HEARD_EVENTS: Mapping[str, type[Event]] = MappingProxyType(
    {
        event.TYPE: event
        for event in (*CASE_EVENTS, *REFERRAL_EVENTS, *SUPERVISION_EVENTS, *RESIDENT_EVENTS, *CONSENT_EVENTS)
    }
)
"""The events that this service hears and that a rule may name, by type."""


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
    """A message ready to be sent. Never logged, never stored."""

    subject: str | None
    text: str


Layout = Mapping[NotificationChannel, Mapping[Language, Wording]]


@dataclass(frozen=True, slots=True)
class Template:
    """A layout with the words for one stage."""

    layout: Layout
    stage: Mapping[Language, str]
    to: Recipient = Recipient.RESIDENT
    brings_code: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of an event, by its path, must have one of the values; in a list any member may."""

    path: tuple[str, ...]
    values: tuple[Any, ...]

    def holds(self, event: Event) -> bool:
        """Whether the event fulfils it."""
        return any(value in self.values for value in _values_at([event], self.path))


def _values_at(parts: Iterable[Any], path: Sequence[str]) -> Iterable[Any]:
    for part in parts:
        value = getattr(part, path[0])
        members = value if isinstance(value, tuple) else (value,)
        yield from _values_at(members, path[1:]) if len(path) > 1 else members


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event makes us send."""

    event_type: str
    conditions: tuple[Condition, ...]
    template: TemplateCode
    channels: tuple[NotificationChannel, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole file, checked."""

    rules: tuple[Rule, ...]
    templates: Mapping[TemplateCode, Template]
    expires_after: timedelta

    def rule_for(self, event: Event) -> Rule | None:
        """The first rule whose event type and conditions fit; None when the resident is not told."""
        for rule in self.rules:
            if rule.event_type == event.TYPE and all(condition.holds(event) for condition in rule.conditions):
                return rule
        return None

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
        values = {"ticket_number": ticket_number, "stage": found.stage[language], "code": code}
        return Message(
            subject=None if wording.subject is None else wording.subject.format_map(values),
            text=wording.text.format_map(values).strip(),
        )
