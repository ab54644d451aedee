"""Files that people and others send: made here, each with its fault."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw, PngImagePlugin
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, TextStringObject

SECRET = b"9301-secret-mark"
"""Stands in everything that must not survive."""
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Upper left corner dark, all else light."""
    image = Image.new("L", (width, height), 220)
    ImageDraw.Draw(image).rectangle((0, 0, width // 4, height // 4), fill=10)
    return image.convert(mode)


def encoded(kind: str = "JPEG", image: Image.Image | None = None, **options: Any) -> bytes:
    written = io.BytesIO()
    (image or picture()).save(written, kind, **options)
    return written.getvalue()


def exif(*, orientation: int = 1) -> Image.Exif:
    """With a place (GPS), a camera's owner and an orientation."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010E] = SECRET.decode()
    made[0x8825] = {1: "N", 2: (3.0, 35.0, 43.2), 3: "E", 4: (98.0, 40.0, 19.2), 29: SECRET.decode()}
    return made


def jpeg_with_everything(*, orientation: int = 1) -> bytes:
    """EXIF with GPS, a comment, an ICC profile, XMP, and more behind the end."""
    plain = encoded(exif=exif(orientation=orientation), comment=SECRET, icc_profile=SECRET * 20, quality=95)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"
    segment = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2) + xmp
    return plain[:2] + segment + plain[2:] + SECRET


def png_with_everything() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SECRET.decode())
    texts.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>")
    texts.add_text("zipped", SECRET.decode() * 5, zip=True)
    return encoded("PNG", pnginfo=texts, exif=exif(), icc_profile=SECRET * 5) + SECRET


def webp_with_everything() -> bytes:
    return encoded("WEBP", exif=exif(), xmp=b"<x>" + SECRET + b"</x>", icc_profile=SECRET * 5)


def huge_png(width: int = 65_535, height: int = 65_535) -> bytes:
    """A header that promises four billion pixels, and a few bytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def animated(kind: str) -> bytes:
    frames = [picture().rotate(turn) for turn in (0, 90, 180)]
    written = io.BytesIO()
    frames[0].save(written, kind, save_all=True, append_images=frames[1:], duration=100)
    return written.getvalue()


def pdf(*, pages: int = 1, image: bytes | None = None, **catalogue: Any) -> bytes:
    """A document with metadata; ``catalogue`` adds entries to its catalogue."""
    writer = PdfWriter()
    for _ in range(pages):
        page = writer.add_blank_page(200, 200)
        stream = DecodedStreamObject()
        stream.set_data(b"0 0 100 100 re f")
        page[NameObject("/Contents")] = writer._add_object(stream)
        if image is not None:
            drawn = DecodedStreamObject()
            drawn._data = image
            drawn.update(
                {
                    NameObject("/Type"): NameObject("/XObject"),
                    NameObject("/Subtype"): NameObject("/Image"),
                    NameObject("/Filter"): NameObject("/DCTDecode"),
                }
            )
            drawn.__class__ = DecodedStreamObject
            found = DictionaryObject({NameObject("/Im0"): writer._add_object(drawn)})
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): found})
    writer.add_metadata({"/Author": SECRET.decode()})
    for name, value in catalogue.items():
        writer._root_object[NameObject(f"/{name}")] = value
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def action(kind: str, **more: str) -> DictionaryObject:
    made = DictionaryObject({NameObject("/S"): NameObject(f"/{kind}")})
    made.update({NameObject(f"/{name}"): TextStringObject(value) for name, value in more.items()})
    return made


def pdf_with_annotation(what: DictionaryObject) -> bytes:
    """A document whose page does something when somebody clicks on it."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    note = DictionaryObject({NameObject("/Subtype"): NameObject("/Link"), NameObject("/A"): what})
    page[NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def pdf_with_file() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment("notes.txt", SECRET)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def locked_pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("rahasia", algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()
