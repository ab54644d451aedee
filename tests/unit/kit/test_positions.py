"""Position tokens: whatever a caller makes up is refused; ours come back as they were, also joined."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.types import EventId
from slrt_kit.http.positions import MOST_EVENTS, Position, PositionMalformedError

GOOD = Position.of([(EventId(UUID(int=7 << 100)), "id.slrt.intake.case-decided.v1")]).encode()

BAD = [
    "",
    " ",
    ",",
    "x",
    "~",
    GOOD + ",",
    "," + GOOD,
    GOOD + "A",
    GOOD[:-1],
    GOOD.replace("~", ""),
    GOOD.replace("~", "~~"),
    GOOD.upper(),
    GOOD + ";x=1",
    GOOD + " " + GOOD,
    "intake.case-decided.v1~" + "!" * 22,
    "intake.case-decided.v1~" + "é" * 22,
    "../../x~" + "A" * 22,
    "x" * 200 + "~" + "A" * 22,
    ",".join([GOOD] * (MOST_EVENTS + 1)),
]


@pytest.mark.parametrize("token", BAD)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(PositionMalformedError):
        Position.decode(token)


@given(st.text())
def test_any_text_is_read_or_refused(token: str) -> None:
    try:
        position = Position.decode(token)
    except PositionMalformedError:
        return
    assert position.events


EVENTS = st.dictionaries(st.uuids(), st.sampled_from(sorted(EVENT_TYPES)), min_size=1, max_size=MOST_EVENTS // 2)


@given(EVENTS, EVENTS)
def test_tokens_come_back_as_they_were_also_joined(one: dict[UUID, str], other: dict[UUID, str]) -> None:
    first, second = Position(one), Position(other)
    assert Position.decode(first.encode()) == first
    assert Position.decode(f"{first.encode()}, {second.encode()}").events == one | other


def test_a_token_fits_into_a_header() -> None:
    longest = max(EVENT_TYPES, key=len)
    token = Position.of((EventId(uuid4()), longest) for _ in range(MOST_EVENTS)).encode()
    assert len(token) <= 8192
    assert token.isascii()


def test_a_type_of_a_newer_contract_is_read() -> None:
    assert set(Position.decode("intake.case-sung.v7~" + "A" * 22).events.values()) == {"id.slrt.intake.case-sung.v7"}
