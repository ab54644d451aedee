"""Keep what the outside world received: once each, with a count of how often it came."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS received (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,            -- mail, message or notice
    key TEXT NOT NULL,             -- Message-ID, Idempotency-Key, or office and webhook-id
    address TEXT NOT NULL,         -- recipient or office
    at TEXT NOT NULL,              -- first arrival
    seen INTEGER NOT NULL DEFAULT 1,
    body TEXT NOT NULL,
    UNIQUE (kind, key)
)
"""


@dataclass(frozen=True)
class Entry:
    """Something received; ``seen`` counts its arrivals, 1 is what exactly-once looks like."""

    number: int
    kind: str
    key: str
    address: str
    at: str
    seen: int
    body: dict[str, Any]


class Journal:
    """A table in one SQLite file; survives restarts, so that a repeat after one is still known as a repeat."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_SCHEMA)

    def add(self, kind: str, key: str, address: str, body: dict[str, Any], *, now: datetime) -> Entry:
        """Keep it, or count it once more when ``kind`` and ``key`` are known; the first body stays."""
        self._db.execute(
            "INSERT INTO received (kind, key, address, at, body) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (kind, key) DO UPDATE SET seen = seen + 1",
            (kind, key, address, now.isoformat(), json.dumps(body, ensure_ascii=False)),
        )
        entry = self.find(kind, key)
        if entry is None:
            raise RuntimeError("the journal lost a row it just wrote")
        return entry

    def find(self, kind: str, key: str) -> Entry | None:
        """The entry, if there is one."""
        return next(iter(self._query("kind = ? AND key = ?", (kind, key))), None)

    def all(self, kind: str, *, address: str | None = None, limit: int = 500) -> list[Entry]:
        """The newest first, at most ``limit``, of one recipient or office if given."""
        if address is None:
            return self._query("kind = ?", (kind,), limit=limit)
        return self._query("kind = ? AND address = ?", (kind, address), limit=limit)

    def one(self, number: int) -> Entry | None:
        """The entry with that number."""
        return next(iter(self._query("number = ?", (number,))), None)

    def counts(self) -> dict[str, dict[str, int]]:
        """Per kind: distinct entries, and arrivals beyond the first."""
        rows = self._db.execute("SELECT kind, count(*), sum(seen - 1) FROM received GROUP BY kind ORDER BY kind")
        return {kind: {"distinct": distinct, "repeated": repeated} for kind, distinct, repeated in rows}

    def _query(self, where: str, values: tuple[Any, ...], *, limit: int = 1) -> list[Entry]:
        rows = self._db.execute(
            f"SELECT number, kind, key, address, at, seen, body FROM received WHERE {where} "  # noqa: S608 — constants
            "ORDER BY number DESC LIMIT ?",
            (*values, limit),
        )
        return [
            Entry(number, kind, key, address, at, seen, json.loads(body))
            for number, kind, key, address, at, seen, body in rows
        ]

    def close(self) -> None:
        """Close the file."""
        self._db.close()
