"""Read a date as Indonesians write it: day first, month as a number, a name (misspelt too) or a Roman numeral."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

# [0-9] throughout: the text may hold digits of other scripts, which are not dates here.
_ISO = re.compile(r"(?<![0-9])([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])")
_NUMBERS = re.compile(
    r"(?<![0-9])([0-9]{1,2})\s{0,2}[-/., ]\s{0,2}([0-9]{1,2})\s{0,2}[-/., ']\s{0,2}([0-9]{4}|[0-9]{2})(?![0-9])"
)
_NAMED = re.compile(
    r"(?<![0-9])([0-9]{1,2})(?:st|nd|rd|th)?[\s./,-]{0,3}([a-z]{1,12})[\s./,'-]{0,4}([0-9]{4}|[0-9]{2})(?![0-9])"
)
_MONTH_FIRST = re.compile(r"([a-z]{3,12})[\s./-]{1,3}([0-9]{1,2})(?:st|nd|rd|th)?[\s,./-]{1,3}([0-9]{4})(?![0-9])")
# 6 bln 7 th 2026
_SPELT_OUT = re.compile(
    r"(?<![0-9])([0-9]{1,2})\s{0,2}(?:bln|bulan)\.?\s{0,2}([0-9]{1,2}|[a-z]{3,12})\s{0,2}(?:(?:th|thn|tahun)\.?\s{0,2})?"
    r"([0-9]{4}|[0-9]{2})(?![0-9])"
)
# 6 Juli tahun 2026
_NAMED_YEAR = re.compile(
    r"(?<![0-9])([0-9]{1,2})[\s./-]{1,3}([a-z]{3,12})\s{1,3}(?:th|thn|tahun)\.?\s{0,2}([0-9]{4}|[0-9]{2})(?![0-9])"
)
_COMPACT = re.compile(r"(?<![0-9])([0-9]{2})([0-9]{2})(20[0-9]{2}|19[0-9]{2})(?![0-9])")
_COMPACT_ISO = re.compile(r"(?<![0-9])(20[0-9]{2}|19[0-9]{2})(0[1-9]|1[0-2])([0-3][0-9])(?![0-9])")
_CENTURY: Final = 100
# Without a visit date, a birth year of two digits up to this one is taken for 20xx.
_YOUNGEST: Final = 30
Century = Callable[[int], int]
"""How a year of two digits becomes one of four."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """A date, how sure it is, and where in the text it stood."""

    value: date
    confidence: float
    start: int
    end: int


class DateReader:
    """Finds the first date in a text."""

    def __init__(self, months: Mapping[str, int], roman: Mapping[str, int]) -> None:
        self._months = months
        self._roman = roman
        self._long_names = [name for name in months if len(name) > 3]  # noqa: PLR2004 — abbreviations are not corrected

    def visit(self, text: str) -> DateReading | None:
        """A date of our time: years of two digits are 20xx. None when the text holds none, or one without a year."""
        return self._first(text, lambda year: 2000 + year)

    def birth(self, text: str, *, visit: date | None) -> DateReading | None:
        """A date of birth: years of two digits are 20xx unless that lies after the visit."""
        latest = visit.year % _CENTURY if visit else _YOUNGEST
        return self._first(text, lambda year: (2000 if year <= latest else 1900) + year)

    def _first(self, text: str, century: Century) -> DateReading | None:
        found = [reading for reading in self._candidates(text.lower(), century) if reading is not None]
        # Leftmost; at one place the surer way of reading.
        return min(found, key=lambda reading: (reading.start, -reading.confidence), default=None)

    def _candidates(self, text: str, century: Century) -> Iterator[DateReading | None]:
        for match in _ISO.finditer(text):
            yield _reading(match, (match[1], match[2], match[3]), century, 1.0)
        for match in _NUMBERS.finditer(text):
            day_first = _reading(match, (match[3], match[2], match[1]), century, 1.0)
            # Nobody means month 13: the sender's telephone put the month first.
            yield day_first or _reading(match, (match[3], match[1], match[2]), century, 0.5)
        for match in _COMPACT.finditer(text):
            yield _reading(match, (match[3], match[2], match[1]), century, 0.9)
        for match in _COMPACT_ISO.finditer(text):
            yield _reading(match, (match[1], match[2], match[3]), century, 0.8)
        for match in (*_SPELT_OUT.finditer(text), *_NAMED_YEAR.finditer(text)):
            month, sure = (int(match[2]), 1.0) if match[2].isdigit() else self._month(match[2])
            yield _reading(match, (match[3], month, match[1]), century, sure) if month else None
        for match in _NAMED.finditer(text):
            month, sure = self._month(match[2])
            yield _reading(match, (match[3], month, match[1]), century, sure) if month else None
        for match in _MONTH_FIRST.finditer(text):
            month, sure = self._month(match[1])
            yield _reading(match, (match[3], month, match[2]), century, sure * 0.9) if month else None

    def _month(self, word: str) -> tuple[int, float]:
        """Number of the month that the word means, 0 for none, and how sure."""
        known = self._months.get(word) or self._roman.get(word)
        if known:
            return known, 1.0
        if len(word) < 4:  # noqa: PLR2004 — too short to be a misspelling of one month only
            return 0, 0.0
        errors = 1 if len(word) < 6 else 2  # noqa: PLR2004
        best = process.extractOne(word, self._long_names, scorer=OSA.distance, score_cutoff=errors)
        return (self._months[best[0]], 0.85) if best else (0, 0.0)


def _reading(
    match: re.Match[str], ymd: tuple[str, str | int, str], century: Century, sure: float
) -> DateReading | None:
    year, month, day = ymd
    full_year = int(year) if len(year) > 2 else century(int(year))  # noqa: PLR2004
    try:
        value = date(full_year, int(month), int(day))
    except ValueError:  # 31-2-2026: not a date, and the caller says so by leaving the field empty
        return None
    return DateReading(value, sure, match.start(), match.end())
