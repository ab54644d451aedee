"""Hand out subject keys that were allocated ahead, find those of rows, and destroy them.

A subject's key is HMAC-SHA256(key-encryption key, salt). The salt alone opens nothing, nor does the key-encryption key
without it: so whoever destroys a salt makes everything that was sealed under it unreadable, in every copy.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slrt_kit import metrics
from slrt_kit.clock import Clock, SystemClock
from slrt_kit.db import DATABASE_DOWN, Database
from slrt_kit.logs import get_logger
from slrt_kit.privacy import key_table
from slrt_kit.privacy.mac import Mac
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


def subject_key(key_encryption_key: bytes, key_id: int, salt: bytes) -> SubjectKey:
    """The key of that salt."""
    return SubjectKey(key_id, AESGCM(_mac_of(key_encryption_key)(salt)))


@lru_cache(maxsize=8)
def _mac_of(key_encryption_key: bytes) -> Mac:
    return Mac(key_encryption_key)


@contextmanager
def _failures_counted() -> Iterator[None]:
    try:
        yield
    except DATABASE_DOWN:
        metrics.KEYS_FAILURES.inc()
        raise


class KeyRing:
    """The subject keys of one service."""

    def __init__(
        self,
        url: str,
        key_encryption_key: bytes,
        *,
        clock: Clock | None = None,
        block: int = BLOCK,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = Database(url, pool_size=4, pool="keys", clock=clock or SystemClock())
        self._key_encryption_key = key_encryption_key
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
            for key_id, salt in rows:
                found[key_id] = None if salt is None else subject_key(self._key_encryption_key, key_id, salt)
                self._remember(key_id, found[key_id])
            if len(rows) < len(unknown):
                missing = sorted(set(unknown) - {row.key_id for row in rows})
                metrics.KEYS_MISSING.inc(len(missing))
                log.error("subject keys are missing", key_ids=missing[:20], count=len(missing))
                raise KeyMissingError
        return found

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
        key = subject_key(self._key_encryption_key, key_id, salt)
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
        values = {"salts": key_table.new_salts(self._block), "at": self._now()}
        with _failures_counted():
            async with self._database.statement() as connection:
                rows = await connection.rows(key_table.ALLOCATE, values)
        self._free = [(row.key_id, row.salt) for row in rows] + self._free
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
