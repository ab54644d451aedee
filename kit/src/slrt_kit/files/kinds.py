"""Tell the type of a file by how it begins; only what can be cleaned is known here.

A guess for an early refusal: what a file is, the decoder says that reads all of it (`slrt_kit.files.cleaning`).
"""

from enum import StrEnum

HEAD_BYTES = 16
"""So many bytes tell the type."""

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif"))


class MediaType(StrEnum):
    """The types that are taken (IANA names)."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    PDF = "application/pdf"


def media_type_of(head: bytes) -> MediaType | None:
    """The type of a file that begins so; None for all others."""
    if head.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaType.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return MediaType.WEBP
    # Readers look for it in the first kilobyte; what stands before it could make the file another type as well.
    return MediaType.PDF if head.startswith(b"%PDF-") else None


def is_heif(head: bytes) -> bool:
    """Whether it is a picture of the HEIF family, which phones make."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS
