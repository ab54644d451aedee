"""Read a table whose first line names the columns: each line below it is a report."""

import re
from collections.abc import Sequence
from typing import Final

from slrt_intake.reports.labels import IGNORED, LabelTable
from slrt_intake.reports.rows import Break, Row
from slrt_intake.reports.text import CleanText, Span

_DIVIDER = re.compile(r"[\t|]")
_FEWEST_COLUMNS: Final = 3  # that are labels
_ABOUT: Final = frozenset({"client_name", "nik"})


def table_rows(clean: CleanText, lines: Sequence[Span], labels: LabelTable) -> tuple[list[Row], list[Span]] | None:
    """The rows of all reports of the first table, and the lines above it; None when the text holds no table.

    `No | Nama | NIK | Keluhan | Layanan`, then a line each; divided by tabs or by strokes.
    """
    for place, line in enumerate(lines):
        head = _cells(clean, line)
        columns = [labels.weak_alone(clean.span_text(cell)) for cell in head]
        fields = {name for label in columns if label for name in label.fields} - {IGNORED}
        if len(fields) < _FEWEST_COLUMNS or not fields & _ABOUT:
            continue
        rows: list[Row] = []
        for below in lines[place + 1 :]:
            cells = _cells(clean, below)
            if len(cells) != len(head) or not any(map(str.isalnum, clean.text[below.start : below.end])):
                continue
            found = [
                Row(label, Break.NONE, [cell])
                for label, cell in zip(columns, cells, strict=True)
                if label is not None and cell.end > cell.start
            ]
            if found:
                found[0].break_before = Break.RULE
            rows.extend(found)
        return (rows, list(lines[:place])) if rows else None
    return None


def _cells(clean: CleanText, line: Span) -> list[Span]:
    """The cells of a line; a stroke at either end makes no empty one."""
    text = clean.text[line.start : line.end]
    if "\t" not in text and "|" not in text:
        return []
    start, end = line.start, line.end
    if "|" in text:
        start += len(text) - len(text.lstrip(" |"))
        end = line.start + len(text.rstrip(" |"))
    cells, opened = [], start
    for mark in _DIVIDER.finditer(clean.text, start, max(start, end)):
        cells.append(clean.trimmed(opened, mark.start()))
        opened = mark.end()
    return [*cells, clean.trimmed(opened, max(opened, end))]
