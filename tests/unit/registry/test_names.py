"""How alike names are, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_registry.domain.names import SAME_ENOUGH, name_key, similarity, unlike

names = st.lists(st.text("abcdehijkmnorstuy'.- ", min_size=1, max_size=12), min_size=1, max_size=5).map(" ".join)


@pytest.mark.parametrize("written", ["", "-", "??", "12", " . "])
def test_what_is_no_name_is_like_nobody(written: str) -> None:
    assert name_key(written) == ()
    assert similarity(written, written) == 0
    assert not unlike(written, "Siti Aminah")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rina Wulandari", "Rini Wulandari"),  # twins
        ("Hasan Basri", "Husin Basri"),
        ("Dono", "Doni"),
        ("Siti", "Siti Aminah"),  # one word is not enough to leave the rest out
        ("Siti Aminah", "Siti Rahmah"),
        ("Budi Santoso", "Sri Lestari"),
        ("Ani Wijaya", "Andi Wijaya"),
        ("Yusuf Hidayat", "Jusuf Hidayat"),  # one sound, but only in names from before 1972: a human joins these
    ],
)
def test_different_names_are_not_the_same_enough(one: str, other: str) -> None:
    assert similarity(one, other) < SAME_ENOUGH


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SITI AMINAH", "siti  aminah"),
        ("Ibu Siti Aminah", "Siti Aminah, S.Pd"),
        ("Aminah Siti", "Siti Aminah"),
        ("Sitti Aminah", "Siti Amina"),
        ("Moh. Yusuf", "Muhammad Yusup"),
        ("Soekarno Djati", "Sukarno Jati"),
        ("Achmad Zaki", "Ahmad Zakki"),
        ("Siti Aminah Lubis", "Siti Aminah"),  # the clan's name left out
        ("A. Rahman Nasution", "Abdul Rahman Nasution"),
        ("Nur'aini Harahap", "Nuraini Harahap"),
        ("Nurhayati Siregar", "Nurhayatti Siregar"),
        ("Élisa Tarigan", "Elisa Tarigan"),
    ],
)
def test_one_name_written_in_two_ways_is_the_same_enough(one: str, other: str) -> None:
    assert similarity(one, other) >= SAME_ENOUGH


def test_titles_are_no_part_of_a_name_and_a_name_may_be_one() -> None:
    assert name_key("Bpk. H. Rahmat") == name_key("Rahmat")
    assert name_key("Tn") == ("tn",)


def test_a_sole_muhammad_is_not_any_m() -> None:
    assert name_key("M") == ("m",)
    assert name_key("M. Arif") == name_key("Muhammad Arip")


@given(names, names)
def test_similarity_is_symmetric_and_between_zero_and_one(one: str, other: str) -> None:
    assert 0 <= similarity(one, other) <= 1
    assert similarity(one, other) == similarity(other, one)


@given(names)
def test_a_name_is_the_same_as_itself_in_capitals(name: str) -> None:
    assert similarity(name, name.upper()) == (1 if name_key(name) else 0)


@given(names, names)
def test_names_that_are_the_same_enough_are_not_unlike(one: str, other: str) -> None:
    if similarity(one, other) >= SAME_ENOUGH:
        assert not unlike(one, other)
