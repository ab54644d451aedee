"""Rows with few answers, lists of things, and the needs that follow from prose."""

import pytest

from slrt_contracts.catalogue import PROGRAMMES
from slrt_contracts.codes import NeedCode, ProgrammeCode, Sector
from slrt_intake.reports.answers import read_choice, read_set
from slrt_intake.reports.needs import is_urgent, local_need_codes, sectors_of, service_codes
from slrt_intake.reports.vocabulary import CHOICES, Vocabulary


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("welfare_status", ""),
        ("welfare_status", "janda"),
        ("welfare_status", "Sangat Miskin/Miskin/Rentan/Hampir Sejahtera"),
        ("house_status", "Milik sendiri / Sewa / Menumpang / Lainnya"),
        ("lighting", "PLN"),
        ("sex", "L/P/-/perempuan/laki-laki?"),
    ],
)
def test_no_answer_or_the_whole_list_of_answers_is_none(words: Vocabulary, row: str, text: str) -> None:
    reading = read_choice(text, words.choices[row])
    assert reading.value is None or reading.confidence < 0.8


@pytest.mark.parametrize(
    ("row", "text", "expected"),
    [
        ("welfare_status", "sgt miskin", "sangat_miskin"),
        ("welfare_status", "Rentan Miskin", "rentan"),
        ("welfare_status", "SM", "sangat_miskin"),
        ("welfare_status", "Miskn", "miskin"),
        ("welfare_status", "[ ] Miskin [x] Rentan", "rentan"),
        ("house_status", "kontrak", "sewa"),
        ("house_status", "ikut orang tua (menumpang)", "menumpang"),
        ("house_status", "Lainnya (tanah pengairan)", "lainnya"),
        ("lighting", "450 VA", "pln_subsidi"),
        ("lighting", "450 VA numpang tetangga", "numpang_tetangga"),
        ("lighting", "PLN Non-Subsidi", "pln_non_subsidi"),
        ("lighting", "900 watt subsidi", "pln_subsidi"),
        ("lighting", "Nyambung dari tetangga", "numpang_tetangga"),
        ("lighting", "belum ada listrik", "tanpa_listrik"),
        ("sanitation", "Sendiri, kurang layak", "sendiri_kurang_layak"),
        ("sanitation", "sendiri tapi tidak layak", "sendiri_kurang_layak"),
        ("sanitation", "Tidak layak/tidak ada", "tidak_ada"),
        ("sanitation", "BAB di sungai", "tidak_ada"),
        ("sanitation", "numpang ke tetangga", "umum"),
        ("sex", "Laki-laki", "L"),
        ("sex", "P", "P"),
    ],
)
def test_answers_are_known_by_many_words(words: Vocabulary, row: str, text: str, expected: str) -> None:
    assert read_choice(text, words.choices[row]).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("belum ada", set()),
        ("KTP belum ada", set()),
        ("KK, KTP, SKTM", {"KK", "KTP", "SKTM"}),
        ("KK ada, KTP hilang", {"KK"}),
        ("KK ada KTP tidak ada", {"KK"}),
        ("tidak ada KTP, hanya KK", {"KK"}),
        ("KTP dan KK belum ada", set()),
        ("KK dan SKTM ada, KTP belum ada", {"KK", "SKTM"}),
        ("belum punya KTP", set()),
        ("KK, KTP (SKTM menyusul)", {"KK", "KTP"}),
        ("KK, KTP (hilang)", {"KK"}),
        ("KK ✅ KTP ✅ SKTM ❌".replace("✅", "☑").replace("❌", "✗"), {"KK", "KTP"}),
        ("- KK\n- KTP\n- surat ket. kematian suami", {"KK", "KTP", "SURAT_KEMATIAN"}),
        ("fc KK, e-KTP, akte kelahiran anak", {"KK", "KTP", "AKTA_LAHIR"}),
        ("Kartu KKS dan kartu KIS", {"KKS", "KARTU_BPJS"}),
        ("surat keterangan tidak mampu", {"SKTM"}),
    ],
)
def test_documents_are_those_that_are_there(words: Vocabulary, text: str, expected: set[str]) -> None:
    found = set(read_set(text, words.documents).value or ())
    assert found & words.document_codes == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("belum pernah dapat", set()),
        ("BPJS mandiri", set()),
        ("PKH, BPNT/Sembako", {"PKH", "SEMBAKO"}),
        ("KIS, PKH (sudah dicabut)", {"PBI-JK"}),
        ("BPNT saja, PKH sudah tidak dapat lagi", {"SEMBAKO"}),
        ("PKH (ya), BPNT (tidak), KIS PBI (ya)", {"PKH", "PBI-JK"}),
        ("KIP/KIP Kuliah", {"PIP", "KIP-K"}),
        ("KIS APBD", {"JKN-APBD"}),
        ("dulu dapat PKH", set()),
        ("BLT desa & KIP", {"BLT-DD", "PIP"}),
    ],
)
def test_programmes_are_those_that_the_family_has(words: Vocabulary, text: str, expected: set[str]) -> None:
    found = set(read_set(text, words.programmes.held).value or ())
    assert found & set(words.programmes.sectors) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("mohon dibantu", set()),
        ("Reaktivasi KIS PBI", {"PBI-JK"}),
        ("RTLH dan BPBL", {"RUTILAHU", "BPBL"}),
        ("Pembuatan KTP dan KK", {"ADMINDUK"}),
        ("subsidi listrik", {"SUB-LISTRIK"}),
        ("sambungan listrik baru", {"BPBL"}),
        ("Perbaikan jalan dan sambungan listrik", {"JALAN", "BPBL"}),
        ("KIP Kuliah", {"KIP-K"}),
        ("alat bantu disabilitas (ATENSI)", {"REHSOS"}),
        ("Jampersal, Jamkesda, Ngantar Paimah", {"JAMPERSAL", "JKN-APBD", "TRANSPORT"}),
        ("kartu kusuka; pupuk subsidi; gas 3 kg", {"PERIKANAN", "SUB-PUPUK", "SUB-LPG"}),
    ],
)
def test_the_service_line_names_what_is_asked_for(words: Vocabulary, service: str, expected: set[str]) -> None:
    complaint = "Belum punya KTP"  # not read: there is a service line
    assert set(service_codes(service, complaint, words.programmes).value or ()) == expected


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        ("Sudah lama menunggu", set()),
        ("Rumah hampir roboh dan belum ada listrik", {"RUTILAHU", "BPBL"}),
        ("rumah rusak di jalan Merdeka", {"RUTILAHU"}),
        ("KIS tidak aktif sejak bulan lalu", {"PBI-JK"}),
        ("Anak putus sekolah karena biaya", {"PIP"}),
        ("Belum punya KTP, sudah dapat PKH", {"ADMINDUK"}),
        ("gerobak jualan rusak", set()),
        ("rencana ke pantai naik becak", set()),
        ("jalan dusun berlubang", {"JALAN"}),
    ],
)
def test_without_a_service_line_the_complaint_tells(words: Vocabulary, complaint: str, expected: set[str]) -> None:
    assert set(service_codes(None, complaint, words.programmes).value or ()) == expected


@pytest.mark.parametrize(
    ("complaint", "urgent"),
    [
        (None, False),
        ("KIS tidak aktif", False),
        ("ini tidak darurat", False),
        ("segera dibantu", False),
        ("DARURAT!", True),
        ("ayah stroke", True),
        ("BPJS nonaktif, butuh segera", True),
    ],
)
def test_a_few_words_make_a_complaint_urgent(words: Vocabulary, complaint: str | None, urgent: bool) -> None:
    assert is_urgent(complaint, words.urgent) is urgent


def test_needs_without_a_programme_are_told_apart(words: Vocabulary) -> None:
    assert local_need_codes("KTP dan surat keterangan domisili, SKTM", words.programmes) == ("DOMISILI", "SKTM")
    assert local_need_codes(None, words.programmes) == ()


def test_every_code_that_the_vocabulary_can_give_is_in_the_contracts(words: Vocabulary) -> None:
    sectors = words.programmes.sectors
    assert set(sectors) == {code.value for code in ProgrammeCode}
    assert set(sectors.values()) <= {sector.value for sector in Sector}
    assert {code: PROGRAMMES[ProgrammeCode(code)].sector for code in sectors} == sectors
    assert set(local_need_codes("domisili sktm", words.programmes)) <= {code.value for code in NeedCode}
    assert sectors_of(("BPBL", "JALAN", "PIP"), words.programmes) == ("infrastruktur", "pendidikan")
    assert set(CHOICES) == set(words.choices)
