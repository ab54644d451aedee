"""Whether those whom a draft asks for are there: a step that nobody can take stands still, whoever is told of it.

Judged is what a draft newly asks for, in each regency that has a roster (ADR 0040): a hole that was there before is the
watch's to tell of, and must not keep anybody from changing something else; and where no roster is kept nobody knows.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from slrt_contracts.codes import ClockAudience, DutyRole
from slrt_kit.clocks.reporting import KIND, RegionRoles
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text
from slrt_kit.regions import NATION

if TYPE_CHECKING:
    from slrt_kit.policy.layers import Layers

Roster = Mapping[str, frozenset[str]]
"""The roles that somebody has on duty, by area (dotted code, ``00`` the nation)."""

_REGENCY: Final = 5
_ROLES: Final = frozenset(role.value for role in DutyRole)


def held_by_nobody(before: "Layers", after: "Layers", drafts: Collection[str], roster: Roster) -> Iterator[Finding]:
    """The roles that the drafts ask for in a regency where nobody has them, and none of those that would do instead."""
    for regency in sorted({area[:_REGENCY] for area in roster if len(area) >= _REGENCY}):
        if not set(after.chain(regency)) & set(drafts):
            continue
        held, old, new = _held(regency, roster), before.policy(regency), after.policy(regency)
        known = _asked(old)
        for roles, place in _asked(new).items():
            if roles not in known and not roles & held:
                yield _finding(place, sorted(roles), regency)
        for sentence, place in _of_line(old, new, held).items():
            yield _finding(place, sentence, regency)
        yield from _taken_away(after, regency, held, RegionRoles.of(old))


def _held(regency: str, roster: Roster) -> frozenset[str]:
    """The roles that somebody has for the regency, a part of it, or all of what it lies in."""
    inside = (
        roles
        for area, roles in roster.items()
        if area in (NATION, regency[:2], regency) or area.startswith(f"{regency}.")
    )
    return frozenset[str]().union(*inside)


def _asked(policy: RegionPolicy) -> dict[frozenset[str], Place]:
    """Who must be there for each step of the workflow: any one of each set will do."""
    found: dict[frozenset[str], Place] = {}
    for state in policy.entries("workflow").values():
        owner = state.fields.get("owner")
        if owner in _ROLES:
            found.setdefault(frozenset({str(owner)}), state.place("owner"))
        for name, action in state.fields.get("actions", {}).items():
            by = frozenset(action.get("by", ()))
            # What a machine or a resident may do stands still for nobody.
            if by and by <= _ROLES:
                found.setdefault(by, state.place("actions", name, "by"))
    return found


def _of_line(old: RegionPolicy, new: RegionPolicy, held: frozenset[str]) -> dict[tuple[str, ...], Place]:
    """Those whom another reporting line asks for in place of others: who stands in, and who hears of what is late."""
    before, after = RegionRoles.of(old), RegionRoles.of(new)
    entries, found = new.entries(KIND), dict[tuple[str, ...], Place]()
    for state in new.entries("workflow").values():
        owner = str(state.fields.get("owner"))
        if owner in _ROLES & entries.keys() and held.isdisjoint(after.stand_ins(owner)):
            changed = after.stand_ins(owner) != before.stand_ins(owner)
            if changed and not held.isdisjoint(before.stand_ins(owner)):
                found.setdefault(after.stand_ins(owner), entries[owner].place("reports_to"))
    for whom in ClockAudience:
        ears = tuple(role for role in after.hears(whom) if role in _ROLES)
        changed = set(ears) != _ROLES.intersection(before.hears(whom))
        if (
            ears
            and changed
            and held.isdisjoint(ears)
            and not held.isdisjoint(before.hears(whom))
            and ears[0] in entries
        ):
            found.setdefault(ears, entries[ears[0]].place("hears"))
    return found


def _taken_away(after: "Layers", regency: str, held: frozenset[str], known: RegionRoles) -> Iterator[Finding]:
    """Roles that somebody has, and that the region is to have no more."""
    for code in after.chain(regency):
        for role, stated in after.layer(code).kinds.get(KIND, {}).items():
            if stated.removed and role in held and role in known:
                yield Finding(
                    stated.places[()],
                    "role-still-held",
                    Text(
                        f"di {regency} masih ada yang bertugas sebagai {role}",
                        f"in {regency} somebody is on duty as {role}",
                    ),
                    Text("akhiri dahulu tugas mereka", "end their duties first"),
                )


def _finding(place: Place, roles: Collection[str], regency: str) -> Finding:
    named = ", ".join(roles)
    return Finding(
        place,
        "role-nobody-holds",
        Text(f"di {regency} tidak ada yang bertugas sebagai {named}", f"in {regency} nobody is on duty as {named}"),
        Text(
            "tetapkan petugasnya lebih dahulu, atau sebut peran yang ada",
            "put somebody on duty first, or name a role that is there",
        ),
    )
