"""Habits of whole messages: how labels are set apart, headings, stories, boxes, and what only looks like a report."""

from typing import Any

import pytest

from slrt_intake.reports import ParsedReport, ReportParser

WHO = "Nama Klien: Mawar\nNIK: 1274015510829901\n"
PLACE = "Kelurahan: Pahang\nKecamatan: Datuk Bandar\n"
STORY = (
    "Selamat sore Pak, saya Kenanga Karangan fasilitator Kelurahan Pahang Kec. Datuk Bandar. Tadi tgl 6 Juli 2026 saya "
    "kunjungi Ibu Mawar Contoh, NIK 1274055510829901, beliau buruh cuci. Rumah sewa, belum ada listrik, penghasilan "
    "sekitar 500 ribu sebulan. Keluhannya KIS sudah mati. Minta dibantu reaktivasi KIS PBI."
)


def only(parser: ReportParser, text: str) -> ParsedReport:
    (report,) = parser.parse(text).reports
    return report


# -- no report ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Nama: Rudi Teknisi\nHP: 081234567890\nAlamat: Jl. Sudirman 5",
        "Nama Penerima: Siti\nAlamat: Jl. Mawar 3 Kel. Perwira\nNo HP: 081260001234\nStatus: sedang dikirim",
        "Bupati menyerahkan bantuan rumah layak huni kepada warga Kelurahan Pahang, Selasa (14/7/2026). Salah satu "
        'penerima, Ibu Sarkiyah, mengaku senang. "Saya butuh rumah," katanya. Anggaran Rp 500 juta.',
        "Selamat siang bu, mau tanya kasus Ibu Mawar NIK 1274015510829901 yang KIS nya mati, keluhan belum ditangani "
        "sejak tgl 6 Juli 2026, butuh kepastian, sudah sampai mana ya?",
        "Format laporan:\nNama Fasilitator :\nKelurahan :\nNama Klien :\nNIK :\nPengaduan :\nDitunggu Jumat ya bapak",
        "FORMAT\n1. Nama Fasilitator : ..........\n2. Kelurahan : ..........\n3. Nama Klien : ..........",
    ],
    ids=["card", "parcel", "news", "question", "empty form", "dotted form"],
)
def test_what_only_looks_like_a_report_is_none(parser: ReportParser, text: str) -> None:
    assert parser.parse(text).kind == "other"


# -- how labels are set apart -------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [" > ", " - ", ";", " → ", "…. ", " | "])
def test_a_sender_s_own_separator_is_known_by_its_repetition(parser: ReportParser, separator: str) -> None:
    rows = ["Fasilitator|Kenanga", "Desa|Pahang", "Kec|Datuk Bandar", "Klien|Mawar", "Alamat|Gg. Rukun"]
    rows += ["HP|081200009901", "Keluhan|rumah bocor", "Permintaan|RTLH", "Bansos|PKH"]
    report = only(parser, "\n".join(row.replace("|", separator) for row in rows))
    assert (report.address, report.phone) == ("Gg. Rukun", "+6281200009901")
    assert (report.complaint, report.service_requested, report.programmes) == ("rumah bocor", "RTLH", ("PKH",))


def test_labels_with_only_a_space_behind_them_end_a_complaint_too(parser: ReportParser) -> None:
    text = "Nama Fasilitator Kenanga\nKelurahan Pahang\nKecamatan Datuk Bandar\nNama Klien Mawar\nMCK Umum\n"
    report = only(parser, text + "Bantuan PKH dan BPNT\nJenis Pengaduan rumah bocor\nJenis Layanan RTLH")
    assert (report.programmes, report.complaint, report.service_codes) == (
        ("PKH", "SEMBAKO"),
        "rumah bocor",
        ("RUTILAHU",),
    )


def test_a_report_in_one_line_without_any_separator_is_read(parser: ReportParser) -> None:
    text = (
        "fasil kenanga kel pahang kec datuk bandar tgl 14/9/26 klien mawar nik 1274055510829901 alamat gg rukun rt 5 "
        "rw 2 dokumen kk ktp status miskin bantuan pkh rumah sewa keluhan kis mati layanan reaktivasi kis"
    )
    report = only(parser, text)
    assert (report.village_code, report.client_name, report.address) == ("12.74.05.1006", "mawar", "gg rukun rt 5 rw 2")
    assert (report.rt, report.rw, report.documents, report.complaint) == ("005", "002", ("KK", "KTP"), "kis mati")


@pytest.mark.parametrize(
    "heading",
    [
        "*Fasil Kenanga - Kel. Pahang, Kec. Datuk Bandar - 21/7/2026*",
        "*Lap. Fasil Kenanga, Kel Pahang Kec Datuk Bandar, Selasa 21/7/26*",
        "Fasilitator Kenanga | Kel. Pahang | Kec. Datuk Bandar | 21 Juli 2026",
        "A. DATA FASILITATOR\nNama : Kenanga\nKel : Pahang\nKec : Datuk Bandar\nTanggal : 21-07-2026\nB. DATA KLIEN",
    ],
)
def test_a_heading_is_for_all_reports_below_it(parser: ReportParser, heading: str) -> None:
    reports = parser.parse(f"{heading}\nNama: Mawar\nNIK: 1274015510829901\nKeluhan: a\nLayanan: PKH").reports
    assert [(each.facilitator, each.client_name, each.village_code) for each in reports] == [
        ("Kenanga", "Mawar", "12.74.05.1006")
    ]
    assert str(reports[0].visit_date) == "2026-07-21"


def test_clients_numbered_in_roman_are_reports_of_their_own(parser: ReportParser) -> None:
    text = "Fasil: Kenanga\n*Klien I : Mawar*\nAduan: a\nLayanan: PKH\n*Klien II : Melati*\nAduan: b\nLayanan: KIS"
    assert [report.client_name for report in parser.parse(text).reports] == ["Mawar", "Melati"]


CLIENTS = [
    ("Mawar", "1274015510829901", "rumah bocor", ("RUTILAHU",)),
    ("Melati", "1274015510829902", "b", ("PBI-JK",)),
]


@pytest.mark.parametrize(
    "text",
    [
        "No\tNama\tNIK\tKeluhan\tLayanan\n1\tMawar\t{0}\trumah bocor\tRTLH\n2\tMelati\t{1}\tb\tKIS",
        "| No | Nama | NIK | Keluhan | Layanan |\n|---|---|---|---|---|\n| 1 | Mawar | {0} | rumah bocor | RTLH |\n"
        "| 2 | Melati | {1} | b | KIS |",
        "1) Mawar / {0}\nKeluhan: rumah bocor\nLayanan: RTLH\n\n2) Melati ({1})\nKeluhan: b\nLayanan: KIS",
        "1. Mawar, NIK {0}\nKeluhan: rumah bocor\nLayanan: RTLH\n2. Melati, NIK {1}\nKeluhan: b\nLayanan: KIS",
    ],
    ids=["tabs", "strokes", "name and number", "announced number"],
)
def test_clients_in_a_table_or_a_list_are_reports_under_one_header(parser: ReportParser, text: str) -> None:
    header = "Fasilitator: Kenanga\nKel: Pahang\nKec: Datuk Bandar\nTanggal: 3/7/2026\n\n"
    reports = parser.parse(header + text.format("1274015510829901", "1274015510829902")).reports
    assert [(each.client_name, each.nik, each.complaint, each.service_codes) for each in reports] == CLIENTS
    assert {(each.facilitator, each.village_code, str(each.visit_date)) for each in reports} == {
        ("Kenanga", "12.74.05.1006", "2026-07-03")
    }


def test_a_header_below_the_last_report_is_for_all_of_them(parser: ReportParser) -> None:
    text = "Nama Klien: Mawar\nNIK: -\nKeluhan: a\nLayanan: PKH\n\n"
    text += "Nama Klien: Melati\nNIK: -\nKeluhan: b\nLayanan: KIS\n\n"
    reports = parser.parse(text + "Fasilitator: Kenanga\nKel: Pahang Kec: Datuk Bandar\nTgl: 3 Juli 2026").reports
    assert [(each.facilitator, each.village_code, str(each.visit_date)) for each in reports] == [
        ("Kenanga", "12.74.05.1006", "2026-07-03")
    ] * 2


def test_rows_that_are_sentences_are_rows(parser: ReportParser) -> None:
    report = only(parser, "Fasilitator: Kenanga. Nama Klien: Mawar. Keluhan: rumah bocor. Layanan: RTLH.")
    assert (report.client_name, report.service_codes) == ("Mawar", ("RUTILAHU",))
    assert report.service_requested == "RTLH."


def test_a_telephone_beside_the_name_is_no_nik(parser: ReportParser) -> None:
    assert only(parser, "Fasil: Kenanga\nKlien: Mawar / HP 081200009901\nKeluhan: a\nLayanan: PKH").nik is None


# -- a story --------------------------------------------------------------------------------------------------------


def test_a_story_without_labels_is_read_with_less_confidence(parser: ReportParser) -> None:
    report = only(parser, STORY)
    found = {name: value for name, value in report.as_dict().items() if value not in (None, [])}
    assert {**found, "evidence": None, "head_occupation": None} == {
        "facilitator": "Kenanga Karangan",
        "visit_date": "2026-07-06",
        "village_code": "12.74.05.1006",
        "district_code": "12.74.05",
        "regency_code": "12.74",
        "client_name": "Mawar Contoh",
        "nik": "1274055510829901",
        "house_status": "sewa",
        "lighting": "tanpa_listrik",
        "monthly_income": 500_000,
        "complaint": "KIS sudah mati",
        "service_requested": "reaktivasi KIS PBI",
        "service_codes": ["PBI-JK"],
        "need_sectors": ["kesehatan"],
        "evidence": None,
        "head_occupation": None,
    }
    assert all(proof.confidence <= 0.7 for proof in report.evidence.values())


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        ("Dokumen : ☑ KK ☑ KTP ☐ SKTM", "documents", ("KK", "KTP")),
        ("Dokumen :\n☑ KK\n☐ KTP", "documents", ("KK",)),
        ("Dokumen : [x] KK [ ] KTP", "documents", ("KK",)),
        ("Dokumen : kk aja, ktp ilang", "documents", ("KK",)),
        ("Status :\n☐ Sangat miskin\n☑ Miskin\n☐ Rentan", "welfare_status", "miskin"),
        ("Status : miskin bgt", "welfare_status", "sangat_miskin"),
        ("Kondisi : rentan", "welfare_status", "rentan"),
        ("Bantuan : PKH, BLT DD 2025, sekarang tidak lagi", "programmes", ("PKH",)),
        ("Bantuan : PKH (sudah dicoret), BPNT", "programmes", ("SEMBAKO",)),
        ("MCK : jamban cemplung milik sendiri", "sanitation", "sendiri_kurang_layak"),
        ("MCK : di danau", "sanitation", "tidak_ada"),
        ("Pendapatan : sejuta dua ratus", "monthly_income", 1_200_000),
        ("Pendapatan : 1 juta 500", "monthly_income", 1_500_000),
        ("Pendapatan : 2 juta 3 anak", "monthly_income", 2_000_000),
        ("Tanggal : tgl 6 bln 7 th 2026", "visit_date", "2026-07-06"),
        ("Tanggal : 6 bulan Juli tahun 26", "visit_date", "2026-07-06"),
        ("Tanggal : 6 Juli tahun 2026", "visit_date", "2026-07-06"),
        ("Dinten/Tgl : Rebo, 8 Juli 2026", "visit_date", "2026-07-08"),
        ("Date : 14/09/2026", "visit_date", "2026-09-14"),
        ("Kuasa : Marni (ibu)", "proxy_relation", "orang_tua"),
        ("Yang mewakili : Yanti (anak)", "proxy_name", "Yanti"),
        ("Kuasa : dikuasakan kepada menantunya, Basir", "proxy_name", "Basir"),
        ("Kuasa : diwakili anaknya, Putri", "proxy_name", "Putri"),
        ("Kuasa : diwakili anaknya, Putri", "proxy_relation", "anak"),
        ("NIK / No KK : 1274015510829901 / 1274010102109901", "kk_number", "1274010102109901"),
        ("Padamelan KRT : tani", "head_occupation", "tani"),
        ("Minta : KIS", "service_requested", "KIS"),
    ],
)
def test_a_value_is_read(parser: ReportParser, row: str, name: str, value: Any) -> None:
    report = only(parser, f"Fasil: Kenanga\nNama Klien: Mawar\n{row}\nKeluhan: a\n")
    found = getattr(report, name)
    assert (str(found) if name == "visit_date" else found) == value


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        ("Desa: Pacet\nKecamatan: Cipendawa\nKab: Cianjur", ("32.03.10.2007", "32.03.10")),
        ("Desa: Ampel\nKecamatan: Gondangslamet", ("33.09.02.2009", "33.09.02")),
        ("Kel: Kuin Selatan\nKec: Bjm Barat\nKota: Banjarmasin", ("63.71.03.1007", "63.71.03")),
        ("Kel: Kuin Selatan\nKec: entah apa\nKota: Banjarmasin", ("63.71.03.1007", "63.71.03")),
    ],
)
def test_a_place_is_found_with_its_rows_exchanged_or_one_of_them_wrong(
    parser: ReportParser, place: str, codes: tuple[str, str]
) -> None:
    report = only(parser, f"{place}\n{WHO}Keluhan: a")
    assert (report.village_code, report.district_code) == codes


def test_the_date_of_a_title_is_the_visit_s_when_no_row_says_it(parser: ReportParser) -> None:
    report = only(parser, f"Laporan Kelurahan Pahang Kec. Datuk Bandar, 5 September 2026\n\n{WHO}Keluhan: a")
    assert (str(report.visit_date), report.village_code) == ("2026-09-05", "12.74.05.1006")
    assert report.evidence["visit_date"].confidence == 0.5
