"""Several reports in one message: what begins one, and what does not."""

import pytest

from slrt_intake.reports import ReportParser

HEADER = "Nama Fasilitator: Lestari Handoko\nKelurahan: Perwira\nKecamatan: Tanjungbalai Selatan\nTgl: 10-6-26\n"


@pytest.mark.parametrize(
    "text",
    [
        HEADER,
        HEADER + "Acara: rapat koordinasi\nTempat: aula",
        "Nama Fasilitator:\nKelurahan:\nNama Klien:\nNIK:\nPengaduan:\n",
        "Nama Klien: Sarkiyah",
        "Nama: Ratna\nKelurahan: Sijambi\nHari: Senin\nKeterangan: izin",
        "No HP klien berapa bu? NIK nya juga",
        "",
        "\n\n\n",
    ],
)
def test_a_message_without_anybodys_trouble_is_no_report(parser: ReportParser, text: str) -> None:
    message = parser.parse(text)
    assert message.kind == "other"
    assert message.reports == ()


def test_a_second_phone_and_a_second_complaint_are_no_second_report(parser: ReportParser) -> None:
    (report,) = parser.parse(
        HEADER
        + "Nama Klien: A\nNo HP: 081200009901\nNo WA: 081300009902\nPengaduan 1: KTP hilang\nPengaduan 2: rumah bocor"
    ).reports
    assert report.phone == "+6281200009901"
    assert report.complaint == "KTP hilang rumah bocor"


def test_a_facilitators_name_below_is_no_second_report(parser: ReportParser) -> None:
    (report,) = parser.parse(
        HEADER + "Nama Klien: A\nNIK: -\nPengaduan: KTP hilang\n\nHormat saya\nFasilitator: Lestari Handoko"
    ).reports
    assert report.facilitator == "Lestari Handoko"


def test_a_shared_header_belongs_to_every_client(parser: ReportParser) -> None:
    first, second = parser.parse(
        HEADER + "Nama Klien: A\nPengaduan: KTP hilang\nNama Klien: B\nPengaduan: rumah bocor\nKelurahan: Karya"
    ).reports
    assert (first.client_name, first.village_code) == ("A", "12.74.01.1003")
    assert (second.client_name, second.village_code) == ("B", "12.74.01.1004")
    assert first.facilitator == second.facilitator == "Lestari Handoko"
    assert first.visit_date == second.visit_date


def test_a_report_with_its_own_facilitator_takes_nothing_from_the_one_above(parser: ReportParser) -> None:
    first, second = parser.parse(
        HEADER + "Nama Klien: A\nPengaduan: KTP hilang\n\nFasilitator: Rudi\nNama Klien: B\nPengaduan: rumah bocor"
    ).reports
    assert first.village_code == "12.74.01.1003"
    assert (second.facilitator, second.village_code, second.visit_date) == ("Rudi", None, None)


def test_one_signature_below_all_reports_is_everybodys(parser: ReportParser) -> None:
    reports = parser.parse(
        "Nama: A\nMasalah: KTP hilang\nNo HP: -\n---\nNama: B\nMasalah: rumah bocor\nNo HP: -\nFasilitator: Rudi"
    ).reports
    assert [(report.client_name, report.facilitator) for report in reports] == [("A", "Rudi"), ("B", "Rudi")]


def test_reports_whose_client_rows_are_missing_are_told_apart_by_their_other_rows(parser: ReportParser) -> None:
    body = "Pekerjaan KRT: Nelayan\nStatus: {}\nMCK: umum\nPenerangan: 450 VA\nPengaduan: rumah bocor\n"
    first, second = parser.parse(HEADER + body.format("Miskin") + HEADER + body.format("Rentan")).reports
    assert (first.welfare_status, second.welfare_status) == ("miskin", "rentan")


def test_a_city_in_the_title_counts_when_no_row_names_the_place(parser: ReportParser) -> None:
    (report,) = parser.parse(
        "LAPORAN FASILITATOR SLRT KOTA TANJUNGBALAI\nNama Klien: A\nNIK: -\nPengaduan: KTP hilang"
    ).reports
    assert (report.village_code, report.district_code, report.regency_code) == (None, None, "12.74")


def test_the_region_of_the_nik_is_no_place_by_itself(parser: ReportParser) -> None:
    (report,) = parser.parse("Nama Klien: A\nNIK: 1274015510829901\nPengaduan: KTP hilang").reports
    assert (report.village_code, report.district_code, report.regency_code) == (None, None, None)
