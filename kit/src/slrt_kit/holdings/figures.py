"""Add up who held what for how long in a month, and leave out numbers so small that they point at somebody."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from slrt_kit.db import Connection
from slrt_kit.holdings.model import Month
from slrt_kit.suppression import suppressed

_TIMES = """
    SELECT {cell} AS cell, count(DISTINCT h.held_id) AS held,
           sum(least(coalesce(h.until, %(now)s), %(month_end)s) - greatest(h.since, %(month_start)s)) AS lasted
    FROM holdings h {joined}
    WHERE h.since < least(%(now)s, %(month_end)s)
      AND (h.until IS NULL OR h.until > %(month_start)s AND h.until > h.since) AND {condition}
    GROUP BY 1 ORDER BY 1
    """


class HoldingTime(NamedTuple):
    """How many whole minutes one kind of holder had things in a month, and how many; None where that is not shown."""

    cell: str
    minutes: int | None
    held: int | None


async def holding_times(
    connection: Connection,
    month: Month,
    *,
    cell: str,
    joined: str,
    condition: str,
    values: Mapping[str, object],
    now: datetime,
) -> Sequence[HoldingTime]:
    """The part of each holding that lies in the month, up to ``now`` (UTC), added up by ``cell``.

    ``cell``, ``joined`` and ``condition`` are SQL of the service over a row ``h`` of holdings; what gives no cell
    (NULL) is left out.
    """
    query = _TIMES.format(cell=cell, joined=joined, condition=f"{condition} AND {cell} IS NOT NULL")
    rows = await connection.rows(query, {**values, "now": now, "month_start": month.start, "month_end": month.end})
    shown = suppressed({row.cell: row.held for row in rows})
    return [
        HoldingTime(
            row.cell, None if shown[row.cell] is None else int(row.lasted.total_seconds() // 60), shown[row.cell]
        )
        for row in rows
    ]
