"""Find people's data in what left a process: planted values in any spelling, and whatever has the shape of one."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tests.leaks.readings import BOUNDARY, readings

from slrt_kit.regions import Level, Regions

_NUMBERS = ("NIK", "KK", "phone")
_SHORTEST_NAME_PART = 5
_WOMAN = 40
_AROUND = 40

# Up to four signs between digits are a way of grouping: `12.74.03.…`, `0812-0000-9911`, `["1274", "0345"]`.
_GROUPING = re.compile(rf"(?<=[0-9])[^a-z0-9{BOUNDARY}]{{1,4}}(?=[0-9])")
_NO_LETTER_OR_DIGIT = re.compile(rf"[^a-z0-9{BOUNDARY}]+")

# Sixteen digits behind `0.` are a fraction; a page of metrics has hundreds, and one in 260 of them passes for a NIK.
_SIXTEEN = re.compile(
    r"(?<![0-9A-Za-z])(?:(?<!\b[0-9]\.)[0-9]{16}"
    r"|[0-9]{4}(?:[ -][0-9]{4}){3}|[0-9]{2}\.[0-9]{2}\.[0-9]{2}\.[0-9]{6}\.[0-9]{4}"
    r"|[0-9]{6}[ .-][0-9]{6}[ .-][0-9]{4})(?![0-9A-Za-z])"
)
_MOBILE = re.compile(
    r"(?:(?<![\w.+-])\+?62[ .-]?|(?<![\w.+-])0)8[1-9][0-9]?(?:[ .-]?[0-9]{2,5}){2,3}(?![\w-]|\.[0-9])", re.ASCII
)
_MOBILE_DIGITS = range(9, 13)  # behind the country code or the zero
# Three signs before and behind the @: sealed columns are random bytes, and among some megabytes of them something like
# d@F.UU comes up by chance.
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{3,}@[a-z0-9][a-z0-9-]+[a-z0-9]\.(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z]{2,}",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Planted:
    """Something of a person. ``kind``: NIK, KK, phone, e-mail, name, birth date, address, free text."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Leak:
    """Something found. ``what`` is the planted value, or the shape; ``shown`` the text around it."""

    channel: str
    what: str
    shown: str


class Scanner:
    """Looks for planted values and for shapes of personal data.

    Planted values are found in any case, grouping, spacing and encoding (`tests.leaks.readings`); of a name also each
    part as a word. Shapes are 16 digits with a known regency and a possible date, Indonesian mobile numbers, and
    e-mail addresses; ``own`` are the addresses that are nobody's, as patterns for the whole address.
    """

    def __init__(self, planted: Iterable[Planted], *, own: Sequence[str] = ()) -> None:
        self._planted = tuple(planted)
        self._own = [re.compile(pattern, re.IGNORECASE) for pattern in own]
        self._regencies = {region.code for region in Regions.load().at(Level.REGENCY)}

    def leaks_in(self, channels: Mapping[str, bytes | str]) -> list[Leak]:
        """What is found in each channel (its name → what left by it), each thing once."""
        found = [
            Leak(channel, what, shown)
            for channel, data in channels.items()
            for text in readings(data)
            for what, shown in (*self._planted_in(text), *self._shapes_in(text))
        ]
        return list({(leak.channel, leak.what): leak for leak in reversed(found)}.values())[::-1]

    # -- planted values ----------------------------------------------------------------------------------------------

    def _planted_in(self, text: str) -> Iterator[tuple[str, str]]:
        folded = _folded(text)
        digits = _GROUPING.sub("", folded)
        bare = _NO_LETTER_OR_DIGIT.sub("", folded)
        for planted in self._planted:
            if planted.kind in _NUMBERS:
                wanted = _digits_of(planted)
                place, where = digits.find(wanted), digits
            else:
                wanted = _NO_LETTER_OR_DIGIT.sub("", _folded(planted.value))
                place, where = bare.find(wanted), bare
            if place >= 0:
                yield f"{planted.kind} {planted.value}", _around(where, place, place + len(wanted))
            elif planted.kind == "name":
                yield from _name_parts(planted, folded)

    # -- shapes ------------------------------------------------------------------------------------------------------

    def _shapes_in(self, text: str) -> Iterator[tuple[str, str]]:
        for found in _SIXTEEN.finditer(text):
            if self._may_be_a_nik(re.sub("[^0-9]", "", found[0])):
                yield f"shape of a NIK or KK: {found[0]}", _around(text, *found.span())
        for found in _MOBILE.finditer(text):
            national = re.sub("[^0-9]", "", found[0]).removeprefix("62").removeprefix("0")
            if len(national) in _MOBILE_DIGITS:
                yield f"shape of a mobile number: {found[0]}", _around(text, *found.span())
        for found in _EMAIL.finditer(text):
            if not any(own.fullmatch(found[0]) for own in self._own):
                yield f"shape of an e-mail address: {found[0]}", _around(text, *found.span())

    def _may_be_a_nik(self, number: str) -> bool:
        """`PPKKCC DDMMYY NNNN`: regency that exists (districts come and go), a date with 40 added to a woman's day."""
        if f"{number[:2]}.{number[2:4]}" not in self._regencies or number[12:] == "0000":
            return False
        day, month, year = int(number[6:8]), int(number[8:10]), int(number[10:12])
        return _is_date(2000 + year, month, day - _WOMAN if day > _WOMAN else day)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()


def _digits_of(planted: Planted) -> str:
    """Of a phone without the zero or the country code, which may be written or not."""
    digits = re.sub("[^0-9]", "", planted.value)
    return re.sub("^(?:62|0)", "", digits) if planted.kind == "phone" else digits


def _name_parts(planted: Planted, folded: str) -> Iterator[tuple[str, str]]:
    for part in _folded(planted.value).split():
        # Finding the letters is ten times as quick as finding the word, and there is hardly ever anything to find.
        if len(part) < _SHORTEST_NAME_PART or part not in folded:
            continue
        if found := re.search(rf"(?<![a-z]){re.escape(part)}(?![a-z])", folded):
            yield f"part of the name {planted.value}", _around(folded, *found.span())


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _around(text: str, start: int, end: int) -> str:
    return text[max(start - _AROUND, 0) : end + _AROUND].replace(BOUNDARY, " ").strip()
