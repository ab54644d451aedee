"""Ticket numbers: what is wrong is noticed, what people type instead is understood."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_intake.domain.ticket import ALPHABET, RANDOM_BITS, make_ticket, normalise_ticket

TICKET = make_ticket("12.74", 0x4_1234_5678)
bits = st.integers(0, 2**RANDOM_BITS - 1)
regencies = st.from_regex(r"[0-9]{2}\.[0-9]{2}", fullmatch=True)
LOOK_ALIKE = {"I": "1", "L": "1", "O": "0"}


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1274",
        "1274-7KQ4",
        "7KQ4-M2XD",
        "1274-7KQ4-M2X",
        TICKET + "0",
        "0" + TICKET,
        TICKET.replace(TICKET[-1], "U"),
        TICKET + "\n\x00",
        "'; DROP TABLE cases; --",
        "١٢٧٤" + TICKET[4:],
        "１２７４" + TICKET[4:],
        "𝟏𝟐𝟕𝟒" + TICKET[4:],
        TICKET[:5] + "🙂" + TICKET[6:],
        "null",
    ],
)
def test_what_cannot_be_a_ticket_is_none(written: str) -> None:
    assert normalise_ticket(written) is None


@pytest.mark.parametrize("place", [place for place, character in enumerate(TICKET) if character != "-"])
def test_every_wrong_character_is_noticed_wherever_it_stands(place: int) -> None:
    for wrong in string.ascii_uppercase + string.digits:
        if LOOK_ALIKE.get(wrong, wrong) != TICKET[place]:
            assert normalise_ticket(TICKET[:place] + wrong + TICKET[place + 1 :]) is None, wrong


@given(regencies, bits, st.integers(0, 11), st.sampled_from(ALPHABET))
def test_one_wrong_character_of_any_ticket_is_noticed(regency: str, random: int, place: int, wrong: str) -> None:
    compact = make_ticket(regency, random).replace("-", "")
    if compact[place] != wrong:
        assert normalise_ticket(compact[:place] + wrong + compact[place + 1 :]) is None


@given(regencies, bits, st.integers(0, 11))
def test_a_forgotten_character_of_any_ticket_is_noticed(regency: str, random: int, place: int) -> None:
    compact = make_ticket(regency, random).replace("-", "")
    assert normalise_ticket(compact[:place] + compact[place + 1 :]) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_a_ticket(written: str) -> None:
    found = normalise_ticket(written)
    assert found is None or normalise_ticket(found) == found


@given(regencies, bits)
def test_a_ticket_that_was_made_is_read_back_as_it_is(regency: str, random: int) -> None:
    made = make_ticket(regency, random)
    assert re.fullmatch(rf"[0-9]{{4}}-[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", made)
    assert made.startswith(regency.replace(".", "") + "-")
    assert normalise_ticket(made) == made


@given(bits, bits)
def test_other_random_bits_make_another_ticket(one: int, other: int) -> None:
    assert (make_ticket("12.74", one) == make_ticket("12.74", other)) == (one == other)


def _habits(ticket: str) -> st.SearchStrategy[str]:
    """The ticket as somebody might type it."""
    either = {"0": "0oO", "1": "1iIlL"}
    typed = [st.sampled_from(either.get(c, c + c.lower())) for c in ticket.replace("-", "")]
    between = [st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "–", "\n"]) for _ in typed]
    return st.tuples(*(part for pair in zip(typed, between, strict=True) for part in pair)).map("".join)


@given(st.data(), regencies, bits)
def test_typing_habits_are_understood(data: st.DataObject, regency: str, random: int) -> None:
    made = make_ticket(regency, random)
    assert normalise_ticket(data.draw(_habits(made))) == made
