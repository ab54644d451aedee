"""Make subjects' keys by the key-encryption key that they were made under, and carry them over to another one.

A key made under today's key-encryption key is HMAC(key-encryption key, salt). One that was carried over is kept as it
is, wrapped by AES-256-GCM under a key that HMAC makes of the new key-encryption key: what it has sealed stays sealed
as it is, and the old key-encryption key opens nothing any more that is in the keys database.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slrt_kit.privacy.mac import Mac

SALT_BYTES: Final = 32
KEK_ID_BYTES: Final = 8
_NONCE_BYTES = 12
WRAPPED_BYTES: Final = _NONCE_BYTES + 32 + 16
_NAME_OF, _WRAPPING_OF = b"slrt key-encryption key name\0", b"slrt key-encryption key wrapping\0"


class UnknownKeyEncryptionKeyError(LookupError):
    """A key was made under a key-encryption key that is not set, or what is kept of it was altered."""


class StoredKey(NamedTuple):
    """What the keys database has of a key: the name of its key-encryption key, and a salt (32 bytes) or it, wrapped."""

    kek: bytes
    made_of: bytes


class KeyEncryptionKey:
    """One key-encryption key. Its ``name`` says nothing of it, and tells it from others."""

    def __init__(self, key: bytes) -> None:
        self._mac = Mac(key)
        self.name = self._mac(_NAME_OF)[:KEK_ID_BYTES]

    @cached_property
    def _wrapping(self) -> AESGCM:
        return AESGCM(self._mac(_WRAPPING_OF))

    def derive(self, salt: bytes) -> bytes:
        """The subject's key, 32 bytes."""
        return self._mac(salt)

    def wrap(self, key_id: int, key: bytes) -> bytes:
        """A subject's key for the row of its id."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, _place(key_id))

    def unwrap(self, key_id: int, wrapped: bytes) -> bytes:
        """The subject's key. Raises InvalidTag."""
        return self._wrapping.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _place(key_id))


class KeyEncryptionKeys:
    """Today's key-encryption key, and others that may be met: the next one, or those not all carried over from yet."""

    def __init__(self, current: bytes, others: Sequence[bytes] = ()) -> None:
        self.current = KeyEncryptionKey(current)
        self._known = {key.name: key for key in (*map(KeyEncryptionKey, others), self.current)}

    def knows(self, name: bytes) -> bool:
        """Whether that one is set."""
        return name in self._known

    def key(self, key_id: int, stored: StoredKey) -> bytes:
        """The subject's key.

        Raises:
            UnknownKeyEncryptionKeyError: see there.
        """
        kek = self._known.get(stored.kek)
        if kek is None:
            raise UnknownKeyEncryptionKeyError(f"made under {stored.kek.hex()}, which is not set")
        if len(stored.made_of) == SALT_BYTES:
            return kek.derive(stored.made_of)
        try:
            return kek.unwrap(key_id, stored.made_of)
        except InvalidTag:
            raise UnknownKeyEncryptionKeyError("is not what was wrapped for this id") from None

    def carried_over(self, key_id: int, stored: StoredKey) -> StoredKey:
        """The same key, under today's key-encryption key. Raises what `key` raises."""
        return StoredKey(self.current.name, self.current.wrap(key_id, self.key(key_id, stored)))


def _place(key_id: int) -> bytes:
    return b"subject_keys/%d" % key_id
