"""Read calendars, SLA classes and escalation chains out of a region's policy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from slrt_kit.clocks.calendar import CalendarSpec, Hours, WorkCalendar, hours_of
from slrt_kit.clocks.chain import Chain, Step
from slrt_kit.clocks.lengths import Length
from slrt_kit.clocks.zones import zone_name
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.problems import Text

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFICE: Final = "office"
"""The calendar of whatever names no other."""
BESIDE: Final = "/"
"""Between the version that something began under and the one whose calendars it goes by."""


class UnknownTermError(LookupError):
    """The policy has no such class, chain or calendar."""


@dataclass(frozen=True, slots=True)
class SlaClass:
    """How long something may take. ``most`` more, in all and at most ``times`` times, if a second person agrees."""

    key: str
    label: Text
    length: Length
    escalation: str
    calendar: str
    most: Length | None = None
    times: int = 0
    remind_at: float | None = None
    moves_open: bool = False
    """Whether what is open goes by this, too, once it is in force (``open_cases: move``)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """All that one clock runs by: its class, its calendar, its chain; and the version that they are of."""

    sla: SlaClass
    calendar: WorkCalendar
    chain: Chain
    version: str


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """What clocks run by in one region. Calendars are by key and laid out when they are asked for.

    ``now`` is what is in force, of things that began under an older version: its calendars hold for them, and those of
    its classes that say so. ``version`` names both then, such as ``00:3/00:4``.
    """

    region: str
    version: str
    calendars: Mapping[str, CalendarSpec]
    classes: Mapping[str, SlaClass]
    chains: Mapping[str, Chain]
    now: "ClockPolicy | None" = None

    def under(self, now: "ClockPolicy") -> "ClockPolicy":
        """What is open goes by when another version is in force; itself where that changes nothing for it."""
        beside = replace(self, version=f"{self.version}{BESIDE}{now.version}", now=now)
        return self if all(self.agrees(beside, key) for key in self.classes) else beside

    def agrees(self, other: "ClockPolicy", sla_class: str) -> bool:
        """Whether a clock of that class is reckoned alike by both. Raises UnknownTermError: one lacks what it needs."""
        mine, theirs = self.terms(sla_class), other.terms(sla_class)
        return mine.calendar is theirs.calendar and self.same_class(other, sla_class)

    def same_class(self, other: "ClockPolicy", sla_class: str) -> bool:
        """Whether the class and its chain are the same in both. Raises what `agrees` raises."""
        mine, theirs = self.terms(sla_class), other.terms(sla_class)
        return (mine.sla, mine.chain) == (theirs.sla, theirs.chain)

    def _source(self, sla_class: str) -> "ClockPolicy":
        """The version whose class holds."""
        newer = None if self.now is None else self.now.classes.get(sla_class)
        return self.now if self.now is not None and newer is not None and newer.moves_open else self

    def terms(self, sla_class: str) -> Terms:
        """What a clock of that class runs by.

        Raises:
            UnknownTermError: there is no such class, or its chain or calendar is missing.
        """
        try:
            source = self._source(sla_class)
            sla = source.classes[sla_class]
            # Of a class that holds for what is open, nothing is left of the version before.
            version = self.version if source is self else source.version
            return Terms(sla, self.calendar(sla.calendar), source._chain(sla), version)
        except KeyError as error:
            raise UnknownTermError(
                f"policy {self.version} of {self.region} has no {error.args[0]} that {sla_class} needs"
            ) from None

    def calendar(self, key: str = OFFICE) -> WorkCalendar:
        """The calendar of that key, as it is in force. Raises KeyError: there is none."""
        newer = None if self.now is None else self.now.calendars.get(key)
        return WorkCalendar.of(newer or self.calendars[key])

    def _chain(self, sla: SlaClass) -> Chain:
        chain = self.chains[sla.escalation]
        if sla.remind_at is None:
            return chain
        left = 1 - sla.remind_at
        steps = tuple(
            step if step.left is None else replace(step, left=left, at=f"-{round(left * 100)}%") for step in chain.steps
        )
        return Chain(chain.key, steps)


def clock_policy(policy: RegionPolicy) -> ClockPolicy:
    """What clocks run by under a policy that the schemas and `slrt_kit.clocks.checks` found no fault with.

    Raises:
        UnknownProvinceError: a calendar says no time zone, and the region is in no known province.
        ValueError, KeyError: the policy was not checked.
    """
    return ClockPolicy(
        policy.region,
        policy.version,
        {entry.key: _calendar(policy, entry) for entry in calendars(policy)},
        {entry.key: _class(entry) for entry in policy.entries("sla").values()},
        {
            entry.key: Chain(entry.key, tuple(Step.of(step) for step in entry.fields["steps"]))
            for entry in policy.entries("escalation").values()
        },
    )


def calendars(policy: RegionPolicy) -> Iterator[Entry]:
    """The entries that are calendars; the others add days to one."""
    return (entry for entry in policy.entries("calendar").values() if "adds_to" not in entry.fields)


def parts_of(policy: RegionPolicy, calendar: Entry) -> Iterator[Entry]:
    """The entries that a calendar is made of: its own, and those that add days to it."""
    yield calendar
    for entry in policy.entries("calendar").values():
        if entry.fields.get("adds_to") == calendar.key:
            yield entry


def _calendar(policy: RegionPolicy, calendar: Entry) -> CalendarSpec:
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (
        hours_of(calendar.fields["hours"].get(day, ())) for day in DAYS
    )
    week = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
    usual = next(hours for hours in week if hours)
    parts = list(parts_of(policy, calendar))
    return CalendarSpec(
        calendar.fields.get("time_zone") or zone_name(policy.region),
        week,
        frozenset(_day(day) for part in parts for day in part.fields.get("days_off", ())),
        tuple(sorted((_day(day), _hours(day, usual)) for part in parts for day in part.fields.get("days_on", ()))),
        frozenset(int(each["year"]) for part in parts for each in part.fields.get("decrees", ())),
    )


def _day(field: Mapping[str, Any]) -> date:
    return date.fromisoformat(field["date"])


def _hours(field: Mapping[str, Any], usual: Hours) -> Hours:
    return hours_of(field["hours"]) if "hours" in field else usual


def _class(entry: Entry) -> SlaClass:
    fields = entry.fields
    extension = fields.get("extension")
    return SlaClass(
        entry.key,
        Text(fields["label"]["id"], fields["label"]["en"]),
        Length.of(fields["length"]),
        fields["escalation"],
        fields.get("calendar", OFFICE),
        most=None if extension is None else Length.of(extension["most"]),
        times=0 if extension is None else int(extension["times"]),
        remind_at=fields.get("remind_at"),
        moves_open=fields.get("open_cases") == "move",
    )
