"""What the stores share."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from psycopg.errors import UniqueViolation

from slrt_kit.access import Scope
from slrt_kit.db import StaleVersionError

# Every code of a subtree starts with "root." and '/' is the next character after '.'.
IN_SCOPE = """(%(everywhere)s OR village_code = %(region)s
    OR (village_code COLLATE "C" >= %(region)s::text || '.' AND village_code COLLATE "C" < %(region)s::text || '/'))"""


def scope_values(scope: Scope) -> dict[str, object]:
    """The parameters of `IN_SCOPE`; a scope without a region has nobody in it."""
    return {"everywhere": scope.everywhere, "region": scope.region or "-"}


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
