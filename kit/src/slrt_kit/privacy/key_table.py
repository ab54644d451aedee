"""The one table of a keys database: a random salt for each key id, until it is destroyed."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

SALT_BYTES = 32

_LOCK = "SELECT pg_advisory_lock(hashtext('slrt-keys-migrate'))"
_CREATE = """
    CREATE TABLE IF NOT EXISTS subject_keys (
        key_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        salt         bytea CHECK (octet_length(salt) = 32),
        allocated_at timestamptz NOT NULL,
        destroyed_at timestamptz,
        CHECK ((salt IS NULL) = (destroyed_at IS NOT NULL))
    )
    """
ALLOCATE = """
    INSERT INTO subject_keys (salt, allocated_at)
    SELECT salt, %(at)s FROM unnest(CAST(%(salts)s AS bytea[])) AS salt
    RETURNING key_id, salt
    """
"""Makes a key id for each salt."""
FIND = "SELECT key_id, salt FROM subject_keys WHERE key_id = ANY(CAST(%(key_ids)s AS bigint[]))"
"""The salts of keys; null for one that was destroyed."""
DESTROY = """
    UPDATE subject_keys SET salt = NULL, destroyed_at = %(at)s
    WHERE key_id = ANY(CAST(%(key_ids)s AS bigint[])) AND salt IS NOT NULL
    """
"""Destroys keys; those that are destroyed stay as they are."""
OVERWRITE = "VACUUM (FULL) subject_keys"
"""Writes the table anew: an update leaves the old row in the file, and a plain vacuum need not clear what it frees."""


def new_salts(count: int) -> list[bytes]:
    """Salts for `ALLOCATE`."""
    drawn = os.urandom(SALT_BYTES * count)
    return [drawn[start : start + SALT_BYTES] for start in range(0, len(drawn), SALT_BYTES)]


def prepare(url: str) -> None:
    """Make the table where it is missing; what the ``migrate`` role does. Several may call it at once."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_LOCK)  # held until the connection ends
        connection.execute(_CREATE)


def allocate(connection: psycopg.Connection[Any], count: int, *, at: datetime) -> Sequence[tuple[int, bytes]]:
    """Key ids with their salts, for a migration; durable when the connection has committed."""
    return connection.execute(ALLOCATE, {"salts": new_salts(count), "at": at}).fetchall()
