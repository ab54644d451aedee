"""Add up what would have been otherwise: routes, deadlines, lateness and the load of offices, per regency or city."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from slrt_kit.problems import Text

_REGENCY: Final = 5
_EXAMPLES: Final = 3


class NotJudged(StrEnum):
    """Why something of the past cannot be played by another policy."""

    BY_PERSON = "chosen-by-person"
    FACTS_NOT_KEPT = "facts-not-kept"
    UNKNOWN_REGION = "unknown-region"
    UNKNOWN_CODE = "unknown-code"
    UNKNOWN_CLASS = "unknown-class"
    UNKNOWN_YEAR = "unknown-year"
    GOES_ON = "goes-on"

    @property
    def says(self) -> Text:
        """For people."""
        return _SAYS[self]


_SAYS: Final = {
    NotJudged.BY_PERSON: Text("orang yang memilih dinasnya, bukan aturan", "a person named the office, not a rule"),
    NotJudged.FACTS_NOT_KEPT: Text(
        "fakta yang dipakai aturan tidak tersimpan", "the facts that rules ask for were not kept"
    ),
    NotJudged.UNKNOWN_REGION: Text(
        "wilayahnya tidak ada lagi (dimekarkan?)", "its region is there no longer (was it split?)"
    ),
    NotJudged.UNKNOWN_CODE: Text("kodenya tidak dikenal versi ini", "its code is not known to this release"),
    NotJudged.UNKNOWN_CLASS: Text(
        "kelas batas waktunya tidak ada dalam salah satu kebijakan", "one of the policies lacks its class of deadline"
    ),
    NotJudged.UNKNOWN_YEAR: Text("kalender tidak mencapai tahunnya", "the calendar does not reach its year"),
    NotJudged.GOES_ON: Text(
        "draf meneruskan batas waktu langkah sebelumnya", "by the draft the deadline of the step before goes on"
    ),
}


class Way(NamedTuple):
    """Where a need goes: the office's code, the rule, and the needs that it waits for."""

    office: str
    rule: str
    after: tuple[str, ...] = ()


class Change(NamedTuple):
    """From which way to which one, for which kind of need."""

    need: str
    before: Way
    after: Way


@dataclass(slots=True)
class Rerouted:
    """How often a change was met, and the newest of the referrals that may be named."""

    count: int = 0
    examples: list[UUID] = field(default_factory=list)


@dataclass(slots=True)
class Deadlines:
    """The deadlines of one class.

    ``shifts`` are those that moved, by how far in minutes: of work where the class is counted so, else all minutes.
    ``late_before`` and ``late_after`` are how many were, or are by now, over their time. ``without`` have no deadline
    by the draft.
    """

    count: int = 0
    open: int = 0
    shifts: Counter[int] = field(default_factory=Counter)
    late_before: int = 0
    late_after: int = 0
    without: int = 0

    @property
    def moved(self) -> int:
        """How many would have been due at another instant."""
        return self.shifts.total()

    @property
    def spread(self) -> tuple[int, int, int] | None:
        """The least, the median (of an even number the lower one) and the greatest shift; None where none moved."""
        if not self.shifts:
            return None
        passed, half = 0, (self.moved + 1) // 2
        ordered = sorted(self.shifts)
        for middle in ordered:
            passed += self.shifts[middle]
            if passed >= half:
                break
        return ordered[0], middle, ordered[-1]


@dataclass(slots=True)
class Load:
    """What an office would have had: referrals, and minutes in which they lay with it, as long as they really did."""

    referrals: int = 0
    minutes: int = 0

    def add(self, minutes: int) -> None:
        """One referral more."""
        self.referrals += 1
        self.minutes += minutes


class Notice(NamedTuple):
    """What a step of a chain does (``remind``, ``escalate``, ``auto_close``), who hears of it, and whose time it was.

    ``audience`` is as the chain names it; ``owner`` an office's code, a role, or ``resident``.
    """

    effect: str
    audience: str
    owner: str


@dataclass(slots=True)
class Heard:
    """How often, by the policy in force and by the draft."""

    before: int = 0
    after: int = 0


@dataclass(slots=True)
class RegionTally:
    """What would have been otherwise in one regency or city."""

    routed: int = 0
    routes: dict[Change, Rerouted] = field(default_factory=dict)
    deadlines: dict[tuple[str, str], Deadlines] = field(default_factory=dict)
    loads: dict[str, tuple[Load, Load]] = field(default_factory=dict)
    notices: dict[Notice, Heard] = field(default_factory=dict)

    def reroute(self, change: Change, example: UUID | None) -> None:
        """Something would have gone another way; the newest come first."""
        found = self.routes.setdefault(change, Rerouted())
        found.count += 1
        if example is not None and len(found.examples) < _EXAMPLES:
            found.examples.append(example)

    def heard(self, notice: Notice) -> Heard:
        """How often somebody heard of something."""
        found = self.notices.get(notice)
        if found is None:
            found = self.notices[notice] = Heard()
        return found

    def load(self, before: str, after: str, minutes: int) -> None:
        """A referral was with one office, and would have been with another or the same."""
        for place, office in enumerate((before, after)):
            if office not in self.loads:
                self.loads[office] = Load(), Load()
            self.loads[office][place].add(minutes)


class Tally:
    """All of it. ``outside`` is how much lies where no draft reaches; it is the same by both.

    ``unseen`` are steps to which only the drafts give a deadline: how long things were there no clock has kept.
    """

    def __init__(self) -> None:
        self.outside = 0
        self.judged = 0
        self.unseen: set[str] = set()
        self.not_judged: Counter[NotJudged] = Counter()
        self._regions: dict[str, RegionTally] = {}

    def region(self, code: str) -> RegionTally:
        """What is added up for the regency or city of a region."""
        regency = code[:_REGENCY]
        found = self._regions.get(regency)
        if found is None:
            found = self._regions[regency] = RegionTally()
        return found

    def __iter__(self) -> Iterator[tuple[str, RegionTally]]:
        """By code."""
        return iter(sorted(self._regions.items()))
