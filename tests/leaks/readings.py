"""Give every way in which a text may be read: as it is, without its escapes, and what is encoded in it."""

import binascii
import gzip
import html
import re
import zlib
from base64 import b64decode
from collections.abc import Iterable, Iterator
from quopri import decodestring
from urllib.parse import unquote

BOUNDARY = "\x00"
"""Stands between pieces that are not one text: no number or name goes across it."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}){6,}(?![0-9a-fA-F])")
_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_SHORT_ESCAPE = re.compile(r"\\+([nrt\"'/\\])")
_GZIP_MAGIC = b"\x1f\x8b\x08"
_DEEPEST = 3
_PRINTABLE = bytes(range(32, 127)) + b"\r\n\t"
_NOISE_AT_MOST = 0.3
_ALIGNMENTS = 4


def readings(data: bytes | str) -> Iterator[str]:
    """All texts that ``data`` may stand for.

    Undone are JSON's and Python's escapes, percent encoding, HTML entities, quoted-printable, base64 (both alphabets,
    at any alignment), hexadecimal and gzip, also one inside the other. What is encrypted, hashed or drawn stays unread.
    """
    yield from _readings(data, _DEEPEST)


def _readings(data: bytes | str, depth: int) -> Iterator[str]:
    raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    start = raw.find(_GZIP_MAGIC)
    if start >= 0 and depth:
        yield from _readings(_unpacked(raw[start:]), depth - 1)
    text = raw.decode(errors="replace").replace(BOUNDARY, " ")
    plain = _without_escapes(text)
    yield text
    if plain != text:
        yield plain
    if depth:
        # In both: an escape may stand in what is encoded, and `\\x31…` is PostgreSQL's way of writing bytes.
        yield from _inner({*_encoded_in(text), *_encoded_in(plain)}, depth - 1)


def _inner(pieces: Iterable[bytes], depth: int) -> Iterator[str]:
    packed = [piece for piece in pieces if _GZIP_MAGIC in piece]
    for piece in packed:
        yield from _readings(piece, depth)
    # All of it as one text with boundaries: reading each piece by itself would take minutes.
    joined = BOUNDARY.join(
        piece.decode(errors="replace").replace(BOUNDARY, " ") for piece in pieces if _GZIP_MAGIC not in piece
    )
    if not joined:
        return
    plain = _without_escapes(joined)
    yield joined
    if plain != joined:
        yield plain
    if depth:
        yield from _inner({*_encoded_in(joined), *_encoded_in(plain)}, depth - 1)


def _encoded_in(text: str) -> Iterator[bytes]:
    for token in set(_HEX.findall(text)):
        yield bytes.fromhex(token)
    for token in set(_BASE64.findall(text)):
        bare = token.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
        for start in range(_ALIGNMENTS):
            piece = bare[start:]
            piece = piece[: len(piece) - (len(piece) % 4 == 1)]
            try:
                decoded = b64decode(piece + "=" * (-len(piece) % 4))
            except binascii.Error:
                continue
            # Most words decode to noise, in which nothing is to be found.
            if _GZIP_MAGIC in decoded or _looks_like_text(decoded):
                yield decoded


def _looks_like_text(data: bytes) -> bool:
    return len(data.translate(None, delete=_PRINTABLE)) <= _NOISE_AT_MOST * len(data)


def _unpacked(packed: bytes) -> bytes:
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        # Cut off, or something behind it: what can be unpacked.
        machine = zlib.decompressobj(wbits=31)
        try:
            return machine.decompress(packed)
        except zlib.error:
            return b""


def _without_escapes(text: str) -> str:
    for _ in range(2):  # JSON in JSON
        text = _UNICODE_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
        text = _SHORT_ESCAPE.sub(lambda found: found[1] if found[1] in "\"'/\\" else " ", text)
    text = html.unescape(text)
    if "=\n" in text or re.search(r"=[0-9A-F]{2}", text):
        text = decodestring(text.encode(errors="replace")).decode(errors="replace")
    return unquote(text, errors="replace")
