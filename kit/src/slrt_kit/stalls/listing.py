"""List what is held up, oldest first, as far as its caller may see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.codes import StallKind
from slrt_kit.db import Connection
from slrt_kit.stalls.model import Stall


@dataclass(frozen=True, slots=True)
class StallFilter:
    """Which of them are asked for."""

    kind: StallKind | None = None
    district: str | None = None


async def list_of(
    connection: Connection,
    asked: StallFilter,
    *,
    joined: str,
    condition: str,
    values: Mapping[str, Any],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Stall]:
    """The stalls that last, by when they were found; ``joined`` and ``condition`` are SQL on a row ``s`` of them."""
    conditions, given = ["s.ended_at IS NULL", condition], {**values, "limit": limit}
    if asked.kind is not None:
        conditions.append("s.kind = %(kind)s")
        given["kind"] = asked.kind
    if asked.district is not None:
        conditions.append("s.region = %(district)s")
        given["district"] = asked.district
    if after is not None:
        conditions.append("(s.found_at, s.stall_id) > (%(after_at)s, %(after_id)s)")
        given |= {"after_at": after[0], "after_id": after[1]}
    query = (
        f"SELECT s.* FROM stalls s {joined} WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed texts
        "ORDER BY s.found_at, s.stall_id LIMIT %(limit)s"
    )
    return [Stall.of_row(row) for row in await connection.rows(query, given)]
