"""No cell of a table starts an expression in a spreadsheet program, and nothing that was written is lost."""

import csv
import io
import re
import unicodedata
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slrt_kit.sheets import BOM, csv_lines, csv_pieces, neutral, plain, xlsx

ATTACKS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "\u22121",
    "﹢1",
    "|calc",
    "%0A=1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x.invalid","klik")',
    "a;=1",
    "a\t=1",
    'x";=1',
    'a;"=1',
    "Jl. Mawar\n=1",
    '"=1',
    "'=1",
    "''=1",
    "+6281200009901",
    "1274051405909001",
    "0812",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NASTY = st.text(st.sampled_from("=+-@|%\t\r\n;,\"' ＝＋－＠\u2212\u00a0\u200b\ufeffa1"), max_size=12)
CELLS = TEXT | NASTY
STARTS = set("=+-@|%\u2212")


def starts_an_expression(cell: str) -> bool:
    """As the most careless program reads it: after everything that is trimmed or not seen."""
    for sign in cell:
        if sign == '"' or unicodedata.category(sign)[0] in "ZC":
            continue
        return bool(STARTS & set(unicodedata.normalize("NFKC", sign)) or sign in STARTS)
    return False


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_would_be_worked_out_is_text(attack: str) -> None:
    cell = neutral(attack)
    assert cell != attack
    assert not starts_an_expression(cell)
    assert plain(cell) == attack


@pytest.mark.parametrize(
    "text", ["", "Mawar Karangan", "a=b", "3505••••••••1234", "2026-07-01", "Jl. Melati 3, RT 2", "7"]
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


@settings(max_examples=600)
@given(text=CELLS)
@example(text="'")
@example(text=";'=")
def test_nothing_is_lost(text: str) -> None:
    assert plain(neutral(text)) == text


@settings(max_examples=600)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_however_a_program_splits_the_file_no_cell_starts_an_expression(rows: list[list[str]]) -> None:
    written = "".join(csv_lines(rows))
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter):
            assert not any(starts_an_expression(cell) for cell in row), row
    for cell in re.split(r"[,;\t\r\n]", written):  # one that knows no quotes at all
        assert not starts_an_expression(cell), cell


@settings(max_examples=300)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_program_that_knows_the_rule_reads_what_was_written(rows: list[list[str]]) -> None:
    written = "".join(csv_lines(rows))
    read = [[plain(cell) for cell in row] for row in csv.reader(io.StringIO(written, newline=""))]
    assert read == rows
    assert all(line.endswith("\r\n") for line in csv_lines(rows))


async def test_a_file_says_its_encoding_when_it_is_asked_to() -> None:
    async def batches() -> object:
        yield [["nama", "catatan"]]
        yield [["Bunga", "=1"]]

    pieces = b"".join([piece async for piece in csv_pieces(batches(), bom=True)])  # type: ignore[arg-type]
    assert pieces == (BOM + '"nama","catatan"\r\n"Bunga","\'=1"\r\n').encode()


@settings(max_examples=40)
@given(rows=st.lists(st.lists(CELLS.filter(str.isprintable), min_size=1, max_size=4), min_size=1, max_size=4))
@example(rows=[ATTACKS[:1], ["http://x.invalid"], ["123"], ["{=1}"]])
def test_a_workbook_holds_texts_and_neither_formulas_nor_links(rows: list[list[str]]) -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx(rows, name="kasus"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        names = book.namelist()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert not any("rels" in name and "sheet" in name for name in names)
    assert set(re.findall(r'<c r="[A-Z]+[0-9]+"([^>]*)>', sheet)) <= {' t="s"'}


def test_a_cell_that_a_sheet_would_cut_off_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        xlsx([["a" * 40_000]], name="kasus")
