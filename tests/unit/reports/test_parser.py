"""The whole parser on whole messages: the five samples exactly, and many senders' habits."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from slrt_intake.reports import MAX_TEXT, ParsedReport, ReportParser

DATA = Path(__file__).parent / "data"
SAMPLES = [json.loads(line) for line in (DATA / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
SEEN, UNSEEN, LATER = (
    yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("seen", "unseen", "later")
)
SETS = {"documents", "programmes", "service_codes", "need_sectors", "warnings"}
NOTHING = {name: value for name, value in ParsedReport().as_dict().items() if name != "evidence"}


def fields(report: ParsedReport) -> dict[str, Any]:
    return {name: value for name, value in report.as_dict().items() if name != "evidence"}


def expected(report: dict[str, Any]) -> dict[str, Any]:
    """A hand-written expectation, completed: what it does not name is nothing."""
    assert set(report) <= set(NOTHING), "a field of that name does not exist"
    return {**NOTHING, **{name: sorted(value) if name in SETS else value for name, value in report.items()}}


@pytest.mark.parametrize("case", SAMPLES, ids=[case["id"] for case in SAMPLES])
def test_the_samples_are_read_exactly(parser: ReportParser, case: dict[str, Any]) -> None:
    message = parser.parse(case["text"])
    assert message.kind == case["kind"]
    assert [fields(report) for report in message.reports] == case["expected"]


@pytest.mark.parametrize("case", [*SEEN, *UNSEEN], ids=[case["id"] for case in (*SEEN, *UNSEEN)])
def test_messages_of_many_habits_are_read_exactly(parser: ReportParser, case: dict[str, Any]) -> None:
    message = parser.parse(case["text"])
    assert message.kind == case["kind"]
    assert [fields(report) for report in message.reports] == [expected(report) for report in case["reports"]]


def test_later_messages_are_read_nearly_all(parser: ReportParser) -> None:
    right, total = Counter[str](), Counter[str]()
    for case in LATER:
        message = parser.parse(case["text"])
        assert message.kind == case["kind"]
        for report, wanted in zip(message.reports, case["reports"], strict=True):
            found = fields(report)
            for name, value in expected(wanted).items():
                total[name] += 1
                right[name] += found[name] == value
    assert right.total() / total.total() >= 0.99
    assert min(right[name] / total[name] for name in total) >= 0.85


def test_evidence_shows_where_a_value_stood_and_how_sure_it_is(parser: ReportParser) -> None:
    text = SAMPLES[2]["text"]
    (report,) = parser.parse(text).reports
    stood = {name: text[proof.start : proof.end] for name, proof in report.evidence.items()}
    assert stood["nik"] == "1804040302799903"
    assert stood["birth_date"] == stood["birth_place"] == "Liwa, 3-2-1979"
    assert stood["village_code"] == "Padang Cahya"
    assert stood["proxy_name"] == "Tidak ada"
    assert stood["service_codes"] == stood["need_sectors"] == "PIP"
    assert all(0 < proof.confidence <= 1 for proof in report.evidence.values())
    assert set(report.evidence) <= set(NOTHING)


def test_what_is_misspelt_or_unreadable_is_less_sure(parser: ReportParser) -> None:
    place = "Kelurhan: Pantai Jhor\nKecamatan: Datuk Bandar"
    text = f"Nama Klien: A\n{place}\nTanggal: kemarin\nStatus: janda\nPengaduan: KTP hilang"
    (report,) = parser.parse(text).reports
    assert report.village_code == "12.74.05.1010"
    assert report.evidence["client_name"].confidence == 1
    assert 0.5 < report.evidence["village_code"].confidence < 0.95
    assert report.visit_date is None
    assert report.evidence["visit_date"].confidence < 0.5
    assert report.evidence["welfare_status"].confidence < 0.5


def test_a_value_over_several_lines_is_one_span(parser: ReportParser) -> None:
    text = "Nama Klien: A\nNIK: -\nPengaduan: Rumah bocor,\nanak sakit.\nLayanan: RTLH"
    (report,) = parser.parse(text).reports
    proof = report.evidence["complaint"]
    assert report.complaint == "Rumah bocor, anak sakit."
    assert text[proof.start : proof.end] == "Rumah bocor,\nanak sakit."


def test_needs_outside_the_programmes_can_be_asked_for(parser: ReportParser) -> None:
    (report,) = parser.parse("Nama Klien: A\nPengaduan: butuh surat\nLayanan: surat keterangan domisili").reports
    assert report.service_codes == ()
    assert parser.local_needs(report) == ("DOMISILI",)


def test_only_the_beginning_of_a_very_long_text_is_read(parser: ReportParser) -> None:
    message = parser.parse("x" * MAX_TEXT + SAMPLES[0]["text"])
    assert message.truncated
    assert message.kind == "other"
    assert not parser.parse(SAMPLES[0]["text"]).truncated


def test_a_report_takes_less_than_five_milliseconds(parser: ReportParser) -> None:
    texts = [case["text"] for case in (*SAMPLES, *SEEN, *UNSEEN)]

    def seconds() -> float:
        started = time.process_time()
        reports = sum(len(parser.parse(text).reports) for text in texts)
        return (time.process_time() - started) / reports

    assert min(seconds() for _ in range(3)) < 0.005


def test_a_row_with_an_unknown_label_is_told_by_its_number_and_yields_to_a_named_row(parser: ReportParser) -> None:
    text = "Nama Klien: A\nNo. Q: 1274010102109902\nNIK: 1274015510829901\nNmrx: 0812-0000-9901\nPengaduan: KTP hilang"
    (report,) = parser.parse(text).reports
    assert report.nik == "1274015510829901"
    assert report.phone == "+6281200009901"
    assert report.evidence["phone"].confidence <= 0.5
