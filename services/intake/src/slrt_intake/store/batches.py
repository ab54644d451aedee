"""Keep files of paper forms: which rows of a file are registered as which case, and why the others are not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from slrt_intake.store.sql import as_json
from slrt_kit.db import Connection, UnitOfWork
from slrt_kit.privacy import Vault

_FILE = "file of paper forms"


class Batch(NamedTuple):
    """A file. ``finished_at`` is None while rows of it are left to register."""

    batch_id: UUID
    made_at: datetime
    finished_at: datetime | None
    rows: int
    registered: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """What became of a row. ``wrong`` holds a column and a code each, ``doubts`` are warnings."""

    row: int
    form_number: str | None
    case_id: UUID | None
    wrong: Sequence[dict[str, str]]
    doubts: Sequence[str]


_BATCH = """
    SELECT batch_id, made_at, finished_at, rows,
           (SELECT count(*) FROM batch_rows r WHERE r.batch_id = b.batch_id AND r.case_id IS NOT NULL) AS registered,
           (SELECT count(*) FROM batch_rows r WHERE r.batch_id = b.batch_id AND r.case_id IS NULL) AS refused
    FROM batches b WHERE made_by = %(made_by)s AND
    """


def file_check(vault: Vault, content: bytes) -> bytes:
    """By what a file is known when it comes again."""
    return vault.blind.of(_FILE, content.hex())


class BatchStore:
    """The files of one officer, in one unit of work."""

    def __init__(self, work: UnitOfWork, made_by: str) -> None:
        self._work = work
        self._made_by = made_by

    async def begin(self, batch_id: UUID, check: bytes, *, rows: int) -> UUID:
        """The file's id: the one that it got when it came before, or ``batch_id``."""
        return UUID(
            str(
                await self._work.connection.value(
                    "INSERT INTO batches (batch_id, made_by, file_check, made_at, rows) "
                    "VALUES (%(batch_id)s, %(made_by)s, %(check)s, %(at)s, %(rows)s) "
                    "ON CONFLICT (made_by, file_check) DO UPDATE SET rows = EXCLUDED.rows RETURNING batch_id",
                    {
                        "batch_id": batch_id,
                        "made_by": self._made_by,
                        "check": check,
                        "at": self._work.clock.now(),
                        "rows": rows,
                    },
                )
            )
        )

    async def rows_done(self, batch_id: UUID, rows: Sequence[int]) -> set[int]:
        """Which of the rows have their outcome; until this unit of work ends nobody else adds any."""
        connection = self._work.connection
        await connection.run("SELECT 1 FROM batches WHERE batch_id = %(id)s FOR UPDATE", {"id": batch_id})
        return set(
            await connection.values(
                "SELECT row FROM batch_rows WHERE batch_id = %(id)s AND row = ANY(%(rows)s)",
                {"id": batch_id, "rows": list(rows)},
            )
        )

    def add_rows(self, batch_id: UUID, rows: Iterable[BatchRow]) -> None:
        """Note what became of rows."""
        self._work.connection.defer(
            "INSERT INTO batch_rows (batch_id, row, form_number, case_id, wrong, doubts, noted_at) "
            "SELECT %(batch_id)s, row, form_number, case_id, wrong, doubts, %(now)s "
            "FROM jsonb_populate_recordset(NULL::batch_rows, %(rows)s::jsonb)",
            {"batch_id": batch_id, "rows": as_json([_row_values(row) for row in rows]), "now": self._work.clock.now()},
        )

    async def finish(self, batch_id: UUID) -> Batch:
        """Every row has its outcome."""
        await self._work.connection.run(
            "UPDATE batches SET finished_at = coalesce(finished_at, %(at)s) WHERE batch_id = %(id)s",
            {"id": batch_id, "at": self._work.clock.now()},
        )
        found = await get_batch(self._work.connection, batch_id, self._made_by)
        if found is None:
            raise RuntimeError("a file of paper forms was finished and is not there")
        return found


async def get_batch(connection: Connection, batch_id: UUID, made_by: str) -> Batch | None:
    """A file of that officer's own."""
    row = await connection.row(f"{_BATCH} batch_id = %(id)s", {"id": batch_id, "made_by": made_by})
    return None if row is None else Batch(*row)


async def batch_rows(connection: Connection, batch_id: UUID, *, after: int, limit: int) -> list[tuple[Any, ...]]:
    """What became of the rows, in the file's order, after the given one; with the ticket of each case."""
    return [
        tuple(row)
        for row in await connection.rows(
            "SELECT r.row, r.form_number, r.case_id, c.ticket_number, r.wrong, r.doubts, "
            "NOT r.doubts @> '[\"phone:missing\"]' AS has_phone "
            "FROM batch_rows r LEFT JOIN cases c USING (case_id) "
            "WHERE r.batch_id = %(id)s AND r.row > %(after)s ORDER BY r.row LIMIT %(limit)s",
            {"id": batch_id, "after": after, "limit": limit},
        )
    ]


def _row_values(row: BatchRow) -> dict[str, object]:
    return {
        "row": row.row,
        "form_number": row.form_number,
        "case_id": row.case_id,
        "wrong": list(row.wrong),
        "doubts": list(row.doubts),
    }
