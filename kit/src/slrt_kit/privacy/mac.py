"""HMAC-SHA256 (RFC 2104) with its key prepared: several times as quick as one that prepares it for each message."""

import hashlib
from typing import Final

_BLOCK: Final = 64
_INNER, _OUTER = 0x36, 0x5C


class Mac:
    """``Mac(key)(message)`` is ``hmac.digest(key, message, "sha256")``, of which a test sees to it."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ _INNER for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ _OUTER for byte in block))

    def __call__(self, message: bytes) -> bytes:
        """The 32 bytes of the message's code."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()
