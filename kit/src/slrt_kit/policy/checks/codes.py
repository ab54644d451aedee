"""What several checks ask: whether a code is of its list, whether a period ends after it begins."""

from collections.abc import Iterable, Iterator
from datetime import date

from slrt_contracts.codes import Code
from slrt_kit.policy.entries import Entry
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

FOREVER = date.max


def unknown_code(place: Place, value: str, *, among: Iterable[str]) -> Finding:
    """A code that nobody knows."""
    listed = ", ".join(sorted(among)) or "-"
    return Finding(
        place,
        "unknown-code",
        Text(f"{value} bukan kode yang dikenal", f"{value} is a code nobody knows"),
        Text(f"pakai salah satu: {listed}", f"use one of: {listed}"),
    )


def unknown_codes(entry: Entry, field: str, codes: type[Code]) -> Iterator[Finding]:
    """The values of a field, a text or a list of them, that are not of the code list."""
    known = {member.value for member in codes}
    stated = entry.fields.get(field, ())
    for n, value in enumerate([stated] if isinstance(stated, str) else stated):
        if value not in known:
            yield unknown_code(entry.place(field, n), value, among=known)


def day_of(value: object) -> date | None:
    """The day that a field states; None where there is none, or none that exists (which the schema says)."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def period_of(entry: Entry) -> tuple[date, date]:
    """First and last day of an entry; without one, the first or last of all."""
    return day_of(entry.fields.get("valid_from")) or date.min, day_of(entry.fields.get("valid_to")) or FOREVER


def ends_before_it_begins(entry: Entry) -> Iterator[Finding]:
    """An entry whose last day is before its first."""
    first, last = period_of(entry)
    if last < first:
        yield Finding(
            entry.place("valid_to"),
            "ends-before-it-begins",
            Text(
                f"{entry.key} berakhir {last} sebelum mulai {first}",
                f"{entry.key} ends {last}, before it begins {first}",
            ),
            Text("perbaiki salah satu tanggal", "correct one of the days"),
        )
