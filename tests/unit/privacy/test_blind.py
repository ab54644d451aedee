"""Blind indexes find equal values, tell kinds apart, and say nothing without the key."""

import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.privacy.blind import INDEX_BYTES, BlindIndex
from slrt_kit.privacy.mac import Mac

KEY = os.urandom(32)
BLIND = BlindIndex(KEY)
PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4)


def test_what_is_not_kept_agrees_with_nothing() -> None:
    assert not BLIND.agrees(None, "phone", "9901")
    assert not BLIND.agrees(b"", "phone", "9901")
    assert not BLIND.agrees(BLIND.of("phone", "9901")[:-1], "phone", "9901")


def test_another_value_kind_or_key_agrees_with_nothing() -> None:
    found = BLIND.of("nik", "1274035203879001")
    assert not BLIND.agrees(found, "nik", "1274035203879002")
    assert not BLIND.agrees(found, "kk", "1274035203879001")
    assert not BlindIndex(os.urandom(32)).agrees(found, "nik", "1274035203879001")


@pytest.mark.parametrize(("one", "other"), [(("ab", "c"), ("a", "bc")), (("a", ""), ("", "a")), (("a",), ("a", ""))])
def test_where_one_part_ends_and_the_next_begins_makes_a_difference(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert BLIND.of("name", *one) != BLIND.of("name", *other)


def test_two_services_have_unrelated_indexes_of_one_person() -> None:
    assert BLIND.of("nik", "1274035203879001") != BlindIndex(os.urandom(32)).of("nik", "1274035203879001")


@given(PARTS)
def test_equal_values_have_equal_indexes_of_one_size(parts: list[str]) -> None:
    assert BLIND.of("name", *parts) == BlindIndex(KEY).of("name", *parts)
    assert len(BLIND.of("name", *parts)) == INDEX_BYTES
    assert BLIND.agrees(BLIND.of("name", *parts), "name", *parts)


@given(PARTS, PARTS)
def test_different_values_have_different_indexes(one: list[str], other: list[str]) -> None:
    assert (BLIND.of("name", *one) == BLIND.of("name", *other)) == (one == other)


def test_the_number_of_a_lock_is_no_part_of_an_index() -> None:
    """Locks are seen by whoever may look at pg_locks, indexes by whoever has the table: neither finds the other."""
    lock = BLIND.lock("nik", "1274035203879001")
    assert -(2**63) <= lock < 2**63
    assert lock.to_bytes(8, signed=True) != BLIND.of("nik", "1274035203879001")[:8]


@given(st.binary(min_size=1, max_size=200), st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_our_code_of_a_message_is_the_standard_one_each_time(key: bytes, messages: list[bytes]) -> None:
    mac = Mac(key)
    for message in messages:
        assert mac(message) == hmac.digest(key, message, "sha256")
