"""Which written numbers may tell people apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_registry.domain.numbers import identifying_number, same_but_for_slips


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "-",
        "belum ada",
        "127403570845900",  # a digit too few
        "12740357084590011",  # a digit too many
        "127403570845900O",  # the letter O
        "0000000000000000",
        "1111111111111111",
        "1234567890123456",  # day 78
        "1274033208459001",  # day 32
        "1274037208459001",  # day 72: 32 of a woman
        "1274030008459001",  # day 0
        "1274030113459001",  # month 13
        "1274030100459001",  # month 0
        "1274030108450000",  # serials begin at 1
        "١٢٧٤٠٣٠١٠٨٤٥٩٠٠١",  # digits of another script
    ],
)
def test_a_number_that_cannot_be_right_identifies_nobody(written: str | None) -> None:
    assert identifying_number(written) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1274030108459001", "1274030108459001"),
        ("1274035708459001", "1274035708459001"),  # a woman: day 17 + 40
        ("9999990108459001", "9999990108459001"),  # a region that is not, or no longer, in any list
        (" 1274 0301 0845 9001 ", "1274030108459001"),
        ("1274.03.010845.9001", "1274030108459001"),
        ("1274030108-459001", "1274030108459001"),
    ],
)
def test_a_number_that_may_be_right_identifies(written: str, number: str) -> None:
    assert identifying_number(written) == number


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_number_of_sixteen_digits_or_none(written: str) -> None:
    number = identifying_number(written)
    assert number is None or (len(number) == 16 and number.isascii() and number.isdigit())


@pytest.mark.parametrize(
    ("other", "slip"),
    [
        ("1274030108459001", True),
        ("1274030108459002", True),  # one digit
        ("1274030108459010", True),  # two digits swapped
        ("1274030108452092", False),  # three digits
        ("3604115509909001", False),
    ],
)
def test_at_most_two_digits_are_a_slip(other: str, slip: bool) -> None:
    assert same_but_for_slips("1274030108459001", other) is slip
