"""Say how long something may take: in working days, in working hours, or in hours that run day and night."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Unit(StrEnum):
    """What a length is counted in; the names are those of the policy."""

    WORKING_DAYS = "working_days"
    WORKING_HOURS = "working_hours"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Length:
    """A number of working days, working hours or hours, from 1."""

    unit: Unit
    count: int

    def __post_init__(self) -> None:
        """Raises ValueError: it is no length."""
        if self.count < 1:
            raise ValueError(f"{self.count} {self.unit} is no length")

    @classmethod
    def of(cls, field: Mapping[str, Any]) -> Self:
        """Read ``{working_days: 3}``. Raises ValueError: it does not name one unit, or is no length."""
        if len(field) != 1:
            raise ValueError("a length has one unit")
        ((unit, count),) = field.items()
        return cls(Unit(unit), int(count))

    @property
    def is_worked(self) -> bool:
        """Whether it passes in office hours alone."""
        return self.unit is not Unit.HOURS
