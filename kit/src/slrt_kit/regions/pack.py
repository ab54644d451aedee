"""Write the packaged region table from the four CSV files of `idn-area-data`: `python -m slrt_kit.regions.pack`.

Format, gzipped UTF-8 text::

    # <edition>
    =<code of a province, regency or district>\t<name>
    <last four digits of a village of the district above>\t<name>
"""

import csv
import gzip
import sys
from collections import defaultdict
from pathlib import Path

from slrt_kit.regions.codes import Level, level_of, parent_of, region_code

_FILES = ("provinces.csv", "regencies.csv", "districts.csv", "villages.csv")
_ARGUMENTS = 4


def table_text(rows: dict[str, str], *, edition: str) -> str:
    """Return the table as text from code -> name.

    Raises:
        InvalidRegionCodeError: a code is malformed.
        ValueError: a name is empty or holds a tab or a line break, or a region has no parent in the table.
    """
    villages: dict[str, list[str]] = defaultdict(list)
    heads: list[str] = []
    for text, name in sorted(rows.items()):
        code = region_code(text)
        parent = parent_of(code)
        if parent is not None and parent not in rows:
            raise ValueError(f"{code} has no parent in the table")
        if not name or len(name.splitlines()) > 1 or "\t" in name:
            raise ValueError(f"the name of {code} cannot be stored: {name!r}")
        if level_of(code) is Level.VILLAGE:
            villages[text[:8]].append(f"{text[-4:]}\t{name}")
        else:
            heads.append(text)
    blocks = ("\n".join([f"={code}\t{rows[code]}", *villages.get(code, ())]) for code in heads)
    return f"# {edition}\n" + "\n".join(blocks) + "\n"


def read_csv(folder: Path) -> dict[str, str]:
    """Read code -> name from the CSV files of `idn-area-data` in ``folder``."""
    rows: dict[str, str] = {}
    for file in _FILES:
        with (folder / file).open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                rows[row["code"]] = " ".join(row["name"].split())
    return rows


def main(arguments: list[str]) -> None:
    """Pack a folder of CSV files: `pack FOLDER EDITION OUTPUT`."""
    if len(arguments) != _ARGUMENTS:
        sys.exit("usage: python -m slrt_kit.regions.pack FOLDER EDITION OUTPUT.txt.gz")
    _, folder, edition, output = arguments
    text = table_text(read_csv(Path(folder)), edition=edition)
    # mtime=0: the same table gives the same bytes.
    Path(output).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main(sys.argv)
