"""The settings of services that hold personal data: the keys database and the two secrets that never enter it."""

import base64
import binascii
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from slrt_kit.privacy.wrapping import KeyEncryptionKeys
from slrt_kit.settings import ServiceSettings

KEY_BYTES = 32


def key_bytes(written: SecretStr) -> bytes:
    """The 32 bytes of a key, written as 64 hexadecimal digits or in base64.

    Raises:
        ValueError: it is anything else, or one byte repeated; the message never shows it.
    """
    text = written.get_secret_value().strip()
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) == 1:
        raise ValueError(f"a key is {KEY_BYTES} random bytes, as {2 * KEY_BYTES} hexadecimal digits or in base64")
    return key


def _several(written: SecretStr) -> list[bytes]:
    return [key_bytes(SecretStr(each)) for each in written.get_secret_value().split(",") if each.strip()]


class PrivacySettings(ServiceSettings):
    """See `ServiceSettings`. A process without its keys does not start: it could neither store nor show a person."""

    keys_url: SecretStr = Field(description="postgresql://… of the keys database, apart from the service's own")
    key_encryption_key: SecretStr = Field(description="32 bytes; with a subject's salt it gives the subject's key")
    other_key_encryption_keys: SecretStr = Field(
        default=SecretStr(""),
        description="with commas: the one that comes, and older ones until `keys carry-over` is done",
    )
    index_key: SecretStr = Field(description="32 bytes; blind indexes are made with it")

    @field_validator("key_encryption_key", "index_key")
    @classmethod
    def _is_a_key(cls, written: SecretStr) -> SecretStr:
        key_bytes(written)
        return written

    @field_validator("other_key_encryption_keys")
    @classmethod
    def _are_keys(cls, written: SecretStr) -> SecretStr:
        _several(written)
        return written

    @property
    def key_encryption_keys(self) -> KeyEncryptionKeys:
        """Today's, and the others that are set."""
        return KeyEncryptionKeys(key_bytes(self.key_encryption_key), _several(self.other_key_encryption_keys))

    @model_validator(mode="after")
    def _apart(self) -> Self:
        """Who learns the index key may test guesses at numbers; it must not open what is sealed, too."""
        if key_bytes(self.key_encryption_key) == key_bytes(self.index_key):
            raise ValueError("key_encryption_key and index_key must be two different keys")
        if self.keys_url.get_secret_value() == self.database_url.get_secret_value():
            raise ValueError("keys_url must not be the database_url: a backup of the one must not hold the other")
        return self
