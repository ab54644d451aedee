"""Keep emergency accesses; saves by version compare-and-set and writes the events beside."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from slrt_contracts.types import AccessId
from slrt_intake.domain.emergency import EmergencyAccess
from slrt_intake.store.sealed import EMERGENCIES
from slrt_intake.store.timeline import publish
from slrt_intake.store.visibility import within_area
from slrt_kit.access import Scope
from slrt_kit.db import Connection, Row, StaleVersionError, UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import ERASED, SealedRow, Vault
from slrt_kit.problems import ErasedError

_COLUMNS = (
    "e.access_id, e.version, e.event_sequence, e.case_id, e.opened_by, e.sealed, e.opened_at, e.ends_at, "
    "e.reviewed_by, e.reviewed_at, e.justified, cases.key_id"
)


class EmergencyStore:
    """The emergency accesses of one unit of work."""

    def __init__(self, work: UnitOfWork, outbox: Outbox, vault: Vault) -> None:
        self._work = work
        self._outbox = outbox
        self._vault = vault

    async def add(self, access: EmergencyAccess) -> None:
        """Insert a new one. Its reason, which may name people, is sealed under the key of its case.

        Raises:
            ErasedError: the case's key was destroyed.
        """
        key_id = await self._work.connection.value(
            "SELECT key_id FROM cases WHERE case_id = %(case_id)s", {"case_id": access.case_id}
        )
        key = None if key_id is None else (await self._vault.keys.find([key_id]))[key_id]
        if key is None:
            raise ErasedError
        sealed = self._vault.seal(key, {"reason": access.reason}, table=EMERGENCIES, row=access.access_id)
        await self._work.connection.run(
            "INSERT INTO emergency_accesses (access_id, version, event_sequence, case_id, opened_by, sealed, "
            "opened_at, ends_at) VALUES (%(access_id)s, 1, %(event_sequence)s, %(case_id)s, %(opened_by)s, "
            "%(sealed)s, %(opened_at)s, %(ends_at)s)",
            _values(access) | {"sealed": sealed},
        )
        self._publish(access)

    async def save(self, access: EmergencyAccess) -> None:
        """Write what its review found.

        Raises:
            StaleVersionError: somebody else saved it since it was loaded.
        """
        written = await self._work.connection.run(
            "UPDATE emergency_accesses SET version = version + 1, event_sequence = %(event_sequence)s, "
            "reviewed_by = %(reviewed_by)s, reviewed_at = %(reviewed_at)s, justified = %(justified)s "
            "WHERE access_id = %(access_id)s AND version = %(version)s",
            _values(access),
        )
        if written != 1:
            raise StaleVersionError
        self._publish(access)

    async def get_within(self, access_id: AccessId, scope: Scope) -> EmergencyAccess | None:
        """The one of that id, when its case is of the scope's region."""
        condition, values = within_area(scope)
        row = await self._work.connection.row(
            f"SELECT {_COLUMNS} FROM emergency_accesses e JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
            f"WHERE e.access_id = %(access_id)s AND {condition}",
            values | {"access_id": access_id},
        )
        return None if row is None else (await _opened(self._vault, [row]))[0]

    def _publish(self, access: EmergencyAccess) -> None:
        publish(self._work, self._outbox, access.raised)
        access.mark_saved()


async def to_review(
    connection: Connection, vault: Vault, scope: Scope, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[EmergencyAccess]:
    """Those that wait for their review, of cases of the scope's region, oldest first, after the given position."""
    condition, values = within_area(scope)
    conditions = ["e.reviewed_at IS NULL", condition]
    values["limit"] = limit
    if after is not None:
        conditions.append("(e.opened_at, e.access_id) > (%(after_at)s, %(after_id)s)")
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM emergency_accesses e JOIN cases USING (case_id) "  # noqa: S608 — fixed texts
        f"WHERE {' AND '.join(conditions)} ORDER BY e.opened_at, e.access_id LIMIT %(limit)s",
        values,
    )
    return await _opened(vault, rows)


async def _opened(vault: Vault, rows: Sequence[Row]) -> list[EmergencyAccess]:
    """With their reasons; an erased one has none."""
    reasons = await vault.unseal([SealedRow(row.key_id, row.sealed, row.access_id) for row in rows], table=EMERGENCIES)
    found = []
    for row, opened in zip(rows, reasons, strict=True):
        values = row._asdict()
        del values["key_id"], values["sealed"]
        found.append(EmergencyAccess(**values, reason=None if opened is ERASED else opened["reason"]))
    return found


def _values(access: EmergencyAccess) -> dict[str, object]:
    return {
        "access_id": access.access_id,
        "version": access.version,
        "event_sequence": access.event_sequence,
        "case_id": access.case_id,
        "opened_by": access.opened_by,
        "opened_at": access.opened_at,
        "ends_at": access.ends_at,
        "reviewed_by": access.reviewed_by,
        "reviewed_at": access.reviewed_at,
        "justified": access.justified,
    }
