"""Write `docs/reference/data-inventory.md` from the `data.yaml` of the services; `--check` says whether it has drifted.

Run by `make contracts` and, with `--check`, by `make lint`. Exit codes: 0 all well, 1 drift.
"""

from collections.abc import Sequence
from pathlib import Path

from reference_page import ROOT, run

from slrt_kit.privacy.inventory import SERVICES, Column, Hidden, Table, read_inventory
from slrt_kit.privacy.retention import RetentionClass, Since, retention_classes

PAGE = Path("docs") / "reference" / "data-inventory.md"
_HIDDEN = {
    Hidden.SEALED: "sealed under the subject's key",
    Hidden.KEYED: "keyed: says nothing without the index key",
    None: "–",
}


def page(root: Path = ROOT) -> str:
    """The page about personal data."""
    tables = read_inventory(root)
    shared = [table for table in tables if table.shared and table.service == SERVICES[0]]
    lines = [
        "<!-- Written by `make contracts` from services/<service>/data.yaml and kit/data.yaml; do not edit. -->",
        "# Data inventory",
        "",
        "What each table holds of people: class under UU 27/2022 (PDP) article 4 (*umum*, general; *spesifik*, "
        "specific), what for, how long, and where it goes. Ids that lead to a person inside the suite count as *umum*. "
        "Columns without personal data are named at the end of each table. How sealing works: "
        "[personal data at rest](../explanation/personal-data-at-rest.md).",
        "",
        "## Retention classes",
        "",
        "What ends by *delete* is removed by the sweep of its service; by *dispose* once it was listed and a second "
        "person has said yes; what *lasts* stays while what it is for does "
        "([how](../how-to/dispose-of-records.md)).",
        "",
        "| Class | Meaning | Counts from | Period | Ends by | Source |",
        "|---|---|---|---|---|---|",
        *map(_retention_row, retention_classes().values()),
    ]
    for service in SERVICES:
        lines += ["", f"## {service.capitalize()}"]
        lines += [line for table in tables if table.service == service and not table.shared for line in _section(table)]
    lines += ["", "## In every service"]
    lines += [line for table in shared for line in _section(table)]
    return "\n".join(lines) + "\n"


def _retention_row(kept: RetentionClass) -> str:
    source = f"{kept.source} **(assumed)**" if kept.assumed else kept.source
    period = "–" if kept.since is Since.NONE else f"{kept.months} months" if kept.months else f"{kept.days} days"
    ends = kept.ends if kept.by is None else f"{kept.ends}, by the {kept.by}"
    return f"| `{kept.name}` | {kept.says.en} | {kept.since} | {period} | {ends} | {source} |"


def _section(table: Table) -> list[str]:
    personal = [column for column in table.columns if column.data_class is not None]
    plain = [f"`{column.name}`" for column in table.columns if column.data_class is None]
    lines = [
        "",
        f"### {table.name}",
        "",
        f"{table.purpose.capitalize()}. Kept as `{table.retention}`. Goes: {table.goes}.",
    ]
    if personal:
        lines += ["", "| Column | Holds | Class | Hidden |", "|---|---|---|---|", *map(_row, personal)]
    if plain:
        lines += ["", f"Not personal: {', '.join(plain)}."]
    return lines


def _row(column: Column) -> str:
    return f"| `{column.name}` | {column.holds} | {column.data_class} | {_HIDDEN[column.hidden]} |"


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """The command line; gives the exit code."""
    return run("data inventory", PAGE, page, source="services/<service>/data.yaml", arguments=arguments, root=root)


if __name__ == "__main__":
    raise SystemExit(main())
