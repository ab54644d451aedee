"""Count cases by one thing at a time; those that are kept from most are in no number."""

from enum import StrEnum

from slrt_kit.access import Scope
from slrt_kit.db import Connection
from slrt_kit.scoped import in_region


class CountBy(StrEnum):
    """What cases are counted by."""

    DISTRICT = "district"
    STATUS = "status"
    CHANNEL = "channel"
    NEED_CODE = "need_code"


_CELL = {
    # The first three parts of a village's dotted code are its district.
    CountBy.DISTRICT: "left(cases.village_code, 8)",
    CountBy.STATUS: "cases.status",
    CountBy.CHANNEL: "cases.channel",
    CountBy.NEED_CODE: "n.need_code",
}


async def count_cases(connection: Connection, scope: Scope, *, by: CountBy) -> dict[str, int]:
    """How many cases of the scope's region there are of each kind; by need, a case counts once for each kind."""
    inside, values = in_region(scope, "cases.village_code")
    needs = "JOIN needs n USING (case_id)" if by is CountBy.NEED_CODE else ""
    rows = await connection.rows(
        f"SELECT {_CELL[by]} AS cell, count(DISTINCT cases.case_id) AS cases FROM cases {needs} "  # noqa: S608 — fixed texts
        f"WHERE NOT cases.restricted AND cases.sealed_at IS NULL AND {inside} GROUP BY 1 ORDER BY 1",
        values,
    )
    return {row.cell: row.cases for row in rows}
