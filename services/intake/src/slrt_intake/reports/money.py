"""Read a monthly income in rupiah: `Rp 800.000`, `1,2 jt`, `500-700 ribu`, `satu juta lima ratus ribu`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from slrt_intake.reports.model import Reading

_PIECE = re.compile(r"[0-9]+(?:[.,][0-9]+)*|[a-z]+|[-(]")
_TWICE = re.compile(r"(?<=[a-z])2\b")  # kira2
# 1 250 000
_SPACED = re.compile(r"(?<![0-9])[0-9]{1,3}(?: [0-9]{3})+(?![0-9])")
_GROUPED = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{3})+(?:[.,][0-9]{1,2})?")
_TENS, _HUNDREDS, _HALF = "puluh", "ratus", "setengah"
_ONE = "se"  # sejuta, seribu
_RANGE: Final = frozenset({"-", "sampai", "sd", "s", "hingga", "s/d"})
_THOUSAND: Final = 1000
_MILLION: Final = 1_000_000
_HALF_OF_ONE: Final = 0.5
_SHORT_THOUSANDS: Final = 100  # behind millions, hundreds are of thousands
_LARGEST: Final = 10**9
# "800" is eight hundred thousand: nobody earns less than a thousand rupiah a month.
_SMALLEST: Final = 1000


@dataclass(slots=True)
class _Amount:
    """An amount as it stood: `value`, whether it named its magnitude, and where it ends among the pieces."""

    value: float
    has_unit: bool
    end: int


def read_income(
    text: str, *, numbers: Mapping[str, int], magnitudes: Mapping[str, int], not_monthly: frozenset[str]
) -> Reading[int]:
    """Rupiah a month, the lower end of a range; None when no amount is named, or one for another time than a month."""
    text = _SPACED.sub(lambda found: found.group().replace(" ", ""), _TWICE.sub("", text.lower()))
    pieces = [piece.group() for piece in _PIECE.finditer(text)]
    amounts = list(_amounts(pieces, numbers, magnitudes))
    if not amounts:
        return Reading(None, 1.0)
    first = amounts[0]
    ranged = len(amounts) > 1 and bool(_RANGE.intersection(pieces[first.end : amounts[1].end]))
    if not ranged and not _plausible(first):  # "2 anak, kiriman 500 rb"
        first = next(filter(_plausible, amounts), first)
    if not_monthly.intersection(pieces[first.end : first.end + 2]):
        return Reading(None, 0.4)
    value, sure = first.value, 1.0
    if ranged and not first.has_unit:
        # "500-700 ribu": the unit of the upper end holds for the lower one.
        unit = next((magnitudes[word] for word in pieces[: amounts[1].end] if word in magnitudes), 1)
        value, sure = value * unit, 0.9
    if 0 < value < _SMALLEST:
        value, sure = value * _THOUSAND, 0.5
    return Reading(round(value), sure) if value <= _LARGEST else Reading(None, 0.1)


def _plausible(amount: _Amount) -> bool:
    return amount.has_unit or amount.value >= _SMALLEST


def _amounts(pieces: list[str], numbers: Mapping[str, int], magnitudes: Mapping[str, int]) -> Iterator[_Amount]:
    """Amounts in order; `1 jt 200 rb` and `satu juta lima ratus ribu` are one each."""
    place, total, pending, with_unit = 0, 0.0, None, False

    def finished(end: int) -> _Amount | None:
        nonlocal total, pending, with_unit
        rest = pending or 0.0
        if total >= _MILLION and rest < _THOUSAND:  # "sejuta dua ratus", "sejuta setengah"; "2 juta 3 anak"
            rest *= _THOUSAND if rest >= _SHORT_THOUSANDS else _MILLION if rest == _HALF_OF_ONE else 0
        value = total + rest
        found = _Amount(value, with_unit, end) if pending is not None or with_unit else None
        total, pending, with_unit = 0.0, None, False
        return found

    while place < len(pieces):
        piece = pieces[place]
        number = _number(piece, numbers)
        if number is not None:
            spelt = piece[0].isalpha()
            if pending is not None and not spelt and (done := finished(place)):
                yield done
            pending = (pending or 0.0) + number
        elif piece in {_TENS, _HUNDREDS} and pending is not None:
            last = pending % 10 or 1
            pending += last * (9 if piece == _TENS else 99)
        elif piece == "belas" and pending is not None:
            pending += 10
        elif piece in magnitudes and pending is not None:
            total, pending, with_unit = total + pending * magnitudes[piece], None, True
        elif piece.startswith(_ONE) and piece[len(_ONE) :] in magnitudes:
            total, with_unit = total + magnitudes[piece[len(_ONE) :]], True
        elif piece not in {"rp", "dan", "lebih"} and (done := finished(place)):
            yield done
        place += 1
    if done := finished(place):
        yield done


def _number(piece: str, numbers: Mapping[str, int]) -> float | None:
    """Value of a number in digits (`800.000`, `1,2`, `1.250.000,00`) or as one word."""
    if piece[0].isalpha():
        return _HALF_OF_ONE if piece == _HALF else numbers.get(piece)
    if not piece[0].isdigit():
        return None
    if _GROUPED.fullmatch(piece):
        separator = next(character for character in piece if not character.isdigit())
        groups = piece.split(separator)
        if len(groups[-1]) > 3 and not groups[-1].isdigit():  # noqa: PLR2004 — a decimal part with the other separator
            groups[-1] = re.split(r"[.,]", groups[-1])[0]
        elif len(groups) > 2 and len(groups[-1]) < 3:  # noqa: PLR2004 — 800.000.00
            groups.pop()
        return float("".join(groups))
    head, _, tail = piece.replace(",", ".").partition(".")
    return float(f"{head[:15]}.{re.sub(r'[^0-9]', '', tail)[:6] or '0'}")
