"""No text makes the parser raise, take long, or point outside the text."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slrt_intake.reports import ParsedMessage, ReportParser
from slrt_intake.reports.text import CleanText
from slrt_kit.regions import Regions

PARSER = ReportParser.load(Regions.load())
DATA = Path(__file__).parent / "data"
TEXTS = [
    json.loads(line)["text"]
    for name in ("samples.jsonl", "evaluation/dev.jsonl", "evaluation/held_out.jsonl")
    for line in (DATA / name).read_text(encoding="utf-8").splitlines()
]
LABELS = [
    "Nama Klien",
    "NIK",
    "Kelurahan",
    "Kec",
    "TTL",
    "RT/RW",
    "No HP",
    "Dokumen",
    "Pendapatan",
    "Kuasa",
    "Pengaduan",
    "Layanan",
    "Tgl",
]
SEPARATORS = [": ", ":\n", " = ", " - ", "\t", "..... ", " "]


PLAIN = {"facilitator", "client_name", "head_occupation", "birth_place", "nik", "kk_number"}


def squashed(text: str) -> str:
    """Letters and digits, as the parser reads them: what is left when marks, spaces and fancy forms are gone."""
    return "".join(letter for letter in CleanText(text).text.lower() if letter.isalnum())


def check(text: str) -> ParsedMessage:
    message = PARSER.parse(text)
    assert (message.kind == "report") == bool(message.reports)
    for report in message.reports:
        found = report.as_dict()
        json.dumps(found, ensure_ascii=False).encode()
        said = {name for name, value in found.items() if value not in (None, [])} - {"evidence", "warnings"}
        assert said <= set(report.evidence), "a field without a place in the text"
        for name in PLAIN & said:
            proof = report.evidence[name]
            assert squashed(found[name]) in squashed(text[proof.start : proof.end]), name
        for proof in report.evidence.values():
            assert 0 <= proof.start <= proof.end <= len(text)
            assert 0 <= proof.confidence <= 1
    return message


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_field_of_a_report_has_its_place_in_the_text(text: str) -> None:
    check(text)


@settings(max_examples=200)
@given(st.text(max_size=400))
def test_any_text_is_answered(text: str) -> None:
    check(text)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(SEPARATORS), st.text(max_size=60)), max_size=30))
def test_any_values_under_the_labels_are_answered(rows: list[tuple[str, str, str]]) -> None:
    check("\n".join(label + separator + value for label, separator, value in rows))


@settings(max_examples=200)
@given(
    st.sampled_from(TEXTS),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 30), st.text(max_size=8)), max_size=12),
)
def test_a_report_damaged_anywhere_is_answered(text: str, damages: list[tuple[int, int, str]]) -> None:
    for place, length, instead in damages:
        text = text[:place] + instead + text[place + length :]
    check(text)


@settings(max_examples=50)
@given(st.sampled_from(TEXTS), st.text(alphabet="\u200b\u200e\u202e\ufeff\u00ad", max_size=20), st.data())
def test_invisible_characters_change_nothing(text: str, hidden: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    before = [{**report.as_dict(), "evidence": None} for report in PARSER.parse(text).reports]
    after = [
        {**report.as_dict(), "evidence": None} for report in PARSER.parse(text[:place] + hidden + text[place:]).reports
    ]
    assert after == before


_LARGE = 20_000
PIECES = [
    *(
        " ",
        "\n",
        ":",
        "a:",
        "1",
        "1/",
        "(",
        "~a",
        "_a_ ",
        ".",
        "- ",
        "*",
        "🙏",
        "tj. ",
        "nik ",
        "rt ",
        "☑ x ",
        "[x] ",
        "1.000.",
    ),
    *("nama:a\n", "desa:a\n", "Nama Klien = ", "kk ada ktp tidak ada ", "1 juta 2 ribu ", "desa kec kab "),
    "rumah jalan rusak bocor ",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("head", ["", "Nama Klien: A\nPengaduan: B\nDesa: ", "Nama Klien: A\nDokumen: KK\nPengaduan: "])
def test_a_hostile_repetition_takes_no_more_than_a_moment(head: str, piece: str) -> None:
    text = (head + piece * _LARGE)[:_LARGE]
    started = time.process_time()
    check(text)
    assert time.process_time() - started < 1.5
