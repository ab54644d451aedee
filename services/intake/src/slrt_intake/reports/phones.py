"""Read the first phone number of a text into E.164 form."""

import re
from typing import Final

from slrt_intake.reports.model import Reading

# Digits with the separators that people put inside one number; a slash or a comma ends it.
_RUN = re.compile(r"\+?[0-9][0-9 \t().\-_]*")
# The letter O typed for zeros.
_WITH_LETTER_O = re.compile(r"(?<![a-z])[0-9o]+(?![a-z])", re.IGNORECASE)
_COUNTRY: Final = "62"
_SHORTEST, _LONGEST = 7, 13  # digits after +62: a small town's land line, the longest mobile number
_USUAL_SHORTEST, _USUAL_LONGEST = 9, 12  # of a mobile number


def read_phone(text: str) -> Reading[str]:
    """The first number as `+62…`; None, surely, when there are no digits, and unsurely when they are no number."""
    text = _WITH_LETTER_O.sub(lambda run: run.group().lower().replace("o", "0"), text)
    if not any(character.isdigit() for character in text):
        return Reading(None, 1.0)
    for run in _RUN.finditer(text):
        national = _national(_first_number(run.group()))
        if national is not None:
            usual = national.startswith("8") and _USUAL_SHORTEST <= len(national) <= _USUAL_LONGEST
            return Reading(f"+{_COUNTRY}{national}", 1.0 if usual else 0.7)
    return Reading(None, 0.2)


def _first_number(run: str) -> str:
    """Digits of the first number where two stand behind each other with only a space between."""
    digits = ""
    for part in run.split():
        begins_anew = part.startswith(("0", "+", "(0", _COUNTRY))
        if begins_anew and len(digits) > _USUAL_SHORTEST:
            break
        digits += re.sub(r"[^0-9]", "", part)
    return digits


def _national(digits: str) -> str | None:
    """The digits behind the country code, or None when they are no Indonesian number."""
    digits = digits.removeprefix("00")
    if digits.startswith(_COUNTRY) and len(digits) > _USUAL_SHORTEST:
        digits = digits[2:]
    digits = digits.removeprefix("0")
    return digits if _SHORTEST <= len(digits) <= _LONGEST and digits[0] != "0" else None
