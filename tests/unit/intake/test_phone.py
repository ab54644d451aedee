"""Phone numbers: a number that is read wrongly reaches a stranger, so what is doubtful is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_intake.domain.party import normalise_phone

E164 = re.compile(r"\+62[2-9][0-9]{7,11}")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "tidak ada",
        "08",
        "0812",
        "0812-0000",
        "0812-0000-9901-2345-6",
        "0012-0000-9901",
        "+65 8123 4567",
        "+1 202 555 0143",
        "+61 2 5550 1234",
        "0812+00009901",
        "++6281200009901",
        "0812-0000-9901 / 0812-0000-9902",
        "0812-0000-99\x0001",
        "081200009901' OR '1'='1",
    ],
)
def test_what_is_no_indonesian_number_is_none(written: str) -> None:
    assert normalise_phone(written) is None


@pytest.mark.parametrize(
    "written", ["0812-0000-99O1", "0812-0000-99l01", "0812 rumah 0000 9901", "0812-0000-990x1", "0812a00009901"]
)
def test_a_letter_among_the_digits_is_not_dropped_silently(written: str) -> None:
    # Without the letter it would be a good number: somebody else's.
    assert normalise_phone(written) is None


@pytest.mark.parametrize("written", ["٠٨١٢٠٠٠٠٩٩٠١", "0812-0000-99٠١", "+62८१२००००९९०१", "０８１２００００９９０１"])
def test_digits_of_other_scripts_are_not_taken(written: str) -> None:
    # They would be stored as they are, and no message provider and no resident could ever match them.
    assert normalise_phone(written) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0812-0000-9901", "+6281200009901"),
        ("081200009901", "+6281200009901"),
        ("0812 0000 9901", "+6281200009901"),
        ("0812.0000.9901", "+6281200009901"),
        (" 0812\u00a00000\u00a09901 ", "+6281200009901"),
        ("0812–0000–9901", "+6281200009901"),
        ("+62 812-0000-9901", "+6281200009901"),
        ("6281200009901", "+6281200009901"),
        ("(0623) 900 0099", "+626239000099"),
        ("\u202a+62 812\u20110000\u20119901\u202c", "+6281200009901"),
    ],
)
def test_the_usual_ways_of_writing_are_understood(written: str, read: str) -> None:
    assert normalise_phone(written) == read


@given(st.text(max_size=30))
def test_any_text_is_a_number_in_normal_form_or_none(written: str) -> None:
    read = normalise_phone(written)
    assert read is None or E164.fullmatch(read)


@given(st.text(alphabet="0123456789 -.()+", max_size=24))
def test_no_digit_is_lost_or_made_up(written: str) -> None:
    read = normalise_phone(written)
    if read is not None:
        digits = re.sub("[^0-9]", "", written)
        assert digits in ("0" + read[3:], read[1:])
        assert normalise_phone(read) == read
