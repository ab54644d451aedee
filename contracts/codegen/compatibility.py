"""Judge today's contract against a released one: what changed, whom it breaks, what to do.

Two questions are asked of every event type, and of the headers that all events share: does today's reader understand
every event of the release (its archive is sent again, projections are built anew from it), and does a reader of the
release, not yet upgraded, understand every event of today. The answer to both must be yes, for every release.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.codegen.containment import Gap, Kind, Lens, Schema, gaps

BOTH = frozenset(Lens)
HEADERS = "headers"
"""Stands for the type where the headers are meant that every event has."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract as it was released, or as it is today."""

    version: str
    schemas: Mapping[str, Schema]
    """Event type → its JSON Schema."""
    headers: Schema
    """JSON Schema of the headers of any event."""
    topics: tuple[Mapping[str, Any], ...]
    """The entries of the registry."""
    unknown_code: str
    """Pattern of a value of an extensible list that a reader of this contract keeps without knowing it."""


@dataclass(frozen=True, slots=True)
class Break:
    """A change that someone does not live with."""

    event_type: str
    path: str
    what: str
    remedy: str
    breaks: frozenset[Lens]
    release: str
    hearers: tuple[str, ...]


def breaks_between(released: Contract, today: Contract) -> list[Break]:
    """Return what today's contract breaks of a released one; nothing when both lenses are clear."""
    found: list[Break] = []
    subjects = [*((name, schema, today.schemas.get(name)) for name, schema in sorted(released.schemas.items()))]
    subjects.append((HEADERS, released.headers, today.headers))
    for name, old, new in subjects:
        hearers = tuple(sorted(_hearers(released, name) | _hearers(today, name)))
        found += [
            Break(name, path, what, f"{remedy}; or {_new_major(name)}", lenses, released.version, hearers)
            for path, what, remedy, lenses in _changes(released, today, name, old, new)
        ]
    return found


def schema_breaks(old: Schema, new: Schema, *, unknown_code: str) -> dict[tuple[str, str, str], frozenset[Lens]]:
    """Return (path, what, remedy) → whom it breaks, for two schemas of one event type."""
    found: dict[tuple[str, str, str], frozenset[Lens]] = {}
    for lens, writer, reader in ((Lens.OLD_EVENTS, old, new), (Lens.OLD_READERS, new, old)):
        for gap in gaps(writer, reader, lens=lens, unknown_code=unknown_code):
            key = (gap.path, *_words(gap, lens))
            found[key] = found.get(key, frozenset()) | {lens}
    return found


_Change = tuple[str, str, str, frozenset[Lens]]


def _changes(released: Contract, today: Contract, name: str, old: Schema, new: Schema | None) -> Iterator[_Change]:
    if new is None:
        remedy = "keep the model and go on telling it until the announced end of this major"
        yield "", "the event type is gone", remedy, BOTH
        return
    for (path, what, remedy), lenses in schema_breaks(old, new, unknown_code=released.unknown_code).items():
        yield path, what, remedy, lenses
    if old.get("$id") != new.get("$id"):
        what = f"the name of the schema ({old.get('$id')} → {new.get('$id')}) by which ce_dataschema leads to it"
        yield "", f"{what} changed", "keep the name", frozenset((Lens.OLD_READERS,))
    if name != HEADERS:
        yield from _topic_changes(_topic_of(released, name), _topic_of(today, name))


def _topic_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[_Change]:
    for attribute, remedy in (("name", "keep telling it there"), ("key", "keep the key: order holds per key")):
        if old[attribute] != new[attribute]:
            word = {"name": "the topic", "key": "the Kafka key"}[attribute]
            yield "", f"{word} changed: {old[attribute]} → {new[attribute]}", remedy, BOTH
    if old["compacted"] != new["compacted"]:
        kept = "only the last event of each key is kept now" if new["compacted"] else "the last events no longer stay"
        remedy = "keep the topic as it is cleaned up"
        yield "", f"{kept} on {new['name']}", remedy, frozenset((Lens.OLD_EVENTS,))
    order = ("internal", "partner", "public")
    if order.index(new["audience"]) < order.index(old["audience"]):
        what = f"the audience of {new['name']} shrank: {old['audience']} → {new['audience']}"
        yield "", what, "keep the audience", frozenset((Lens.OLD_READERS,))


def _topic_of(contract: Contract, event_type: str) -> Mapping[str, Any]:
    return next(topic for topic in contract.topics if event_type in topic["types"])


def _hearers(contract: Contract, name: str) -> set[str]:
    """Return who acts on a type: consumers by name, and partners where the topic is open to them."""
    if name == HEADERS:
        return {"everyone who reads events"}
    found = set()
    for topic in contract.topics:
        if name in topic["types"]:
            found |= {consumer["name"] for consumer in topic["consumers"] if name in consumer["types"]}
            if topic["audience"] != "internal":
                found.add(f"partners of {topic['name']}")
    return found


def _new_major(name: str) -> str:
    if name == HEADERS:
        return "add a header beside it"
    stem, _, major = name.rpartition(".v")
    return f"make a new type {stem}.v{int(major) + 1} and tell both until the announced end of the old one"


# -- words -------------------------------------------------------------------------------------------------------
_Words = Callable[[Gap], tuple[str, str]]
_SAME_VALUES = "keep what the field may hold (only an extensible list may gain a value, in the form of a code)"


def _missing(gap: Gap) -> tuple[str, str]:
    if gap.detail:
        return "the field is gone; it was required", "keep the field"
    return "the field may be missing now; it was required", "keep the field required"


_WORDS: Mapping[tuple[Kind, Lens], _Words] = {
    (Kind.GONE, Lens.OLD_EVENTS): lambda _: (
        "the field is gone; what old events say in it would be dropped",
        "keep the field, under its name",
    ),
    (Kind.MISSING, Lens.OLD_EVENTS): lambda _: (
        "the field is required; old events may lack it",
        "make it optional, with a default",
    ),
    (Kind.MISSING, Lens.OLD_READERS): _missing,
    (Kind.TAKEN_FOR_TOLD, Lens.OLD_READERS): lambda gap: (
        f"the field is gone; who does not know that takes its default {gap.detail} for told",
        "keep the field",
    ),
    (Kind.TYPE, Lens.OLD_EVENTS): lambda gap: (f"takes no {gap.detail} any more; old events hold one", _SAME_VALUES),
    (Kind.TYPE, Lens.OLD_READERS): lambda gap: (f"may be {gap.detail} now; it never was", _SAME_VALUES),
    (Kind.VALUES, Lens.OLD_EVENTS): lambda gap: (_less("takes less than before", gap), _SAME_VALUES),
    (Kind.VALUES, Lens.OLD_READERS): lambda gap: (_less("may hold what it never did", gap), _SAME_VALUES),
}
_EITHER_WORDS: Mapping[Kind, _Words] = {
    Kind.DEFAULT: lambda gap: (
        f"the default changed ({gap.detail}): an event without the field means two things",
        "keep the default",
    ),
    Kind.OPENED: lambda _: (
        "other fields were allowed, so this name or others may stand for something else",
        "close an object before its first release",
    ),
    Kind.LENGTH: lambda _: ("the list has other bounds", "keep how many items there may be"),
    Kind.INCOMPARABLE: lambda gap: (
        f"{gap.detail} changed, and nobody can say whom that breaks",
        "keep the schema in words that can be compared",
    ),
}


def _words(gap: Gap, lens: Lens) -> tuple[str, str]:
    return (_WORDS.get((gap.kind, lens)) or _EITHER_WORDS[gap.kind])(gap)


def _less(words: str, gap: Gap) -> str:
    return f"{words}: {gap.detail}" if gap.detail else words


def told(breaks: Iterable[Break]) -> list[str]:
    """Return the message: one paragraph per change, with every release that it breaks."""
    grouped: dict[tuple[str, str, str, frozenset[Lens]], list[Break]] = {}
    for one in breaks:
        grouped.setdefault((one.event_type, one.path, one.what, one.breaks), []).append(one)
    return [line for group in grouped.values() for line in _paragraph(group)]


def _paragraph(group: list[Break]) -> list[str]:
    first = group[0]
    where = f"{first.event_type}: {first.path}" if first.path else first.event_type
    hearers = sorted({hearer for one in group for hearer in one.hearers}) or ["nobody acts on it yet"]
    whom = " and ".join(lens.value for lens in Lens if lens in first.breaks)
    return [
        f"{where}: {first.what}",
        f"    breaks {whom} (released {', '.join(one.release for one in group)}): {', '.join(hearers)}",
        f"    do: {first.remedy}",
    ]
