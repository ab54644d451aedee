"""Read the neighbourhood numbers (RT, RW) out of an address or a line of their own, as three digits each."""

import re
from collections.abc import Mapping

_NUMBER = r"([0-9]{1,3}(?![0-9])|[ivx]{1,4}\b)"
_RT, _RW = r"\br\.?\s?t\b\.?", r"\br\.?\s?w\b\.?"
_GAP = r"[\s:.\-]{0,3}"
# RT/RW 003/002
_BOTH = re.compile(rf"{_RT}\s?[/\-,. ]{{0,2}}\s?{_RW}{_GAP}{_NUMBER}\s{{0,2}}[/\-.,\s]\s{{0,2}}{_NUMBER}")
# RT 3/2: the number behind the slash is the RW
_RT_SLASH = re.compile(rf"\br\.?\s?t\.?{_GAP}{_NUMBER}\s?/\s?{_NUMBER}")
_RT_ONLY = re.compile(rf"\br\.?\s?t\.?{_GAP}{_NUMBER}")
_RW_ONLY = re.compile(rf"(?<![a-z])r\.?\s?w\.?{_GAP}{_NUMBER}")
# 03/11 at the end of an address: neighbourhoods are written with a leading zero, house numbers are not.
_BARE = re.compile(r"(?<![0-9/.])(?=0[0-9]{1,2}/|[0-9]{2,3}/0)([0-9]{2,3})\s?/\s?([0-9]{2,3})(?![0-9/])")
_TWO_NUMBERS = re.compile(r"^\D{0,3}([0-9]{1,3})\s{0,2}[/\-.,\s]\s{0,2}([0-9]{1,3})(?![0-9])")
_ONE_NUMBER = re.compile(r"^\D{0,8}([0-9]{1,3})(?![0-9])")


def rt_rw_in_address(text: str, roman: Mapping[str, int]) -> tuple[str | None, str | None]:
    """RT and RW named in an address; None where it names none."""
    lower = text.lower()
    for pattern in (_BOTH, _RT_SLASH):
        if both := pattern.search(lower):
            return _three(both[1], roman), _three(both[2], roman)
    rt, rw = _RT_ONLY.search(lower), _RW_ONLY.search(lower)
    if rt or rw:
        return (_three(rt[1], roman) if rt else None), (_three(rw[1], roman) if rw else None)
    bare = _BARE.search(lower)
    return (_three(bare[1], roman), _three(bare[2], roman)) if bare else (None, None)


def rt_rw_on_own_line(text: str, roman: Mapping[str, int]) -> tuple[str | None, str | None]:
    """RT and RW on a line labelled RT/RW: `003/002`, `RT 3 RW 2`, `3`."""
    rt, rw = rt_rw_in_address(text, roman)
    if rt or rw:
        return rt, rw
    if both := _TWO_NUMBERS.search(text):
        return _three(both[1], roman), _three(both[2], roman)
    return one_number(text, roman), None


def one_number(text: str, roman: Mapping[str, int]) -> str | None:
    """The number on a line labelled RT or RW alone."""
    one = _ONE_NUMBER.search(text)
    return _three(one[1], roman) if one else None


def _three(number: str, roman: Mapping[str, int]) -> str | None:
    value = int(number) if number.isdigit() else roman.get(number)
    return f"{value:03d}" if value else None
