"""Seal the fields of one row into bytes that only its subject's key opens, and only in the place of that row.

AES-256-GCM. A sealed value is ``version (1 byte) | nonce (12 bytes, random) | ciphertext and tag``; its associated data
are the version, the service, the table and the row's id, so that a value that was copied to another row is refused.
"""

import enum
import os
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag

from slrt_kit.privacy.keys import SubjectKey

VERSION: Final = 1
"""Of the key-encryption key and of the form: a new one counts on; both are read until all is sealed anew."""
_NONCE_BYTES = 12
_HEAD_BYTES = 1 + _NONCE_BYTES

Fields: TypeAlias = Mapping[str, Any]


class Erased(enum.Enum):
    """What is read where a key was destroyed."""

    ERASED = "erased"


ERASED: Final = Erased.ERASED
Opened: TypeAlias = dict[str, Any] | Literal[Erased.ERASED]


class SealBrokenError(Exception):
    """A sealed value is not what was sealed for this row: it was altered, moved, or sealed under another key."""


def seal(key: SubjectKey, fields: Fields, *, place: bytes) -> bytes:
    """Seal the fields (JSON-ready; dates as ISO text are) for the row at ``place`` (see `place_of`)."""
    nonce = os.urandom(_NONCE_BYTES)
    head = bytes((VERSION,))
    return head + nonce + key.cipher.encrypt(nonce, orjson.dumps(fields), head + place)


def unseal(key: SubjectKey | None, sealed: bytes | None, *, place: bytes) -> Opened:
    """The fields; `ERASED` where the key was destroyed, or the value itself was removed with it.

    Raises:
        SealBrokenError: the value was not sealed for this place, with this key, in a form that is known.
    """
    if key is None or sealed is None:
        return ERASED
    if len(sealed) <= _HEAD_BYTES or sealed[0] != VERSION:
        raise SealBrokenError("a sealed value has no form that is known")
    try:
        opened = key.cipher.decrypt(sealed[1:_HEAD_BYTES], sealed[_HEAD_BYTES:], sealed[:1] + place)
    except InvalidTag as error:
        raise SealBrokenError("a sealed value was altered or moved") from error
    fields: dict[str, Any] = orjson.loads(opened)
    return fields


def place_of(service: str, table: str, row: UUID | str) -> bytes:
    """Where a value is sealed for."""
    return f"{service}/{table}/{row}".encode()
