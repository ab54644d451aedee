"""Read and compare dotted Kemendagri region codes (`12`, `12.74`, `12.74.05`, `12.74.05.1010`)."""

import re
from enum import IntEnum
from typing import NewType

RegionCode = NewType("RegionCode", str)
"""A code of the right shape; whether such a region exists is the table's question."""


NATION = "00"
"""Stands where a region's code stands and the whole country is meant; no region has it, and all are below it."""


class Level(IntEnum):
    """Depth in the tree of regions; the names on screens are Indonesian and differ by region."""

    PROVINCE = 1
    REGENCY = 2
    DISTRICT = 3
    VILLAGE = 4


class InvalidRegionCodeError(ValueError):
    """The text is not a dotted region code."""


# [0-9] and not \d, which also takes the digits of other scripts.
_SHAPE = re.compile(r"[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?")
_LENGTHS = {2: Level.PROVINCE, 5: Level.REGENCY, 8: Level.DISTRICT, 13: Level.VILLAGE}
_LENGTH_OF = {level: length for length, level in _LENGTHS.items()}


def region_code(text: str) -> RegionCode:
    """Return ``text`` as a region code.

    Raises:
        InvalidRegionCodeError: not of the form 2, 2.2, 2.2.2 or 2.2.2.4 digits.
    """
    if not _SHAPE.fullmatch(text):
        raise InvalidRegionCodeError(f"not a dotted region code: {text[:20]!r}")
    return RegionCode(text)


def level_of(code: RegionCode) -> Level:
    """Level of a code, from its length alone."""
    return _LENGTHS[len(code)]


def parent_of(code: RegionCode) -> RegionCode | None:
    """Code of the region right above; None for a province."""
    head, dot, _ = code.rpartition(".")
    return RegionCode(head) if dot else None


def ancestors(code: RegionCode) -> tuple[RegionCode, ...]:
    """The code itself and every region above it, province last."""
    return tuple(RegionCode(code[: _LENGTH_OF[level]]) for level in reversed(Level) if level <= level_of(code))


def covers(subtree: RegionCode, code: RegionCode) -> bool:
    """Whether ``code`` is ``subtree`` or below it: `12.74` covers `12.74.05.1010` and not `12.745`."""
    return code == subtree or code.startswith(subtree + ".")


def regency_of(code: RegionCode) -> RegionCode:
    """Regency or city (kabupaten/kota) of a regency, district or village.

    Raises:
        InvalidRegionCodeError: the code is a province.
    """
    return _cut(code, Level.REGENCY)


def district_of(code: RegionCode) -> RegionCode:
    """District (kecamatan) of a district or village.

    Raises:
        InvalidRegionCodeError: the code is above the district.
    """
    return _cut(code, Level.DISTRICT)


def _cut(code: RegionCode, level: Level) -> RegionCode:
    if level_of(code) < level:
        raise InvalidRegionCodeError(f"{code} lies above the {level.name.lower()}")
    return RegionCode(code[: _LENGTH_OF[level]])
