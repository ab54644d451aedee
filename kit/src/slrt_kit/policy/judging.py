"""Find everything that is wrong in the regions of some layers: each thing once, and where it can be mended.

A layer may make something wrong that stands above it: it takes a class away that a step of the nation names. What is
told then is the entry of the layer without which it would not be so, and where it shows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.kinds import Kind
from slrt_kit.policy.layers import Layer, Layers, merge
from slrt_kit.problems import Text
from slrt_kit.regions import NATION
from slrt_kit.regions.former import successor_of

Known = Callable[[str], bool]
"""Whether there is a region of that code."""
_MOST_TRIED = 80
"""Entries of a layer that are left out, one by one, to see which of them it is: some 10 ms each."""
_MOST_TRIED_IN_ALL = 400
"""Of all findings together: whoever proposes waits for it, and others behind them."""

_NOTHING_LEFT = "nothing-left"

Key = tuple[Place, str, str]


def key_of(finding: Finding) -> Key:
    """By which two findings are the same."""
    return finding.place, finding.code, finding.what.en


def findings_of(
    layers: Layers, codes: Iterable[str], *, kinds: Mapping[str, Kind], is_region: Known
) -> tuple[Finding, ...]:
    """Everything that is wrong in the regions of these layers, each thing once, in the order of the source."""
    seen: dict[Key, set[str]] = {}
    told: dict[Key, Finding] = {}
    emptied: set[str] = set()
    tries = iter(range(_MOST_TRIED_IN_ALL))
    # Whatever is wrong above is told there, and not once more for each layer below.
    for code, chain in sorted(((each, layers.chain(each)) for each in codes), key=lambda pair: (len(pair[1]), pair[0])):
        for finding in _of_chain(layers, code, chain, kinds, is_region, merges=emptied.isdisjoint(chain)):
            if finding.code == _NOTHING_LEFT:
                emptied.add(code)
            known = seen.setdefault(key_of(finding), set())
            if known.isdisjoint(chain):
                known.add(code)
                shown = _traced(finding, [layers.layer(each) for each in chain], code, kinds, tries)
                told.setdefault(key_of(shown), shown)
    return tuple(sorted(told.values(), key=key_of))


def _of_chain(
    layers: Layers, code: str, chain: Sequence[str], kinds: Mapping[str, Kind], is_region: Known, *, merges: bool
) -> Iterator[Finding]:
    alone = [finding for each in chain for finding in _of_layer(layers.layer(each), is_region)]
    yield from alone
    circle = layers.circle(code)
    if circle:
        yield _circle(layers, code, circle)
        return
    if not merges:
        return  # something above has nothing left: whatever lies below it would be found wrong for that
    merged = [layers.layer(each) for each in chain]
    yield from _removals_of_nothing(merged)
    yield from _of_merged(merged, code, kinds, _broken(alone, kinds))


def _broken(findings: Iterable[Finding], kinds: Mapping[str, Kind]) -> frozenset[str]:
    """The kinds of which something could not be read; all of them where it is the layer itself."""
    names = {
        each.place.file.rpartition("/")[2].removesuffix(".yaml") for each in findings if each.code != "unknown-kind"
    }
    return frozenset(names) if names <= kinds.keys() else frozenset(kinds)


def _of_layer(layer: Layer, is_region: Known) -> Iterator[Finding]:
    yield from layer.findings
    if layer.code != NATION and not is_region(layer.code):
        yield _unknown_region(Place(f"{layer.code}/"), layer.code)
    if layer.code == NATION and layer.parent is not None:
        yield Finding(
            layer.place,
            "cyclic-inheritance",
            Text("lapisan 00 tidak mewarisi dari mana pun", "the layer 00 inherits from nothing"),
            Text("hapus `parent`", "remove `parent`"),
        )
    elif layer.parent not in (None, NATION) and not is_region(str(layer.parent)):
        yield _unknown_region(layer.place, str(layer.parent))


def _of_merged(
    layers: Sequence[Layer], code: str, kinds: Mapping[str, Kind], broken: Iterable[str] = ()
) -> Iterator[Finding]:
    """What is wrong with the entries as they hold in a region, layer over layer; ``broken`` kinds are not checked."""
    policy = RegionPolicy(code, "", merge(layers))
    unread = set(broken)
    for name, entry in policy:
        for finding in kinds[name].schema.problems(dict(entry.fields), entry.places, whole=True):
            unread.add(name)
            yield finding
    emptied = {name for name, entries in policy.kinds.items() if not entries and not kinds[name].may_be_empty} - unread
    for name in sorted(emptied):
        yield _nothing_left(layers, name)
    # A check may take for granted that every value is of its type, and that there is something.
    for kind in kinds.values():
        if (unread | emptied).isdisjoint({kind.name, *kind.beside}):
            yield from kind.check(policy)


def _nothing_left(layers: Sequence[Layer], name: str) -> Finding:
    last = next(layer for layer in reversed(layers) if name in layer.kinds)
    return Finding(
        Place(f"{last.code}/{name}.yaml"),
        _NOTHING_LEFT,
        Text(f"tidak tersisa satu pun entri {name}", f"no entry of {name} is left"),
        Text("tulis entrinya, atau jangan hapus semuanya", "write entries, or do not take all of them away"),
    )


# -- where it can be mended ---------------------------------------------------------------------------------------


def _traced(
    finding: Finding, layers: Sequence[Layer], code: str, kinds: Mapping[str, Kind], tries: Iterator[int]
) -> Finding:
    """The finding at the entry of its layer that makes it so, where it shows in a layer above.

    When ``tries`` have run out it stays where it shows, and names the layer.
    """
    own = layers[-1]
    if own.code != code or not code or finding.place.file.startswith(f"{code}/"):
        return finding

    def is_found(instead: Layer) -> bool:
        found = _of_merged([*layers[:-1], instead], code, kinds)
        return any(key_of(each) == key_of(finding) for each in found)

    if is_found(replace(own, kinds=MappingProxyType({}))):
        return finding
    for (kind, key), _ in zip(_suspects(own, layers[:-1], finding)[:_MOST_TRIED], tries, strict=False):
        if not is_found(_without(own, kind, key)):
            return replace(finding, place=own.kinds[kind][key].places[()], what=_shown_at(finding))
    what = Text(f"{code}: {finding.what.id}", f"{code}: {finding.what.en}")
    return replace(finding, what=what)


def _suspects(own: Layer, above: Sequence[Layer], finding: Finding) -> list[tuple[str, str]]:
    """The entries of a layer, by kind and key: those that change one above first, and those of the finding's kind."""
    known = merge(above)
    shown = finding.place.file.rpartition("/")[2].removesuffix(".yaml")
    listed = [(kind, key) for kind, entries in own.kinds.items() for key in entries]
    return sorted(listed, key=lambda each: (each[1] not in known.get(each[0], {}), each[0] != shown))


def _without(layer: Layer, kind: str, key: str) -> Layer:
    kept = {name: entry for name, entry in layer.kinds[kind].items() if name != key}
    return replace(layer, kinds=MappingProxyType({**layer.kinds, kind: MappingProxyType(kept)}))


def _shown_at(finding: Finding) -> Text:
    return Text(f"{finding.what.id} ({finding.place})", f"{finding.what.en} ({finding.place})")


# -- layers by themselves -----------------------------------------------------------------------------------------


def _circle(layers: Layers, code: str, circle: Sequence[str]) -> Finding:
    """A circle is one thing that is wrong, from whichever of its layers one comes to it."""
    inside = circle[:-1]
    first = inside.index(min(inside))
    shown = " → ".join((*inside[first:], *inside[: first + 1]))
    named = (*inside[first:], *inside[:first], code)
    return Finding(
        next(layers.layer(each).place for each in named if each in layers and layers.layer(each).parent),
        "cyclic-inheritance",
        Text(f"pewarisan berputar: {shown}", f"the inheritance goes in a circle: {shown}"),
        Text("beri salah satunya induk lain", "give one of them another parent"),
    )


def _unknown_region(place: Place, code: str) -> Finding:
    now = successor_of(code)
    return Finding(
        place,
        "unknown-region",
        Text(f"tidak ada wilayah dengan kode {code}", f"there is no region of the code {code}"),
        Text(
            "periksa kode Kemendagri; wilayah hasil pemekaran memakai kode barunya",
            "look at the Kemendagri code; a region that was split off has its new one",
        )
        if now is None
        else Text(f"sejak {now.law} kodenya {now.code}", f"since {now.law} its code is {now.code}"),
    )


def _removals_of_nothing(layers: Sequence[Layer]) -> Iterator[Finding]:
    there: set[tuple[str, str]] = set()
    for layer in layers:
        for kind, entries in layer.kinds.items():
            for key, source in entries.items():
                if not source.removed:
                    there.add((kind, key))
                elif (kind, key) in there:
                    there.remove((kind, key))
                else:
                    yield Finding(
                        source.places[()],
                        "removes-nothing",
                        Text(f"`{key}` tidak ada di lapisan atas", f"no layer above has `{key}`"),
                        Text("periksa ejaannya atau hapus baris ini", "look at its spelling, or remove the line"),
                    )
