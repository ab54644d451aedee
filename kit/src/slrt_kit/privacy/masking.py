"""Show numbers in part, and never take such a part for the number."""

import re

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_SHOWN = 4
MARK = "•"
# What people and other systems mask with. In a number a row of these signs stands for digits, and between digits one is
# enough; in a text an X may be a numeral or a name, and an asterisk a remark.
_SIGNS = "[•●∙·⋅◦⬤]"
_MASKED_NUMBER = re.compile(rf"{_SIGNS}|[*＊xX#]{{3,}}|(?<=[0-9])[*＊](?=[0-9*＊])")
_MASKED_TEXT = re.compile(r"[•●⬤]{2,}|[*＊]{3,}")


def mask_number(number: str | None) -> str | None:
    """A NIK, KK or phone number as people may see it, ``3505••••••••1234``: enough to compare with the card in hand.

    A number of eight characters or fewer is hidden whole: its parts would be all of it.
    """
    if number is None:
        return None
    if len(number) <= 2 * _SHOWN:
        return MARK * len(number)
    return number[:_SHOWN] + MARK * (len(number) - 2 * _SHOWN) + number[-_SHOWN:]


def is_masked(number: str) -> bool:
    """Whether the number was masked, here or elsewhere."""
    return _MASKED_NUMBER.search(number) is not None


def refuse_masked(number: str) -> str:
    """The number as it is. Raises PydanticCustomError: it was masked."""
    if is_masked(number):
        raise _error()
    return number


def _refuse_masked_text(text: str) -> str:
    if _MASKED_TEXT.search(text) is not None:
        raise _error()
    return text


def _error() -> PydanticCustomError:
    return PydanticCustomError(
        "masked_value",
        "nilai yang disamarkan tidak disimpan; kosongkan, atau tulis lengkap / a masked value is never stored; "
        "leave it out, or write all of it",
    )


Unmasked = AfterValidator(refuse_masked)
"""For numbers that a caller may have got masked: ``Annotated[str, Unmasked]``."""
UnmaskedText = AfterValidator(_refuse_masked_text)
"""The same for names and addresses."""


def mask_name(name: str | None) -> str | None:
    """A name as whoever gave it knows it again, ``S••• A•••``: each part by its first letter alone."""
    if name is None:
        return None
    return " ".join(part[0] + MARK * 3 for part in name.split())


def mask_mail(address: str | None) -> str | None:
    """An e-mail address as whoever has it knows it again, ``s•••@example.org``."""
    if address is None:
        return None
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}{MARK * 3}{at}{domain}"
