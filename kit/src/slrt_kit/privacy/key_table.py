"""The one table of a keys database: for each key id what its key is made of, until that is destroyed."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from slrt_kit.privacy.wrapping import KEK_ID_BYTES, SALT_BYTES, WRAPPED_BYTES

_LOCK = "SELECT pg_advisory_lock(hashtext('slrt-keys-migrate'))"
_CREATE = f"""
    CREATE TABLE IF NOT EXISTS subject_keys (
        key_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kek          bytea NOT NULL CHECK (octet_length(kek) = {KEK_ID_BYTES}),
        made_of      bytea CHECK (octet_length(made_of) IN ({SALT_BYTES}, {WRAPPED_BYTES})),
        allocated_at timestamptz NOT NULL,
        destroyed_at timestamptz,
        CHECK ((made_of IS NULL) = (destroyed_at IS NOT NULL))
    )
    """
ALLOCATE = """
    INSERT INTO subject_keys (kek, made_of, allocated_at)
    SELECT %(kek)s, salt, %(at)s FROM unnest(CAST(%(salts)s AS bytea[])) AS salt
    RETURNING key_id, made_of
    """
"""Makes a key id for each salt."""
FIND = "SELECT key_id, kek, made_of FROM subject_keys WHERE key_id = ANY(CAST(%(key_ids)s AS bigint[]))"
"""What is kept of keys; ``made_of`` is null for one that was destroyed."""
DESTROY = """
    UPDATE subject_keys SET made_of = NULL, destroyed_at = %(at)s
    WHERE key_id = ANY(CAST(%(key_ids)s AS bigint[])) AND made_of IS NOT NULL
    """
"""Destroys keys; those that are destroyed stay as they are."""
NOT_CARRIED_OVER = """
    SELECT key_id, kek, made_of FROM subject_keys
    WHERE key_id > %(after)s AND kek <> %(kek)s AND made_of IS NOT NULL
    ORDER BY key_id LIMIT %(most)s FOR UPDATE
    """
"""The next keys of another key-encryption key; who destroys one meanwhile comes after."""
CARRY_OVER = """
    UPDATE subject_keys k SET kek = %(kek)s, made_of = n.made_of
    FROM unnest(CAST(%(key_ids)s AS bigint[]), CAST(%(made_of)s AS bytea[])) AS n(key_id, made_of)
    WHERE k.key_id = n.key_id AND k.made_of IS NOT NULL
    """
"""Keeps keys under another key-encryption key."""
COUNTS = """
    SELECT kek, count(*) FILTER (WHERE made_of IS NOT NULL) AS keys, count(destroyed_at) AS destroyed,
           min(allocated_at) AS first, max(allocated_at) AS last
    FROM subject_keys GROUP BY kek ORDER BY max(key_id)
    """
"""How many keys there are of each key-encryption key."""
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


def allocate(
    connection: psycopg.Connection[Any], count: int, *, kek: bytes, at: datetime
) -> Sequence[tuple[int, bytes]]:
    """Key ids with their salts, for a migration; durable when the connection has committed."""
    return connection.execute(ALLOCATE, {"kek": kek, "salts": new_salts(count), "at": at}).fetchall()
