"""A process that holds personal data starts with two good keys and a keys database of its own, or not at all."""

import base64

import pytest
from pydantic import SecretStr, ValidationError

from slrt_intake.settings import IntakeSettings
from slrt_kit.privacy.settings import key_bytes
from slrt_kit.testing import TestIssuer, environment_of

GOOD = environment_of("intake", database_url="postgresql://x:x@127.0.0.1:9/x", issuer=TestIssuer())


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    def with_changes(**changes: str | None) -> IntakeSettings:
        for name, value in (GOOD | {f"SLRT_INTAKE_{key.upper()}": value for key, value in changes.items()}).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return IntakeSettings.load()

    return with_changes


@pytest.mark.parametrize("setting", ["keys_url", "key_encryption_key", "index_key"])
def test_without_it_the_process_does_not_start_and_says_which(load, setting: str) -> None:
    with pytest.raises(ValidationError) as refused:
        load(**{setting: None})
    assert [error["loc"] for error in refused.value.errors()] == [(setting,)]


@pytest.mark.parametrize(
    "bad", ["", "ab" * 31, "ab" * 33, "zz" * 32, "a password", base64.b64encode(bytes(range(31))).decode(), "00" * 32]
)
@pytest.mark.parametrize("setting", ["key_encryption_key", "index_key"])
def test_what_is_no_key_is_refused_and_never_shown(load, setting: str, bad: str) -> None:
    with pytest.raises(ValidationError) as refused:
        load(**{setting: bad})
    assert refused.value.errors()[0]["loc"] == (setting,)
    assert "32 random bytes" in str(refused.value)
    assert not bad or bad not in str(refused.value)


def test_one_key_for_both_purposes_is_refused_in_whatever_spelling(load) -> None:
    key = bytes(range(32))
    with pytest.raises(ValidationError, match="different keys"):
        load(key_encryption_key=key.hex(), index_key=base64.b64encode(key).decode())


def test_keys_in_the_service_s_own_database_are_refused(load) -> None:
    with pytest.raises(ValidationError, match="keys_url"):
        load(keys_url=GOOD["SLRT_INTAKE_DATABASE_URL"])


def test_hexadecimal_and_base64_are_the_same_key() -> None:
    key = bytes(range(32))
    for written in (key.hex(), key.hex().upper(), base64.b64encode(key).decode(), f" {key.hex()}\n"):
        assert key_bytes(SecretStr(written)) == key
