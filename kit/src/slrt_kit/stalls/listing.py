"""List what is held up, oldest first, as far as its caller may see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from slrt_contracts.codes import StallKind
from slrt_kit.db import Connection
from slrt_kit.stalls.model import Stall


@dataclass(frozen=True, slots=True, kw_only=True)
class StallPage:
    """Which of them are asked for: so many, after the place (found at, stall) of the last one that is known."""

    limit: int
    after: tuple[datetime, UUID] | None = None
    kind: StallKind | None = None
    district: str | None = None


async def list_of(
    connection: Connection,
    asked: StallPage,
    *,
    joined: str,
    condition: str,
    values: Mapping[str, Any],
) -> list[Stall]:
    """The stalls that last, by when they were found; ``joined`` and ``condition`` are SQL on a row ``s`` of them."""
    conditions, given = ["s.ended_at IS NULL", condition], {**values, "limit": asked.limit}
    if asked.kind is not None:
        conditions.append("s.kind = %(kind)s")
        given["kind"] = asked.kind
    if asked.district is not None:
        conditions.append("s.region = %(district)s")
        given["district"] = asked.district
    if asked.after is not None:
        conditions.append("(s.found_at, s.stall_id) > (%(after_at)s, %(after_id)s)")
        given |= {"after_at": asked.after[0], "after_id": asked.after[1]}
    query = (
        f"SELECT s.* FROM stalls s {joined} WHERE {' AND '.join(conditions)} "  # noqa: S608 — fixed texts
        "ORDER BY s.found_at, s.stall_id LIMIT %(limit)s"
    )
    return [Stall.of_row(row) for row in await connection.rows(query, given)]
