"""Keep the requests for more time: who asked, and what somebody else said to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from slrt_contracts.codes import ClockExtensionReason
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.db import Connection, Row

APPROVED, REFUSED = "approved", "refused"
_COLUMNS: Final = "extension_id, clock_id, unit, count, reason, asked_by, asked_at, verdict, decided_by, decided_at"
_ADD: Final = """
    INSERT INTO clock_extensions (extension_id, clock_id, unit, count, reason, asked_by, asked_at)
    VALUES (%(extension_id)s, %(clock_id)s, %(unit)s, %(count)s, %(reason)s, %(asked_by)s, %(asked_at)s)
    """
_DECIDE: Final = """
    UPDATE clock_extensions SET verdict = %(verdict)s, decided_by = %(by)s, decided_at = %(at)s
    WHERE extension_id = %(extension_id)s
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRequest:
    """More time for a clock, as it was asked for. ``verdict`` is None until somebody has decided. Times in UTC."""

    extension_id: UUID
    clock_id: UUID
    length: Length
    reason: ClockExtensionReason
    asked_by: str
    asked_at: datetime
    verdict: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


class ExtensionStore:
    """The requests of one connection. Whoever changes them holds their clock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, request: ExtensionRequest) -> None:
        """Keep a new request, with the next statement."""
        values = {
            "extension_id": request.extension_id,
            "clock_id": request.clock_id,
            "unit": request.length.unit,
            "count": request.length.count,
            "reason": request.reason,
            "asked_by": request.asked_by,
            "asked_at": request.asked_at,
        }
        self._connection.defer(_ADD, values)

    def decide(self, extension_id: UUID, verdict: str, *, by: str, at: datetime) -> None:
        """Note what was said to it, with the next statement."""
        self._connection.defer(_DECIDE, {"extension_id": extension_id, "verdict": verdict, "by": by, "at": at})

    async def of_clock(self, clock_id: UUID) -> Sequence[ExtensionRequest]:
        """The requests for a clock, oldest first."""
        query = f"SELECT {_COLUMNS} FROM clock_extensions WHERE clock_id = %(clock_id)s ORDER BY asked_at"  # noqa: S608
        return [_request(row) for row in await self._connection.rows(query, {"clock_id": clock_id})]


def _request(row: Row) -> ExtensionRequest:
    return ExtensionRequest(
        extension_id=row.extension_id,
        clock_id=row.clock_id,
        length=Length(Unit(row.unit), row.count),
        reason=ClockExtensionReason(row.reason),
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        verdict=row.verdict,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )
