"""Read an identity number (NIK, family card) as it was sent, without the spaces and dots inside it."""

import re
from typing import Final

from slrt_intake.reports.model import Reading

_TOKEN = re.compile(r"[0-9A-Za-z]+")
_SEPARATOR = re.compile(r"[ \t.\-']{1,3}")
_LENGTH: Final = 16
_SHORTEST: Final = 6  # fewer digits are an age, a house number, a count
_FEWEST_DIGITS: Final = 4


def read_number(text: str) -> Reading[str]:
    """The first number of six or more characters, letters typed into it kept; None, surely, when there is none."""
    tokens = [token for token in _TOKEN.finditer(text) if any("0" <= letter <= "9" for letter in token.group())]
    place = 0
    while place < len(tokens):
        number, end = tokens[place].group(), place + 1
        while end < len(tokens) and len(number) < _LENGTH:
            between = text[tokens[end - 1].end() : tokens[end].start()]
            if not _SEPARATOR.fullmatch(between):
                break
            number += tokens[end].group()
            end += 1
        # A remark glued to a complete number is not part of it.
        if re.fullmatch(r"[0-9]{16}[A-Za-z]+", number):
            number = number[:_LENGTH]
        if len(number) >= _SHORTEST and sum("0" <= letter <= "9" for letter in number) >= _FEWEST_DIGITS:
            right = len(number) == _LENGTH and number.isdigit()
            return Reading(number, 1.0 if right else 0.6)
        place = end
    return Reading(None, 1.0)
