"""Read the retention classes: how long what is kept, and why."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources

import yaml

from slrt_kit.problems import Text

_MONTHS = 12


class Since(StrEnum):
    """What a period counts from."""

    NONE = "none"
    CASE_CLOSED = "case-closed"
    PARTICIPATION_START = "participation-start"


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """One class. ``months`` is 0 where the class holds while something lasts, and for no period after it."""

    name: str
    says: Text
    since: Since
    months: int
    source: str
    assumed: bool

    def until(self, begun: date) -> date:
        """The first day on which what began then is not held any more; the month's last day where it is shorter."""
        years, month = divmod(begun.month - 1 + self.months, _MONTHS)
        year = begun.year + years
        return date(year, month + 1, min(begun.day, calendar.monthrange(year, month + 1)[1]))


@cache
def retention_classes() -> Mapping[str, RetentionClass]:
    """The classes of retention.yaml by name, read once.

    Raises:
        ValueError: a period without a beginning, or a beginning without a period.
    """
    text = resources.files("slrt_kit.privacy").joinpath("retention.yaml").read_text(encoding="utf-8")
    return {name: _class(name, entry) for name, entry in yaml.safe_load(text)["classes"].items()}


def _class(name: str, entry: Mapping[str, object]) -> RetentionClass:
    says = entry["says"]
    since, months = Since(str(entry["since"])), entry.get("months", 0)
    if not isinstance(says, dict) or not isinstance(months, int) or (since is Since.NONE) != (months == 0):
        raise ValueError(f"retention class {name} is not complete")
    return RetentionClass(
        name, Text(says["id"], says["en"]), since, months, str(entry["source"]), assumed=bool(entry["assumed"])
    )
