"""Sign and read the code in a letter's QR: who has it can look the letter up, and nobody can make one.

``version (1 byte) | letter id (16) | last valid day (2: days since 2020-01-01, 0 for no end) | number (UTF-8)`` and its
Ed25519 signature (64), in base64url. It holds nothing about a person. The key is made from the service's index key, for
this use alone, as the fingerprints of commands are: an installation has no other secret to keep for it.
"""

import base64
import binascii
import hmac
from datetime import date, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VERSION: Final = 1
MAX_LENGTH: Final = 400
"""Characters of a code; a longer one is none."""
_EPOCH: Final = date(2020, 1, 1)
_SIGNATURE: Final = 64
_HEAD: Final = 1 + 16 + 2
_PURPOSE: Final = b"slrt letter code"


class LetterClaim(NamedTuple):
    """What a code says of a letter."""

    letter_id: UUID
    valid_until: date | None
    number: str


class LetterCodes:
    """Makes and reads the codes of one installation."""

    def __init__(self, index_key: bytes) -> None:
        """``index_key`` is the service's, of which this one's own is made."""
        self._key = Ed25519PrivateKey.from_private_bytes(hmac.digest(index_key, _PURPOSE, "sha256"))
        self._public = self._key.public_key()

    @property
    def public_pem(self) -> str:
        """The public key, for those who check without a network."""
        return self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def make(self, claim: LetterClaim) -> str:
        """The code of a letter."""
        days = 0 if claim.valid_until is None else (claim.valid_until - _EPOCH).days
        said = bytes((VERSION,)) + claim.letter_id.bytes + days.to_bytes(2) + claim.number.encode()
        return base64.urlsafe_b64encode(said + self._key.sign(_PURPOSE + b"\0" + said)).rstrip(b"=").decode()

    def read(self, code: str) -> LetterClaim | None:
        """What a code says; None when it was not made here, whatever is wrong with it."""
        if len(code) > MAX_LENGTH or not code.isascii():
            return None
        try:
            raw = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            return None
        said, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        if len(said) <= _HEAD or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != code:
            return None
        try:
            self._public.verify(signature, _PURPOSE + b"\0" + said)
        except InvalidSignature:
            return None
        if said[0] != VERSION:
            return None
        days = int.from_bytes(said[17:_HEAD])
        return LetterClaim(
            UUID(bytes=said[1:17]), _EPOCH + timedelta(days=days) if days else None, said[_HEAD:].decode()
        )
