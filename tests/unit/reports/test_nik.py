"""NIK checks: every doubt has its code, and a good NIK has none."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_intake.reports.nik import kk_warnings, nik_facts, nik_warnings

KNOWN_DISTRICTS = {"12.74.01", "31.71.01"}


def warnings(nik: str, *, born: date | None = None, sex: str | None = None) -> tuple[str, ...]:
    return nik_warnings(nik, birth_date=born, sex=sex, is_district=KNOWN_DISTRICTS.__contains__)


@pytest.mark.parametrize(
    ("nik", "expected"),
    [
        ("", ("nik:length",)),
        ("127401551082990", ("nik:length",)),
        ("12740155108299011", ("nik:length",)),
        ("127401551O829901", ("nik:characters",)),
        ("12740155x", ("nik:characters", "nik:length")),
        ("١٢٧٤٠١٥٥١٠٨٢٩٩٠١", ("nik:characters",)),
        ("1274010010829901", ("nik:birth_date",)),  # day 0
        ("1274013210829901", ("nik:birth_date",)),  # day 32 is neither a man's nor a woman's
        ("1274017210829901", ("nik:birth_date",)),  # day 72: the thirty-second of a woman
        ("1274011513829901", ("nik:birth_date",)),  # month 13
        ("1274017002819901", ("nik:birth_date",)),  # a woman's 30 February
        ("9101081510829901", ("nik:region",)),  # Merauke before 2022
    ],
)
def test_a_doubtful_nik_is_a_warning(nik: str, expected: tuple[str, ...]) -> None:
    assert warnings(nik) == expected


def test_a_stated_birth_date_or_sex_that_differs_is_a_warning() -> None:
    assert warnings("1274015510829901", born=date(1982, 10, 16)) == ("nik:birth_date",)
    assert warnings("1274015510829901", sex="L") == ("nik:sex",)
    assert warnings("1274011510829901", sex="P", born=date(1982, 10, 15)) == ("nik:sex",)


def test_a_womans_day_has_forty_added() -> None:
    assert warnings("1274015510829901", born=date(1982, 10, 15), sex="P") == ()
    man, woman = nik_facts("3171011708450001"), nik_facts("3171015708450001")
    assert man is not None
    assert woman is not None
    assert (man.sex, woman.sex) == ("L", "P")
    assert man.births == woman.births == (date(1945, 8, 17), date(2045, 8, 17))


def test_the_leap_day_of_2000_exists_and_that_of_1900_does_not() -> None:
    facts = nik_facts("1274012902009901")
    assert facts is not None
    assert facts.births == (date(2000, 2, 29),)


@pytest.mark.parametrize(("number", "expected"), [("", ("kk:length",)), ("1" * 15, ("kk:length",)), ("1" * 16, ())])
def test_a_family_card_number_has_sixteen_digits(number: str, expected: tuple[str, ...]) -> None:
    assert kk_warnings(number) == expected


@given(st.text(max_size=40), st.none() | st.dates(), st.sampled_from([None, "L", "P"]))
def test_no_text_is_refused(nik: str, born: date | None, sex: str | None) -> None:
    assert set(warnings(nik, born=born, sex=sex)) <= {
        "nik:length", "nik:characters", "nik:birth_date", "nik:sex", "nik:region",
    }  # fmt: skip
