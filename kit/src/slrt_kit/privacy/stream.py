"""Seal a file in chunks, so that it is read as it is written, piece by piece, and no piece can be lost unnoticed.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, 2015), as age and Tink have it: each chunk is AES-256-GCM under a key of this file alone, its nonce
the chunk's number and whether it is the last. A chunk that is altered, moved, repeated or left out is refused, and so
is a file that ends early or goes on.

A sealed file is ``version (1 byte)``, then chunks of `CHUNK` bytes, each with its tag of 16 bytes; the last one is
shorter or as long, and empty only when the file is.
"""

import os
from collections.abc import AsyncIterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slrt_kit.privacy.sealing import SealBrokenError

VERSION: Final = 1
CHUNK: Final = 64 * 1024
KEY_BYTES: Final = 32
_TAG = 16
_NUMBER_BYTES = 11


def new_file_key() -> bytes:
    """A key for one file and never another: the nonces count from 0 in each."""
    return os.urandom(KEY_BYTES)


class _Chunks:
    """What sealing and opening share: the cipher, the place, and which chunk comes next."""

    def __init__(self, file_key: bytes, place: bytes) -> None:
        """``place`` is where the file belongs (`slrt_kit.privacy.sealing.place_of`): sealed for one, it opens there."""
        self._cipher = AESGCM(file_key)
        self._place = bytes((VERSION,)) + place
        self._number = 0
        self._waiting = bytearray()

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._number.to_bytes(_NUMBER_BYTES) + bytes((last,))
        self._number += 1
        return nonce

    def _take(self, size: int) -> bytes:
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken


class ChunkSealer(_Chunks):
    """Seals one file: `update` with its pieces, however long, then `finish` once."""

    def update(self, piece: bytes) -> bytes:
        """What is sealed by now and was not given before."""
        begun = b"" if self._number or self._waiting else bytes((VERSION,))
        self._waiting += piece
        sealed = [begun] if piece else []
        # A full chunk waits until something comes after it: only then it is not the last.
        while len(self._waiting) > CHUNK:
            sealed.append(self._cipher.encrypt(self._nonce(last=False), self._take(CHUNK), self._place))
        return b"".join(sealed)

    def finish(self) -> bytes:
        """The last chunk."""
        begun = b"" if self._number or self._waiting else bytes((VERSION,))
        return begun + self._cipher.encrypt(self._nonce(last=True), self._take(CHUNK), self._place)


class ChunkOpener(_Chunks):
    """Opens one file: `update` with its sealed pieces, however long, then `finish` once.

    What `update` gives is as it was sealed and in its place; that nothing is missing after it, only `finish` says.
    """

    _begun = False

    def update(self, piece: bytes) -> bytes:
        """What is open by now and was not given before. Raises SealBrokenError."""
        self._waiting += piece
        if not self._begun and self._waiting:
            if self._take(1)[0] != VERSION:
                raise SealBrokenError("a sealed file has no form that is known")
            self._begun = True
        opened = []
        while len(self._waiting) > CHUNK + _TAG:
            opened.append(self._open(self._take(CHUNK + _TAG), last=False))
        return b"".join(opened)

    def finish(self) -> bytes:
        """The last chunk. Raises SealBrokenError: the file ends early, or is not what was sealed here."""
        is_first = self._number == 0
        opened = self._open(self._take(CHUNK + _TAG), last=True)
        if not opened and not is_first:
            raise SealBrokenError("a sealed file ends in an empty chunk")
        return opened

    def _open(self, chunk: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(last=last), chunk, self._place)
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError("a chunk of a sealed file was altered, moved or cut off") from error


async def seal_stream(pieces: AsyncIterator[bytes], file_key: bytes, place: bytes) -> AsyncIterator[bytes]:
    """The pieces of a file, sealed."""
    sealer = ChunkSealer(file_key, place)
    async for piece in pieces:
        if sealed := sealer.update(piece):
            yield sealed
    yield sealer.finish()


async def open_stream(pieces: AsyncIterator[bytes], file_key: bytes, place: bytes) -> AsyncIterator[bytes]:
    """The pieces of a sealed file, opened.

    Raises:
        SealBrokenError: it is not what was sealed for this place; what came before was.
    """
    opener = ChunkOpener(file_key, place)
    async for piece in pieces:
        if opened := opener.update(piece):
            yield opened
    yield opener.finish()
