"""Labels: ordinary words are none, misspelt ones are known."""

import pytest

from slrt_intake.reports.labels import IGNORED, LabelTable


@pytest.fixture(scope="module")
def labels() -> LabelTable:
    return LabelTable()


@pytest.mark.parametrize(
    "text", ["", "Desi", "besok jam 10 di balai desa ya bu", "1274015510829901", "x", "https", "a" * 80]
)
def test_other_words_before_a_separator_are_no_label(labels: LabelTable, text: str) -> None:
    assert labels.alone(text, exact=False) is None
    found = labels.before_separator(text, in_free_text=True)
    assert found is None or text == "Desi"  # before a colon it may be a misspelt "Desa"


@pytest.mark.parametrize("text", ["Akta kelahiran", "Pemangku II", "RT 3 RW 2", "NIK 1274015510829901"])
def test_a_value_on_its_own_line_is_no_label(labels: LabelTable, text: str) -> None:
    assert labels.alone(text, exact=True) is None


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("Nama Fasiltator", ("facilitator",)),
        ("Kelurhan", ("village",)),
        ("Kelhan", ("complaint",)),
        ("Kecamtan", ("district",)),
        ("Hari/Tangal", ("visit_date",)),
        ("Nama Klien (sesuai KTP)", ("client_name",)),
        ("Klien 2", ("client_name",)),
        ("No. KiP", ("nik",)),
        ("Nomir KK", ("kk_number",)),
        ("NIK/No KTP", ("nik",)),
        ("NIK / No KK", ("nik", "kk_number")),
        ("Desa/Kec", ("village", "district")),
        ("Kabupaten/Kota", ("regency",)),
        ("Tempat/Tgl Laiir", ("birth",)),
        ("MKC", ("sanitation",)),
        ("Peneragan", ("lighting",)),
        ("Bantuan yg sdh diproleh", ("programmes",)),
        ("Bantuan yang diinginkan", ("service",)),
        ("Status Rmah", ("house_status",)),
        ("Staus", ("welfare_status",)),
        ("Jenis Pengadun", ("complaint",)),
        ("Nomor HP/WA aktif klien", ("phone",)),
        ("Dokumen kurang", (IGNORED,)),
        ("Alasan", (IGNORED,)),
        ("No HP Fasilitator", (IGNORED,)),
    ],
)
def test_labels_are_known_misspelt_joined_and_with_additions(
    labels: LabelTable, text: str, fields: tuple[str, ...]
) -> None:
    found = labels.before_separator(text, in_free_text=False)
    assert found is not None
    assert found.fields == fields


@pytest.mark.parametrize(
    "text", ["Laporan 2", "KLIEN KEDUA", "B. KONDISI RUMAH", "FORM PENGADUAN SLRT", "Assalamualaikum bu"]
)
def test_headings_and_greetings_end_a_row(labels: LabelTable, text: str) -> None:
    assert labels.is_heading(text)


def test_a_sentence_that_begins_like_a_heading_or_a_farewell_goes_on(labels: LabelTable) -> None:
    assert not labels.is_heading("Laporan saya ke polisi belum ditanggapi")
    assert not labels.is_closing("Salamah")
    assert labels.is_closing("Terima kasih banyak 🙏")
