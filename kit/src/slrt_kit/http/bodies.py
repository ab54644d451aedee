"""Build request bodies that refuse unknown fields, loose types and characters that cannot be stored."""

import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUL = PydanticCustomError("nul_character", "karakter NUL tidak dapat disimpan / a NUL character cannot be stored")


class Body(BaseModel):
    """A request body, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # One look at the whole: a validator of every field would cost more than all else that is checked.
    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, data: Any) -> Any:
        """PostgreSQL keeps U+0000 in neither text nor jsonb: said at the field, not by a failing insert."""
        if isinstance(data, dict):
            for value in data.values():
                # Nearly every value is a short text: a call for each would cost more than what it looks for.
                if "\x00" in value if type(value) is str else type(value) is list and _has_nul(value):
                    raise ValidationError.from_exception_data(cls.__name__, _refused(data))
        return data


def _refused(data: dict[Any, Any]) -> list[InitErrorDetails]:
    return [{"type": _NUL, "loc": (str(name),), "input": None} for name, value in data.items() if _has_nul(value)]


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    return isinstance(value, list) and any(isinstance(each, str) and "\x00" in each for each in value)


def _day(value: Any) -> Any:
    # A bare number would be taken for seconds since 1970: a NIK in the wrong field would become a date.
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise PydanticCustomError("date_type", "tulis sebagai TTTT-BB-HH / write it as YYYY-MM-DD")


Flag = Annotated[bool, Strict()]
"""``true`` or ``false``, and not ``"yes"`` or ``1``."""

Count = Annotated[int, Strict()]
"""A whole number, and not ``"0"``, ``0.0`` or ``false``."""

Day = Annotated[date, BeforeValidator(_day)]
"""A date as ``YYYY-MM-DD``, and nothing else that could be taken for one."""


async def going_on(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body whose first piece was fetched before the answer began, so that its faults could still be said.

    A later fault breaks the answer off: it is shorter than its Content-Length, or has no end.
    """
    yield first
    async for piece in rest:
        yield piece
