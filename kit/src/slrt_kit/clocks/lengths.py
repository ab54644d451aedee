"""Say how long something may take: in working days, in working hours, or in hours that run day and night."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self


class Unit(StrEnum):
    """What a length is counted in; the names are those of the policy."""

    WORKING_DAYS = "working_days"
    WORKING_HOURS = "working_hours"
    HOURS = "hours"


MOST: Final = 100_000
"""Of any unit: more than any policy may say, and far less than what dates cannot count."""


@dataclass(frozen=True, slots=True)
class Length:
    """A number of working days, working hours or hours, from 1 to `MOST`."""

    unit: Unit
    count: int

    def __post_init__(self) -> None:
        """Raises ValueError: it is no length."""
        if not 1 <= self.count <= MOST:
            raise ValueError(f"{self.count} {self.unit} is no length")

    @classmethod
    def of(cls, field: Mapping[str, Any]) -> Self:
        """Read ``{working_days: 3}``. Raises ValueError: it does not name one unit, or is no length."""
        if len(field) != 1:
            raise ValueError("a length has one unit")
        ((unit, count),) = field.items()
        if type(count) is not int:
            raise ValueError(f"{count!r} is no number of {unit}")
        return cls(Unit(unit), count)

    @property
    def is_worked(self) -> bool:
        """Whether it passes in office hours alone."""
        return self.unit is not Unit.HOURS
