"""Keep what happened to a case, in whichever service, in the order in which it became known here.

Positions are drawn under a lock of the case that is held until the commit, so the order of a case's positions is the
order of its commits: whoever has seen one has seen all before it. A new case needs no lock, for nobody else can write
about it before it is committed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from slrt_contracts.envelope import Envelope, source_of
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.types import CaseId, EventId
from slrt_intake.store.sql import as_json
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.db import Connection, Database, UnitOfWork
from slrt_kit.outbox import Outbox

PAGE = 100
"""How many entries of a case are read at once."""
_BUCKETS = 1024
"""Locks stand for cases: PostgreSQL has room for some thousands, whatever a batch is about."""

_COLUMNS = (
    "event_id, case_id, event_type, service, happened_at, recorded_at, facts, key_sequence, causation_id, traceparent"
)


def insert_entries(*, only: str = "true") -> str:
    """The SQL that inserts `TimelineEntry` rows, as JSON in ``%(entries)s``; ``only`` is a condition on a row ``t``."""
    return f"""
    INSERT INTO timeline ({_COLUMNS})
    SELECT {_COLUMNS}
    FROM ROWS FROM (jsonb_to_recordset(CAST(%(entries)s AS jsonb)) AS (event_id uuid, case_id uuid, event_type text,
         service text, happened_at timestamptz, recorded_at timestamptz, facts jsonb, key_sequence bigint,
         causation_id uuid, traceparent text)) WITH ORDINALITY AS t({_COLUMNS}, place)
    WHERE {only}
    ORDER BY place
    ON CONFLICT DO NOTHING
    """  # noqa: S608 — conditions are written in the stores


_INSERT_ENTRIES = insert_entries()
# Not in the shadow of a rebuild, that nobody follows: it holds the table itself when it writes there for the last time,
# and those who hold these wait for the table.
_LOCK_CASES = """
    SELECT pg_advisory_xact_lock(hashtext('slrt-timeline'), bucket)
    FROM unnest(CAST(%(buckets)s AS integer[])) AS bucket
    WHERE to_regclass('timeline') = coalesce(to_regclass('public.timeline'), to_regclass('timeline'))
    """
_AFTER = f"""
    SELECT t.position, {", ".join(f"t.{name}" for name in _COLUMNS.split(", "))}
    FROM unnest(CAST(%(case_ids)s AS uuid[]), CAST(%(after)s AS bigint[])) AS w(case_id, after),
         LATERAL (SELECT * FROM timeline WHERE case_id = w.case_id AND position > w.after
                  ORDER BY position LIMIT {PAGE}) AS t
    ORDER BY t.position
    """  # noqa: S608 — fixed texts
_EDITION = "SELECT CAST(to_regclass('timeline') AS oid)"
_PLACE = f"""
    SELECT ({_EDITION}) AS edition,
           (SELECT up_to FROM timeline_editions WHERE edition = ({_EDITION})) AS up_to,
           (SELECT position FROM timeline
            WHERE event_id = CAST(%(event_id)s AS uuid) AND case_id = %(case_id)s) AS position
    """  # noqa: S608 — fixed texts
# Drawn before now, by whomever: it may be more than was told, and then more is told twice.
_NOTE_EDITION = f"""
    INSERT INTO timeline_editions (edition, up_to) SELECT ({_EDITION}), last_value FROM timeline_position
    ON CONFLICT DO NOTHING
    """  # noqa: S608 — fixed texts


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a case, told by the service it happened in. Times in UTC."""

    event_id: UUID
    case_id: UUID
    event_type: str
    service: str
    happened_at: datetime
    recorded_at: datetime
    facts: dict[str, Any]
    key_sequence: int
    causation_id: UUID | None
    traceparent: str | None

    def told(self) -> tuple[Envelope, dict[str, Any]]:
        """Envelope and payload of the event, as its service has told it."""
        data = {"case_id": str(self.case_id), **self.facts}
        envelope = Envelope(
            id=EventId(self.event_id),
            type=self.event_type,
            source=source_of(self.service),
            subject=str(data[EVENT_TYPES[self.event_type].KEY]),
            time=self.happened_at,
            recordedtime=self.recorded_at,
            keysequence=self.key_sequence,
            correlationid=self.case_id,
            causationid=None if self.causation_id is None else EventId(self.causation_id),
            traceparent=self.traceparent,
        )
        return envelope, data


class Place(NamedTuple):
    """Up to where somebody knows a case's timeline; 0 is before all. It means something in one edition only."""

    edition: int
    after: int


async def timeline(connection: Connection, case_id: CaseId) -> list[TimelineEntry]:
    """The case's timeline, oldest first."""
    rows = await connection.rows(
        f"SELECT {_COLUMNS} FROM timeline WHERE case_id = %(case_id)s ORDER BY happened_at, event_id",  # noqa: S608
        {"case_id": case_id},
    )
    return [TimelineEntry(*row) for row in rows]


async def entries_after(
    connection: Connection, after: Mapping[UUID, int]
) -> tuple[int, Sequence[tuple[int, TimelineEntry]]]:
    """The edition, and what came to each case after a position of it: in order, at most `PAGE` of a case."""
    values = {"case_ids": list(after), "after": list(after.values())}
    # The edition last: where it is the one that was expected, the rows are of no later one.
    rows, ((edition,),) = await connection.rows_of((_AFTER, values), (_EDITION, {}))
    return edition, [(position, TimelineEntry(*columns)) for position, *columns in rows]


async def place_after(database: Database, case_id: UUID, event_id: UUID | None) -> Place:
    """Where somebody goes on who has the case's events up to that one, in the order in which they were told.

    That is at the beginning for an event that is not the case's, and for one from before a rebuild: what was told
    before it then may stand after it now.
    """
    values = {"case_id": case_id, "event_id": event_id}
    while True:
        async with database.read() as session:
            found = await session.one(_PLACE, values)
        if found.up_to is not None:
            is_known = found.position is not None and found.position > found.up_to
            return Place(found.edition, found.position if is_known else 0)
        async with database.statement() as connection:
            await connection.run(_NOTE_EDITION)


def add_to_timeline(connection: Connection, entries: Sequence[TimelineEntry]) -> None:
    """Note events on their cases' timelines; one that is there already stays as it is.

    Locks their cases until the commit, so it comes last and once in a unit of work (`UnitOfWork.write_last`).
    """
    if entries:
        connection.defer(_LOCK_CASES, {"buckets": sorted({entry.case_id.int % _BUCKETS for entry in entries})})
        connection.defer(_INSERT_ENTRIES, {"entries": as_json(entries)})


def publish(work: UnitOfWork, outbox: Outbox, raised: Sequence[RecordedEvent], *, told_of: str | None = None) -> None:
    """Put what was raised into the outbox and on its cases' timelines; ``told_of`` names the only key told there."""
    told = outbox.add(work, raised)
    entries = [entry_of(envelope, event.encode()) for envelope, event in told if told_of in (None, event.KEY)]
    work.write_last(add_to_timeline, entries)


def entry_of(envelope: Envelope, payload: str | bytes) -> TimelineEntry:
    """The entry of an event; it carries no personal data, so all that it says beside its case is kept as it is.

    ``payload`` is the event's own, encoded: whoever has that anyway need not make its fields JSON a second time.
    """
    facts = orjson.loads(payload)
    facts.pop("case_id", None)
    return TimelineEntry(
        event_id=envelope.id,
        case_id=envelope.correlationid,
        event_type=envelope.type,
        service=envelope.source.rpartition("/")[2],
        happened_at=envelope.time,
        recorded_at=envelope.recordedtime,
        facts=facts,
        key_sequence=envelope.keysequence,
        causation_id=envelope.causationid,
        traceparent=envelope.traceparent,
    )
