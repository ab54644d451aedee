"""A sealed value opens with its own key in its own place, and in no other way."""

import os
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.privacy import ERASED, SealBrokenError, SubjectKey
from slrt_kit.privacy.keys import subject_key
from slrt_kit.privacy.sealing import place_of, seal, unseal
from slrt_kit.privacy.wrapping import KeyEncryptionKey

SECRET = os.urandom(32)
KEK = KeyEncryptionKey(SECRET)
KEY = subject_key(1, KEK.derive(os.urandom(32)))
PLACE = place_of("intake", "persons", UUID(int=7))
FIELDS: dict[str, Any] = {"name": "Mawar Karangan", "nik": "1274035203879001", "birth_date": None}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
ANY_FIELDS = st.dictionaries(TEXT, st.none() | TEXT | st.integers(-(2**53), 2**53) | st.booleans(), max_size=6)


@pytest.mark.parametrize("length", [0, 1, 12, 13, 28])
def test_what_is_too_short_to_be_sealed_is_refused(length: int) -> None:
    with pytest.raises(SealBrokenError):
        unseal(KEY, seal(KEY, FIELDS, place=PLACE)[:length], place=PLACE)


def test_every_flipped_bit_is_refused() -> None:
    sealed = seal(KEY, FIELDS, place=PLACE)
    for place in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[place // 8] ^= 1 << place % 8
        with pytest.raises(SealBrokenError):
            unseal(KEY, bytes(altered), place=PLACE)


def test_a_value_that_is_cut_or_longer_is_refused() -> None:
    sealed = seal(KEY, FIELDS, place=PLACE)
    for altered in (*(sealed[:end] for end in range(len(sealed))), sealed + b"\0", b"\1" + sealed):
        with pytest.raises(SealBrokenError):
            unseal(KEY, altered, place=PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        place_of("intake", "persons", UUID(int=8)),
        place_of("intake", "contacts", UUID(int=7)),
        place_of("registry", "persons", UUID(int=7)),
        b"",
    ],
)
def test_a_value_that_was_moved_is_refused(elsewhere: bytes) -> None:
    with pytest.raises(SealBrokenError):
        unseal(KEY, seal(KEY, FIELDS, place=PLACE), place=elsewhere)


def test_another_key_opens_nothing_whether_by_its_salt_or_by_the_key_encryption_key() -> None:
    salt = os.urandom(32)
    sealed = seal(subject_key(1, KEK.derive(salt)), FIELDS, place=PLACE)
    for other in (
        subject_key(1, KEK.derive(os.urandom(32))),
        subject_key(1, KeyEncryptionKey(os.urandom(32)).derive(salt)),
    ):
        with pytest.raises(SealBrokenError):
            unseal(other, sealed, place=PLACE)


def test_a_form_of_later_is_refused_and_not_guessed_at() -> None:
    sealed = bytearray(seal(KEY, FIELDS, place=PLACE))
    sealed[0] += 1
    with pytest.raises(SealBrokenError, match="form"):
        unseal(KEY, bytes(sealed), place=PLACE)


def test_where_the_key_or_the_value_is_destroyed_it_says_so_and_is_no_text() -> None:
    assert unseal(None, seal(KEY, FIELDS, place=PLACE), place=PLACE) is ERASED
    assert unseal(KEY, None, place=PLACE) is ERASED
    assert not isinstance(ERASED, (str, dict))


def test_the_same_value_is_never_sealed_the_same_way_twice() -> None:
    assert len({seal(KEY, FIELDS, place=PLACE) for _ in range(1000)}) == 1000


@given(ANY_FIELDS)
def test_whatever_is_sealed_comes_back(fields: dict[str, Any]) -> None:
    assert unseal(KEY, seal(KEY, fields, place=PLACE), place=PLACE) == fields


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=60))
def test_nothing_of_a_value_shows(text: str) -> None:
    sealed = seal(KEY, {"name": text}, place=PLACE)
    assert text.encode() not in sealed


def test_a_key_shows_nothing_of_itself_when_it_is_printed() -> None:
    salt = os.urandom(32)
    shown = repr(subject_key(5, KEK.derive(salt)))
    assert SECRET.hex() not in shown
    assert salt.hex() not in shown


def test_of_two_salts_two_keys() -> None:
    def sealed_by(key: SubjectKey) -> bytes:
        return key.cipher.encrypt(b"\0" * 12, b"the same", b"")

    assert len({sealed_by(subject_key(1, KEK.derive(uuid4().bytes * 2))) for _ in range(100)}) == 100
