"""The steps of a case or a referral: states, what may be done in each and by whom, and the clock that runs meanwhile.

The key of an entry is the state. ``clock`` names an SLA class, or is ``none`` where nobody has to do anything, or
``goes-on`` where the clock of the state before does.
"""

from collections.abc import Iterable, Iterator, Mapping

from slrt_contracts.catalogue import NEEDS
from slrt_kit.access import permission_table
from slrt_kit.policy.checks.codes import unknown_code
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

NO_CLOCK = "none"
GOES_ON = "goes-on"
"""Stands where the clock of the state before runs on: what a machine notes gives nobody more time."""
_RESIDENT = "resident"
_NOT_ROLES = ("office", _RESIDENT)
_MACHINE = "service"
"""Stands where a role stands of what nobody has to do."""


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the workflow that a region knows; nothing where it has none."""
    states, classes = policy.entries("workflow"), policy.entries("sla")
    if not states:
        return
    roles = {role for grants in permission_table().values() for role in grants}
    for state in states.values():
        yield from _unknown(state, states, roles)
        yield from _owner(state, roles)
    yield from _initial(states)
    yield from _unreachable(states)
    yield from _without_exit(states)
    for field in ("clock", "urgent_clock"):
        yield from _without_clock(states, classes, field)
    yield from _need_clocks(states, classes)
    yield from _nothing_to_go_on(states)
    yield from _effects(states, classes, policy.entries("escalation"))


def _actions(state: Entry) -> Mapping[str, Mapping[str, object]]:
    found: Mapping[str, Mapping[str, object]] = state.fields.get("actions", {})
    return found


def _targets(state: Entry) -> Iterator[str]:
    return (str(action["to"]) for action in _actions(state).values() if "to" in action)


def _unknown(state: Entry, states: Mapping[str, Entry], roles: Iterable[str]) -> Iterator[Finding]:
    for name, action in _actions(state).items():
        target, by = action.get("to"), action.get("by", ())
        if target is not None and target not in states:
            yield unknown_code(state.place("actions", name, "to"), str(target), among=states)
        for n, role in enumerate(by if isinstance(by, list) else ()):
            if role not in roles:
                yield unknown_code(state.place("actions", name, "by", n), role, among=roles)


def _owner(state: Entry, roles: set[str]) -> Iterator[Finding]:
    """Time that is nobody's is not watched by anybody."""
    owner = state.fields.get("owner")
    clocks = {name: state.fields[name] for name in ("clock", "urgent_clock") if name in state.fields}
    running = [name for name, clock in clocks.items() if clock not in (NO_CLOCK, GOES_ON)]
    running += ["need_clocks"] if "need_clocks" in state.fields else []
    if owner is None and running:
        yield Finding(
            state.place(running[0]),
            "clock-without-owner",
            Text(f"waktu di {state.key} bukan milik siapa pun", f"the time in {state.key} is nobody's"),
            Text("tambahkan `owner:`: peran, office, atau resident", "add `owner:`: a role, office or resident"),
        )
    elif owner is not None and owner not in (*roles, *_NOT_ROLES):
        yield unknown_code(state.place("owner"), str(owner), among=[*sorted(roles), *_NOT_ROLES])


def _initial(states: Mapping[str, Entry]) -> Iterator[Finding]:
    first = [state for state in states.values() if state.fields.get("initial")]
    if not first:
        yield Finding(
            Place(next(iter(states.values())).place().file),
            "no-initial-state",
            Text("tidak ada keadaan awal", "no state is the first one"),
            Text("beri satu keadaan `initial: true`", "give one state `initial: true`"),
        )
    for state in first[1:]:
        yield Finding(
            state.place("initial"),
            "two-initial-states",
            Text(f"{first[0].key} sudah menjadi keadaan awal", f"{first[0].key} is the first state already"),
            Text("hapus `initial` dari salah satunya", "remove `initial` from one of them"),
        )


def _unreachable(states: Mapping[str, Entry]) -> Iterator[Finding]:
    reached = {key for key, state in states.items() if state.fields.get("initial")}
    if not reached:
        return
    pending = list(reached)
    while pending:
        for target in _targets(states[pending.pop()]):
            if target in states and target not in reached:
                reached.add(target)
                pending.append(target)
    for key, state in states.items():
        if key not in reached:
            yield Finding(
                state.place(),
                "unreachable-state",
                Text(f"tidak ada tindakan yang membawa ke {key}", f"no action leads to {key}"),
                Text(
                    "tambahkan tindakan ke sana, atau hapus keadaan ini", "add an action that does, or remove the state"
                ),
            )


def _without_exit(states: Mapping[str, Entry]) -> Iterator[Finding]:
    """A state from which no end can be reached: what comes there stays for ever."""
    ending = {key for key, state in states.items() if state.fields.get("final")}
    grown = True
    while grown:
        more = {key for key, state in states.items() if key not in ending and ending & set(_targets(state))}
        ending |= more
        grown = bool(more)
    for key, state in states.items():
        if key not in ending:
            yield Finding(
                state.place(),
                "state-without-exit",
                Text(f"dari {key} tidak ada jalan ke keadaan akhir", f"from {key} no final state can be reached"),
                Text("tambahkan tindakan, atau beri `final: true`", "add an action, or give it `final: true`"),
            )


def _need_clocks(states: Mapping[str, Entry], classes: Mapping[str, Entry]) -> Iterator[Finding]:
    for state in states.values():
        for need, clock in state.fields.get("need_clocks", {}).items():
            if need not in NEEDS:
                yield unknown_code(state.place("need_clocks", need), need, among=NEEDS)
            if classes and clock not in classes:
                yield unknown_code(state.place("need_clocks", need), clock, among=classes)


def _without_clock(states: Mapping[str, Entry], classes: Mapping[str, Entry], field: str) -> Iterator[Finding]:
    """Where no clock runs nobody is late, and nobody notices silence."""
    for key, state in states.items():
        clock = state.fields.get(field)
        if state.fields.get("final"):
            missing = False
        elif clock == NO_CLOCK:
            missing = _needs_clock(state)
        else:
            missing = clock is None and field == "clock"
        if missing:
            yield Finding(
                state.place(field),
                "step-without-clock",
                Text(f"tidak ada waktu yang berjalan di {key}", f"no clock runs in {key}"),
                Text("tambahkan `clock:` dengan kelas SLA", "add `clock:` with an SLA class"),
            )
        elif clock not in (None, NO_CLOCK, GOES_ON) and classes and clock not in classes:
            yield unknown_code(state.place(field), str(clock), among=classes)


def _needs_clock(state: Entry) -> bool:
    """Whether somebody's time passes here, or it takes a person to go on."""
    return "owner" in state.fields or any(
        set(_list(action.get("by"))) - {_MACHINE} for action in _actions(state).values()
    )


def _list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _nothing_to_go_on(states: Mapping[str, Entry]) -> Iterator[Finding]:
    """States whose clock is that of the state before, where none may run before."""
    for key, state in states.items():
        if state.fields.get("clock") != GOES_ON:
            continue
        before = [each for each in states.values() if each.key != key and key in _targets(each)]
        idle = [each.key for each in before if each.fields.get("clock") == NO_CLOCK and not _needs_clock(each)]
        if state.fields.get("initial") or idle:
            where = ", ".join(idle) or "-"
            yield Finding(
                state.place("clock"),
                "step-without-clock",
                Text(
                    f"tidak ada waktu yang dapat diteruskan di {key}: sebelumnya ({where}) tidak ada yang berjalan",
                    f"there is no clock to go on with in {key}: before it ({where}) none runs",
                ),
                Text("sebut kelas SLA pada `clock:`", "name an SLA class as its `clock:`"),
            )


def _effects(
    states: Mapping[str, Entry], classes: Mapping[str, Entry], chains: Mapping[str, Entry]
) -> Iterator[Finding]:
    """What a chain does to a case must be possible in every state whose clock it belongs to."""
    named = [
        (state, field, str(chain))
        for state in states.values()
        for field, sla in _named(state)
        if sla in classes and (chain := classes[sla].fields.get("escalation")) in chains
    ]
    for key, chain in chains.items():
        for number, step in enumerate(chain.fields.get("steps", ())):
            effect = step["effect"]
            users = [(state, field) for state, field, used in named if used == key]
            if effect in ("remind", "escalate"):
                continue
            wrong = [(state, field) for state, field in users if effect != "auto_close" or not _closes(state, states)]
            if wrong:
                # The chain is wrong where it is so for all that have it, else whoever names it.
                place = chain.place("steps", number) if len(wrong) == len(users) else wrong[0][0].place(wrong[0][1])
                listed = ", ".join(dict.fromkeys(state.key for state, _ in wrong))
                yield Finding(
                    place,
                    "effect-not-possible",
                    Text(
                        f"rantai {key} memuat {effect}, yang tidak dapat dilakukan di {listed}",
                        f"the chain {key} has {effect}, which cannot be done in {listed}",
                    ),
                    Text(
                        "auto_close hanya di mana warga ditunggu dan layanan dapat menutup; reroute belum dilakukan",
                        "auto_close is only where a resident is waited for and the service closes; nobody does reroute",
                    ),
                )


def _named(state: Entry) -> Iterator[tuple[str, str]]:
    """The classes of a state, each with its field."""
    for field in ("clock", "urgent_clock"):
        if field in state.fields:
            yield field, str(state.fields[field])
    for sla in state.fields.get("need_clocks", {}).values():
        yield "need_clocks", str(sla)


def _closes(state: Entry, states: Mapping[str, Entry]) -> bool:
    """Whether the machine may end what waits here for a resident."""
    ends = (states.get(str(each.get("to"))) for each in _actions(state).values() if _MACHINE in _list(each.get("by")))
    return state.fields.get("owner") == _RESIDENT and any(end is not None and end.fields.get("final") for end in ends)
