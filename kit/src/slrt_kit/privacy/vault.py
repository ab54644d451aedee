"""What a service's stores seal and open personal data with."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from slrt_kit import metrics
from slrt_kit.clock import Clock
from slrt_kit.privacy import sealing
from slrt_kit.privacy.blind import BlindIndex
from slrt_kit.privacy.keys import KeyRing, SubjectKey
from slrt_kit.privacy.sealing import ERASED, Fields, Opened, place_of
from slrt_kit.privacy.settings import PrivacySettings, key_bytes


class SealedRow(NamedTuple):
    """A sealed value as a row has it. ``sealed`` is None where an erasure has removed it."""

    key_id: int | None
    sealed: bytes | None
    row: UUID | str


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys of a service's subjects, and its blind indexes."""

    service: str
    keys: KeyRing
    blind: BlindIndex

    @classmethod
    def of(cls, service: str, settings: PrivacySettings, *, clock: Clock | None = None) -> "Vault":
        """The vault of a service."""
        keys = KeyRing(settings.keys_url.get_secret_value(), settings.key_encryption_keys, clock=clock)
        return cls(service, keys, BlindIndex(key_bytes(settings.index_key)))

    def seal(self, key: SubjectKey, fields: Fields, *, table: str, row: UUID | str) -> bytes:
        """Seal fields for one row of a table."""
        return sealing.seal(key, fields, place=place_of(self.service, table, row))

    async def unseal(self, rows: Sequence[SealedRow], *, table: str) -> list[Opened]:
        """The fields of rows of a table, in this order; the keys are looked up in one statement.

        Raises:
            KeyMissingError, SealBrokenError: see there. psycopg.Error: the keys database is away.
        """
        keys = await self.keys.find([row.key_id for row in rows if row.key_id is not None and row.sealed is not None])
        opened: list[Opened] = []
        for row in rows:
            key = None if row.key_id is None else keys.get(row.key_id)
            try:
                opened.append(sealing.unseal(key, row.sealed, place=place_of(self.service, table, row.row)))
            except sealing.SealBrokenError:
                metrics.SEALS_BROKEN.inc()
                raise
        return opened

    async def unseal_one(self, row: SealedRow, *, table: str) -> Opened:
        """`unseal` of one row."""
        (opened,) = await self.unseal([row], table=table)
        return opened

    async def destroy(self, key_ids: Collection[int]) -> int:
        """Destroy keys for ever; see `KeyRing.destroy`."""
        return await self.keys.destroy(key_ids)

    async def close(self) -> None:
        """Close the connections."""
        await self.keys.close()


def text_of(sealed: bytes) -> str:
    r"""A sealed value or an index for a bytea column that is filled from JSON: ``\x…``."""
    return "\\x" + sealed.hex()


def bytes_of(text: str | None) -> bytes | None:
    """A bytea column as ``to_jsonb`` gives it."""
    return None if text is None else bytes.fromhex(text[2:])


__all__ = ["ERASED", "SealedRow", "Vault", "bytes_of", "text_of"]
