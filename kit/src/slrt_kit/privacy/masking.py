"""Show numbers in part, and never take such a part for the number."""

import re

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_SHOWN = 4
MARK = "•"
# What people and other systems mask with. An asterisk or a dot may stand in a text, a row of them stands for digits;
# between digits one is enough.
_MASKED = re.compile(r"[•●∙·⋅◦⬤]|[*＊xX#]{3,}|(?<=[0-9])[*＊](?=[0-9*＊])")


def mask_number(number: str | None) -> str | None:
    """A NIK, KK or phone number as people may see it, ``3505••••••••1234``: enough to compare with the card in hand.

    A number of eight characters or fewer is hidden whole: its parts would be all of it.
    """
    if number is None:
        return None
    if len(number) <= 2 * _SHOWN:
        return MARK * len(number)
    return number[:_SHOWN] + MARK * (len(number) - 2 * _SHOWN) + number[-_SHOWN:]


def is_masked(text: str) -> bool:
    """Whether the text is a number that was masked, here or elsewhere."""
    return _MASKED.search(text) is not None


def _refuse_masked(text: str) -> str:
    if is_masked(text):
        raise PydanticCustomError(
            "masked_value",
            "nilai yang disamarkan tidak disimpan; kosongkan, atau tulis lengkap / a masked value is never stored; "
            "leave it out, or write all of it",
        )
    return text


Unmasked = AfterValidator(_refuse_masked)
"""For fields that a caller may have got masked: ``Annotated[str, Unmasked]``."""
