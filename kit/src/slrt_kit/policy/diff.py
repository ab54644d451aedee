"""What two versions of a layer differ in: entries added, removed and changed, field by field, each with its lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slrt_kit.policy.findings import Place
from slrt_kit.policy.layers import Layer, SourceEntry


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``field`` is None for an entry as a whole; ``how`` is added, removed or changed.

    A side that has nothing there has neither value nor place.
    """

    kind: str
    key: str
    field: str | None
    how: str
    before: Any = None
    after: Any = None
    place_before: Place | None = None
    place_after: Place | None = None

    def line(self) -> str:
        """One line for a terminal."""
        sign = {"added": "+", "removed": "-"}.get(self.how, "~")
        name = self.key if self.field is None else f"{self.key}.{self.field}"
        what = f"{self.before!r} -> {self.after!r}" if self.how == "changed" else repr(self.after or self.before)
        return f"{sign} {self.place_after or self.place_before} {self.kind} {name}: {what}"


def diff(old: Layer, new: Layer) -> Iterator[Change]:
    """What changes from one version of a layer to the next, by kind, in the order of the newer source."""
    if old.parent != new.parent:
        yield Change(
            "layer", "parent", None, _how(old.parent, new.parent), old.parent, new.parent, old.place, new.place
        )
    for kind in sorted({*old.kinds, *new.kinds}):
        was, now = old.kinds.get(kind, {}), new.kinds.get(kind, {})
        for key in [*now, *(key for key in was if key not in now)]:
            yield from _entry(kind, key, was.get(key), now.get(key))


def _entry(kind: str, key: str, was: SourceEntry | None, now: SourceEntry | None) -> Iterator[Change]:
    if was is None or now is None or was.removed != now.removed:
        yield Change(
            kind,
            key,
            None,
            "added" if was is None else "removed" if now is None else "changed",
            None if was is None else _shown(was),
            None if now is None else _shown(now),
            None if was is None else was.places[()],
            None if now is None else now.places[()],
        )
        return
    for field in [*now.fields, *(field for field in was.fields if field not in now.fields)]:
        before, after = was.fields.get(field), now.fields.get(field)
        if before != after:
            yield Change(
                kind, key, field, _how(before, after), before, after, was.places.get((field,)), now.places.get((field,))
            )


def _shown(entry: SourceEntry) -> dict[str, Any]:
    return {"removed": True} if entry.removed else dict(entry.fields)


def _how(before: Any, after: Any) -> str:
    return "added" if before is None else "removed" if after is None else "changed"
