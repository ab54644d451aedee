"""The messages as the policy in force has them in a region, or the one that a message was queued under."""

from collections.abc import Mapping
from datetime import time, timedelta

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.types import TemplateCode
from slrt_kit.clock import Clock
from slrt_kit.clocks.zones import ZONES, zone_name
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.messages.checks import brings_code, priority_of
from slrt_kit.policy.messages.conditions import read_condition
from slrt_notification.domain.messages import (
    ChannelSettings,
    Language,
    Layout,
    MessagePolicy,
    Recipient,
    Template,
    Wording,
)

_MOST_KEPT = 2000
"""Policies that are kept read, one for each set of layers and time zone."""


class MessageBook:
    """Keeps the promises of `ports.MessagePolicies`."""

    def __init__(self, book: PolicyBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._made: dict[tuple[str, str], MessagePolicy] = {}

    def at(self, region: str) -> MessagePolicy:
        """What holds in a region (``00`` or a dotted code) now.

        Raises:
            PolicyUnknownError: nothing has been read yet.
        """
        return self._of(self._book.at(region, self._clock.now()), region)

    async def under(self, version: str | None, region: str) -> MessagePolicy:
        """What a message goes by that was queued under a version; what holds now for those that name none.

        Raises:
            NotFoundError: there is no such version. PolicyUnknownError. psycopg.Error: the database is away.
        """
        if version is None:
            return self.at(region)
        return self._made.get((version, zone_name(region))) or self._of(await self._book.version(version), region)

    def _of(self, policy: RegionPolicy, region: str) -> MessagePolicy:
        key = (policy.version, zone_name(region))
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            made = self._made[key] = message_policy(policy, key[1])
        return made


def message_policy(policy: RegionPolicy, zone: str) -> MessagePolicy:
    """The messages of entries in which `slrt_kit.policy.messages.checks` found nothing."""
    layouts = {entry.key: (_layout(entry), brings_code(entry)) for entry in policy.entries("layouts").values()}
    return MessagePolicy(
        version=policy.version,
        zone=ZONES[zone],
        templates={
            TemplateCode(entry.key): _template(entry, layouts) for entry in policy.entries("notifications").values()
        },
        channels={NotificationChannel(entry.key): _channel(entry) for entry in policy.entries("channels").values()},
    )


def _layout(entry: Entry) -> Layout:
    return {
        channel: {
            language: Wording(said.get("subject"), said["text"])
            for language, said in ((each, entry.fields[channel][each]) for each in Language)
        }
        for channel in NotificationChannel
    }


def _template(entry: Entry, layouts: Mapping[str, tuple[Layout, bool]]) -> Template:
    fields = entry.fields
    layout, with_code = layouts[fields["layout"]]
    event = fields["event"]
    return Template(
        code=TemplateCode(entry.key),
        event_type=event,
        conditions=tuple(read_condition(event, path, wanted) for path, wanted in fields.get("when", {}).items()),
        channels=tuple(NotificationChannel(channel) for channel in fields["channels"]),
        layout=layout,
        stage={language: fields["stage"][language] for language in Language},
        to=Recipient(fields.get("to", Recipient.RESIDENT)),
        any_time=fields.get("any_time", False),
        brings_code=with_code,
        priority=priority_of(entry),
    )


def _channel(entry: Entry) -> ChannelSettings:
    fields = entry.fields
    quiet = fields.get("quiet_hours")
    return ChannelSettings(
        enabled=fields["enabled"],
        sender=fields["sender"],
        expires_after=timedelta(hours=fields["expires_after_hours"]),
        quiet_hours=None if quiet is None else (time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["to"])),
    )
