"""Readers of single values: dates, phones, money, identity numbers, neighbourhoods, names."""

from datetime import date

import pytest

from slrt_intake.reports.address import one_number, rt_rw_in_address, rt_rw_on_own_line
from slrt_intake.reports.dates import DateReader
from slrt_intake.reports.identity import read_number
from slrt_intake.reports.money import read_income
from slrt_intake.reports.people import number_behind_name, read_name, read_proxy
from slrt_intake.reports.phones import read_phone
from slrt_intake.reports.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def dates(words: Vocabulary) -> DateReader:
    return DateReader(words.months, words.roman)


@pytest.mark.parametrize(
    "text",
    ["", "-", "besok", "31-2-2026", "31 Februari 2026", "3 Agustus", "10.30 WIB", "99/99/9999", "0 Mei 2026", "5/10"],
)
def test_what_is_no_full_date_is_not_guessed(dates: DateReader, text: str) -> None:
    assert dates.visit(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rabu, 10 Juni 2026", date(2026, 6, 10)),
        ("20/07/2026", date(2026, 7, 20)),
        ("14-9-26", date(2026, 9, 14)),
        ("tgl 1.2.2026", date(2026, 2, 1)),
        ("2026-06-10", date(2026, 6, 10)),
        ("10 06 2026", date(2026, 6, 10)),
        ("10062026", date(2026, 6, 10)),
        ("Senin/3 Agst 26", date(2026, 8, 3)),
        ("3-Agustus-2026", date(2026, 8, 3)),
        ("19 Nop 2026", date(2026, 11, 19)),
        ("4 Pebruari 2027", date(2027, 2, 4)),
        ("15 Sepetmber 2026", date(2026, 9, 15)),
        ("12 Jnui 2026", date(2026, 6, 12)),
        ("7 Desmber '26", date(2026, 12, 7)),
        ("5/VIII/2026", date(2026, 8, 5)),
        ("Juni 10, 2026", date(2026, 6, 10)),
        ("jam 10.30 tgl 31-8-2026", date(2026, 8, 31)),
        ("08/13/2026", date(2026, 8, 13)),
    ],
)
def test_dates_are_read_day_first_in_every_form(dates: DateReader, text: str, expected: date) -> None:
    found = dates.visit(text)
    assert found is not None
    assert found.value == expected


def test_a_month_put_first_is_less_sure(dates: DateReader) -> None:
    found = dates.visit("08/13/2026")
    assert found is not None
    assert found.confidence <= 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3-2-79", date(1979, 2, 3)),
        ("3-2-19", date(2019, 2, 3)),
        ("3-2-27", date(1927, 2, 3)),
        ("3 Feb 1979", date(1979, 2, 3)),
    ],
)
def test_nobody_is_born_after_the_visit(dates: DateReader, text: str, expected: date) -> None:
    found = dates.birth(text, visit=date(2026, 6, 10))
    assert found is not None
    assert found.value == expected


@pytest.mark.parametrize("text", ["", "-", "tidak ada", "12345", "000000000000", "081", "kosong (0)"])
def test_what_is_no_number_gives_no_phone(text: str) -> None:
    assert read_phone(text).value is None


@pytest.mark.parametrize(
    "text",
    [
        "081200009901",
        "0812-0000-9901",
        "+62 812 0000 9901",
        "62812 0000 9901",
        "0062 812 0000 9901",
        "(0812) 0000.9901",
        "8120000 9901",
        "O812-OOOO-99O1",
        "081200009901 / 081300009902",
        "081200009901 081300009902",
        "0812-0000-9901 atau 0813-0000-9902",
        "wa.me/6281200009901",
        "0812 0000 9901 (anak)",
        "+62 (0)812 0000 9901",
    ],
)
def test_phones_of_every_form_become_the_first_number_in_e164(text: str) -> None:
    assert read_phone(text).value == "+6281200009901"


@pytest.mark.parametrize(
    "text", ["", "-", "tidak menentu", "tdk tentu", "ikut anak", "25rb/hari", "Rp 50.000 per hari", "2 juta per panen"]
)
def test_an_income_that_is_not_told_by_the_month_is_not_guessed(words: Vocabulary, text: str) -> None:
    assert income(words, text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rp 800.000", 800_000),
        ("300.000", 300_000),
        ("Rp.800.000,-", 800_000),
        ("Rp. 1.100.000,00", 1_100_000),
        ("1,2 jt", 1_200_000),
        ("1.2 juta", 1_200_000),
        ("Rp800rb", 800_000),
        ("500-700 ribu", 500_000),
        ("500rb s/d 1 jt", 500_000),
        ("1-1,5 juta", 1_000_000),
        ("1 sampai 2 juta", 1_000_000),
        ("Rp 500.000 - Rp 700.000", 500_000),
        ("± 1 jt 250 rb", 1_250_000),
        ("1500.000/bulan", 1_500_000),
        ("satu juta lima ratus ribu", 1_500_000),
        ("delapan ratus lima puluh ribu rupiah", 850_000),
        ("sejuta", 1_000_000),
        ("setengah juta", 500_000),
        ("satu setengah juta", 1_500_000),
        ("2 anak, kiriman 500 rb", 500_000),
        ("800", 800_000),
        ("0", 0),
        ("Rp 1,2 juta (40rb/hari)", 1_200_000),
    ],
)
def test_incomes_of_every_form_become_rupiah(words: Vocabulary, text: str, expected: int) -> None:
    assert income(words, text) == expected


def income(words: Vocabulary, text: str) -> int | None:
    return read_income(text, numbers=words.numbers, magnitudes=words.magnitudes, not_monthly=words.not_monthly).value


@pytest.mark.parametrize("text", ["", "-", "belum punya KTP", "umur 17", "no 3/12"])
def test_what_is_no_identity_number_gives_none(text: str) -> None:
    assert read_number(text).value is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1274 0155 1082 9901", "1274015510829901"),
        ("1274.0155.1082.9901", "1274015510829901"),
        ("127401 551082 9901 (sesuai KK)", "1274015510829901"),
        ("12740155108299", "12740155108299"),
        ("127401551082990123", "127401551082990123"),
        ("127401551O829901", "127401551O829901"),
        ("1274015510829901/1274010102109902", "1274015510829901"),
        ("1274015510829901an", "1274015510829901"),
    ],
)
def test_identity_numbers_are_kept_as_sent_without_their_separators(text: str, expected: str) -> None:
    assert read_number(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kp. Sukatani RT 02 RW 04", ("002", "004")),
        ("RT.005/RW 012", ("005", "012")),
        ("RT/RW 003/002", ("003", "002")),
        ("RT/RW: 3 / 2 Dusun I", ("003", "002")),
        ("rt 3/2", ("003", "002")),
        ("Lk. II RT 04", ("004", None)),
        ("RW 7", (None, "007")),
        ("RT IV RW II", ("004", "002")),
        ("Kp. Sukamanah 03/11", ("003", "011")),
        ("Jl. Merdeka No. 12/14", (None, None)),
        ("Jl. Artha 5", (None, None)),
        ("Desa Rwanda 3", (None, None)),
        ("", (None, None)),
    ],
)
def test_neighbourhoods_are_found_in_an_address(
    words: Vocabulary, text: str, expected: tuple[str | None, str | None]
) -> None:
    assert rt_rw_in_address(text, words.roman) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("003/002", ("003", "002")), ("3-2", ("003", "002")), ("3", ("003", None)), ("-", (None, None))],
)
def test_neighbourhoods_are_read_on_their_own_line(
    words: Vocabulary, text: str, expected: tuple[str | None, str | None]
) -> None:
    assert rt_rw_on_own_line(text, words.roman) == expected
    assert one_number("RT 7", words.roman) == "007"


@pytest.mark.parametrize(
    "text", ["", "-", "dirahasiakan", "N.N.", "tidak mau disebutkan", "Tidak ada", "(dirahasiakan)"]
)
def test_a_withheld_name_is_none(words: Vocabulary, text: str) -> None:
    assert read_name(text, words).value is None


@pytest.mark.parametrize(
    ("text", "name", "nik"),
    [
        ("Darmawati Saragih", "Darmawati Saragih", None),
        ("Zubaidah (1804045707809909)", "Zubaidah", "1804045707809909"),
        ("Norhasanah / NIK 6303035311819922", "Norhasanah", "6303035311819922"),
        ("Darmawati, NIK: 1274 0155 1082 9901", "Darmawati", "1274015510829901"),
        ("NIK 1274015510829901 Darmawati", "Darmawati", "1274015510829901"),
        ("Ngatinem (72 th)", "Ngatinem", None),
        ("Ibu Nurhayati (janda, 58 thn)", "Ibu Nurhayati", None),
        ("I Made Darma, S.Sos.", "I Made Darma, S.Sos.", None),
        ("Paijo bin Karto", "Paijo bin Karto", None),
    ],
)
def test_a_number_or_an_age_behind_a_name_is_not_the_name(
    words: Vocabulary, text: str, name: str, nik: str | None
) -> None:
    assert read_name(text, words).value == name
    assert number_behind_name(text).value == nik


@pytest.mark.parametrize(
    ("text", "name", "relation"),
    [
        ("-", None, None),
        ("tidak ada", None, None),
        ("Diri sendiri", None, None),
        ("ybs", None, None),
        ("Udin (anak)", "Udin", "anak"),
        ("Udin/anak kandung", "Udin", "anak"),
        ("Udin, adik", "Udin", "saudara"),
        ("Bayu Aji - cucu", "Bayu Aji", "cucu"),
        ("tetangga (Bu Ningsih)", "Bu Ningsih", "tetangga"),
        ("menantu, Fitri", "Fitri", "menantu"),
        ("Ketua RT 04 (Pak Anang)", "Pak Anang", "perangkat"),
        ("Ibu Yani kader posyandu", "Ibu Yani", "perangkat"),
        ("Kader Yuni", "Yuni", "perangkat"),
        ("Udin Kadir", "Udin Kadir", None),
        ("Putri Ayu", "Putri Ayu", None),
        ("Putri Ayu (keponakan)", "Putri Ayu", "keponakan"),
        ("M. Nasir (abang ipar)", "M. Nasir", "saudara"),
        ("Udin (teman)", "Udin", "lainnya"),
        ("istri", None, "istri"),
        ("Steven (cucu, 0812-0000-9901)", "Steven", "cucu"),
    ],
)
def test_a_proxy_is_a_name_and_a_relation(words: Vocabulary, text: str, name: str | None, relation: str | None) -> None:
    found_name, found_relation = read_proxy(text, words)
    assert (found_name.value, found_relation.value) == (name, relation)
