"""Check a NIK against itself and against what the report says; every finding is a warning, never a refusal.

A NIK is `PPKKCC DDMMYY NNNN`: region of first registration, date of birth with 40 added to a woman's day, serial.
It has no check digit and is never changed, so a difference may as well be the report's error, and an unknown region
may be one that was renamed (7 % of the district codes of an older list are gone today).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from slrt_kit.regions import RegionCode

NIK_LENGTH: Final = 16
KK_LENGTH: Final = 16
_WOMAN: Final = 40
_LAST_DAY: Final = 31


@dataclass(frozen=True, slots=True)
class NikFacts:
    """What a well-formed NIK says. It may be offered to the desk, marked as coming from the NIK."""

    district_code: RegionCode
    """Dotted code of the district of first registration; not where the person lives."""
    sex: str | None
    """`L` or `P`; None when the day is impossible."""
    births: tuple[date, ...]
    """Possible dates of birth, one a century (the NIK has two digits for the year); empty when impossible."""


def nik_facts(nik: str) -> NikFacts | None:
    """Take a NIK apart; None when it is not 16 digits."""
    if len(nik) != NIK_LENGTH or not _all_digits(nik):
        return None
    written, month, year = int(nik[6:8]), int(nik[8:10]), int(nik[10:12])
    day = written - _WOMAN if written > _WOMAN else written
    sex = ("P" if written > _WOMAN else "L") if 1 <= day <= _LAST_DAY else None
    births = tuple(born for century in (1900, 2000) if (born := _date(century + year, month, day)))
    return NikFacts(RegionCode(f"{nik[:2]}.{nik[2:4]}.{nik[4:6]}"), sex, births)


def nik_warnings(
    nik: str, *, birth_date: date | None, sex: str | None, is_district: Callable[[str], bool]
) -> tuple[str, ...]:
    """Doubts about a NIK as sent, given the stated birth date and sex (None when nobody stated them).

    Codes: `nik:length`, `nik:characters`, `nik:birth_date` (impossible, or not the stated one), `nik:sex`,
    `nik:region` (no such district in today's table; an old code is possible).
    """
    warnings = []
    if len(nik) != NIK_LENGTH:
        warnings.append("nik:length")
    if not _all_digits(nik):
        warnings.append("nik:characters")
    facts = nik_facts(nik)
    if facts is not None:
        if not facts.births or (birth_date is not None and birth_date not in facts.births):
            warnings.append("nik:birth_date")
        if sex is not None and facts.sex is not None and sex != facts.sex:
            warnings.append("nik:sex")
        if not is_district(facts.district_code):
            warnings.append("nik:region")
    return tuple(sorted(warnings))


def kk_warnings(number: str) -> tuple[str, ...]:
    """Doubts about a family card number as sent."""
    return () if len(number) == KK_LENGTH else ("kk:length",)


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # the caller counts the dates that exist
        return None
