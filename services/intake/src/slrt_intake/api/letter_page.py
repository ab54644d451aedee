"""The page on which anybody checks a letter: small, without scripts, in Indonesian or English, for any phone."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Final, NamedTuple

from slrt_kit.problems import Text


class CheckedLetter(NamedTuple):
    """What the page says of a letter; see `letter_check.LetterCheckView`."""

    status: str
    label: str
    number: str
    office: str
    signed_on: str
    valid_until: str | None
    revoked_on: str | None
    name: str | None
    nik: str | None


_STYLE: Final = (
    "body{font:1.1rem/1.5 sans-serif;margin:0;color:#111;background:#fff}"
    "main{max-width:36rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.3rem}.s{padding:.8rem 1rem;border-left:.5rem solid;font-weight:bold}.valid{border-color:#0b6b2e;"
    "background:#e6f4ea;color:#08451f}.not{border-color:#a3120a;background:#fdeceb;color:#6e0c06}"
    "dt{color:#444;font-size:.95rem}dd{margin:0 0 .6rem;font-weight:bold;overflow-wrap:anywhere}a{color:#0b3d91}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TITLE = Text("Pemeriksaan surat", "Check of a letter")
_STATES: Mapping[str, Text] = MappingProxyType(
    {
        "valid": Text("BERLAKU: surat ini asli dan masih berlaku.", "VALID: this letter is genuine and holds."),
        "expired": Text(
            "KEDALUWARSA: surat ini asli, masa berlakunya sudah habis.",
            "EXPIRED: this letter is genuine and has run out.",
        ),
        "revoked": Text("DICABUT: surat ini tidak berlaku lagi.", "REVOKED: this letter holds no longer."),
    }
)
_NOT_FOUND = Text(
    "TIDAK DITEMUKAN: tidak ada surat dengan kode ini. Jangan menerimanya; tanyakan ke kantor SLRT.",
    "NOT FOUND: there is no letter with this code. Do not accept it; ask the SLRT office.",
)
_ROWS: Mapping[str, Text] = MappingProxyType(
    {
        "label": Text("Jenis surat", "Kind of letter"),
        "number": Text("Nomor", "Number"),
        "office": Text("Diterbitkan oleh", "Written by"),
        "signed_on": Text("Ditandatangani", "Signed on"),
        "valid_until": Text("Berlaku sampai", "Valid until"),
        "revoked_on": Text("Dicabut pada", "Revoked on"),
        "name": Text("Nama (sebagian)", "Name (in part)"),
        "nik": Text("NIK (sebagian)", "NIK (in part)"),
    }
)
_COMPARE = Text(
    "Bandingkan dengan surat di tangan Anda: bila berbeda, surat itu tidak asli.",
    "Compare it with the letter in your hand: where they differ, that one is not genuine.",
)


def page(letter: CheckedLetter | None, language: str) -> tuple[str, str]:
    """The page in ``id`` or ``en`` and its content security policy; None is a code that no letter has."""

    def say(text: Text) -> str:
        return escape(getattr(text, language))

    if letter is None:
        body = f'<p class="s not" role="status">{say(_NOT_FOUND)}</p>'
    else:
        kind = "valid" if letter.status == "valid" else "not"
        rows = "".join(
            f"<dt>{say(words)}</dt><dd>{escape(value)}</dd>"
            for name, words in _ROWS.items()
            if (value := getattr(letter, name)) is not None
        )
        body = (
            f'<p class="s {kind}" role="status">{say(_STATES[letter.status])}</p><dl>{rows}</dl><p>{say(_COMPARE)}</p>'
        )
    other, named = ("en", "English") if language == "id" else ("id", "Bahasa Indonesia")
    text = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{say(_TITLE)}</title><style>{_STYLE}</style></head><body><main><h1>{say(_TITLE)}</h1>{body}"
        f'<p><a href="?lang={other}" lang="{other}">{named}</a></p></main></body></html>'
    )
    return text, POLICY
