"""What the words of a message may hold: a few placeholders, and nothing that tells a stranger of a need.

Source: domain section 13.6: ticket number and stage only; no NIK, illness or programme on a phone that may be shared.
"""

import re
from collections.abc import Iterator
from functools import cache
from string import Formatter

from slrt_contracts.catalogue import NEEDS, PROGRAMMES, SECTORS, Label
from slrt_contracts.codes import NeedCode
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

REQUIRED = frozenset({"ticket_number", "stage"})
"""What every message names."""
CODE = "code"
"""What the message of a one-time code names too, in its text alone."""
SENDER = "sender"
"""How the channel calls who writes; a message may name it."""

_PERSONAL = re.compile(
    r"(?i)(?:.*[._])?(?:name|nama|nik|kk|phone|telepon|e?mail|address|alamat|birth|lahir|need|kebutuhan|programme?|office"
    r"|dinas|age|umur|person|contact|disease|penyakit|diagnos[ei]s?|decile|desil|hp|telp|wa|gender|sex|kelamin|income"
    r"|penghasilan|village|desa|kelurahan|district|kecamatan|rt|rw|mother|ibu|ayah|family|keluarga|religion|agama"
    r"|disability|difabel|photo|foto)(?:[._].*)?"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONG_NUMBER = re.compile(r"\d{5,}")


def placeholders_of(text: str) -> frozenset[str]:
    """The placeholders of a text; none where its braces do not fit together, which `text_findings` says."""
    try:
        return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)
    except ValueError:
        return frozenset()


def _fits(text: str) -> bool:
    try:
        return bool(list(Formatter().parse(text))) or not text
    except ValueError:
        return False


def text_findings(place: Place, text: str, *, with_code: bool = False) -> Iterator[Finding]:
    """What is wrong with a message's text: it must name ticket and stage, and the code where it brings one."""
    wanted = REQUIRED | {CODE} if with_code else REQUIRED
    yield from _words(place, text, wanted | {SENDER})
    for name in sorted(wanted - placeholders_of(text)) if _fits(text) else ():
        yield Finding(
            place,
            "missing-placeholder",
            Text(f"{{{name}}} tidak ada dalam pesan", f"the message lacks {{{name}}}"),
            Text(f"tulis {{{name}}} di tempatnya", f"write {{{name}}} where it belongs"),
        )


def line_findings(place: Place, text: str, *, placeholders: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """What is wrong with one line of words: a subject, a stage, a sender."""
    if not text.strip() or not text.isprintable():
        yield Finding(
            place,
            "not-one-line",
            Text("harus satu baris teks", "it must be one line of text"),
            Text("hapus baris baru dan karakter aneh", "take out line breaks and strange characters"),
        )
    yield from _words(place, text, placeholders)


def _words(place: Place, text: str, placeholders: frozenset[str]) -> Iterator[Finding]:
    listed = ", ".join(f"{{{name}}}" for name in sorted(placeholders)) or "-"
    try:
        fields = list(Formatter().parse(text))
    except ValueError as error:
        yield Finding(
            place,
            "unknown-placeholder",
            Text(f"kurung kurawal tidak cocok: {error}", f"the braces do not fit together: {error}"),
            Text(f"yang boleh: {listed}", f"what may stand here: {listed}"),
        )
        return
    if any("{" in words or "}" in words for words, *_ in fields):
        # Doubled, they are braces and no placeholder: a resident would read them.
        yield Finding(
            place,
            "unknown-placeholder",
            Text("kurung kurawal ganda akan terbaca warga apa adanya", "doubled braces would be read as they stand"),
            Text(f"tulis satu kurung saja; yang boleh: {listed}", f"write single ones; what may stand here: {listed}"),
        )
    for _, name, shape, conversion in fields:
        if name is None or (name in placeholders and not shape and not conversion):
            continue
        if _PERSONAL.fullmatch(_HUMP.sub("_", name)):
            yield Finding(
                place,
                "personal-field",
                Text(
                    f"{{{name}}} adalah data pribadi; ponsel dan kotak surat dapat dibaca orang lain",
                    f"{{{name}}} is personal; phones and mailboxes are read by others too",
                ),
                Text(f"hapus; yang boleh: {listed}", f"take it out; what may stand here: {listed}"),
            )
        else:
            yield Finding(
                place,
                "unknown-placeholder",
                Text(f"{{{name}}} tidak dikenal di sini", f"{{{name}}} is not known here"),
                Text(f"yang boleh: {listed}", f"what may stand here: {listed}"),
            )
    revealed = _LONG_NUMBER.search(text) or _telling_words().search(text)
    if revealed:
        yield Finding(
            place,
            "tells-too-much",
            Text(
                f"`{revealed[0]}` memberi tahu orang lain tentang kasus ini",
                f"`{revealed[0]}` tells a stranger about the case",
            ),
            Text(
                "tulis tanpa nomor, program, kebutuhan dan sektor", "write it without number, programme, need, sector"
            ),
        )


@cache
def _telling_words() -> re.Pattern[str]:
    """Programmes, needs and sectors: codes as they are written, labels in any case."""
    codes: set[str] = {*PROGRAMMES}
    labels: list[Label] = [*SECTORS.values(), *(programme.label for programme in PROGRAMMES.values())]
    for code, need in NEEDS.items():
        if code != NeedCode.LAINNYA:
            codes.add(code)
            labels.append(need.label)
    words = {label.id for label in labels} | {label.en for label in labels}
    return re.compile(rf"\b(?:{_any_of(codes)})\b|(?i:\b(?:{_any_of(words)})(?!\w))")


def _any_of(words: set[str]) -> str:
    return "|".join(map(re.escape, sorted(words)))
