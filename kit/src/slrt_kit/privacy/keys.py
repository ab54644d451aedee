"""Hand out subject keys that were allocated ahead, find those of rows, and destroy them.

A subject's key is HMAC-SHA256(key-encryption key, salt). The salt alone opens nothing, nor does the key-encryption key
without it: so whoever destroys a salt makes everything that was sealed under it unreadable, in every copy. `wrapping`
has what becomes of keys when the key-encryption key is replaced.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slrt_kit import metrics
from slrt_kit.clock import Clock, SystemClock
from slrt_kit.db import DATABASE_DOWN, Database
from slrt_kit.logs import get_logger
from slrt_kit.privacy import key_table
from slrt_kit.privacy.wrapping import KeyEncryptionKeys, StoredKey, UnknownKeyEncryptionKeyError
from slrt_kit.problems import ProblemError, Text

log = get_logger(__name__)

BLOCK = 2048
"""Keys that are allocated at once. A process that ends wastes the rest of its block: some 160 kB of a table."""
_REFILL_BELOW = BLOCK // 2
_RETRY_AFTER_S = 1.0
REMEMBERED_S = 10.0
"""How long a key is remembered. Other processes can read an erased person for this long after the key was destroyed."""
MOST_REMEMBERED = 10_000
_LOCK_TIMEOUT_MS = 5_000
CARRIED_AT_ONCE = 1000
"""Keys that are carried over in one transaction."""


class KeyMissingError(ProblemError):
    """A row names a key that the keys database has never heard of: it was lost, or restored from an older backup."""

    slug: ClassVar[str] = "keys-missing"
    status: ClassVar[int] = 503
    title: ClassVar[Text] = Text(
        "Kunci data pribadi tidak ditemukan; hubungi pengelola sistem",
        "The key of this personal data is missing; tell the operator",
    )


class SubjectKey(NamedTuple):
    """A key by its id, ready to seal and open."""

    key_id: int
    cipher: AESGCM


def subject_key(key_id: int, key: bytes) -> SubjectKey:
    """The key of that id, 32 bytes, ready for use."""
    return SubjectKey(key_id, AESGCM(key))


@contextmanager
def _failures_counted() -> Iterator[None]:
    try:
        yield
    except DATABASE_DOWN:
        metrics.KEYS_FAILURES.inc()
        raise


class KeysOf(NamedTuple):
    """The keys that were made or are kept under one key-encryption key. Times of allocation in UTC."""

    kek: str
    is_set: str
    keys: int
    destroyed: int
    first: datetime
    last: datetime


def _missing(count: int, **facts: object) -> KeyMissingError:
    metrics.KEYS_MISSING.inc(count)
    log.error("subject keys are missing", count=count, **facts)
    return KeyMissingError()


class KeyRing:
    """The subject keys of one service."""

    def __init__(
        self,
        url: str,
        key_encryption_keys: KeyEncryptionKeys,
        *,
        clock: Clock | None = None,
        block: int = BLOCK,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = Database(url, pool_size=4, pool="keys", clock=clock or SystemClock())
        self._key_encryption_keys = key_encryption_keys
        self._block = block
        self._free: list[tuple[int, bytes]] = []
        self._refilling: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._monotonic = monotonic
        self._remembered: dict[int, tuple[float, SubjectKey | None]] = {}

    async def take(self, count: int) -> list[SubjectKey]:
        """Keys that nobody else was given. Their salts are durable; a key that stays unused is simply wasted.

        Raises:
            psycopg.Error: the block in memory is used up and the keys database is away.
        """
        while len(self._free) < count:
            await asyncio.shield(self._refill())
        taken = [self._ready(*self._free.pop()) for _ in range(count)]
        metrics.KEYS_AHEAD.set(len(self._free))
        if len(self._free) < min(_REFILL_BELOW, self._block // 2) and self._monotonic() >= self._not_before:
            self._refill().add_done_callback(self._note_refill)
        return taken

    async def find(self, key_ids: Collection[int]) -> Mapping[int, SubjectKey | None]:
        """The keys of these ids; None for one that was destroyed.

        Raises:
            KeyMissingError: there was never such a key. psycopg.Error: the keys database is away.
        """
        now = self._monotonic()
        found: dict[int, SubjectKey | None] = {}
        unknown = []
        for key_id in set(key_ids):
            until, key = self._remembered.get(key_id, (0.0, None))
            if until > now:
                found[key_id] = key
            else:
                unknown.append(key_id)
        if unknown:
            with _failures_counted():
                async with self._database.read() as session:
                    rows = await session.rows(key_table.FIND, {"key_ids": sorted(unknown)})
            for key_id, kek, made_of in rows:
                found[key_id] = None if made_of is None else self._made(key_id, StoredKey(kek, made_of))
                self._remember(key_id, found[key_id])
            if len(rows) < len(unknown):
                missing = sorted(set(unknown) - {row.key_id for row in rows})
                raise _missing(len(missing), key_ids=missing[:20])
        return found

    def _made(self, key_id: int, stored: StoredKey) -> SubjectKey:
        try:
            return subject_key(key_id, self._key_encryption_keys.key(key_id, stored))
        except UnknownKeyEncryptionKeyError as error:
            raise _missing(1, key_ids=[key_id], why=str(error)) from error

    async def carry_over(self, *, at_once: int = CARRIED_AT_ONCE) -> int:
        """Keep all keys under today's key-encryption key; gives how many were not. May be stopped and begun again.

        What was sealed stays as it is. Once it has ended, and no process runs on an older key-encryption key alone,
        the older ones open nothing that the live keys database has.

        Raises:
            KeyMissingError: keys were made under a key-encryption key that is not set. psycopg.Error.
        """
        carried = after = 0
        current = self._key_encryption_keys.current.name
        while True:
            with _failures_counted():
                async with self._database.unit_of_work() as work:
                    values = {"after": after, "kek": current, "most": at_once}
                    rows = await work.connection.rows(key_table.NOT_CARRIED_OVER, values)
                    if not rows:
                        break
                    new = {row.key_id: self._carried_over(*row) for row in rows}
                    values = {"kek": current, "key_ids": list(new), "made_of": list(new.values())}
                    await work.connection.run(key_table.CARRY_OVER, values)
                    await work.commit()
            after = rows[-1].key_id
            carried += len(rows)
        if carried:
            await self._overwrite()
        return carried

    def _carried_over(self, key_id: int, kek: bytes, made_of: bytes) -> bytes:
        try:
            return self._key_encryption_keys.carried_over(key_id, StoredKey(kek, made_of)).made_of
        except UnknownKeyEncryptionKeyError as error:
            raise _missing(1, key_ids=[key_id], why=str(error)) from error

    async def counts(self) -> Sequence[KeysOf]:
        """How many keys there are of each key-encryption key. Raises psycopg.Error."""
        async with self._database.read() as session:
            rows = await session.rows(key_table.COUNTS)
        names = self._key_encryption_keys
        return [
            KeysOf(
                kek=row.kek.hex(),
                is_set="today's" if row.kek == names.current.name else "yes" if names.knows(row.kek) else "no",
                keys=row.keys,
                destroyed=row.destroyed,
                first=row.first,
                last=row.last,
            )
            for row in rows
        ]

    async def destroy(self, key_ids: Iterable[int]) -> int:
        """Remove the salts for ever, and what the live table's file held of them; gives how many were there.

        It may be repeated. Copies of the keys database that were taken before stay what they are: see
        docs/how-to/back-up-keys.md for how long they may be kept.

        Raises:
            psycopg.Error: the keys database is away; or the salts are gone and the file could not be written anew.
        """
        wanted = sorted(set(key_ids))
        for key_id in wanted:
            self._remembered.pop(key_id, None)
        with _failures_counted():
            async with self._database.statement() as connection:
                gone = await connection.run(key_table.DESTROY, {"key_ids": wanted, "at": self._now()})
        if gone:
            metrics.KEYS_DESTROYED.inc(gone)
            await self._overwrite()
        return gone

    async def _overwrite(self) -> None:
        async with self._database.statement() as connection:
            await connection.run(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}")
            try:
                await connection.run(key_table.OVERWRITE)
            finally:
                await connection.run("SET lock_timeout = 0")

    async def close(self) -> None:
        """Close the connections."""
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.gather(self._refilling, return_exceptions=True)
        await self._database.close()

    def _ready(self, key_id: int, salt: bytes) -> SubjectKey:
        key = subject_key(key_id, self._key_encryption_keys.current.derive(salt))
        # Who asks for a new case's people does so within a moment.
        self._remember(key_id, key)
        return key

    def _remember(self, key_id: int, key: SubjectKey | None) -> None:
        self._remembered[key_id] = (self._monotonic() + REMEMBERED_S, key)
        if len(self._remembered) > MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    def _refill(self) -> asyncio.Task[None]:
        if self._refilling is None or self._refilling.done():
            self._not_before = self._monotonic() + _RETRY_AFTER_S
            self._refilling = asyncio.create_task(self._allocate())
        return self._refilling

    async def _allocate(self) -> None:
        kek = self._key_encryption_keys.current.name
        values = {"kek": kek, "salts": key_table.new_salts(self._block), "at": self._now()}
        with _failures_counted():
            async with self._database.statement() as connection:
                rows = await connection.rows(key_table.ALLOCATE, values)
        self._free = [(row.key_id, row.made_of) for row in rows] + self._free
        self._not_before = 0.0
        metrics.KEYS_AHEAD.set(len(self._free))

    @staticmethod
    def _note_refill(task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, DATABASE_DOWN):
            log.error("allocating keys failed", error=type(error).__name__)
            return
        log.warning("keys database is away; the block in memory is used", error=type(error).__name__)

    def _now(self) -> datetime:
        return self._database.clock.now()
