"""Write the events of an aggregate beside its row, in the same transaction; the relay publishes them afterwards."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from slrt_contracts.envelope import Envelope, source_of
from slrt_contracts.events.base import Event
from slrt_contracts.types import EventId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.entries import Actor
from slrt_kit.audit.record import audit_rows, insert_audit
from slrt_kit.clock import NewId
from slrt_kit.db import UnitOfWork
from slrt_kit.telemetry import current_traceparent

MAX_PAYLOAD_BYTES = 256 * 1024
"""Far below the broker's limit of 1 MiB: what the broker can never take is refused here, at its origin."""


def insert_events(*, only: str = "true") -> str:
    """The SQL that inserts the rows of `Outbox.rows`, as JSON in ``%(events)s``; also as a part of a larger statement.

    ``only`` is a condition on a row ``e``.
    """
    return f"""
    INSERT INTO outbox (event_id, topic, partition_key, key_sequence, headers, payload, created_at)
    SELECT e.event_id, e.topic, e.partition_key, e.key_sequence, e.headers, convert_to(e.payload, 'UTF8'), e.created_at
    FROM jsonb_to_recordset(CAST(%(events)s AS jsonb)) AS e(
        event_id uuid, topic text, partition_key text, key_sequence bigint, headers jsonb, payload text,
        created_at timestamptz)
    WHERE {only}
    ORDER BY e.key_sequence
    """  # noqa: S608 — conditions are written in the stores


_ADD = f"WITH audited AS ({insert_audit()}) {insert_events()}"


class EventTooLargeError(Exception):
    """An event is larger than any of ours may be: a bug of the producer, found before the commit."""


class Outbox:
    """The outbox of one service.

    Call `add` after the compare-and-set of the aggregate that raised the events: holding that row's lock is what
    keeps the order per key (design: one relay, pending rows by ``seq``, version compare-and-set writers).
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._source = source_of(service)

    def add(self, work: UnitOfWork, events: Iterable[RecordedEvent]) -> list[tuple[Envelope, Event]]:
        """Insert the events as pending rows, with the next statement; returns them in the envelopes they were given.

        Each is an entry of the audit log as well: what was written, on behalf of the unit's actor.

        Raises:
            EventTooLargeError: a payload is over `MAX_PAYLOAD_BYTES`; nothing is written.
        """
        identified = identify(events, work.new_id)
        told = self.envelopes(identified, now=work.clock.now(), causation_id=work.causation_id)
        rows = _pending_rows(identified, told)
        if rows:
            entries = self.entries(work, identified)
            work.connection.defer(
                _ADD, {"events": orjson.dumps(rows).decode(), "audit": orjson.dumps(entries).decode()}
            )
            work.recorded += types_of(identified)
        return told

    def rows(
        self, events: Iterable[tuple[EventId, RecordedEvent]], *, now: datetime, causation_id: EventId | None
    ) -> list[dict[str, object]]:
        """The pending rows of events, recorded at ``now`` (UTC), for `insert_events`.

        Raises:
            EventTooLargeError: a payload is over `MAX_PAYLOAD_BYTES`.
        """
        identified = list(events)
        return _pending_rows(identified, self.envelopes(identified, now=now, causation_id=causation_id))

    def entries(self, work: UnitOfWork, events: Iterable[tuple[EventId, RecordedEvent]]) -> list[dict[str, str]]:
        """The entries that the audit log gets of the events, for `slrt_kit.audit.record.insert_audit`."""
        actor = work.actor or Actor.service(self.service, work.causation_id)
        return audit_rows(self.service, actor, events, now=work.clock.now())

    def envelopes(
        self, events: Iterable[tuple[EventId, RecordedEvent]], *, now: datetime, causation_id: EventId | None
    ) -> list[tuple[Envelope, Event]]:
        """The events in their envelopes, recorded at ``now`` (UTC), as part of the trace that is under way."""
        under_way = current_traceparent()
        return [
            (
                Envelope.of(
                    recorded.event,
                    id=event_id,
                    source=self._source,
                    time=recorded.happened_at,
                    recordedtime=now,
                    keysequence=recorded.key_sequence,
                    correlationid=correlation_of(recorded.event),
                    causationid=causation_id,
                    traceparent=under_way,
                ),
                recorded.event,
            )
            for event_id, recorded in events
        ]


def _pending_rows(
    events: Sequence[tuple[EventId, RecordedEvent]], told: Sequence[tuple[Envelope, Event]]
) -> list[dict[str, object]]:
    pairs = zip(events, told, strict=True)
    return [pending_row(envelope, event, topic=recorded.topic) for (_, recorded), (envelope, event) in pairs]


def pending_row(envelope: Envelope, event: Event, *, topic: str | None = None) -> dict[str, object]:
    """The pending row of an event, for `insert_events`. ``topic`` is its own where nothing else is said.

    Raises:
        EventTooLargeError: the payload is over `MAX_PAYLOAD_BYTES`.
    """
    payload = event.encode()
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise EventTooLargeError(f"{event.TYPE} of key {event.partition_key} has {len(payload)} bytes")
    return {
        "event_id": envelope.id,
        "topic": topic or event.TOPIC,
        "partition_key": envelope.subject,
        "key_sequence": envelope.keysequence,
        "headers": envelope.header_texts(),
        "payload": payload.decode(),
        "created_at": envelope.recordedtime,
    }


def identify(events: Iterable[RecordedEvent], new_id: NewId) -> list[tuple[EventId, RecordedEvent]]:
    """The events with the ids that they keep for ever."""
    return [(EventId(new_id()), recorded) for recorded in events]


def types_of(events: Iterable[tuple[EventId, RecordedEvent]]) -> list[tuple[EventId, str]]:
    """The events' ids, each with its type."""
    return [(event_id, recorded.event.TYPE) for event_id, recorded in events]


def correlation_of(event: Event) -> UUID:
    """The case that the event belongs to; an event about no case stands for itself."""
    case_id = getattr(event, "case_id", None)
    return case_id if isinstance(case_id, UUID) else UUID(event.partition_key)
