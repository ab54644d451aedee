"""The taxonomy of needs: a tree of any depth whose leaves name a need of the code list (domain 2.5).

The key of an entry is its own code; ``parent`` is another entry's. What residents call it are ``synonyms``.
"""

from collections.abc import Iterator, Mapping

from slrt_contracts.codes import NeedCode
from slrt_kit.policy.checks.codes import unknown_codes
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding
from slrt_kit.problems import Text


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the taxonomy that a region knows."""
    entries = policy.entries("taxonomy")
    for entry in entries.values():
        yield from unknown_codes(entry, "need", NeedCode)
        yield from _parent(entry, entries)
    yield from _circles(entries)
    yield from _leaves_without_need(entries)
    yield from _synonyms_twice(entries)


def _parent(entry: Entry, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    parent = entry.fields.get("parent")
    if parent is not None and parent not in entries:
        yield Finding(
            entry.place("parent"),
            "unknown-code",
            Text(f"tidak ada entri {parent}", f"there is no entry {parent}"),
            Text("tambahkan entri itu, atau pindahkan", "add that entry, or move this one"),
        )


def _circles(entries: Mapping[str, Entry]) -> Iterator[Finding]:
    """Each circle of parents once, at the first of its entries in the source."""
    done: set[str] = set()
    for first in entries:
        passed: dict[str, None] = {}
        key: str | None = first
        while key is not None and key in entries and key not in done and key not in passed:
            passed[key] = None
            key = entries[key].fields.get("parent")
        if key in passed:
            listed = list(passed)
            inside = listed[listed.index(str(key)) :]
            place = min(entries[each].place("parent") for each in inside)
            shown = " → ".join([*inside[:10], inside[0]])
            yield Finding(
                place,
                "taxonomy-cycle",
                Text(f"induknya berputar: {shown}", f"its parents go in a circle: {shown}"),
                Text("beri salah satunya induk lain", "give one of them another parent"),
            )
        done.update(passed)


def _leaves_without_need(entries: Mapping[str, Entry]) -> Iterator[Finding]:
    parents = {entry.fields.get("parent") for entry in entries.values()}
    for key, entry in entries.items():
        if key not in parents and "need" not in entry.fields:
            yield Finding(
                entry.place(),
                "leaf-without-need",
                Text(f"{key} tidak punya anak dan tidak menyebut `need`", f"{key} has nothing below it and no `need`"),
                Text("tambahkan `need: KODE`", "add `need: CODE`"),
            )


def _synonyms_twice(entries: Mapping[str, Entry]) -> Iterator[Finding]:
    """A word that means two things means nothing to whoever types it."""
    seen: dict[str, str] = {}
    for key, entry in entries.items():
        for n, word in enumerate(entry.fields.get("synonyms", ())):
            plain = " ".join(str(word).casefold().split())
            other = seen.setdefault(plain, key)
            if other != key:
                yield Finding(
                    entry.place("synonyms", n),
                    "synonym-twice",
                    Text(f"`{word}` sudah sinonim dari {other}", f"`{word}` is a synonym of {other} already"),
                    Text("hapus dari salah satunya", "take it from one of them"),
                )
