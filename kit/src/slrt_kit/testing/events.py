"""Events as a consumer receives them, made from contract events."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from slrt_contracts.envelope import Envelope, source_of
from slrt_contracts.events import CaseRegistered, Event
from slrt_contracts.types import EventId
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent


def raw_event(
    event: Event,
    *,
    key_sequence: int = 1,
    event_id: UUID | None = None,
    at: datetime | None = None,
    causation_id: UUID | None = None,
    traceparent: str | None = None,
    topic: str | None = None,
) -> RawEvent:
    """The event with its envelope headers, as the relay of its service would have sent it.

    ``at`` (aware; now when not given) is both when it happened and when it was recorded. ``topic`` replaces the
    event's own, for tests that have a topic to themselves.
    """
    moment = at or datetime.now(UTC)
    envelope = Envelope.of(
        event,
        id=EventId(event_id or new_uuid7()),
        source=source_of(event.TYPE.split(".")[2]),
        time=moment,
        recordedtime=moment,
        keysequence=key_sequence,
        correlationid=UUID(str(getattr(event, "case_id", event.partition_key))),
        causationid=EventId(causation_id) if causation_id else None,
        traceparent=traceparent,
    )
    return RawEvent(topic or event.TOPIC, event.partition_key, tuple(envelope.to_headers()), event.encode())


def case_registered(case_id: UUID | None = None, **changes: Any) -> CaseRegistered:
    """A `CaseRegistered` of one invented case with one need; ``changes`` replace fields."""
    fields: dict[str, Any] = {
        "case_id": case_id or new_uuid7(),
        "channel": "facilitator",
        "district_code": "12.74.05",
        "urgent": False,
        "has_subject": True,
        "needs": [{"need_id": new_uuid7(), "need_code": "BPBL", "sector": "energi", "urgent": False}],
    }
    return CaseRegistered(**fields | changes)
