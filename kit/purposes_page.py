"""Write `docs/reference/purposes.md` from purposes.yaml, or with `--check` say whether it has drifted.

Run by `make contracts` and, with `--check`, by `make lint`. Exit codes: 0 all well, 1 drift.
"""

from collections.abc import Iterable
from pathlib import Path

from reference_page import run

from slrt_kit.purposes import Basis, Purpose, Recipient, purpose_table

PAGE = Path("docs") / "reference" / "purposes.md"

_HEAD = """<!-- Written by `make contracts` from kit/src/slrt_kit/purposes.yaml; do not edit. -->
# Purposes

Whoever looks at people says what for, in the header `Purpose`. A purpose that there is not is answered with 422
`unknown-purpose`, one that is not the caller's with 403 `purpose-not-yours`; both list what is possible. Only the
fields of the purpose are shown. Of a masked number four digits at either end are left, of a masked birth date the year;
clear numbers and birth dates need the permission `intake.party.unmask` (in the registry `registry.person.unmask`) too.

For rows of many cases the request for the [export](../how-to/attach-files-and-export-rows.md) names the purpose, which
is one that shows `export`. Columns about people that it does not show are refused with 422 `columns-not-shown`; of a
masked name the initials are left.

What rests on **consent** is shared only while a consent is in force that names the purpose, and the office where it
names offices; it stops with the [withdrawal](../how-to/consent.md). All else goes on after it.
"""


def page() -> str:
    """The page about purposes."""
    table = purpose_table()
    lines = [_HEAD, f"Version {table.version} of the table.", "", "| Purpose | For | Basis | Stated by | Goes to |"]
    lines.append("|---|---|---|---|---|")
    lines += [
        f"| [{code}](#{code}) | {each.label.en} | {each.basis} | {_stated_by(each)} | {each.recipient} |"
        for code, each in table.purposes.items()
    ]
    lines += ["", "| Basis | UU 27/2022 article 20 (2) | DPV |", "|---|---|---|"]
    lines += [f"| {basis} | {basis.letter} | {basis.dpv} |" for basis in Basis]
    for each in table.purposes.values():
        lines += ["", *_section(each)]
    return "\n".join([*lines, ""])


def _section(purpose: Purpose) -> Iterable[str]:
    stops = "yes, at once" if purpose.needs_consent else "no"
    kept = "by its own retention classes" if purpose.keep_days is None else f"at most {purpose.keep_days} days"
    needs = "yes" if purpose.needs_consent else "no"
    yield f"## {purpose.code}"
    yield ""
    yield f"{purpose.label.en.capitalize()} ({purpose.label.id}). Basis: {purpose.basis}; {purpose.law}."
    yield ""
    yield "| Consent needed | Stopped by withdrawal | Kept by the receiver | DPV |\n|---|---|---|---|"
    yield f"| {needs} | {stops} | {kept} | {purpose.dpv} |"
    yield ""
    yield "| Of | Clear | Masked |\n|---|---|---|"
    for resource, shown in purpose.shows.items():
        yield f"| {resource} | {_names(shown.clear)} | {_names(shown.masked)} |"
    if purpose.recipient is Recipient.OFFICE:
        yield ""
        yield "Of a case only whom a referral to that office is about; each delivery has a receipt."


def _names(fields: Iterable[str]) -> str:
    return ", ".join(sorted(fields)) or "–"


def _stated_by(purpose: Purpose) -> str:
    return ", ".join(f"`{each}`" for each in sorted(purpose.clients | purpose.roles))


if __name__ == "__main__":
    raise SystemExit(run("purposes", PAGE, lambda _: page(), source="kit/src/slrt_kit/purposes.yaml"))
