"""Write tables for spreadsheet programs, whose every cell may have been written by a stranger.

A cell that begins as an expression does would be worked out by Excel, LibreOffice Calc or Google Sheets when the file
is opened, whatever the file's format says (OWASP, CSV Injection). So such a cell gets an apostrophe before it, and so
does one that begins with an apostrophe: whoever reads the file by a program takes exactly one away (`plain`) and has
what was written. Excel in Indonesian splits at semicolons, so what follows a separator inside a cell is looked at, too:
each part between separators has its own apostrophe, or none.
"""

import csv
import io
import re
import unicodedata
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Final

import xlsxwriter

BOM: Final = "\ufeff"
"""Excel takes a file without it for one in the country's old encoding."""
LONGEST_CELL: Final = 32_767
"""Of an Excel sheet; more is cut off there, and here refused."""
_MARK: Final = "'"
_DANGEROUS: Final = frozenset("=+-@|%")
_BREAKS: Final = re.compile(r"([,;\t\r\n\v\f\x1c-\x1f\x85\u2028\u2029]+)")
# Excel keeps 15 digits of a number and drops its leading zeros: a NIK would become somebody else's.
_DIGITS: Final = re.compile(r"0[0-9]+|[0-9]{12,}")
_UNSEEN: Final = ("Z", "C")
"""First letters of the Unicode categories that programs trim, or show as nothing."""


def neutral(text: str) -> str:
    """The text as it may stand in a cell. `plain` gives back what was given."""
    parts = _BREAKS.split(text)
    return "".join(part if place % 2 else _neutral_part(part) for place, part in enumerate(parts))


def plain(cell: str) -> str:
    """What `neutral` was given."""
    parts = _BREAKS.split(cell)
    return "".join(part if place % 2 else part.removeprefix(_MARK) for place, part in enumerate(parts))


def _neutral_part(part: str) -> str:
    return _MARK + part if part.startswith(_MARK) or _acts(part) else part


def _acts(part: str) -> bool:
    if _DIGITS.fullmatch(part):
        return True
    for sign in part:
        if sign == '"' or unicodedata.category(sign)[0] in _UNSEEN:
            continue
        # Full-width and small forms are read as the signs that they stand for: ＝ ﹢ － ＠.
        return not _DANGEROUS.isdisjoint(unicodedata.normalize("NFKC", sign)) or sign == "\u2212"
    return False


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """RFC 4180: every cell in quotes, lines that end in CRLF."""
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([neutral(cell) for cell in row])
        yield written.getvalue()
        written.seek(0)
        written.truncate()


async def csv_pieces(batches: AsyncIterator[Sequence[Sequence[str]]], *, bom: bool) -> AsyncIterator[bytes]:
    """A CSV file in UTF-8, batch by batch."""
    if bom:
        yield BOM.encode()
    async for batch in batches:
        yield "".join(csv_lines(batch)).encode()


def xlsx(rows: Iterable[Sequence[str]], *, name: str) -> bytes:
    """An Excel workbook with one sheet, all of its cells text. It is made in memory: nothing is written to a disk.

    Raises:
        ValueError: a cell is longer than `LONGEST_CELL`.
    """
    written = io.BytesIO()
    settings = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(written, settings) as book:
        sheet = book.add_worksheet(name)
        for place, row in enumerate(rows):
            for column, cell in enumerate(row):
                if sheet.write_string(place, column, neutral(cell)) != 0:
                    raise ValueError("a cell is too long for a sheet")
    return written.getvalue()
