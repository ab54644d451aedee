"""Finding places: nothing is guessed, a letter or two wrong is forgiven."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slrt_intake.reports import PlaceFinder
from slrt_kit.regions import RegionCode, Regions


@pytest.mark.parametrize(
    ("village", "district", "regency"),
    [
        (None, None, None),
        ("", "", ""),
        ("Tidak Ada Di Mana Pun", "Xyzzy", None),
        ("Sidomulyo", None, None),  # 98 of them
        ("Karanganyar", "Karanganyar", None),  # in five regencies
        ("Binuang", "Binuang", None),  # in two
    ],
)
def test_what_is_unknown_or_ambiguous_is_not_guessed(
    finder: PlaceFinder, village: str | None, district: str | None, regency: str | None
) -> None:
    match = finder.find_village(village, district, regency)
    assert match.village_code is None
    assert match.district_code is None
    assert match.score <= 0.5


def test_alternatives_are_handed_on_and_a_hint_decides_between_them(finder: PlaceFinder) -> None:
    assert set(finder.find_village("Binuang", "Binuang").alternatives) == {"36.04.18.2001", "63.05.01.1001"}
    hinted = finder.find_village("Binuang", "Binuang", near=[RegionCode("36.04")])
    assert hinted.village_code == "36.04.18.2001"
    assert hinted.score < 1


def test_a_village_that_is_not_in_its_district_leaves_the_district(finder: PlaceFinder) -> None:
    match = finder.find_village("Perwira", "Tanjungbalai Utara")
    assert match.village_code is None
    assert match.district_code == "12.74.02"


@pytest.mark.parametrize(
    ("village", "district", "regency", "code"),
    [
        ("Perwira", "Tanjungbalai Selatan", None, "12.74.01.1003"),
        ("Kel. Perwira", "Kec. Tj. Balai Sel.", "Tj. Balai", "12.74.01.1003"),
        ("Pantai Jhor", "Datuk Bandar", None, "12.74.05.1010"),
        ("Kota II", "Tanjung Balai Selatan", None, "12.74.01.1002"),
        ("Tanjungbalai Kota 2", "Tanjungbalai Selatan", None, "12.74.01.1002"),
        ("Condong Catur", "Kapanewon Depok", None, "34.04.07.2003"),
        ("pekon padang cahya", "blk bukit", None, "18.04.04.2004"),
        ("Garagahan", "Lubuak Basuang", None, "13.06.02.2002"),
        ("Yokiwa", "Sentani Tmur", None, "91.03.02.3007"),
        ("Watutumou 2", "Kalawat", None, "71.06.08.2011"),
        ("Sukatani", None, "Kab. Serang", "36.04.15.2008"),
        ("Sebarus", None, None, "18.04.04.2005"),
        ("Binuang", "Binuang", "Kabupaten Serang", "36.04.18.2001"),
        ("Mekar Sari", "SimpangEmpat", "Tanah Bumbu", "63.10.06.2004"),
        ("Sukatani", "Cikande", "Kab. Pandeglang", "36.04.15.2008"),  # the regency is the wrong row
    ],
)
def test_names_are_found_with_letters_wrong_shortened_and_with_local_words(
    finder: PlaceFinder, village: str, district: str | None, regency: str | None, code: str
) -> None:
    match = finder.find_village(village, district, regency)
    assert match.village_code == code
    assert (match.district_code, match.regency_code) == (code[:8], code[:5])
    assert 0.5 < match.score <= 1


def test_a_regency_and_a_city_of_one_name_are_told_apart(finder: PlaceFinder) -> None:
    assert finder.find_village(None, None, "Kota Serang").regency_code == "36.73"
    assert finder.find_village(None, None, "Kab. Serang").regency_code == "36.04"
    assert finder.find_village(None, None, "Serang").regency_code is None


def test_a_misspelt_pair_takes_less_than_two_milliseconds(finder: PlaceFinder) -> None:
    def seconds() -> float:
        started = time.process_time()
        for _ in range(20):
            finder.find_village("Pantai Jhor", "Datk Bandar")
        return (time.process_time() - started) / 20

    assert min(seconds() for _ in range(5)) < 0.002


@settings(max_examples=60)
@given(*[st.none() | st.text(max_size=60)] * 3)
def test_no_name_is_refused(village: str | None, district: str | None, regency: str | None) -> None:
    match = _FINDER.find_village(village, district, regency)
    assert 0 <= match.score <= 1


_FINDER = PlaceFinder(Regions.load())
