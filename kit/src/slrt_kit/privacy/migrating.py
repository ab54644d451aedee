"""Seal the rows that were kept plain before: for migrations, which are not asynchronous."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from alembic import context, op
from sqlalchemy import text

from slrt_kit.clock import SystemClock
from slrt_kit.privacy import key_table
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.keys import SubjectKey, subject_key
from slrt_kit.privacy.sealing import Fields, place_of, seal
from slrt_kit.privacy.settings import PrivacySettings, key_bytes
from slrt_kit.privacy.wrapping import KeyEncryptionKey

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class MigrationVault:
    """What a migration seals with."""

    service: str
    keys_url: str
    key_encryption_key: KeyEncryptionKey
    blind: BlindIndex

    @classmethod
    def of(cls, service: str, settings: PrivacySettings) -> Self:
        """That of a service."""
        return cls(
            service,
            settings.keys_url.get_secret_value(),
            KeyEncryptionKey(key_bytes(settings.key_encryption_key)),
            BlindIndex(key_bytes(settings.index_key)),
        )

    def prepare(self) -> None:
        """Make the table of the keys database where it is missing."""
        key_table.prepare(self.keys_url)

    def new_keys(self, count: int) -> list[SubjectKey]:
        """Keys whose salts are durable."""
        at = SystemClock().now()
        with psycopg.connect(self.keys_url) as connection:
            made = key_table.allocate(connection, count, kek=self.key_encryption_key.name, at=at)
        return [subject_key(key_id, self.key_encryption_key.derive(salt)) for key_id, salt in made]

    def seal(self, key: SubjectKey, fields: Fields, *, table: str, row: object) -> bytes:
        """See `Vault.seal`."""
        return seal(key, fields, place=place_of(self.service, table, str(row)))


def migration_vault() -> MigrationVault:
    """The vault of the migration that runs.

    Raises:
        RuntimeError: there are people to seal, and nothing to seal them with; nothing is changed.
    """
    vault: MigrationVault | None = context.config.attributes.get("vault")
    if vault is None:
        raise RuntimeError("this database holds personal data: migrate it with the service's migrate role and its keys")
    return vault


def rows_in_groups(query: str) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The rows of a query, a thousand at a time; they are read before the first is given, so they may be changed."""
    found: list[Mapping[str, Any]] = [dict(row) for row in op.get_bind().execute(text(query)).mappings()]
    for start in range(0, len(found), _AT_ONCE):
        yield found[start : start + _AT_ONCE]


def change(statement: str, rows: list[dict[str, Any]]) -> None:
    """Run a statement with ``:name`` parameters for each row."""
    if rows:
        op.get_bind().execute(text(statement), rows)
