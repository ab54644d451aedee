"""Read the rows of a CSV or XLSX file that anybody may have made: bounded in bytes, rows, columns and cells."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import openpyxl

from slrt_intake.domain.problems import SheetError
from slrt_kit.sheets import plain

MOST_ROWS: Final = 10_000
MOST_COLUMNS: Final = 40
LONGEST_CELL: Final = 4_000
MOST_BYTES: Final = 10 * 1024 * 1024
_MOST_UNPACKED: Final = 40 * 1024 * 1024
_ZIP: Final = b"PK\x03\x04"
_QUOTED: Final = re.compile(r'"[^"]*"')
_EXACT_DIGITS: Final = 15  # a spreadsheet keeps no more of a number


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell; ``doubt`` says what the file may have done to it: `formula`, `number`."""

    text: str
    doubt: str | None = None


Row = Sequence[Cell]


def read_sheet(content: bytes) -> Iterator[tuple[int, Row]]:
    """The rows that hold anything, the header first, each with its number as a spreadsheet shows it (from 1).

    Raises:
        SheetError: it is no CSV and no XLSX, or larger than may be; its ``reason`` says which.
    """
    rows = _of_workbook(content) if content.startswith(_ZIP) else _of_csv(content)
    count = 0
    for number, row in rows:
        if len(row) > MOST_COLUMNS:
            raise SheetError(reason="too_many_columns", most=MOST_COLUMNS, row=number)
        if not any(cell.text for cell in row):
            continue
        count += 1
        if count > MOST_ROWS + 1:
            raise SheetError(reason="too_many_rows", most=MOST_ROWS)
        if any(len(cell.text) > LONGEST_CELL for cell in row):
            raise SheetError(reason="cell_too_long", most=LONGEST_CELL, row=number)
        yield number, row


def _of_csv(content: bytes) -> Iterator[tuple[int, Row]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel writes in Indonesia when it is not asked for UTF-8.
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise SheetError(reason="not_a_sheet")
    # What stands in quotes is a cell's and divides none.
    head = _QUOTED.sub("", text.partition("\n")[0])
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            yield number, [Cell(plain(value).strip()) for value in row]
    except csv.Error as error:
        raise SheetError(reason="not_a_sheet", row=reader.line_num) from error


def _of_workbook(content: bytes) -> Iterator[tuple[int, Row]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        # No part is read beyond the size that it states.
        workbook = None if unpacked > _MOST_UNPACKED else openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    except Exception as error:  # whatever the library stumbles over in a file that somebody made by hand
        raise SheetError(reason="not_a_sheet") from error
    if workbook is None:
        raise SheetError(reason="too_large")
    try:
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its own size is not to be believed
        for number, cells in enumerate(sheet.iter_rows(max_row=_LAST_ROW, max_col=MOST_COLUMNS + 1), start=1):
            row = [_cell(cell) for cell in cells]
            while row and not row[-1].text:
                row.pop()
            yield number, row
    except Exception as error:
        raise SheetError(reason="not_a_sheet") from error
    finally:
        workbook.close()


_LAST_ROW: Final = 2 * MOST_ROWS
"""Rows without anything in them may stand between others, but not without end."""


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    if cell.data_type == "f":
        return Cell(str(value), "formula")
    match value:
        case bool():
            return Cell("ya" if value else "tidak")
        case datetime() | date():
            return Cell(value.strftime("%Y-%m-%d"))
        case int() | float():
            whole = int(value) if float(value).is_integer() else value
            text = str(whole)
            return Cell(text, "number" if len(text) > _EXACT_DIGITS else None)
        case _:
            return Cell(str(value).replace("\x00", "").strip())
