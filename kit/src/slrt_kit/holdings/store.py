"""Keep the ledger: one statement ends who had it and begins who has it now, at one instant."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from slrt_kit.db import Connection
from slrt_kit.holdings.model import Holder, HolderKind, Holding

# Who should have each, by the state of the service's tables (`due`), against who has it by the ledger. A pause outlasts
# what happens meanwhile: it ends when somebody resumes, or with the whole.
_FOLLOW = """
    WITH asked AS (
        SELECT held_id, at FROM unnest(CAST(%(held_ids)s AS uuid[]), CAST(%(ats)s AS timestamptz[])) AS a(held_id, at)
    ), due AS (
        {due}
    ), wanted AS (
        SELECT h.held_id, h.sequence, greatest(h.since, a.at) AS at, d.district_code,
               CASE WHEN a.at < h.since THEN a.at END AS happened_at,
               CASE WHEN p.paused THEN 'paused' ELSE d.holder END AS holder,
               CASE WHEN NOT p.paused THEN d.office_code END AS office_code,
               CASE WHEN p.paused THEN coalesce(CAST(%(pause)s AS text), h.reason) END AS reason
        FROM asked a JOIN due d USING (held_id) JOIN holdings h ON h.held_id = a.held_id AND h.until IS NULL,
             LATERAL (SELECT d.holder IS NOT NULL AND (CAST(%(pause)s AS text) IS NOT NULL
                      OR h.holder = 'paused' AND NOT CAST(%(resume)s AS boolean)) AS paused) AS p
    ), ended AS (
        UPDATE holdings h SET until = w.at FROM wanted w
        WHERE h.held_id = w.held_id AND h.sequence = w.sequence
          AND (h.holder, h.office_code, h.district_code, h.reason)
              IS DISTINCT FROM (w.holder, w.office_code, w.district_code, w.reason)
        RETURNING w.*
    ), begun AS (
        INSERT INTO holdings (held_id, sequence, holder, office_code, district_code, since, reconstructed)
        SELECT a.held_id, 1, d.holder, d.office_code, d.district_code, d.began_at, d.began_at < a.at
        FROM asked a JOIN due d USING (held_id)
        WHERE d.holder IS NOT NULL AND NOT EXISTS (SELECT FROM holdings h WHERE h.held_id = a.held_id)
    )
    INSERT INTO holdings (held_id, sequence, holder, office_code, district_code, reason, since, happened_at)
    SELECT held_id, sequence + 1, holder, office_code, district_code, reason, at, happened_at
    FROM ended WHERE holder IS NOT NULL
    """
_OF = """
    SELECT sequence, holder, office_code, district_code, reason, since, until, happened_at, reconstructed
    FROM holdings WHERE held_id = %(held_id)s ORDER BY sequence
    """


class Ledger:
    """The ledger of one service's things.

    ``due`` is a query of who should hold each thing that is ``asked`` about: rows of held_id, holder (NULL when it has
    come to its end), office_code, district_code and began_at. Whoever calls holds the lock of the thing's row, so that
    two who change it follow one another.
    """

    def __init__(self, due: str) -> None:
        # On one line, for the driver: see `on_one_line` of intake.
        self._follow = " ".join(_FOLLOW.format(due=due).split())

    def follow(
        self, connection: Connection, changed: Sequence[tuple[UUID, datetime]], *, now: datetime, resume: bool = False
    ) -> None:
        """Give each thing to whom it belongs now, from the instant (UTC) at which it changed hands.

        An instant before the present holder's own is moved up to that, and kept in the row as ``happened_at``; one
        that is still to come, by another machine's clock, is ``now``. Nothing is written where the holder is the same.
        A thing that has no row yet gets its first, from when it began. A pause lasts, unless ``resume`` ends it: for
        what has gone on to its next step is not waited any more.
        """
        self._write(connection, changed, now=now, resume=resume)

    def pause(self, connection: Connection, held_id: UUID, *, reason: str, at: datetime, now: datetime) -> None:
        """From ``at`` (UTC) on nobody has it, for that reason (a code); of what has ended nothing is written."""
        self._write(connection, [(held_id, at)], now=now, pause=reason)

    def resume(self, connection: Connection, held_id: UUID, *, at: datetime, now: datetime) -> None:
        """From ``at`` (UTC) on it belongs to whom it belongs by its state."""
        self._write(connection, [(held_id, at)], now=now, resume=True)

    def _write(
        self,
        connection: Connection,
        changed: Sequence[tuple[UUID, datetime]],
        *,
        now: datetime,
        pause: str | None = None,
        resume: bool = False,
    ) -> None:
        values = {"held_ids": [held_id for held_id, _ in changed], "ats": [min(at, now) for _, at in changed]}
        connection.defer(self._follow, values | {"pause": pause, "resume": resume})


async def holdings_of(connection: Connection, held_id: UUID) -> list[Holding]:
    """The ledger of one thing, in its order."""
    return [
        Holding(
            sequence=row.sequence,
            holder=Holder(
                kind=HolderKind(row.holder),
                office_code=row.office_code,
                district_code=row.district_code,
                reason=row.reason,
            ),
            since=row.since,
            until=row.until,
            happened_at=row.happened_at,
            reconstructed=row.reconstructed,
        )
        for row in await connection.rows(_OF, {"held_id": held_id})
    ]
