"""Keep requests for exports; the reason, which may name people, sealed under a key of each request."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.codes import NeedCode
from slrt_intake.domain.export import Export, ExportFilter, ExportState
from slrt_intake.domain.export_columns import ExportColumn
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.store.sealed import EXPORTS
from slrt_intake.store.sql import as_json
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.scoped import in_region

_COLUMNS = (
    "export_id, version, requested_by, region_code, purpose, filters, columns, unmasked, key_id, sealed, requested_at, "
    "state, decided_by, decided_at, fetches"
)


class ExportStore:
    """The requests of one unit of work (keeps the promises of `ports.Exports`)."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def add(self, export: Export) -> None:
        """Insert a new one."""
        (key,) = await self._vault.keys.take(1)
        sealed = self._vault.seal(key, {"reason": export.reason}, table=EXPORTS, row=export.export_id)
        await self._work.connection.run(
            f"INSERT INTO exports ({_COLUMNS}) VALUES (%(export_id)s, 1, %(requested_by)s, %(region)s, %(purpose)s, "  # noqa: S608
            "CAST(%(filters)s AS jsonb), %(columns)s, %(unmasked)s, %(key_id)s, %(sealed)s, %(requested_at)s, "
            "%(state)s, NULL, NULL, 0)",
            {
                "export_id": export.export_id,
                "requested_by": export.requested_by,
                "region": export.region,
                "purpose": export.purpose,
                "filters": as_json(export.filters),
                "columns": list(export.columns),
                "unmasked": list(export.unmasked),
                "key_id": key.key_id,
                "sealed": sealed,
                "requested_at": export.requested_at,
                "state": export.state,
            },
        )
        export.version = 1

    async def save(self, export: Export) -> None:
        """Write a decision or a download.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        written = await self._work.connection.run(
            "UPDATE exports SET version = version + 1, state = %(state)s, decided_by = %(by)s, decided_at = %(at)s, "
            "fetches = %(fetches)s WHERE export_id = %(export_id)s AND version = %(version)s",
            {
                "export_id": export.export_id,
                "version": export.version,
                "state": export.state,
                "by": export.decided_by,
                "at": export.decided_at,
                "fetches": export.fetches,
            },
        )
        if written != 1:
            raise StaleVersionError
        export.version += 1

    async def get_own(self, export_id: UUID, subject: str) -> Export | None:
        """What somebody asked for."""
        return await self._one(
            "export_id = %(export_id)s AND requested_by = %(subject)s", {"export_id": export_id, "subject": subject}
        )

    async def get_within(self, export_id: UUID, scope: Scope) -> Export | None:
        """What was asked for in a region that the scope covers as a whole."""
        condition, values = in_region(scope, "region_code")
        return await self._one(f"export_id = %(export_id)s AND {condition}", values | {"export_id": export_id})

    async def _one(self, condition: str, values: Mapping[str, Any]) -> Export | None:
        row = await self._work.connection.row(f"SELECT {_COLUMNS} FROM exports WHERE {condition}", values)  # noqa: S608
        return None if row is None else (await _opened(self._vault, [row]))[0]


async def waiting(
    connection: Connection, vault: Vault, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Export]:
    """Those that nobody has decided, of regions inside the scope, oldest first, after the given position."""
    condition, values = in_region(scope, "region_code")
    conditions = ["state = 'requested'", condition]
    values["limit"] = limit
    if after is not None:
        conditions.append("(requested_at, export_id) > (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM exports WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed texts
        "ORDER BY requested_at, export_id LIMIT %(limit)s",
        values,
    )
    return await _opened(vault, rows)


async def _opened(vault: Vault, rows: Sequence[Row]) -> list[Export]:
    reasons = await vault.unseal([SealedRow(row.key_id, row.sealed, row.export_id) for row in rows], table=EXPORTS)
    return [
        Export(
            version=row.version,
            export_id=row.export_id,
            requested_by=row.requested_by,
            region=row.region_code,
            purpose=row.purpose,
            reason=None if opened is ERASED else opened["reason"],
            filters=_filter(row.filters),
            columns=[ExportColumn(column) for column in row.columns],
            unmasked=[ExportColumn(column) for column in row.unmasked],
            requested_at=row.requested_at,
            state=ExportState(row.state),
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            fetches=row.fetches,
            key_id=row.key_id,
        )
        for row, opened in zip(rows, reasons, strict=True)
    ]


def _filter(kept: Mapping[str, Any]) -> ExportFilter:
    def moment(name: str) -> datetime | None:
        return None if kept[name] is None else datetime.fromisoformat(kept[name])

    return ExportFilter(
        statuses=[CaseStatus(status) for status in kept["statuses"]],
        need_codes=[NeedCode(code) for code in kept["need_codes"]],
        village_code=kept["village_code"],
        registered_from=moment("registered_from"),
        registered_before=moment("registered_before"),
    )
