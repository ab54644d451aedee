"""What must hold of the letters of a region: their words, their numbers, and who takes part in them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from slrt_contracts.codes import NeedCode
from slrt_contracts.types import LETTER_PATTERN
from slrt_kit.access import permission_table
from slrt_kit.policy.checks.codes import unknown_code, unknown_codes
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.letters.wording import (
    NUMBER_FIELDS,
    PERSON_FIELDS,
    PLACE_FIELDS,
    SHOWN_FIELDS,
    TEXT_FIELDS,
    field_findings,
    fields_of,
)
from slrt_kit.problems import Text

LEVELS: Final = ("village", "regency")
"""Whose letters there are: those of the Puskesos of a village, and those of the secretariat."""
_LONGEST_KEY: Final = 40
_PARTS: Final = {
    "drafted_by": "intake.letter.draft",
    "initials": "intake.letter.initial",
    "signer": "intake.letter.sign",
}
"""The permission that whoever takes part must have."""


def check_letterheads(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the letterheads of a region."""
    for head in policy.entries("letterheads").values():
        if head.key not in LEVELS:
            yield unknown_code(head.place(), head.key, among=LEVELS)
        for n, line in enumerate(head.fields["lines"]):
            yield from field_findings(head.place("lines", n), line, known=frozenset(PLACE_FIELDS))
        yield from field_findings(head.place("signed_in"), head.fields["signed_in"], known=frozenset(PLACE_FIELDS))
        for field in ("contact", "office_mark"):
            if field in head.fields:
                yield from field_findings(head.place(field), head.fields[field], known=frozenset())


def check_letters(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the letters of a region."""
    letters = policy.entries("letters")
    for letter in letters.values():
        yield from _key(letter)
        yield from _words(letter)
        yield from _facts(letter)
        yield from _number(letter)
        yield from _people(letter, policy.entries("roles"))
        yield from unknown_codes(letter, "needs", NeedCode)
        for n, document in enumerate(letter.fields.get("documents", ())):
            if document not in policy.entries("documents"):
                yield unknown_code(letter.place("documents", n), document, among=policy.entries("documents"))
        if letter.fields["issued_by"] not in policy.entries("letterheads"):
            yield unknown_code(
                letter.place("issued_by"), letter.fields["issued_by"], among=policy.entries("letterheads")
            )
        if "valid_days" in letter.fields and "valid_months" in letter.fields:
            yield Finding(
                letter.place("valid_months"),
                "two-validities",
                Text(f"{letter.key} berlaku dalam hari dan dalam bulan", f"{letter.key} holds for days and for months"),
                Text("tulis salah satunya", "state one of the two"),
            )
    yield from _same_number(letters)


def _key(letter: Entry) -> Iterator[Finding]:
    """Events name the kind of a letter."""
    if not re.fullmatch(LETTER_PATTERN, letter.key) or len(letter.key) > _LONGEST_KEY:
        yield Finding(
            letter.place(),
            "wrong-value",
            Text(f"`{letter.key}` tidak dapat menjadi kunci surat", f"`{letter.key}` cannot be a letter's key"),
            Text(
                "pakai dua kata atau lebih dengan huruf kecil dan `-`, paling banyak 40 karakter",
                "use two or more words in small letters with `-`, at most 40 characters",
            ),
        )
    ends = "valid_days" in letter.fields or "valid_months" in letter.fields
    for place, text in _texts(letter):
        if not ends and "valid_until" in fields_of(text):
            yield Finding(
                place,
                "without-end",
                Text(f"{letter.key} tidak punya masa berlaku", f"{letter.key} has no end"),
                Text("tulis `valid_days` atau `valid_months`", "state `valid_days` or `valid_months`"),
            )


def _texts(letter: Entry) -> Iterator[tuple[Place, str]]:
    yield letter.place("title"), letter.fields["title"]
    for part in ("opening", "body", "closing"):
        for n, text in enumerate(letter.fields.get(part, ())):
            yield letter.place(part, n), text


def _words(letter: Entry) -> Iterator[Finding]:
    known = TEXT_FIELDS | letter.fields.get("facts", {}).keys()
    for place, text in _texts(letter):
        yield from field_findings(place, text, known=known)
    shown = [(letter.place("shows", n), name) for n, name in enumerate(letter.fields.get("shows", ()))]
    for place, name in shown:
        if name not in SHOWN_FIELDS:
            yield unknown_code(place, name, among=SHOWN_FIELDS)
    if letter.fields["subject"] == "person":
        return
    named = [*shown, *((place, name) for place, text in _texts(letter) for name in sorted(fields_of(text)))]
    for place, name in named:
        if name in PERSON_FIELDS:
            yield Finding(
                place,
                "field-without-person",
                Text(
                    f"{{{name}}} tidak punya isi: surat ini bukan tentang satu orang",
                    f"{{{name}}} stays empty: the letter is not about one person",
                ),
                Text("hapus, atau tulis `subject: person`", "take it out, or state `subject: person`"),
            )


def _facts(letter: Entry) -> Iterator[Finding]:
    facts: Mapping[str, Mapping[str, Any]] = letter.fields.get("facts", {})
    for name, fact in facts.items():
        if name in TEXT_FIELDS:
            yield Finding(
                letter.place("facts", name),
                "reserved-name",
                Text(f"{name} sudah menjadi medan setiap surat", f"{name} is a field of every letter"),
                Text("beri nama lain", "give it another name"),
            )
        kind = fact["type"]
        if ("options" in fact) != (kind == "choice"):
            yield Finding(
                letter.place("facts", name),
                "options-do-not-fit",
                Text(f"`options` hanya untuk dan wajib bagi choice ({name})", f"`options` go with a choice ({name})"),
                Text("perbaiki `type` atau `options`", "correct `type` or `options`"),
            )
        if kind != "number" and ("min" in fact or "max" in fact):
            yield Finding(
                letter.place("facts", name),
                "bounds-do-not-fit",
                Text(f"`min` dan `max` hanya untuk number ({name})", f"`min` and `max` are for a number ({name})"),
                Text("hapus, atau tulis `type: number`", "take them out, or state `type: number`"),
            )
        elif fact.get("min", 0) > fact.get("max", 10**9):
            yield Finding(
                letter.place("facts", name, "min"),
                "bounds-do-not-fit",
                Text(f"{name}: `min` melebihi `max`", f"{name}: `min` is more than `max`"),
                Text("perbaiki salah satunya", "correct one of them"),
            )


def _number(letter: Entry) -> Iterator[Finding]:
    pattern, place = letter.fields["number"], letter.place("number")
    yield from field_findings(place, pattern, known=NUMBER_FIELDS)
    wanted = ["number", "year"]
    if letter.fields["issued_by"] == "village":
        wanted.append("village_code")  # each village counts for itself
    for name in wanted:
        if name not in fields_of(pattern):
            yield Finding(
                place,
                f"number-without-{name.replace('number', 'count').replace('_', '-')}",
                Text(
                    f"dua surat dapat bernomor sama: {{{name}}} tidak ada",
                    f"two letters may have one number: no {{{name}}}",
                ),
                Text(f"tulis {{{name}}} di tempatnya", f"write {{{name}}} where it belongs"),
            )


def _people(letter: Entry, roles: Mapping[str, Entry]) -> Iterator[Finding]:
    for part, permission in _PARTS.items():
        may = permission_table().get(permission, {})
        stated = letter.fields.get(part, ())
        for n, role in enumerate([stated] if isinstance(stated, str) else stated):
            place = letter.place(part) if isinstance(stated, str) else letter.place(part, n)
            if role not in may:
                yield Finding(
                    place,
                    "role-may-not",
                    Text(f"{role} tidak berhak: {permission}", f"{role} has no right to it: {permission}"),
                    Text(f"sebut salah satu: {', '.join(sorted(may))}", f"name one of: {', '.join(sorted(may))}"),
                )
            elif roles and role not in roles:
                yield Finding(
                    place,
                    "role-not-here",
                    Text(f"{role} tidak ada di wilayah ini", f"nobody is {role} in this region"),
                    Text("sebut peran lain, atau batalkan `removed`", "name another role, or take back its `removed`"),
                )
    signer = letter.fields["signer"]
    if signer in letter.fields.get("initials", ()):
        yield Finding(
            letter.place("signer"),
            "signs-twice",
            Text(f"{signer} memberi paraf dan menandatangani", f"{signer} initials and signs"),
            Text("sebut dua peran yang berbeda", "name two different roles"),
        )
    if letter.fields["issued_by"] == "regency" and signer in roles and roles[signer].fields["level"] == "village":
        yield Finding(
            letter.place("signer"),
            "signs-for-another-office",
            Text(f"{signer} adalah peran desa, suratnya surat kabupaten/kota", f"{signer} is a role of a village"),
            Text(
                "sebut peran kabupaten/kota, atau tulis `issued_by: village`",
                "name a role of the regency, or state `issued_by: village`",
            ),
        )


def _same_number(letters: Mapping[str, Entry]) -> Iterator[Finding]:
    """Letters that are counted apart and written alike."""
    series: dict[tuple[str, str], Entry] = {}
    for letter in letters.values():
        first = series.setdefault((letter.fields["issued_by"], letter.fields["number"]), letter)
        if first.fields["series"] != letter.fields["series"]:
            yield Finding(
                letter.place("series"),
                "same-number-twice",
                Text(
                    f"{letter.key} dan {first.key} dihitung terpisah dengan format nomor yang sama",
                    f"{letter.key} and {first.key} are counted apart and numbered alike",
                ),
                Text("pakai satu `series`, atau dua format", "use one `series`, or two formats"),
            )
