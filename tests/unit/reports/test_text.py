"""Cleaning a text: marks and emoji go, and every span leads back to the text as it was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_intake.reports.text import CleanText, Span


@pytest.mark.parametrize(
    ("original", "clean"),
    [
        ("*Nama Klien* : _Sarkiyah_", "Nama Klien : Sarkiyah"),
        ("tgl ~7~ 8 Juni", "tgl     8 Juni"),
        ("~500 ribu", " 500 ribu"),
        ("file_foto_1.jpg", "file_foto_1.jpg"),
        ("Nama\u00a0Klien\uff1a\u200bSarkiyah", "Nama Klien:Sarkiyah"),
        ("𝗡𝗜𝗞 １２７４", "NIK 1274"),
        ("1\ufe0f\u20e3 Nama", "1) Nama"),
        ("👩🏽\u200d🦱 Nama", "   Nama"),
        ("KK ✅ KTP ❌", "KK ☑ KTP ✗"),
        ("satu\r\ndua\u2028tiga", "satu\ndua\ntiga"),
        ("```Nama```", "Nama"),
        ("Ma’ruf – Jum‘at", "Ma'ruf - Jum'at"),
    ],
)
def test_decoration_goes_and_the_words_stay(original: str, clean: str) -> None:
    assert CleanText(original).text == clean


def test_a_span_leads_back_to_the_original() -> None:
    original = "👩🏽 *NIK* : 𝟏𝟐𝟕𝟒 🙏"
    clean = CleanText(original)
    place = clean.text.index("1274")
    start, end = clean.original(Span(place, place + 4))
    assert original[start:end] == "𝟏𝟐𝟕𝟒"


@given(st.text(max_size=200))
def test_every_span_of_any_text_lies_inside_it(original: str) -> None:
    clean = CleanText(original)
    for line in clean.lines():
        for span in (line, clean.trimmed(line.start, line.end)):
            start, end = clean.original(span)
            assert 0 <= start <= end <= len(original)
            assert clean.span_text(span) == " ".join(clean.text[span.start : span.end].split())
