"""Seal what is kept on the device: AES-256-GCM, each value bound to its place."""

import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slrt_field.errors import WrongKeyError

_NONCE_BYTES = 12


class Sealer:
    """Seals and opens under one key of 32 bytes. Raises ValueError: it has another length."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:  # noqa: PLR2004 — AES-256
            raise ValueError("the key has 32 bytes")
        self._cipher = AESGCM(key)

    def seal(self, value: Any, place: str) -> bytes:
        """The value, JSON-ready, for that place."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, json.dumps(value).encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> Any:
        """The value again.

        Raises:
            WrongKeyError: it was sealed under another key, for another place, or altered.
        """
        try:
            opened = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise WrongKeyError("the store was written under another key, or altered") from error
        return json.loads(opened)
