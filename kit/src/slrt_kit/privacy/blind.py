"""Find equal values without keeping them: keyed hashes that say nothing to whoever has no index key."""

import secrets
from functools import cache
from hashlib import blake2b
from typing import Final

from slrt_kit.privacy.mac import Mac

INDEX_BYTES: Final = 16
"""Two values in a hundred million have the same index by chance once in 2^75: looked up and opened, they differ."""
_KEY_OF = b"slrt blind index\0"


class BlindIndex:
    """Makes blind indexes of one service: BLAKE2b of 16 bytes (RFC 7693), under a key of their own for each kind.

    A keyed BLAKE2b is a code as HMAC is one, at less than half the time; a person has five to seven indexes.
    """

    def __init__(self, index_key: bytes) -> None:
        of_key = Mac(index_key)
        self._key_of = cache(lambda kind: of_key(_KEY_OF + kind.encode()))

    def of(self, kind: str, *parts: str) -> bytes:
        """The index of a value, or of several together. ``kind``: ``nik``, ``kk``, ``phone``, ``birth``…

        Equal values of one kind have equal indexes; those of two kinds are unrelated, and so are ``("ab", "c")`` and
        ``("a", "bc")``.
        """
        return blake2b(_joined(parts), digest_size=INDEX_BYTES, key=self._key_of(kind)).digest()

    def agrees(self, found: bytes | None, kind: str, *parts: str) -> bool:
        """Whether ``found`` is the index of the value, in constant time; False where none is kept."""
        return found is not None and secrets.compare_digest(found, self.of(kind, *parts))

    def lock(self, kind: str, *parts: str) -> int:
        """The number of an advisory lock for the value, 64 bits signed: ``pg_locks`` shows it, and it tells nothing."""
        return int.from_bytes(self.of(f"lock {kind}", *parts)[:8], signed=True)


def _joined(parts: tuple[str, ...]) -> bytes:
    if len(parts) == 1:
        return parts[0].encode()
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4) + part for part in encoded)
