"""Keep on the device what was done and is to be done: SQLite, one transaction for each step, safe to kill anywhere.

An item gets its id and its sequence number in the transaction that keeps it, so that no number is left out. It stays
until the server's receipt is kept here, and for some days more.
"""

import base64
import hashlib
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

from slrt_field.ids import uuid7
from slrt_field.sealing import Sealer

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS device (
        one INTEGER PRIMARY KEY CHECK (one = 1), device_id TEXT NOT NULL, key_check BLOB NOT NULL,
        next_sequence INTEGER NOT NULL, registered INTEGER NOT NULL DEFAULT 0, cursor TEXT, full_at INTEGER,
        committed_up_to INTEGER NOT NULL DEFAULT 0, wipe INTEGER NOT NULL DEFAULT 0, synced_at INTEGER
    );
    CREATE TABLE IF NOT EXISTS items (
        item_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, kind TEXT NOT NULL, made_at TEXT NOT NULL,
        sealed BLOB, status TEXT, receipt TEXT, settled_at INTEGER
    );
    CREATE INDEX IF NOT EXISTS items_pending ON items (sequence) WHERE status IS NULL;
    CREATE TABLE IF NOT EXISTS visits (visit_id TEXT PRIMARY KEY, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS photos (
        photo_id TEXT PRIMARY KEY, made_at INTEGER NOT NULL, size INTEGER NOT NULL, sealed BLOB NOT NULL,
        state TEXT NOT NULL, reason TEXT, settled_at INTEGER
    );
    CREATE TABLE IF NOT EXISTS photo_pieces (
        photo_id TEXT NOT NULL REFERENCES photos ON DELETE CASCADE, start INTEGER NOT NULL, sealed BLOB NOT NULL,
        PRIMARY KEY (photo_id, start)
    );
    """
PIECE_BYTES: Final = 64 * 1024
"""Of a picture: on a line that breaks every minute a piece gets through."""
_DAY_MS: Final = 86_400_000
FULL_EVERY_MS: Final = _DAY_MS
"""Once a day everything that is held is fetched anew, and not only what has changed."""
Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Item:
    """Something that was done here. ``status`` and ``receipt`` are the server's, None until it has it."""

    item_id: UUID
    sequence: int
    kind: str
    made_at: str
    payload: Mapping[str, Any] | None
    status: str | None
    receipt: Mapping[str, Any] | None

    def wire(self) -> dict[str, Any]:
        """As it is handed in."""
        return {
            "id": str(self.item_id),
            "sequence": self.sequence,
            "kind": self.kind,
            "made_at": self.made_at,
            "payload": self.payload,
        }


def _system_now() -> datetime:
    return datetime.now(UTC).astimezone()


class FieldStore:
    """The store of one device."""

    def __init__(self, connection: sqlite3.Connection, sealer: Sealer, now: Now) -> None:
        self._connection = connection
        self._sealer = sealer
        self._now = now

    @classmethod
    def open(cls, path: Path, *, key: bytes, now: Now = _system_now) -> Self:
        """The store in that file, made when it is not there. ``key``: 32 bytes; ``now`` is the device's clock (aware).

        Raises:
            WrongKeyError: it was written under another key. sqlite3.Error.
        """
        connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        # What is committed is on the disk: a device loses its battery.
        for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")
        connection.executescript(_SCHEMA)
        store = cls(connection, Sealer(key), now)
        try:
            store._begin()
        except BaseException:
            connection.close()
            raise
        return store

    def _begin(self) -> None:
        with self._transaction() as link:
            row = link.execute("SELECT key_check FROM device").fetchone()
            if row is None:
                values = (str(uuid7()), self._sealer.seal("key", "device"))
                link.execute(
                    "INSERT INTO device (one, device_id, key_check, next_sequence) VALUES (1, ?, ?, 1)", values
                )
            else:
                self._sealer.open(row[0], "device")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # -- what was done ----------------------------------------------------------------------------------------------

    def record(self, kind: str, payload: Mapping[str, Any]) -> Item:
        """Keep something that was done. On return it is on the disk; nothing but a receipt takes it away.

        Raises:
            ValueError: the device is to be wiped. sqlite3.Error: nothing was kept.
        """
        made_at = self._now().isoformat()
        with self._transaction() as link:
            sequence, wipe = link.execute("SELECT next_sequence, wipe FROM device").fetchone()
            if wipe:
                raise ValueError("the device was revoked: nothing more is recorded on it")
            item_id = uuid7()
            sealed = self._sealer.seal(dict(payload), f"items/{item_id}")
            link.execute("UPDATE device SET next_sequence = ?", (sequence + 1,))
            link.execute(
                "INSERT INTO items (item_id, sequence, kind, made_at, sealed) VALUES (?, ?, ?, ?, ?)",
                (str(item_id), sequence, kind, made_at, sealed),
            )
        return Item(item_id, sequence, kind, made_at, dict(payload), None, None)

    def pending(self, most: int) -> list[Item]:
        """What the server has not said to have, oldest first."""
        return self._items("status IS NULL ORDER BY sequence LIMIT ?", most)

    def items(self) -> list[Item]:
        """Everything that is still here, oldest first."""
        return self._items("true ORDER BY sequence")

    def rejected(self) -> list[Item]:
        """What the server did not take, with the reason in each receipt: correct it and record it anew."""
        return self._items("status = 'rejected_with_reason' ORDER BY sequence")

    def waiting(self) -> list[Item]:
        """What the server keeps until another item has come."""
        return self._items("status = 'waiting_for' ORDER BY sequence")

    def settle(self, receipts: Collection[Mapping[str, Any]]) -> None:
        """Keep the server's receipts; whatever they say, the items are safe there."""
        at = self._milliseconds()
        with self._transaction() as link:
            link.executemany(
                "UPDATE items SET status = ?, receipt = ?, settled_at = coalesce(settled_at, ?) WHERE item_id = ?",
                [(each["status"], json.dumps(each), at, str(each["item_id"])) for each in receipts],
            )

    def purge(self, *, days: float) -> int:
        """Forget the items that have had a receipt for so many days; not what was rejected, or waits."""
        before = self._milliseconds() - int(days * _DAY_MS)
        with self._transaction() as link:
            link.execute("DELETE FROM photos WHERE settled_at <= ? AND state = 'done'", (before,))
            return link.execute(
                "DELETE FROM items WHERE settled_at <= ? "
                "AND status IN ('committed', 'already_committed', 'conflict_kept_both')",
                (before,),
            ).rowcount

    def _items(self, condition: str, *values: Any) -> list[Item]:
        rows = self._connection.execute(
            "SELECT item_id, sequence, kind, made_at, sealed, status, receipt FROM items "  # noqa: S608 — fixed texts
            f"WHERE {condition}",
            values,
        )
        return [self._item(row) for row in rows]

    def _item(self, row: Sequence[Any]) -> Item:
        item_id, sequence, kind, made_at, sealed, status, receipt = row
        payload = None if sealed is None else self._sealer.open(sealed, f"items/{item_id}")
        return Item(
            UUID(item_id), sequence, kind, made_at, payload, status, None if receipt is None else json.loads(receipt)
        )

    # -- pictures ---------------------------------------------------------------------------------------------------

    def record_photo(self, content: bytes, *, file_class: str, place: Mapping[str, Any]) -> UUID:
        """Keep a picture; ``place`` is what it belongs to, as of an item (``case_item`` and the like).

        Raises:
            ValueError: it is empty, or the device is to be wiped.
        """
        if not content:
            raise ValueError("the picture is empty")
        photo_id = uuid7()
        said = {**place, "file_class": file_class, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        with self._transaction() as link:
            if link.execute("SELECT wipe FROM device").fetchone()[0]:
                raise ValueError("the device was revoked: nothing more is recorded on it")
            link.execute(
                "INSERT INTO photos (photo_id, made_at, size, sealed, state) VALUES (?, ?, ?, ?, 'kept')",
                (str(photo_id), self._milliseconds(), len(content), self._sealer.seal(said, f"photos/{photo_id}")),
            )
            for start in range(0, len(content), PIECE_BYTES):
                piece = base64.b64encode(content[start : start + PIECE_BYTES]).decode()
                sealed = self._sealer.seal(piece, f"photo_pieces/{photo_id}/{start}")
                link.execute("INSERT INTO photo_pieces VALUES (?, ?, ?)", (str(photo_id), start, sealed))
        return photo_id

    def photos(self, state: str = "kept") -> list[tuple[UUID, dict[str, Any]]]:
        """The pictures in a state (``kept``, ``done``, ``rejected``), each with what the server is told of it."""
        rows = self._connection.execute(
            "SELECT photo_id, sealed FROM photos WHERE state = ? ORDER BY made_at, photo_id", (state,)
        ).fetchall()
        return [(UUID(photo_id), self._sealer.open(sealed, f"photos/{photo_id}")) for photo_id, sealed in rows]

    def photo_piece(self, photo_id: UUID, offset: int) -> bytes:
        """What of a picture comes after an offset: at most `PIECE_BYTES`; nothing at its end."""
        start = offset - offset % PIECE_BYTES
        row = self._connection.execute(
            "SELECT sealed FROM photo_pieces WHERE photo_id = ? AND start = ?", (str(photo_id), start)
        ).fetchone()
        if row is None:
            return b""
        piece = base64.b64decode(self._sealer.open(row[0], f"photo_pieces/{photo_id}/{start}"))
        return piece[offset - start :]

    def end_photo(self, photo_id: UUID, *, state: str, reason: str | None) -> None:
        """The server has it whole (``done``), or will not have it (``rejected``: it stays here, to be looked at)."""
        with self._transaction() as link:
            link.execute(
                "UPDATE photos SET state = ?, reason = ?, settled_at = ? WHERE photo_id = ?",
                (state, reason, self._milliseconds(), str(photo_id)),
            )

    # -- what is to be done -----------------------------------------------------------------------------------------

    def visits(self) -> list[dict[str, Any]]:
        """The visits that this officer holds, as they were last fetched."""
        rows = self._connection.execute("SELECT visit_id, sealed FROM visits ORDER BY visit_id").fetchall()
        return [self._sealer.open(sealed, f"visits/{visit_id}") for visit_id, sealed in rows]

    def known_facts(self, case_id: UUID | str) -> list[str]:
        """The ids of what was known of a case when it was fetched: what is observed anew replaces them."""
        return [
            fact["fact_id"] for visit in self.visits() if visit["case_id"] == str(case_id) for fact in visit["facts"]
        ]

    def keep_assignments(self, found: Mapping[str, Any]) -> None:
        """Keep what was fetched; visits that are not held any more are forgotten."""
        held = [str(each) for each in found["held"]]
        at = self._milliseconds()
        with self._transaction() as link:
            if found["full"]:
                link.execute("UPDATE device SET full_at = ?", (at,))
            for each in found["assignments"]:
                sealed = self._sealer.seal(each, f"visits/{each['visit_id']}")
                link.execute("INSERT OR REPLACE INTO visits VALUES (?, ?)", (each["visit_id"], sealed))
            marks = ", ".join("?" * len(held))
            link.execute(f"DELETE FROM visits WHERE visit_id NOT IN ({marks})", held)  # noqa: S608 — marks alone
            link.execute("UPDATE device SET cursor = ?, synced_at = ?", (found["cursor"], at))

    # -- the device itself ------------------------------------------------------------------------------------------

    @property
    def device_id(self) -> UUID:
        """The id that the device made for itself."""
        return UUID(self._connection.execute("SELECT device_id FROM device").fetchone()[0])

    @property
    def is_registered(self) -> bool:
        """Whether the server has said so."""
        return bool(self._connection.execute("SELECT registered FROM device").fetchone()[0])

    def mark_registered(self) -> None:
        """The server knows the device."""
        self._connection.execute("UPDATE device SET registered = 1")

    @property
    def cursor(self) -> str | None:
        """What to ask with for what has changed; None when everything is due."""
        cursor, full_at = self._connection.execute("SELECT cursor, full_at FROM device").fetchone()
        is_due = full_at is None or not 0 <= self._milliseconds() - full_at < FULL_EVERY_MS
        return None if is_due else cursor

    @property
    def must_wipe(self) -> bool:
        """Whether the server has said to forget everything."""
        return bool(self._connection.execute("SELECT wipe FROM device").fetchone()[0])

    def note_exchange(self, said: Mapping[str, Any]) -> None:
        """Keep what every exchange says: the order survives whatever happens next.

        A server that has everything up to a lower number than it had before was restored from a backup: what it has
        forgotten is handed in again. A device that was restored itself goes on where the server stands.
        """
        upto, wipe = int(said["committed_up_to"]), int(said["order"] == "wipe")
        with self._transaction() as link:
            (before,) = link.execute("SELECT committed_up_to FROM device").fetchone()
            if upto < before:
                link.execute("UPDATE items SET status = NULL, receipt = NULL WHERE sequence > ?", (upto,))
            link.execute(
                "UPDATE device SET committed_up_to = ?, wipe = max(wipe, ?), next_sequence = max(next_sequence, ?)",
                (upto, wipe, upto + 1),
            )

    def wipe(self) -> None:
        """Forget every item and every visit. What is left says which device it was."""
        with self._transaction() as link:
            link.execute("DELETE FROM items")
            link.execute("DELETE FROM visits")
            link.execute("DELETE FROM photos")
            link.execute("UPDATE device SET cursor = NULL, full_at = NULL")
        # With secure_delete the pages are overwritten; the log that still has them goes.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.execute("VACUUM")

    def now(self) -> datetime:
        """What the device's clock says."""
        return self._now()

    def _milliseconds(self) -> int:
        return int(self._now().timestamp() * 1000)
