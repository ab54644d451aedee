"""Cursors: whatever a caller makes up is refused; ours come back as they were."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.http.pages import BadCursorError, decode_cursor, decode_position, encode_cursor


def written(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


BAD = [
    "",
    "x",
    "=",
    "====",
    "é",
    "\ud800",
    "bm90IGpzb24",
    "/w",
    written(None),
    written({}),
    written("ab"),
    written([]),
    written([1]),
    written([1, 2, 3]),
    written([[1], {"a": 2}, None]),
]


@pytest.mark.parametrize("cursor", BAD)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursorError):
        decode_cursor(cursor, parts=2)


@pytest.mark.parametrize(
    "cursor",
    [
        *BAD,
        written([1, 2]),
        written([None, None]),
        written(["2026-07-01T00:00:00+00:00", "no-uuid"]),
        written(["yesterday", str(UUID(int=1))]),
        written(["2026-07-01T00:00:00", str(UUID(int=1))]),
        written([["2026-07-01T00:00:00+00:00"], str(UUID(int=1))]),
        written([{}, {}]),
        written([True, False]),
    ],
)
def test_what_is_no_position_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursorError):
        decode_position(cursor, datetime, UUID)


@given(st.text(max_size=80))
def test_any_text_is_a_position_or_refused(text: str) -> None:
    try:
        position = decode_position(text, datetime, UUID)
    except BadCursorError:
        return
    assert [type(part) for part in position] == [datetime, UUID]


@given(st.datetimes(timezones=st.just(UTC)), st.integers(), st.text(), st.uuids())
def test_a_position_comes_back_as_it_was(at: datetime, number: int, word: str, key: UUID) -> None:
    number %= 2**53
    word = word.encode(errors="ignore").decode()
    cursor = encode_cursor(at.isoformat(), number, word, str(key))
    assert decode_position(cursor, datetime, int, str, UUID) == (at, number, word, key)


def test_a_cursor_goes_into_an_address_as_it_is() -> None:
    for _ in range(50):
        cursor = encode_cursor((datetime.now(UTC) + timedelta(seconds=1)).isoformat(), str(uuid4()))
        assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_cursor_with_one_more_character_is_not_taken_for_ours() -> None:
    cursor = encode_cursor("a", "b")
    for changed in (cursor + "!", "!" + cursor, cursor[:3] + "\n" + cursor[3:]):
        with pytest.raises(BadCursorError):
            decode_cursor(changed, parts=2)
