"""Files of paper forms: what is no sheet is refused with the reason, and what is one is read to the cell."""

import io
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_intake.domain.problems import SheetError
from slrt_intake.paper.columns import PaperReader, Read, columns_of
from slrt_intake.paper.sheet import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Cell, read_sheet
from slrt_kit.regions import Regions
from slrt_kit.sheets import neutral

HEADER = "Nomor Formulir,Desa,Kecamatan,Nama,NIK,Kebutuhan,Pengaduan"


@pytest.fixture(scope="module")
def paper() -> PaperReader:
    return PaperReader.load(Regions.load())


def workbook(*rows: list[Any]) -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(content)
    return content.getvalue()


def bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b"0" * (60 * 1024 * 1024))
    return content.getvalue()


def entities() -> bytes:
    """A workbook whose texts grow while they are read."""
    source, content = zipfile.ZipFile(io.BytesIO(workbook(["nama"], ["a"]))), io.BytesIO()
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    with zipfile.ZipFile(content, "w") as parts:
        for name in source.namelist():
            part = source.read(name).decode()
            if name.endswith("sheet1.xml"):
                assert "nama" in part
                part = part.replace("<worksheet", f'<!DOCTYPE w [<!ENTITY l0 "ha">{laughs}]><worksheet', 1)
                part = part.replace("nama", "&l9;")
            parts.writestr(name, part)
    return content.getvalue()


def read(paper: PaperReader, text: str, header: str = HEADER) -> Read:
    (_, head), (number, row) = read_sheet(f"{header}\n{text}\n".encode())
    return paper.rows(columns_of(head), near="12.74").read(number, row)


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x00\x01\x02", "not_a_sheet"),
        (b"PK\x03\x04 and then nothing", "not_a_sheet"),
        (b'nama,"desa\n', "not_a_sheet"),
        (bomb(), "too_large"),
        (entities(), "not_a_sheet"),
        (",".join(["a"] * (MOST_COLUMNS + 1)).encode(), "too_many_columns"),
        (b"nama\n" + b"a\n" * (MOST_ROWS + 1), "too_many_rows"),
        (b"nama\n" + b"a" * (LONGEST_CELL + 1), "cell_too_long"),
    ],
    ids=["bytes", "a broken zip", "an open quote", "a zip bomb", "entities", "wide", "long", "a novel in a cell"],
)
def test_what_is_no_sheet_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(SheetError) as refused:
        list(read_sheet(content))
    assert refused.value.extra["reason"] == reason


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Nama,Desa,Pengaduan,Agama", "unknown_columns"),
        ("Nama,Desa,Kelurahan,Pengaduan", "columns_twice"),
        ("Nama,Pengaduan", "columns_missing"),
        ("Nama,Desa", "columns_missing"),
    ],
)
def test_a_header_that_is_not_ours_is_refused_before_any_row(header: str, reason: str) -> None:
    [(_, head)] = read_sheet(header.encode())
    with pytest.raises(SheetError) as refused:
        columns_of(head)
    assert refused.value.extra["reason"] == reason


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ("1,Atlantis,Mana Saja,Mawar Karangan,,PKH,", "village", "unknown"),
        ("1,,,Mawar Karangan,,PKH,", "village", "missing"),
        ("1,Sumber Sari,Sei Tualang Raso,,1274035203879001,PKH,", "name", "missing"),
        ("1,Sumber Sari,Sei Tualang Raso,Mawar Karangan,,layanan antah berantah,", "needs", "unknown"),
    ],
)
def test_a_row_that_cannot_be_registered_names_its_column(paper: PaperReader, row: str, column: str, code: str) -> None:
    found = read(paper, row)
    assert [(wrong.column, wrong.code) for wrong in found.wrong] == [(column, code)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("tanggal", "32-13-2026"), ("jenis kelamin", "X"), ("mendesak", "mungkin"), ("tanggal lahir", "kemarin")],
)
def test_a_cell_that_means_nothing_is_refused_and_not_guessed(paper: PaperReader, column: str, value: str) -> None:
    found = read(
        paper, f"Sumber Sari,Sei Tualang Raso,Mawar Karangan,PKH,{value}", f"desa,kecamatan,nama,kebutuhan,{column}"
    )
    assert len(found.wrong) == 1


def test_a_formula_is_worked_out_by_nobody(paper: PaperReader) -> None:
    (_, head), (number, row) = read_sheet(
        workbook(["desa", "kecamatan", "nama", "pengaduan"], ["Sumber Sari", "Sei Tualang Raso", "=1+1", "x"])
    )
    found = paper.rows(columns_of(head), near=None).read(number, row)
    assert [(wrong.column, wrong.code) for wrong in found.wrong] == [("name", "formula")]


# -- what is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_of_any_spreadsheet_program_is_read(paper: PaperReader, separator: str, encoding: str, end: str) -> None:
    lines = [["desa", "kecamatan", "nama", "kebutuhan"], ["Sumber Sari", "Sei Tualang Raso", "Mawar Karangan", "PKH"]]
    content = end.join(separator.join(line) for line in lines).encode(encoding)
    (_, head), (number, row) = read_sheet(content)
    found = paper.rows(columns_of(head), near=None).read(number, row)
    assert (found.wrong, found.body["village_code"], found.body["persons"][0]["name"]) == (
        [],
        "12.74.03.1002",
        "Mawar Karangan",
    )


def test_numbers_and_dates_of_a_workbook_are_read_as_they_were_meant_and_lost_digits_are_doubted(
    paper: PaperReader,
) -> None:
    rows = [
        ["desa", "kecamatan", "nama", "NIK", "tanggal", "tanggal lahir", "kebutuhan", "mendesak"],
        [
            "Sumber Sari",
            "Sei Tualang Raso",
            "Mawar Karangan",
            1274035203879001,
            date(2026, 6, 30),
            datetime(1987, 3, 12),  # noqa: DTZ001 — a workbook knows no zones
            "PKH",
            True,
        ],
    ]
    (_, head), (number, row) = read_sheet(workbook(*rows))
    found = paper.rows(columns_of(head), near=None).read(number, row)
    assert found.wrong == []
    assert found.doubts == ["nik:number_cell"]
    person = found.body["persons"][0]
    assert (person["nik"], person["birth_date"], found.body["visit_date"]) == (
        "1274035203879001",
        "1987-03-12",
        "2026-06-30",
    )
    assert found.body["needs"][0]["urgent"] is True


def test_needs_are_codes_or_words_and_else_follow_from_the_complaint(paper: PaperReader) -> None:
    place = "1,Sumber Sari,Sei Tualang Raso,Mawar Karangan,"

    def needs(row: str) -> list[str]:
        found = read(paper, place + row)
        assert found.wrong == []
        return [need["need_code"] for need in found.body["needs"]]

    assert needs(",PKH; pip,") == ["PKH", "PIP"]
    assert needs(",Bedah rumah,") == ["RUTILAHU"]
    assert needs(",,rumah belum ada listrik") == ["BPBL"]
    assert needs(",,tidak tahu harus ke mana") == ["LAINNYA"]


def test_the_numbers_of_rows_are_those_that_a_spreadsheet_shows() -> None:
    assert [number for number, _ in read_sheet(b"nama,desa\n\n,\nMawar,\n")] == [1, 4]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40), min_size=2, max_size=6))
def test_what_was_made_harmless_for_a_spreadsheet_comes_back_as_it_was(texts: list[str]) -> None:
    quoted = ",".join('"' + neutral(text).replace('"', '""') + '"' for text in texts)
    rows = list(read_sheet(quoted.encode()))
    assert rows == [] or [cell.text for cell in rows[0][1]] == [text.strip() for text in texts]


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail_otherwise_than_by_refusing(content: bytes) -> None:
    try:
        for number, row in read_sheet(content):
            assert number >= 1
            assert all(isinstance(cell, Cell) for cell in row)
    except SheetError as refused:
        assert refused.extra["reason"]  # noqa: PT017 — most bytes are a sheet
