"""What must hold of the messages of a region: of each, and of all that are about one event."""

from collections.abc import Iterator, Mapping, Sequence

from slrt_contracts.codes import NotificationChannel
from slrt_kit.policy.checks.codes import unknown_code
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.messages.conditions import Condition, read_condition
from slrt_kit.policy.messages.events import HEARD_EVENTS, RESIDENT_EVENTS, SUPERVISION_EVENTS
from slrt_kit.policy.messages.wording import CODE, REQUIRED, SENDER, line_findings, placeholders_of, text_findings
from slrt_kit.problems import Text

LANGUAGES = ("id", "en")
_OF_SUPERVISION = frozenset(event.TYPE for event in SUPERVISION_EVENTS)
_OF_CODES = frozenset(event.TYPE for event in RESIDENT_EVENTS)


def brings_code(layout: Entry) -> bool:
    """Whether a layout has a place for a one-time code."""
    return any(
        CODE in placeholders_of(said["text"]) for channel in NotificationChannel for said in _of(layout, channel)
    )


def _of(layout: Entry, channel: str) -> Iterator[Mapping[str, str]]:
    return (layout.fields[channel][language] for language in LANGUAGES)


def check_layouts(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with how messages are laid out."""
    for layout in policy.entries("layouts").values():
        with_code = brings_code(layout)
        for channel in NotificationChannel:
            for language in LANGUAGES:
                said = layout.fields[channel][language]
                yield from text_findings(layout.place(channel, language, "text"), said["text"], with_code=with_code)
                if "subject" in said:
                    place = layout.place(channel, language, "subject")
                    yield from line_findings(place, said["subject"], placeholders=REQUIRED | {SENDER})


def check_channels(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the settings of the channels."""
    channels = policy.entries("channels")
    for channel in channels.values():
        if channel.key not in list(NotificationChannel):
            yield unknown_code(channel.place(), channel.key, among=list(NotificationChannel))
        yield from line_findings(channel.place("sender"), channel.fields["sender"])
        quiet = channel.fields.get("quiet_hours")
        if quiet is not None and quiet["from"] == quiet["to"]:
            yield Finding(
                channel.place("quiet_hours"),
                "quiet-all-day",
                Text("jam tenang mulai dan berakhir pada jam yang sama", "quiet hours begin and end at the same time"),
                Text("tulis dua jam yang berbeda, atau hapus", "write two different times, or remove them"),
            )


def check_notifications(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with who is told of what."""
    messages = policy.entries("notifications")
    if not messages:
        return
    by_event: dict[str, list[tuple[Entry, Sequence[Condition]]]] = {}
    for message in messages.values():
        event = str(message.fields["event"])
        if event not in HEARD_EVENTS:
            yield unknown_code(message.place("event"), event, among=HEARD_EVENTS)
            continue
        conditions = []
        for path, wanted in message.fields.get("when", {}).items():
            try:
                conditions.append(read_condition(event, path, wanted))
            except ValueError as error:
                yield Finding(
                    message.place("when", path),
                    "unknown-condition",
                    Text(f"syarat ini tidak dapat dipenuhi: {error}", f"this can never hold: {error}"),
                    Text(f"lihat medan peristiwa {event}", f"see the fields of the event {event}"),
                )
        by_event.setdefault(event, []).append((message, conditions))
        yield from _message(message, event, policy)
    for several in by_event.values():
        yield from _together(several)
    if any(message.fields["event"] not in HEARD_EVENTS for message in messages.values()):
        return  # the event that it is meant for would be missed
    first = next(iter(messages.values())).place().file
    for event in HEARD_EVENTS:
        if event not in by_event:
            yield Finding(
                Place(first),
                "event-without-message",
                Text(f"tidak ada pesan untuk {event}", f"no message is about {event}"),
                Text(
                    "tambahkan entri; bila memang tidak ada yang diberi tahu, dengan `channels: []`",
                    "add an entry; where nobody is told on purpose, with `channels: []`",
                ),
            )


def _message(message: Entry, event: str, policy: RegionPolicy) -> Iterator[Finding]:
    for language in LANGUAGES:
        yield from line_findings(message.place("stage", language), message.fields["stage"][language])
    to = message.fields.get("to", "resident")
    if (to == "supervisor") != (event in _OF_SUPERVISION):
        yield Finding(
            message.place("to"),
            "wrong-recipient",
            Text(f"{event} bukan untuk {to}", f"{event} is not for the {to}"),
            Text("perbaiki `to` atau `event`", "correct `to` or `event`"),
        )
    layouts = policy.entries("layouts")
    layout = layouts.get(message.fields["layout"])
    if layout is None:
        yield unknown_code(message.place("layout"), message.fields["layout"], among=layouts)
    elif brings_code(layout) != (event in _OF_CODES):
        yield Finding(
            message.place("layout"),
            "code-without-place",
            Text(
                f"tata letak {layout.key} tidak punya tempat untuk kode, atau punya padahal tidak ada kode",
                f"the layout {layout.key} has no place for the code, or one where none is sent",
            ),
            Text("pakai tata letak lain", "use another layout"),
        )
    yield from _ways(message, event, policy.entries("channels"))


def _ways(message: Entry, event: str, channels: Mapping[str, Entry]) -> Iterator[Finding]:
    wanted = message.fields["channels"]
    for n, channel in enumerate(wanted):
        if channel not in channels:
            yield unknown_code(message.place("channels", n), channel, among=channels)
    known = [channels[each] for each in wanted if each in channels]
    silent = not wanted and event in _OF_CODES
    if silent or (known and not any(channel.fields["enabled"] for channel in known)):
        yield Finding(
            message.place("channels"),
            "message-without-channel",
            Text(f"{message.key} tidak sampai kepada siapa pun", f"{message.key} reaches nobody"),
            Text("aktifkan salah satu kanalnya, atau sebut kanal lain", "enable one of its channels, or name another"),
        )


def _together(messages: Sequence[tuple[Entry, Sequence[Condition]]]) -> Iterator[Finding]:
    for number, (two, others) in enumerate(messages):
        one = next((each for each, its in messages[:number] if _meet((each, its), (two, others))), None)
        if one is None:
            continue
        yield Finding(
            two.place("event"),
            "ambiguous-messages",
            Text(
                f"{two.key} dan {one.key} dapat berlaku untuk peristiwa yang sama",
                f"{two.key} and {one.key} can both be about the same event",
            ),
            Text("beri salah satunya prioritas lebih tinggi", "give one of them a higher priority"),
        )


def _meet(one: tuple[Entry, Sequence[Condition]], two: tuple[Entry, Sequence[Condition]]) -> bool:
    if priority_of(one[0]) != priority_of(two[0]):
        return False
    return not any(a.excludes(b) for a in one[1] for b in two[1])


def priority_of(message: Entry) -> int:
    """Of several messages about one event the one with the highest counts."""
    return int(message.fields.get("priority", 0))
