"""A file is made anew from what people see of it; whatever else it brought is gone, or the file is refused."""

import io
import subprocess
import sys
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, NameObject
from tests.unit.files import pictures
from tests.unit.files.pictures import SECRET, animated, encoded, pdf, picture

from slrt_kit.files.cleaning import CannotCleanError, clean, without_metadata
from slrt_kit.files.kinds import MediaType, is_heif, media_type_of

PIXELS, PAGES = 1_000_000, 10


def cleaned(content: bytes, media_type: MediaType) -> bytes:
    return clean(content, media_type, max_pixels=PIXELS, max_pages=PAGES)


def refused(content: bytes, media_type: MediaType) -> str:
    with pytest.raises(CannotCleanError) as caught:
        cleaned(content, media_type)
    return caught.value.slug


def seen(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


# -- what is refused -------------------------------------------------------------------------------------------------

_ZIP = io.BytesIO()
with zipfile.ZipFile(_ZIP, "w") as made:
    made.writestr("run.js", "alert(1)")
STRANGERS = {
    "empty": b"",
    "text": b"halo",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "zip": _ZIP.getvalue(),
    "gif": encoded("GIF"),
    "tiff": encoded("TIFF"),
    "bmp": encoded("BMP"),
    "exe": b"MZ" + bytes(200),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "script before a pdf": b"<script>alert(1)</script>" + pdf(),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
}


@pytest.mark.parametrize("content", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("stated", MediaType)
def test_what_is_of_no_type_that_is_taken_is_refused_whatever_it_says_to_be(content: bytes, stated: MediaType) -> None:
    assert media_type_of(content) is None
    assert refused(content, stated) == "file-damaged"


def test_a_picture_of_a_phone_that_cannot_be_cleaned_is_known_by_its_beginning() -> None:
    assert is_heif(STRANGERS["heic"])
    assert not is_heif(encoded())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_picture_that_is_cut_off_is_refused(kind: str, part: float) -> None:
    content = encoded(kind, picture(400, 300).effect_spread(40))
    assert refused(content[: int(len(content) * part)], MediaType(f"image/{kind.lower()}")) == "file-damaged"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_moving_picture_is_refused(kind: str) -> None:
    assert refused(animated(kind), MediaType(f"image/{kind.lower()}")) == "image-animated"


@pytest.mark.parametrize(("width", "height"), [(65_535, 65_535), (1001, 1000), (2**31 - 1, 1)])
def test_more_pixels_than_may_be_are_refused_before_they_are_there(width: int, height: int) -> None:
    assert refused(pictures.huge_png(width, height), MediaType.PNG) == "image-too-large"


ACTIVE = {
    "a script at opening": pdf(OpenAction=pictures.action("JavaScript", JS="app.alert(1)")),
    "a script by another spelling": pdf(OpenAction=pictures.action("JavaScript", JS="1")).replace(
        b"/JavaScript", b"/J#61vaScript"
    ),
    "a program": pdf(OpenAction=pictures.action("Launch", F="cmd.exe")),
    "a form that is sent": pdf(OpenAction=pictures.action("SubmitForm", F="http://x.invalid")),
    "scripts by name": pdf(Names=DictionaryObject({NameObject("/JavaScript"): DictionaryObject()})),
    "an xfa form": pdf(AcroForm=DictionaryObject({NameObject("/XFA"): DictionaryObject()})),
    "a script on a page": pictures.pdf_with_annotation(pictures.action("JavaScript", JS="1")),
    "a file inside": pictures.pdf_with_file(),
    "a zip behind the end": pdf() + b" " * 2000 + _ZIP.getvalue(),
}


@pytest.mark.parametrize("content", ACTIVE.values(), ids=ACTIVE)
def test_a_document_that_acts_by_itself_is_refused(content: bytes) -> None:
    assert refused(content, MediaType.PDF) == "file-active"


def test_a_locked_document_is_refused() -> None:
    assert refused(pictures.locked_pdf(), MediaType.PDF) == "file-encrypted"


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"%PDF-1.7\n%%EOF", "file-damaged"),
        (b"%PDF-1.7\n" + b"\0" * 500, "file-damaged"),
        (pdf()[:-200], "file-damaged"),
        (pdf(pages=PAGES + 1), "file-too-large"),
        (pdf(pages=0), "file-damaged"),
    ],
    ids=["nothing", "noise", "cut off", "too many pages", "no page"],
)
def test_a_document_that_is_none_or_too_long_is_refused(content: bytes, slug: str) -> None:
    assert refused(content, MediaType.PDF) == slug


@settings(max_examples=150)
@given(place=st.integers(0, 2000), noise=st.binary(min_size=1, max_size=20), kind=st.sampled_from(MediaType))
def test_damage_anywhere_is_refused_or_gone_and_never_a_crash(place: int, noise: bytes, kind: MediaType) -> None:
    content = {
        MediaType.JPEG: encoded(),
        MediaType.PNG: encoded("PNG"),
        MediaType.WEBP: encoded("WEBP"),
        MediaType.PDF: pdf(),
    }[kind]
    place %= len(content)
    damaged = content[:place] + noise + content[place + len(noise) :]
    try:
        result = cleaned(damaged, kind)
    except CannotCleanError:
        return
    assert media_type_of(result) is kind


# -- what is left of the others --------------------------------------------------------------------------------------

FULL = {
    MediaType.JPEG: pictures.jpeg_with_everything(),
    MediaType.PNG: pictures.png_with_everything(),
    MediaType.WEBP: pictures.webp_with_everything(),
}


@pytest.mark.parametrize("media_type", FULL)
def test_nothing_is_left_but_the_picture(media_type: MediaType) -> None:
    assert SECRET in FULL[media_type], "the test would show nothing"
    result = cleaned(FULL[media_type], media_type)
    assert SECRET not in result
    image = seen(result)
    assert dict(image.getexif()) == {}
    assert dict(image.getexif().get_ifd(0x8825)) == {}, "the place where it was taken is gone"
    assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"} | {"loop", "background"} | {
        "timestamp",
        "duration",
    }
    assert image.size == (64, 48)


@pytest.mark.parametrize("media_type", FULL)
def test_before_it_is_cleaned_the_place_can_be_read(media_type: MediaType) -> None:
    assert seen(FULL[media_type]).getexif().get_ifd(0x8825)[2] == (3.0, 35.0, 43.2)


@pytest.mark.parametrize("more", [_ZIP.getvalue(), STRANGERS["html"], pictures.EICAR], ids=["zip", "html", "eicar"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_hides_behind_a_picture_is_gone(kind: str, more: bytes) -> None:
    result = cleaned(encoded(kind) + more, MediaType(f"image/{kind.lower()}"))
    assert more not in result
    assert not zipfile.is_zipfile(io.BytesIO(result))


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (63, 47)), (6, (47, 0)), (8, (0, 63))])
def test_a_picture_stands_upright_without_being_told(orientation: int, corner: tuple[int, int]) -> None:
    image = seen(cleaned(pictures.jpeg_with_everything(orientation=orientation), MediaType.JPEG))
    grey = image.convert("L")
    dark = [place for place in _corners(grey) if (value := grey.getpixel(place)) is not None and int(value) < 100]
    assert dark == [corner]


def _corners(image: Image.Image) -> list[tuple[int, int]]:
    right, bottom = image.width - 1, image.height - 1
    return [(0, 0), (right, 0), (0, bottom), (right, bottom)]


@pytest.mark.parametrize(
    ("kind", "mode", "after"),
    [
        ("JPEG", "CMYK", "RGB"),
        ("JPEG", "L", "L"),
        ("PNG", "P", "RGB"),
        ("PNG", "RGBA", "RGBA"),
        ("PNG", "I;16", "L"),
        ("PNG", "1", "1"),
        ("WEBP", "RGBA", "RGB"),
    ],
)
def test_every_way_to_write_colours_is_read(kind: str, mode: str, after: str) -> None:
    image = picture().convert("I").point(lambda value: value * 257).convert("I;16") if mode == "I;16" else None
    result = seen(cleaned(encoded(kind, image or picture(mode=mode)), MediaType(f"image/{kind.lower()}")))
    assert result.mode == after
    value: Any = result.convert("L").getpixel((60, 40))
    assert value > 150


def test_the_further_pictures_of_a_camera_are_gone() -> None:
    written = io.BytesIO()
    picture().save(written, "MPO", save_all=True, append_images=[picture(32, 32)])
    result = seen(cleaned(written.getvalue(), MediaType.JPEG))
    assert (result.format, result.size, getattr(result, "n_frames", 1)) == ("JPEG", (64, 48), 1)


def test_of_a_document_the_pages_are_left_and_neither_author_nor_links() -> None:
    result = cleaned(pictures.pdf_with_annotation(pictures.action("URI", URI="http://x.invalid")), MediaType.PDF)
    assert b"x.invalid" not in result
    result = cleaned(pdf(pages=3), MediaType.PDF)
    assert SECRET not in result
    reader = PdfReader(io.BytesIO(result))
    assert len(reader.pages) == 3
    assert not reader.metadata
    assert reader.pages[0].get_contents() is not None


def test_a_picture_inside_a_document_loses_its_place_too() -> None:
    content = pdf(image=pictures.jpeg_with_everything())
    assert content.count(SECRET) > 1
    result = cleaned(content, MediaType.PDF)
    assert result.count(SECRET) == 1, "what follows the end of that picture is no metadata of it"


def test_a_jpeg_without_its_metadata_shows_the_same_picture() -> None:
    content = pictures.jpeg_with_everything()
    stripped = without_metadata(content)
    assert seen(stripped).tobytes() == seen(content).tobytes()
    assert dict(seen(stripped).getexif()) == {}


def test_cleaning_twice_is_as_cleaning_once_for_what_loses_nothing() -> None:
    once = cleaned(FULL[MediaType.PNG], MediaType.PNG)
    assert cleaned(once, MediaType.PNG) == once


def test_the_process_answers_in_one_line_and_has_no_way_to_write_a_file() -> None:
    command = [sys.executable, "-I", "-m", "slrt_kit.files.cleaning", "image/png", "1000000", "5"]
    done = subprocess.run(command, input=FULL[MediaType.PNG], capture_output=True, check=True, env={})
    line, _, content = done.stdout.partition(b"\n")
    assert line == b'{"size": %d}' % len(content)
    done = subprocess.run(command, input=b"nothing", capture_output=True, check=True, env={})
    assert done.stdout == b'{"refused": "file-damaged"}\n'
