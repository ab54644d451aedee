"""Cursor pagination: an opaque cursor that continues after the last row seen, whatever was added meanwhile."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from slrt_kit.problems import ProblemError, Text

Found = TypeVar("Found")
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


def page_of(
    found: Sequence[Found], limit: int, show: Callable[[Found], Item], place: Callable[[Found], tuple[Any, ...]]
) -> Page[Item]:
    """The page of what was found, which is one more than ``limit`` where there is a following page.

    ``show`` makes an item of the page, ``place`` is the sort position of one (see `encode_cursor`).
    """
    following = encode_cursor(*place(found[limit - 1])) if len(found) > limit else None
    return Page(items=[show(each) for each in found[:limit]], next=following)


def encode_cursor(*position: Any) -> str:
    """The cursor of a sort position: texts, numbers, times (aware), ids; `decode_position` gives them back."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *, parts: int) -> list[Any]:
    """The sort position.

    Raises:
        BadCursorError: 400.
    """
    try:
        padded = (cursor + "=" * (-len(cursor) % 4)).encode("ascii")
        position = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except ValueError as error:
        raise BadCursorError from error
    if not isinstance(position, list) or len(position) != parts:
        raise BadCursorError
    return position


def decode_position(cursor: str, *kinds: type[Any]) -> tuple[Any, ...]:
    """The sort position, each part as the type given for it: `str`, `int`, `datetime` (aware) or `UUID`.

    Raises:
        BadCursorError: 400.
    """
    parts = decode_cursor(cursor, parts=len(kinds))
    try:
        return tuple(_PARTS[kind](part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError) as error:
        raise BadCursorError from error


def _text(part: Any) -> str:
    if not isinstance(part, str):
        raise TypeError("not a text")
    return part


def _number(part: Any) -> int:
    if not isinstance(part, int) or isinstance(part, bool):
        raise TypeError("not a number")
    return part


def _moment(part: Any) -> datetime:
    moment = datetime.fromisoformat(_text(part))
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


_PARTS: Mapping[type[Any], Callable[[Any], Any]] = {
    str: _text,
    int: _number,
    datetime: _moment,
    UUID: lambda part: UUID(_text(part)),
}
