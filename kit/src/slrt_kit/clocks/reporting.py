"""How the roles of a region stand to each other: the line by which things go up, and what reaches whom (ADR 0046).

It gives nobody a right: what a role may do stands in access.yaml.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Self

from slrt_contracts.codes import ClockAudience, ClockPauseReason
from slrt_kit.clocks.chain import RANKS
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.kinds import KINDS
from slrt_kit.policy.layers import merge, read_layer
from slrt_kit.problems import Text
from slrt_kit.regions import NATION

KIND: Final = "roles"
_NEXT_LEVEL: Final = Text("tingkat di atasnya", "the next level")
"""The next level is of several roles, and which of them it is depends on where somebody stands."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role as its region has it; ``label`` without an article."""

    label: Text
    reports_to: str | None
    last_stand_in: bool
    hears: frozenset[str]
    hears_end_of: frozenset[str]
    follows: frozenset[str]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The role of a checked entry."""
        fields = entry.fields
        return cls(
            Text(fields["label"]["id"], fields["label"]["en"]),
            fields.get("reports_to"),
            fields.get("last_stand_in", False),
            frozenset(fields.get("hears", ())),
            frozenset(fields.get("hears_end_of", ())),
            frozenset(fields.get("follows", ())),
        )


class RegionRoles:
    """The roles of a region. Made once for a version of its policy; every answer is a look into a dictionary."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        """``roles`` are by code."""
        self._roles = roles
        self._stand_ins = {code: self._up_to_the_last(code) for code in roles}
        self._hears = {whom: tuple(c for c, role in roles.items() if whom in role.hears) for whom in ClockAudience}
        self._ends = {why: tuple(c for c, role in roles.items() if why in role.hears_end_of) for why in _PAUSES}
        self._heights = {
            code: min(RANKS[ClockAudience(whom)] for whom in role.hears) for code, role in roles.items() if role.hears
        }
        self._words = {code: Text(role.label.id, f"the {role.label.en}") for code, role in roles.items()}
        self._words_of_height = dict(self._each_height())

    @classmethod
    def of(cls, policy: RegionPolicy) -> Self:
        """Those that a policy states; those of the package where it is older than the kind and states none."""
        entries = policy.entries(KIND) or _packaged()
        return cls({code: Role.of(entry) for code, entry in entries.items()})

    def line(self, role: str) -> tuple[str, ...]:
        """The role and those to whom it goes up, itself first. A circle ends where it would close."""
        found = [role]
        while (known := self._roles.get(found[-1])) is not None and known.reports_to not in (None, *found):
            found.append(str(known.reports_to))
        return tuple(found)

    def stand_ins(self, role: str) -> tuple[str, ...]:
        """The role and those that answer when nobody has it, up to the last that does the work of the desk."""
        return self._stand_ins.get(role, (role,))

    def hears(self, whom: ClockAudience) -> tuple[str, ...]:
        """The roles that stand for an audience of an escalation; none for the owner, who stands for itself."""
        return self._hears[whom]

    def hears_end_of(self, reason: str | None) -> tuple[str, ...] | None:
        """To whom what a pause waits for is told beside the owner of the step; None: nothing would end such a pause."""
        return self._ends.get(reason or "")

    def height(self, roles: Collection[str]) -> int | None:
        """From which height on what is late is on the list of somebody who has these roles; None: on nobody's."""
        return min((self._heights[role] for role in roles if role in self._heights), default=None)

    def follows(self, roles: Collection[str], what: str) -> bool:
        """Whether all that is open in their area (``cases``, ``referrals``) is on the list of somebody with these."""
        return any(what in self._roles[role].follows for role in roles if role in self._roles)

    def label(self, role: str) -> Text:
        """What a role is called, without an article; its code where it has no entry."""
        known = self._roles.get(role)
        return Text(role, role) if known is None else known.label

    def words(self, role: str) -> Text:
        """What a role is called, with its article; its code where it has no entry."""
        return self._words.get(role) or Text(role, role)

    def words_of_height(self, height: int) -> Text:
        """Who it is to whom something has come that has risen so high."""
        return self._words_of_height.get(height, _NEXT_LEVEL)

    def __contains__(self, role: object) -> bool:
        return role in self._roles

    def _each_height(self) -> Iterator[tuple[int, Text]]:
        for whom, ears in self._hears.items():
            if ears and whom not in (ClockAudience.NEXT_LEVEL, ClockAudience.OFFICE_HEAD):
                # Rather one that hears of nothing lower; of several the first in the order of the source.
                ear = next((code for code in ears if self._heights[code] == RANKS[whom]), ears[0])
                yield RANKS[whom], self._words[ear]

    def _up_to_the_last(self, role: str) -> tuple[str, ...]:
        line = self.line(role)
        last = next((n for n, each in enumerate(line) if each in self._roles and self._roles[each].last_stand_in), None)
        return line if last is None else line[: last + 1]


_PAUSES: Final = frozenset(str(reason) for reason in ClockPauseReason)


@cache
def packaged_roles() -> RegionRoles:
    """Those that come with the package, for the nation."""
    return RegionRoles.of(RegionPolicy(NATION, ""))


@cache
def _packaged() -> Mapping[str, Entry]:
    text = resources.files("slrt_kit.policy.shared").joinpath(NATION, f"{KIND}.yaml").read_text(encoding="utf-8")
    layer = read_layer(NATION, {KIND: text}, {kind.name: kind for kind in KINDS})
    return merge([layer])[KIND]
