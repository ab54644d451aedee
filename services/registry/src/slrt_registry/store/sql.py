"""What the stores share."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from psycopg.errors import UniqueViolation
from sqlalchemy import CursorResult
from sqlalchemy.exc import IntegrityError

from slrt_kit.access import Scope
from slrt_kit.db import StaleVersionError

# Every code of a subtree starts with "root." and '/' is the next character after '.'.
IN_SCOPE = """(:everywhere OR village_code = :region OR (village_code COLLATE "C" >= CAST(:region AS text) || '.'
    AND village_code COLLATE "C" < CAST(:region AS text) || '/'))"""


def scope_values(scope: Scope) -> dict[str, object]:
    """The parameters of `IN_SCOPE`; a scope without a region has nobody in it."""
    return {"everywhere": scope.everywhere, "region": scope.region or "-"}


def as_json(value: object) -> str:
    """JSON text for a jsonb parameter; dataclasses by their fields, ids and times as text."""
    return orjson.dumps(value).decode()


def lock_key(text: str) -> int:
    """The number of an advisory lock: 64 bits of a hash, signed as PostgreSQL wants it."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)


def check_written(result: CursorResult[Any]) -> None:
    """Raises StaleVersionError when the compare-and-set met another version, or the insert another row."""
    if result.rowcount != 1:
        raise StaleVersionError


@contextmanager
def taken_number_is_stale() -> Iterator[None]:
    """A number that somebody else has recorded since we looked: what we know is stale, and must be read again."""
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise StaleVersionError from error
        raise
