"""Count in working days and working hours: when is it due, and how much of the time has passed.

A calendar is laid out once, as the beginnings and ends of all stretches of work in UTC; each question is then a search
in it. Instants are aware, and answers in UTC.

A working day is a day: the day on which something begins is not counted, and the last one ends with its office hours
(three working days from Monday 10.00 are over on Thursday at 16.00). So count Regulation (EEC) 1182/71 article 3 and
the ministries' own tables ("hari kerja"), and it does not matter who registered how late in the day.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Final, Self

from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.national import decreed_years, known_years, national_days_off
from slrt_kit.clocks.zones import ZONES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MINUTE_US: Final = 60_000_000
_SECOND_US: Final = 1_000_000
_DAY_US: Final = 86_400_000_000

Hours = tuple[tuple[int, int], ...]
"""Stretches of work of one day, each from and to a minute after midnight: in order, apart, and within the day."""


class UnknownYearError(LookupError):
    """The calendar does not reach there: its holidays are not known."""

    def __init__(self, year: int, years: range) -> None:
        self.year = year
        super().__init__(f"the working days of {year} are not known; the calendar is of {years[0]} to {years[-1]}")


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """All that makes a calendar: two regions of the same one share it.

    ``week`` is the hours from Monday to Sunday, empty where nobody works. ``days_off`` are a region's own, beside the
    national ones; on ``days_on`` it works although the week or the nation does not. ``listed_years`` are years that
    the policy has a decree of: of these no national day counts but those in ``days_off``.
    """

    zone: str
    week: tuple[Hours, Hours, Hours, Hours, Hours, Hours, Hours]
    days_off: frozenset[date] = frozenset()
    days_on: tuple[tuple[date, Hours], ...] = ()
    listed_years: frozenset[int] = frozenset()

    def hours_of(self, day: date) -> Hours:
        """The stretches of work of a day; none where nobody works."""
        on = dict(self.days_on).get(day)
        if on is not None:
            return on
        if day in self.days_off or (day.year not in self.listed_years and day in national_days_off(day.year)):
            return ()
        return self.week[day.weekday()]


class WorkCalendar:
    """The working time of one calendar. Every method that gets an instant raises `UnknownYearError`."""

    def __init__(self, spec: CalendarSpec) -> None:
        self.spec = spec
        self.zone = ZONES[spec.zone]
        self.years = known_years()
        self._offset = _us(self.zone.utcoffset(None))
        # Lists and no arrays: a search in these makes no numbers anew.
        self._starts, self._ends, self._before = list[int](), list[int](), list[int]()
        self._days, self._day_ends = list[int](), list[datetime]()
        self._lay_out()

    @classmethod
    @lru_cache(maxsize=256)
    def of(cls, spec: CalendarSpec) -> Self:
        """The calendar of a specification, laid out once: most regions of a zone have the same."""
        return cls(spec)

    @cached_property
    def provisional_years(self) -> frozenset[int]:
        """The years that no decree is known of: a due instant in them may still move."""
        return frozenset(self.years) - decreed_years().keys() - self.spec.listed_years

    def is_provisional(self, at: datetime) -> bool:
        """Whether the year of an instant has no decree yet."""
        return at.astimezone(self.zone).year in self.provisional_years

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on that day, in the calendar's zone."""
        place = bisect_left(self._days, day.toordinal())
        return place < len(self._days) and self._days[place] == day.toordinal()

    def add(self, start: datetime, length: Length) -> datetime:
        """When that much time is over.

        In working days that is the end of the office hours of the last; in working hours the first instant at which
        so much has been worked; hours run day and night.
        """
        if length.unit is Unit.WORKING_DAYS:
            return self.end_of_day(start, length.count)
        if length.unit is Unit.HOURS:
            return self._instant(self._microseconds(start) + length.count * 3_600_000_000)
        return self.add_worked(start, timedelta(hours=length.count))

    def end_of_day(self, start: datetime, count: int) -> datetime:
        """The end of the office hours of the ``count``-th working day after the day of ``start``; ``count`` from 1."""
        today = (self._microseconds(start) + self._offset) // _DAY_US + _EPOCH_DAY
        place = bisect_right(self._days, today) - 1 + count
        if place >= len(self._days):
            raise UnknownYearError(self.years[-1] + 1, self.years)
        return self._day_ends[place]

    def add_worked(self, start: datetime, worked: timedelta) -> datetime:
        """The first instant by which so much has been worked since ``start``, or with less than nothing: before it."""
        begun = self._microseconds(start)
        if not worked:
            return self._instant(begun)
        return self._instant(self._when(self._worked(begun) + _us(worked)))

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much is worked from one instant to another; negative where the other is earlier."""
        return timedelta(microseconds=self._worked(self._microseconds(end)) - self._worked(self._microseconds(start)))

    def passed(self, start: datetime, end: datetime, length: Length) -> timedelta:
        """How much of a length of that kind passes between two instants."""
        return self.between(start, end) if length.is_worked else end - start

    def shift(self, at: datetime, by: timedelta, length: Length) -> datetime:
        """The instant moved by so much of the time that a length of that kind passes in."""
        return self.add_worked(at, by) if length.is_worked else self._instant(self._microseconds(at) + _us(by))

    def days_between(self, start: datetime, end: datetime) -> int:
        """How many working days come after the day of ``start``, up to the day of ``end``."""
        first, last = (
            bisect_right(self._days, (self._microseconds(each) + self._offset) // _DAY_US + _EPOCH_DAY)
            for each in (start, end)
        )
        return last - first

    def _lay_out(self) -> None:
        worked = 0
        day, end = date(self.years[0], 1, 1), date(self.years[-1] + 1, 1, 1)
        self._first = self._midnight(day)
        self._last = self._midnight(end)
        while day < end:
            midnight, hours = self._midnight(day), self.spec.hours_of(day)
            for begins, ends in hours:
                self._starts.append(midnight + begins * _MINUTE_US)
                self._ends.append(midnight + ends * _MINUTE_US)
                self._before.append(worked)
                worked += (ends - begins) * _MINUTE_US
            if hours:
                self._days.append(day.toordinal())
                self._day_ends.append(_at(midnight + hours[-1][1] * _MINUTE_US))
            day += timedelta(days=1)
        self._total = worked

    def _midnight(self, day: date) -> int:
        return (day.toordinal() - _EPOCH_DAY) * _DAY_US - self._offset

    def _microseconds(self, at: datetime) -> int:
        found = _us(at - _EPOCH)
        if not self._first <= found < self._last:
            raise self._unknown(found, at.year)
        return found

    def _instant(self, microseconds: int) -> datetime:
        if not self._first <= microseconds < self._last:
            raise self._unknown(microseconds)
        return _at(microseconds)

    def _unknown(self, microseconds: int, year: int | None = None) -> UnknownYearError:
        """Of an instant outside; that may be one that no date can be made of."""
        if microseconds < self._first:
            return UnknownYearError(min(year or self.years[0], self.years[0] - 1), self.years)
        return UnknownYearError(max(year or 0, self.years[-1] + 1), self.years)

    def _worked(self, at: int) -> int:
        """What was worked since the calendar begins."""
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0
        end = self._ends[place]
        return self._before[place] + (at if at < end else end) - self._starts[place]  # noqa: FURB136 — a call costs more

    def _when(self, worked: int) -> int:
        """The first instant by which so much has been worked since the calendar begins."""
        if not 0 <= worked <= self._total:
            raise UnknownYearError(self.years[-1] + 1 if worked > 0 else self.years[0] - 1, self.years)
        place = bisect_left(self._before, worked, 1) - 1
        return self._starts[place] + worked - self._before[place]


# Written out: dividing by a timedelta, or making one of microseconds alone, takes longer than all the rest.
def _us(span: timedelta) -> int:
    return span.days * _DAY_US + span.seconds * _SECOND_US + span.microseconds


def _at(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, _SECOND_US)
    return _EPOCH + timedelta(0, seconds, rest)


def minutes(text: str) -> int:
    """The minutes after midnight of ``07:30``. Raises ValueError: it is no time of day."""
    hour, _, minute = text.partition(":")
    if len(hour) != 2 or len(minute) != 2 or int(hour) > 24 or int(minute) > 59:  # noqa: PLR2004 — a clock's
        raise ValueError(f"{text!r} is no time of day")
    return int(hour) * 60 + int(minute)


def hours_of(stretches: Sequence[Mapping[str, str]]) -> Hours:
    """Read ``[{from: "07:30", to: "12:00"}, …]``.

    Raises:
        ValueError: one is no stretch of a day, or they are not one after the other.
    """
    found = tuple((minutes(each["from"]), minutes(each["to"])) for each in stretches)
    edges = [edge for each in found for edge in each]
    if any(begins >= ends for begins, ends in found) or edges != sorted(edges) or (edges and edges[-1] > 24 * 60):
        raise ValueError("office hours must be one after the other, each from an earlier to a later time")
    return found
