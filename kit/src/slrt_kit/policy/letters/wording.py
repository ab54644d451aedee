"""What the words of a letter may hold: fields of a closed list, each once read and never read again.

A field stands in braces, ``{name}``; nothing else does. A value that is put in is text: whatever braces somebody has
written into a name stay what they are.
"""

from collections.abc import Iterator, Mapping
from string import Formatter
from types import MappingProxyType
from typing import Final

from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

PERSON_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "Nama",
        "nik": "NIK",
        "kk_number": "Nomor KK",
        "birth_date": "Tanggal lahir",
        "sex": "Jenis kelamin",
        "address": "Alamat",
    }
)
"""What is known of the person whom a letter is for, each with the words before it in a letter."""
PLACE_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "village": "Desa/Kelurahan",
        "district": "Kecamatan",
        "regency": "Kabupaten/Kota",
        "regency_name": "Kabupaten/Kota",
        "province": "Provinsi",
    }
)
"""Where the case is. ``regency`` is as the table has it (``Kota Tanjungbalai``), ``regency_name`` without its kind."""
CASE_FIELDS: Final[Mapping[str, str]] = MappingProxyType({"ticket_number": "Nomor tiket", "need": "Kebutuhan"})
LATE_FIELDS: Final[Mapping[str, str]] = MappingProxyType({"date": "Tanggal", "valid_until": "Berlaku sampai"})
"""What is known from the signature on."""
SHOWN_FIELDS: Final[Mapping[str, str]] = MappingProxyType({**PERSON_FIELDS, **PLACE_FIELDS, **CASE_FIELDS})
"""What the table of a letter may show."""
TEXT_FIELDS: Final = frozenset({*SHOWN_FIELDS, *LATE_FIELDS})
NUMBER_FIELDS: Final = frozenset({"number", "office", "village_code", "month", "roman_month", "year"})
"""What the number of a letter may hold."""
_ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


def fields_of(text: str) -> frozenset[str]:
    """The fields of a text; none where its braces do not fit together, which `field_findings` says."""
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)
    except ValueError:
        return frozenset()


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its fields. What is put in is not looked at again.

    Raises:
        KeyError: a field has no value. ValueError: the braces do not fit together.
    """
    return "".join(
        words + ("" if name is None else values[name]) for words, name, _shape, _conversion in Formatter().parse(text)
    )


def letter_number(
    pattern: str, *, number: int, digits: int, office: str, village_code: str, month: int, year: int
) -> str:
    """The number of a letter by its pattern, such as ``400.9.14/007/SLRT/XI/2026``; ``month`` from 1, of local time."""
    return filled(
        pattern,
        {
            "number": f"{number:0{digits}d}",
            "office": office,
            "village_code": village_code.replace(".", ""),
            "month": f"{month:02d}",
            "roman_month": _ROMAN[month - 1],
            "year": str(year),
        },
    )


def field_findings(place: Place, text: str, *, known: frozenset[str]) -> Iterator[Finding]:
    """What is wrong with the fields of a text, and with its characters."""
    listed = ", ".join(f"{{{name}}}" for name in sorted(known)) or "-"
    allowed = Text(f"yang boleh: {listed}", f"what may stand here: {listed}")
    if not text.isprintable():
        yield Finding(
            place,
            "not-one-line",
            Text("harus satu baris teks", "it must be one line of text"),
            Text("hapus baris baru dan karakter aneh", "take out line breaks and strange characters"),
        )
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        yield Finding(
            place,
            "unknown-field",
            Text(f"kurung kurawal tidak cocok: {error}", f"the braces do not fit together: {error}"),
            allowed,
        )
        return
    if any("{" in words or "}" in words for words, *_ in parts):
        yield Finding(
            place,
            "unknown-field",
            Text("kurung kurawal ganda akan tercetak apa adanya", "doubled braces would be printed as they stand"),
            allowed,
        )
    for _, name, shape, conversion in parts:
        if name is not None and (name not in known or shape or conversion):
            shown = name + (f"!{conversion}" if conversion else "") + (f":{shape}" if shape else "")
            yield Finding(
                place,
                "unknown-field",
                Text(f"{{{shown}}} tidak dikenal di sini", f"{{{shown}}} is not known here"),
                allowed,
            )
