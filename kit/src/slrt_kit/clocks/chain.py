"""Say what is done when something takes too long: the steps of an escalation chain, each with its instant."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Self

from slrt_contracts.codes import ClockAudience
from slrt_kit.clocks.calendar import WorkCalendar
from slrt_kit.clocks.lengths import Length, Unit

_OFFSET: Final = re.compile(r"-(?P<share>[1-9][0-9]?)%|0|\+(?P<count>[1-9][0-9]{0,2})(?P<unit>wd|wh|h)")
_UNITS: Final = {"wd": Unit.WORKING_DAYS, "wh": Unit.WORKING_HOURS, "h": Unit.HOURS}


class EffectKind(StrEnum):
    """What a step does. The first two only tell somebody; the others change what the clock is about."""

    REMIND = "remind"
    ESCALATE = "escalate"
    AUTO_CLOSE = "auto_close"
    REROUTE = "reroute"

    @property
    def is_notice(self) -> bool:
        """Whether a later one of its kind makes it pointless."""
        return self in (EffectKind.REMIND, EffectKind.ESCALATE)


RANKS: Final[Mapping[ClockAudience, int]] = MappingProxyType(
    {
        ClockAudience.OWNER: 0,
        ClockAudience.SUPERVISOR: 1,
        ClockAudience.MANAGER: 2,
        ClockAudience.HEAD_OF_OFFICE: 3,
        ClockAudience.OFFICE_HEAD: 3,
        ClockAudience.NEXT_LEVEL: 4,
    }
)
"""How high on the reporting line (domain 13.5): nobody is passed over by going up."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: at which offset from the due instant, what, and who hears of it. ``at`` is as the policy writes it."""

    at: str
    effect: EffectKind
    whom: tuple[ClockAudience, ...]
    left: float | None = None
    """The share of the time that is left, of a step before the due instant."""
    after: Length | None = None
    """How much later than due, of a step after it."""

    @classmethod
    def of(cls, field: Mapping[str, Any]) -> Self:
        """Read ``{at: "+3wd", effect: escalate, whom: [manager]}``. Raises ValueError: it cannot be read."""
        found = _OFFSET.fullmatch(str(field["at"]))
        if found is None:
            raise ValueError(f"{field['at']!r} is no offset")
        share, count = found["share"], found["count"]
        return cls(
            found[0],
            EffectKind(field["effect"]),
            tuple(ClockAudience(each) for each in field["whom"]),
            left=None if share is None else int(share) / 100,
            after=None if count is None else Length(_UNITS[found["unit"]], int(count)),
        )

    @property
    def weight(self) -> tuple[int, float]:
        """By which steps are in the order of time: a working day is taken for seven and a half hours of work."""
        if self.after is None:
            return (0, -(self.left or 0))
        hours = {Unit.WORKING_DAYS: 24.0, Unit.WORKING_HOURS: 3.2, Unit.HOURS: 1.0}[self.after.unit]
        return (1, self.after.count * hours)

    def instant(self, calendar: WorkCalendar, *, length: Length, takes: timedelta, due: datetime) -> datetime:
        """When it is time for the step, of a clock that takes so long (in what its length passes in) and is due then.

        Raises:
            UnknownYearError: the calendar does not reach there.
        """
        if self.left is not None:
            return calendar.shift(due, -takes * self.left, length)
        return due if self.after is None else calendar.add(due, self.after)


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps in the order of time."""

    key: str
    steps: tuple[Step, ...]

    def folded(self, first: int, passed: int) -> tuple[int, Sequence[Step]]:
        """Which step acts when those from ``first`` up to before ``passed`` are due, and which it stands for.

        Notices that are due together become the last of them. What changes the case is never left out, and no notice
        before it: each of those acts by itself, in order.
        """
        last = first
        if self.steps[first].effect.is_notice:
            while last + 1 < passed and self.steps[last + 1].effect.is_notice:
                last += 1
        return last, self.steps[first:last]
