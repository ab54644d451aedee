"""Read the retention classes: how long what is kept, why, and what becomes of it then."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

import yaml

from slrt_kit.clock import WIB, day_of
from slrt_kit.problems import Text

_MONTHS = 12


class Since(StrEnum):
    """What a period counts from."""

    NONE = "none"
    CASE_CLOSED = "case-closed"
    PARTICIPATION_START = "participation-start"
    MADE = "made"
    ENDED = "ended"


class Ends(StrEnum):
    """What becomes of what has been kept for its period."""

    DELETE = "delete"
    DISPOSE = "dispose"
    LASTS = "lasts"


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """One class: a period of ``months`` or of ``days``, of neither where it lasts while something else does.

    ``by`` names who removes it where that is not the sweep.
    """

    name: str
    says: Text
    ends: Ends
    since: Since
    months: int
    days: int
    source: str
    assumed: bool
    by: str | None = None

    def until(self, begun: date) -> date:
        """The first day on which what began then is not held any more; the month's last day where it is shorter."""
        years, month = divmod(begun.month - 1 + self.months, _MONTHS)
        year = begun.year + years
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(begun.day, last)) + timedelta(days=self.days)

    def newest_over(self, today: date) -> date:
        """The newest day of which it is true that what began then is not held any more on ``today``."""
        years, month = divmod(today.month - 1 - self.months, _MONTHS)
        begun = date(today.year + years, month + 1, 1) - timedelta(days=self.days + 1)
        while self.until(begun + timedelta(days=1)) <= today:
            begun += timedelta(days=1)
        return begun

    def over_before(self, now: datetime) -> datetime:
        """What began before this time (UTC) is over at ``now``: days by the hour, months by the day in WIB."""
        if not self.months:
            return now - timedelta(days=self.days)
        newest = self.newest_over(day_of(now))
        return datetime.combine(newest + timedelta(days=1), time(), WIB).astimezone(now.tzinfo)


@cache
def retention_classes() -> Mapping[str, RetentionClass]:
    """The classes of retention.yaml by name, read once.

    Raises:
        ValueError: a period without a beginning, or a beginning without a period; an end that does not fit it.
    """
    text = resources.files("slrt_kit.privacy").joinpath("retention.yaml").read_text(encoding="utf-8")
    return {name: class_of(name, entry) for name, entry in yaml.safe_load(text)["classes"].items()}


def class_of(name: str, entry: Mapping[str, Any]) -> RetentionClass:
    """The class that an entry of retention.yaml declares. Raises what `retention_classes` raises."""
    says, since, ends = entry["says"], Since(entry["since"]), Ends(entry["ends"])
    periods = [entry[unit] for unit in ("months", "days") if unit in entry]
    if not isinstance(says, dict) or len(periods) != (0 if since is Since.NONE else 1):
        raise ValueError(f"retention class {name} is not complete")
    if (ends is Ends.LASTS) != (since is Since.NONE) or any(not isinstance(each, int) or each < 0 for each in periods):
        raise ValueError(f"retention class {name}: its end does not fit its period")
    return RetentionClass(
        name,
        Text(says["id"], says["en"]),
        ends,
        since,
        entry.get("months", 0),
        entry.get("days", 0),
        str(entry["source"]),
        assumed=bool(entry["assumed"]),
        by=entry.get("by"),
    )
