"""Cursor pagination: an opaque cursor that continues after the last row seen, whatever was added meanwhile."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from slrt_kit.problems import ProblemError, Text

Item = TypeVar("Item")

MAX_PAGE = 200
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="rows on a page")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


class BadCursorError(ProblemError):
    slug, status = "bad-cursor", 400
    title = Text("Penanda halaman tidak dikenal", "The cursor is not one of ours")


class Page(BaseModel, Generic[Item]):
    """One page; ``next`` is null on the last one."""

    items: list[Item]
    next: str | None = Field(description="pass it as `cursor` for the following page")


def encode_cursor(*position: Any) -> str:
    """The cursor of a row's sort position."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *, parts: int) -> list[Any]:
    """The sort position.

    Raises:
        BadCursorError: 400.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = orjson.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (binascii.Error, ValueError) as error:
        raise BadCursorError from error
    if not isinstance(position, list) or len(position) != parts:
        raise BadCursorError
    return position
