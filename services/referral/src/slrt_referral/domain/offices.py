"""The table of offices: which office does a function in a region on a day.

Names of offices change and functions are merged and split; a function code does not (domain 7.2). So rules name
functions, and this table says who does them where, from when to when.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from slrt_contracts.codes import FunctionCode
from slrt_contracts.types import OfficeCode
from slrt_kit.regions import NATION


class OfficeLevel(StrEnum):
    """How far an office reaches. There is no village level: no event names a place finer than the kecamatan."""

    DISTRICT = "district"
    REGENCY = "regency"
    PROVINCE = "province"
    NATIONAL = "national"


_REGION_LENGTH = {OfficeLevel.PROVINCE: 2, OfficeLevel.REGENCY: 5, OfficeLevel.DISTRICT: 8}
_LEVEL_OF_LENGTH = {length: level for level, length in _REGION_LENGTH.items()}


def region_at(level: OfficeLevel, district_code: str) -> str:
    """The region of that level in which a district (``12.74.05``) lies; ``00`` for the nation."""
    return NATION if level is OfficeLevel.NATIONAL else district_code[: _REGION_LENGTH[level]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """An office. ``valid_from`` and ``valid_to`` are its first and last day; None means that no end is known."""

    code: OfficeCode
    functions: tuple[FunctionCode, ...]
    name: str
    aliases: tuple[str, ...] = ()
    valid_from: date
    valid_to: date | None = None

    @property
    def region(self) -> str:
        """The region that it serves: the code without the office's own part."""
        return self.code.rpartition(".")[0]

    @property
    def level(self) -> OfficeLevel:
        """Follows from the region."""
        return OfficeLevel.NATIONAL if self.region == NATION else _LEVEL_OF_LENGTH[len(self.region)]

    def valid_on(self, day: date) -> bool:
        """Whether the office exists on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def overlaps(self, other: "Office") -> bool:
        """Whether there is a day on which both exist."""
        latest_start = max(self.valid_from, other.valid_from)
        return self.valid_on(latest_start) and other.valid_on(latest_start)


class OfficeTable(Protocol):
    """Who does what where."""

    def __iter__(self) -> Iterator[Office]: ...

    def get(self, code: str, *, on: date) -> Office | None:
        """The office of that code, if it exists on that day."""

    def find(self, function: FunctionCode, level: OfficeLevel, *, district_code: str, on: date) -> Office | None:
        """The office that does the function for that district on that day; None when nobody is known to."""


class Offices:
    """A table of offices that are given."""

    def __init__(self, offices: Iterable[Office]) -> None:
        self._all: Sequence[Office] = tuple(offices)
        self._by_code = {office.code: office for office in self._all}
        self._by_duty: dict[tuple[FunctionCode, str], list[Office]] = {}
        for office in self._all:
            for function in office.functions:
                self._by_duty.setdefault((function, office.region), []).append(office)

    def __iter__(self) -> Iterator[Office]:
        return iter(self._all)

    def get(self, code: str, *, on: date) -> Office | None:
        """The office of that code, if it exists on that day."""
        office = self._by_code.get(OfficeCode(code))
        return office if office is not None and office.valid_on(on) else None

    def find(self, function: FunctionCode, level: OfficeLevel, *, district_code: str, on: date) -> Office | None:
        """The office that does the function for that district on that day; None when nobody is known to."""
        candidates = self._by_duty.get((function, region_at(level, district_code)), ())
        return next((office for office in candidates if office.valid_on(on)), None)
