"""What must hold of the routing rules of a region, decided exactly over everything that can be known of a need."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from slrt_contracts.catalogue import FUNCTIONS, NEEDS, PROGRAMMES
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.expressions.boxes import ANYTHING, Box, TooManyBoxesError, meet, without
from slrt_kit.policy.expressions.facts import Fact
from slrt_kit.policy.findings import Finding
from slrt_kit.policy.routing.context import routing_context
from slrt_kit.policy.routing.rules import (
    KIND,
    MOST_BOXES,
    Places,
    RoutingQueue,
    RoutingRule,
    by_need,
    read_queues,
    read_rules,
    winning,
)
from slrt_kit.problems import Text
from slrt_kit.regions import NATION, packaged_regions

RESERVED = frozenset({"better-owner-named"})
"""Stands where a rule's id stands when a declining office named the next one."""

MOST_RULES = 200
"""Of one need: each is compared with each."""
_NAMED = 3

OFFICES = "offices"
_REACH: Mapping[str, int | str] = {"national": NATION, "province": 2, "regency": 5, "district": 8}


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """Everything that is wrong with the routing rules as they hold in the region of the policy.

    Offices are looked at when the policy has them (entries of the kind ``offices``, by code).
    """
    regions = packaged_regions()
    context = routing_context(regions)
    rules, findings = read_rules(policy, context)
    yield from findings
    queues = read_queues(policy)
    yield from _unknown_codes(rules, queues)
    yield from _queue(policy, queues)
    places = Places(regions, policy.region, rules)
    sorted_rules = by_need(rules)
    for need, several in sorted_rules.items():
        yield from _together(need, several, places)
    sorted_rules = {need: several for need, several in sorted_rules.items() if len(several) <= MOST_RULES}
    # A rule that could not be read would be missed.
    read = {rule.key for rule in rules}
    costly = {need for need, several in by_need(rules).items() if len(several) > MOST_RULES}
    unread = costly | {entry.fields.get("need") for entry in policy.entries(KIND).values() if entry.key not in read}
    if not sorted_rules.keys() <= NEEDS.keys():
        # And so would one for a need that is misspelt: nobody knows which it is meant for.
        unread |= NEEDS.keys() - sorted_rules.keys()
    yield from _no_route(sorted_rules, queues, context.facts, places, besides=unread)
    yield from _no_office(policy, rules, places)
    yield from _waits_in_a_circle(rules)


def _finding(entry: Entry, path: Sequence[str | int], code: str, what: Text, remedy: Text) -> Finding:
    return Finding(entry.place(*path), code, what, remedy)


# -- codes --------------------------------------------------------------------------------------------------------


def _unknown_codes(rules: Iterable[RoutingRule], queues: Iterable[RoutingQueue]) -> Iterator[Finding]:
    for rule in rules:
        yield from _unknown(rule.entry, ("need",), rule.need, NEEDS)
        yield from _unknown(rule.entry, ("to", "function"), rule.function, FUNCTIONS)
        if rule.programme is not None:
            yield from _unknown(rule.entry, ("programme",), rule.programme, PROGRAMMES)
        for number, awaited in enumerate(rule.after):
            yield from _unknown(rule.entry, ("after", number), awaited, NEEDS)
    for queue in queues:
        yield from _unknown(queue.entry, ("function",), queue.function, FUNCTIONS)
        for number, need in enumerate(queue.needs):
            yield from _unknown(queue.entry, ("needs", number), need, NEEDS)


def _unknown(entry: Entry, path: tuple[str | int, ...], code: str, known: Mapping[str, object]) -> Iterator[Finding]:
    if code not in known:
        near = ", ".join(known)
        yield _finding(
            entry,
            path,
            "unknown-code",
            Text(f"{entry.key}: kode {code} tidak ada", f"{entry.key}: there is no code {code}"),
            Text(f"yang ada: {near}", f"there are: {near}"),
        )


# -- the queue ----------------------------------------------------------------------------------------------------


def _queue(policy: RegionPolicy, queues: Sequence[RoutingQueue]) -> Iterator[Finding]:
    if len(queues) != 1:
        first = next(iter(policy.entries(KIND).values()), None)
        for entry in [queue.entry for queue in queues[1:]] or ([first] if first else []):
            yield _finding(
                entry,
                (),
                "one-queue",
                Text(f"ada {len(queues)} antrean, seharusnya satu", f"there are {len(queues)} queues, it must be one"),
                Text("sisakan satu entri dengan levels", "keep one entry with levels"),
            )
    for entry in policy.entries(KIND).values():
        if entry.key in RESERVED:
            yield _finding(
                entry,
                (),
                "reserved-name",
                Text(f"nama {entry.key} sudah dipakai sistem", f"the name {entry.key} is taken by the system"),
                Text("beri nama lain", "give it another name"),
            )
    for queue in queues:
        if queue.levels[-1] != "national":
            yield _finding(
                queue.entry,
                ("levels",),
                "queue-without-end",
                Text("tingkat terakhir antrean bukan national", "the last level of the queue is not national"),
                Text(
                    "tambahkan national di akhir, agar tidak ada kebutuhan tanpa meja",
                    "add national at the end, so that no need is without a desk",
                ),
            )
        offices = policy.entries(OFFICES)
        if OFFICES in policy.kinds and not any(
            _region_of(office) == NATION and queue.function in _functions(office) and not office.fields.get("valid_to")
            for office in offices.values()
        ):
            yield _finding(
                queue.entry,
                ("function",),
                "queue-without-office",
                Text(
                    f"tidak ada kantor nasional {queue.function} tanpa tanggal akhir",
                    f"there is no national office of {queue.function} without an end date",
                ),
                Text(f"tambahkan {NATION}.{queue.function} pada offices", f"add {NATION}.{queue.function} to offices"),
            )


# -- rules beside each other --------------------------------------------------------------------------------------


def _together(need: str, rules: Sequence[RoutingRule], places: Places) -> Iterator[Finding]:
    if len(rules) > MOST_RULES:
        yield _finding(
            rules[MOST_RULES].entry,
            (),
            "too-costly",
            Text(f"{need} punya {len(rules)} aturan", f"{need} has {len(rules)} rules"),
            Text(f"paling banyak {MOST_RULES} untuk satu kebutuhan", f"at most {MOST_RULES} for one need"),
        )
        return
    for number, two in enumerate(rules):
        for one in rules[:number]:
            if one.priority != two.priority or (shared := _shared(one, two, places)) is None:
                continue
            when = _when(shared)
            yield _finding(
                two.entry,
                ("when",),
                "ambiguous-rules",
                Text(
                    f"{two.key} dan {one.key} sama-sama berlaku{when.id}, dengan prioritas {two.priority}",
                    f"{two.key} and {one.key} both apply{when.en}, and both have priority {two.priority}",
                ),
                Text("beri salah satunya prioritas lebih tinggi", "give one of them a higher priority"),
            )
            break
    try:
        counts = winning(rules)
    except TooManyBoxesError:
        yield _finding(
            rules[0].entry,
            (),
            "too-costly",
            Text(f"aturan untuk {need} terlalu rumit", f"the rules for {need} are too entangled to be compared"),
            Text("kurangi syarat atau prioritas", "use fewer clauses or fewer priorities"),
        )
        return
    for rule, boxes in zip(rules, counts, strict=True):
        if not any(places.possible(box) for box in rule.when.holds):
            yield _finding(
                rule.entry,
                ("when",),
                "never-true",
                Text(f"{rule.key} tidak pernah berlaku di sini", f"{rule.key} can never be true here"),
                Text("perbaiki syaratnya, atau hapus aturan ini", "correct the condition, or take the rule away"),
            )
        elif not any(places.possible(box) for box in boxes):
            above = (o for o in rules if o.priority > rule.priority and _shared(o, rule, places) is not None)
            names = ", ".join(other.key for other in islice(above, _NAMED))
            yield _finding(
                rule.entry,
                ("when",),
                "shadowed-rule",
                Text(
                    f"{rule.key} tidak pernah dipakai: selalu didahului {names}",
                    f"{rule.key} is never used: {names} always comes first",
                ),
                Text("naikkan prioritasnya, atau hapus aturan ini", "raise its priority, or take the rule away"),
            )


def _shared(one: RoutingRule, two: RoutingRule, places: Places) -> Box | None:
    """A place where both rules hold."""
    met = (meet(first, second) for first in one.when.holds for second in two.when.holds)
    return next((box for box in met if box is not None and places.possible(box)), None)


def _no_route(
    rules: Mapping[str, Sequence[RoutingRule]],
    queues: Sequence[RoutingQueue],
    facts: Mapping[str, Fact],
    places: Places,
    *,
    besides: Collection[str | None],
) -> Iterator[Finding]:
    meant = {need for queue in queues for need in queue.needs}
    for need in NEEDS:
        several = rules.get(need, ())
        if need in besides or (need in meant and not several):
            continue
        try:
            left = without([ANYTHING], [box for rule in several for box in rule.when.holds], facts, most=MOST_BOXES)
        except TooManyBoxesError:
            continue  # told already
        gap = next((box for box in left if places.possible(box)), None)
        if gap is not None and (several or queues):
            entry = several[-1].entry if several else queues[0].entry
            when = _when(gap)
            yield _finding(
                entry,
                (),
                "need-without-route",
                Text(f"{need} tidak punya rute{when.id}", f"{need} has no route{when.en}"),
                Text(
                    f"tambahkan aturan untuk {need}, atau sebut dalam needs pada antrean",
                    f"add a rule for {need}, or name it among the needs of the queue",
                ),
            )


def _when(box: Box) -> Text:
    return Text(f" bila {written(box)}", f" when {written(box)}") if box else Text("", "")


def written(box: Box) -> str:
    """A box as CEL, so that it can be put into a rule."""
    said = []
    for name, values in box.items():
        listed = sorted(values.listed, key=str)
        if listed in ([True], [False]):
            said.append(name if listed[0] else f"!{name}")
        elif len(listed) == 1:
            said.append(f"{name} {'!=' if values.others else '=='} {listed[0]!r}")
        else:
            said.append(f"{'!(' if values.others else ''}{name} in {listed!r}{')' if values.others else ''}")
    return " && ".join(said) or "true"


# -- offices ------------------------------------------------------------------------------------------------------


def _region_of(office: Entry) -> str:
    return office.key.rpartition(".")[0]


def _layer_of(entry: Entry) -> str:
    return entry.place().file.partition("/")[0]


def _functions(office: Entry) -> Sequence[str]:
    functions = office.fields.get("functions", ())
    return [functions] if isinstance(functions, str) else functions


def _no_office(policy: RegionPolicy, rules: Iterable[RoutingRule], places: Places) -> Iterator[Finding]:
    doing: dict[tuple[str, int | str], set[str]] = {}
    for office in policy.entries(OFFICES).values():
        region = _region_of(office)
        for function in _functions(office):
            doing.setdefault((function, NATION if region == NATION else len(region)), set()).add(region)
    if not doing:
        return
    levels = {level for _, level in doing}
    for rule in rules:
        # A layer answers for the rules that it states, and knows its own offices and those above it: who does what
        # further down is said there, and what nobody does there goes to the queue.
        if _layer_of(rule.entry) != policy.region or _REACH[rule.level] not in levels:
            continue
        if rule.function not in FUNCTIONS or not any(places.possible(box) for box in rule.when.holds):
            continue  # told already
        at = doing.get((rule.function, _REACH[rule.level]), set())
        if not any(places.within(box, region) for box in rule.when.holds for region in at):
            yield _finding(
                rule.entry,
                ("to",),
                "function-without-office",
                Text(
                    f"{rule.key}: tidak ada kantor {rule.level} untuk {rule.function} di mana aturan berlaku",
                    f"{rule.key}: no {rule.level} office does {rule.function} where the rule applies",
                ),
                Text(
                    f"tambahkan kantor dengan {rule.function} pada offices, atau ubah level",
                    f"add an office with {rule.function} to offices, or change the level",
                ),
            )


# -- who waits for whom -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wait:
    rule: RoutingRule
    number: int


def _waits_in_a_circle(rules: Iterable[RoutingRule]) -> Iterator[Finding]:
    """Needs that wait for each other would wait for ever; each circle is named once, by one of its rules."""
    waits: dict[str, dict[str, _Wait]] = {}
    for rule in rules:
        for number, awaited in enumerate(rule.after):
            if not {rule.need, awaited} <= NEEDS.keys():
                continue  # told already
            waits.setdefault(rule.need, {}).setdefault(awaited, _Wait(rule, number))
    done: set[str] = set()

    def visit(need: str, path: tuple[str, ...]) -> Iterator[Finding]:
        if need in path:
            circle = (*path[path.index(need) :], need)
            wait = waits[path[-1]][need]
            yield _finding(
                wait.rule.entry,
                ("after", wait.number),
                "waits-in-a-circle",
                Text(
                    f"{wait.rule.key}: menunggu berputar: {' menunggu '.join(circle)}",
                    f"{wait.rule.key}: waits in a circle: {' after '.join(circle)}",
                ),
                Text(f"hapus {need} dari after", f"take {need} out of after"),
            )
        elif need not in done:
            for awaited in waits.get(need, {}):
                yield from visit(awaited, (*path, need))
            done.add(need)

    for need in waits:
        yield from visit(need, ())
