"""Make a file anew from what people see of it; everything else is gone. Run as a process of its own.

Pictures are decoded and encoded again: EXIF with its place, XMP, ICC, comments, thumbnails, further frames of a
camera's file and whatever follows the picture's end are not written. PDF documents are written anew from their pages;
one that acts by itself is refused.

Decoders read what strangers made, so this runs without keys, without settings, with bounded memory and time
(`slrt_kit.files.cleaner`): ``python -m slrt_kit.files.cleaning MEDIA_TYPE MAX_PIXELS MAX_PAGES`` reads a file from
standard input and writes one line of JSON and then the clean file, or ``{"refused": slug}`` alone.
"""

import io
import json
import logging
import resource
import sys
import warnings
from typing import Any, Final

from PIL import Image, ImageOps
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, PdfObject, StreamObject

from slrt_kit.files.kinds import MediaType

MEMORY_BYTES: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 30
_FORMATS: Final = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.WEBP: "WEBP"}
_ENCODING: Final[dict[str, dict[str, Any]]] = {
    "JPEG": {"quality": 90, "subsampling": 0},
    "PNG": {"compress_level": 6},
    "WEBP": {"quality": 90, "method": 2},
}
_MODES: Final = {"JPEG": ("L", "RGB"), "PNG": ("1", "L", "LA", "RGB", "RGBA"), "WEBP": ("RGB", "RGBA")}
# ISO 32000-1, 12.6.4 and 7.11.4: what a document does by itself, and what it brings along.
_ACTIVE: Final = frozenset(
    (
        *("/JavaScript", "/JS", "/Launch", "/EmbeddedFile", "/EmbeddedFiles", "/RichMedia", "/Movie", "/Sound"),
        *("/SubmitForm", "/ImportData", "/GoToE", "/Rendition", "/XFA", "/Filespec", "/3D"),
    )
)
_EOF_WITHIN = 1024
_MOST_OBJECTS = 100_000
_START_OF_SCAN, _COMMENT, _ADOBE = 0xDA, 0xFE, 0xEE  # ITU-T T.81, annex B
_APPLICATION = range(0xE0, 0xF0)


class CannotCleanError(Exception):
    """The file is refused; the slug of the problem says why."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


def clean(content: bytes, media_type: MediaType, *, max_pixels: int, max_pages: int) -> bytes:
    """The file made anew, of the same type.

    Raises:
        CannotCleanError: it is not of that type, damaged, too large once opened, or acts by itself.
    """
    try:
        if media_type is MediaType.PDF:
            return _clean_pdf(content, max_pages=max_pages)
        return _clean_image(content, _FORMATS[media_type], max_pixels=max_pixels)
    except CannotCleanError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise CannotCleanError("image-too-large") from error
    except Exception as error:
        # Whatever a decoder stumbles over: it is the file's fault, and nothing of it is kept.
        raise CannotCleanError("file-damaged") from error


def _clean_image(content: bytes, kind: str, *, max_pixels: int) -> bytes:
    # The format is demanded, not guessed: no other decoder ever sees the file.
    with Image.open(io.BytesIO(content), formats=[kind]) as image:
        if image.width * image.height > max_pixels:
            raise CannotCleanError("image-too-large")
        # A camera's MPO is a JPEG with further pictures (depth, gain map) behind the one that people see.
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
            raise CannotCleanError("image-animated")
        image.load()
        seen = _of_mode(_upright(image), _MODES[kind])
    seen.info.clear()
    written = io.BytesIO()
    seen.save(written, kind, **_ENCODING[kind])
    return written.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    try:
        turned: Image.Image | None = ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 — EXIF that cannot be read turns nothing
        turned = None
    return image.copy() if turned is None else turned


def _of_mode(image: Image.Image, modes: tuple[str, ...]) -> Image.Image:
    if image.mode in modes and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # 16 bits of grey; a plain conversion would cut off all but the darkest
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = image.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha and "RGBA" in modes else "RGB")


def _clean_pdf(content: bytes, *, max_pages: int) -> bytes:
    end = content.rfind(b"%%EOF")
    if not content.startswith(b"%PDF-") or end < 0:
        raise CannotCleanError("file-damaged")
    if len(content) - end > _EOF_WITHIN:
        raise CannotCleanError("file-active")  # another file follows the document's end
    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted:
        raise CannotCleanError("file-encrypted")
    if not 0 < len(reader.pages) <= max_pages:
        raise CannotCleanError("file-too-large" if reader.pages else "file-damaged")
    _refuse_active(reader.trailer)
    writer = PdfWriter()
    writer.metadata = None
    for page in reader.pages:
        # Links, forms and notes may call, send and hide; what is printed stays.
        for name in ("/Annots", "/AA", "/Metadata", "/PieceInfo", "/B", "/Thumb"):
            page.pop(name, None)
        writer.add_page(page)
    for found in writer._objects:
        if isinstance(found, StreamObject) and found.get("/Filter") in ("/DCTDecode", ["/DCTDecode"]):
            found._data = without_metadata(found._data)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def without_metadata(jpeg: bytes) -> bytes:
    """A JPEG without its application segments and comments (EXIF, XMP, ICC), its picture untouched.

    The one of Adobe stays: it says how the colours are written.
    """
    kept = [jpeg[:2]]
    place = 2
    while jpeg[place : place + 1] == b"\xff" and (marker := jpeg[place + 1]) != _START_OF_SCAN:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4])
        if marker == _ADOBE or not (marker == _COMMENT or marker in _APPLICATION):
            kept.append(jpeg[place:end])
        place = end
    return b"".join((*kept, jpeg[place:]))


def _refuse_active(root: PdfObject) -> None:
    """Look at every object that the document reaches, whatever it calls it."""
    waiting: list[Any] = [root]
    seen: set[tuple[int, int]] = set()
    looked = 0
    while waiting:
        found = waiting.pop()
        if isinstance(found, IndirectObject):
            place = (found.idnum, found.generation)
            if place in seen:
                continue
            seen.add(place)
            found = found.get_object()
        looked += 1
        if looked > _MOST_OBJECTS:
            raise CannotCleanError("file-too-large")
        if isinstance(found, DictionaryObject):
            if not _ACTIVE.isdisjoint(found.keys()) or _ACTIVE.intersection(
                str(found.raw_get(name)) for name in ("/S", "/Type", "/Subtype") if name in found
            ):
                raise CannotCleanError("file-active")
            waiting.extend(found.raw_get(name) for name in found)
        elif isinstance(found, ArrayObject):
            waiting.extend(found)


def main(arguments: list[str]) -> int:
    """Clean what comes on standard input; see above."""
    media_type, max_pixels, max_pages = MediaType(arguments[0]), int(arguments[1]), int(arguments[2])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    logging.disable()  # a library's remark could quote the file
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # `max_pixels` is the bound
    try:
        cleaned = clean(sys.stdin.buffer.read(), media_type, max_pixels=max_pixels, max_pages=max_pages)
        said: dict[str, object] = {"size": len(cleaned)}
    except CannotCleanError as error:
        cleaned, said = b"", {"refused": error.slug}
    except MemoryError:
        cleaned, said = b"", {"refused": "image-too-large"}
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + cleaned)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
