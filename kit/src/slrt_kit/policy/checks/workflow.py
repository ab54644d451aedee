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
_NOT_ROLES = ("office", "resident")


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the workflow that a region knows; nothing where it has none."""
    states = policy.entries("workflow")
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
        yield from _without_clock(states, policy.entries("sla"), field)
    yield from _need_clocks(states, policy.entries("sla"))


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
    owner, clock = state.fields.get("owner"), state.fields.get("clock", NO_CLOCK)
    if owner is None and clock not in (NO_CLOCK, GOES_ON):
        yield Finding(
            state.place("clock"),
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
        if clock is None and field == "clock" and not state.fields.get("final"):
            yield Finding(
                state.place(),
                "step-without-clock",
                Text(f"tidak ada waktu yang berjalan di {key}", f"no clock runs in {key}"),
                Text("tambahkan `clock:` dengan kelas SLA", "add `clock:` with an SLA class"),
            )
        elif clock not in (None, NO_CLOCK, GOES_ON) and classes and clock not in classes:
            yield unknown_code(state.place(field), str(clock), among=classes)
