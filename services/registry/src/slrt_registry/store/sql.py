"""What the stores share."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from psycopg.errors import UniqueViolation

from slrt_kit.db import StaleVersionError


def as_json(value: object) -> str:
    """JSON text for a jsonb parameter; dataclasses by their fields, ids and times as text."""
    return orjson.dumps(value).decode()


def lock_key(text: str) -> int:
    """The number of an advisory lock: 64 bits of a hash, signed as PostgreSQL wants it."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)


def check_written(count: int) -> None:
    """Raises StaleVersionError when the compare-and-set met another version, or the insert another row."""
    if count != 1:
        raise StaleVersionError


@contextmanager
def taken_number_is_stale() -> Iterator[None]:
    """A number that somebody else has recorded since we looked: what we know is stale, and must be read again."""
    try:
        yield
    except UniqueViolation as error:
        raise StaleVersionError from error
