"""Ask whether anybody is on duty somewhere today, for all places at once. Pure; ADR 0040 says who counts."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from slrt_kit.duty.model import levels_of

_DISTRICT: Final = 8
_REGENCY: Final = 5


class Roster:
    """Who is on duty on one day: the places of each role. What is a village's counts for its district, as events tell.

    ``places`` are rows of role, area (dotted code, ``00`` the nation) and office code or None.
    """

    def __init__(self, places: Iterable[tuple[str, str, str | None]]) -> None:
        self._areas: set[tuple[str, str]] = set()
        self._offices: set[tuple[str, str]] = set()
        self._regencies: set[str] = set()
        for role, area, office in places:
            if office is None:
                self._areas.add((role, area[:_DISTRICT]))
                self._regencies.add(area[:_REGENCY])
            else:
                self._offices.add((role, office))

    def has(self, role: str, district: str, *, office: str | None = None) -> bool:
        """Whether somebody has the role for the district, there or above; or at the office, where one is named."""
        if office is not None and (role, office) in self._offices:
            return True
        return any((role, level) in self._areas for level in _levels(district))

    def knows(self, regency: str) -> bool:
        """Whether anybody at all is on duty in the regency itself."""
        return regency in self._regencies


@cache
def _levels(district: str) -> tuple[str, ...]:
    return levels_of(district)
