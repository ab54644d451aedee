"""Masked numbers are shown, and never taken."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from slrt_kit.privacy.masking import MARK, Unmasked, UnmaskedText, is_masked, mask_number


class Stated(BaseModel):
    nik: Annotated[str, Unmasked] | None = None
    name: Annotated[str, UnmaskedText] | None = None


@pytest.mark.parametrize(
    "masked",
    [
        "3505••••••••1234",
        "3505********1234",
        "3505 **** **** 1234",
        "350512******1234",
        "xxxxxxxxxxxx1234",
        "3505XXXXXXXX1234",
        "+6281•••••901",
        "0812-****-9901",
        "0812●●●●9901",
        "3505·········1234",
        "Ma•••",
        "###########1234",
        "＊＊＊＊1234",
    ],
)
def test_a_masked_value_is_refused(masked: str) -> None:
    assert is_masked(masked)
    with pytest.raises(ValidationError) as refused:
        Stated(nik=masked)
    assert refused.value.errors()[0]["type"] == "masked_value"


@pytest.mark.parametrize(
    "plain",
    ["1274035203879001", "1274.03.5203879001", "0812-0000-9901", "tidak ada", "12740352", "Jl. A. Yani No. 7*", "Max"],
)
def test_what_people_write_is_taken(plain: str) -> None:
    assert not is_masked(plain)
    assert Stated(nik=plain).nik == plain
    assert Stated().nik is None


def test_four_signs_are_shown_at_each_end() -> None:
    assert mask_number("3505011201801234") == "3505••••••••1234"
    assert mask_number("+6281200009901") == "+628••••••9901"
    assert mask_number(None) is None


@pytest.mark.parametrize("short", ["", "1", "1234", "12345678"])
def test_of_a_short_number_nothing_is_shown(short: str) -> None:
    assert mask_number(short) == MARK * len(short)


@given(st.text("0123456789", min_size=1, max_size=24))
def test_what_we_mask_we_never_take(number: str) -> None:
    assert is_masked(mask_number(number) or "")


@pytest.mark.parametrize("masked", ["M•••• K•••••••", "Ma*** Ka***", "●●●●", "Jl. ＊＊＊ 9"])
def test_a_masked_name_or_address_is_refused(masked: str) -> None:
    with pytest.raises(ValidationError, match="masked"):
        Stated(name=masked)


@pytest.mark.parametrize("plain", ["Lingkungan XXX No. 7", "Toko •Maju•", "Jl. A. Yani No. 7*", "Gg. #3", "Max Xaver"])
def test_signs_that_belong_to_a_name_or_an_address_are_taken(plain: str) -> None:
    assert Stated(name=plain).name == plain
