"""What the stores share."""

import hashlib

import orjson


def as_json(value: object) -> str:
    """JSON text for a jsonb parameter; dataclasses by their fields, ids and times as text."""
    return orjson.dumps(value).decode()


def lock_key(text: str) -> int:
    """The number of an advisory lock: 64 bits of a hash, signed as PostgreSQL wants it."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)
