"""The CloudEvents attributes of an event, to and from Kafka headers (binary mode).

CloudEvents 1.0, Kafka protocol binding 1.0.2 section 3.2: each attribute is a header `ce_<name>` with its
value as UTF-8 text; the media type of the payload is the header `content-type`. Our extensions follow the
naming rule of CloudEvents (lower case letters and digits only).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from slrt_contracts.types import EventId

if TYPE_CHECKING:
    from slrt_contracts.events.base import Event

SPECVERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"

HEADER_CONTENT_TYPE: Final = "content-type"
HEADER_TRACEPARENT: Final = "traceparent"
HEADER_SPECVERSION: Final = "ce_specversion"
HEADER_ID: Final = "ce_id"
HEADER_TYPE: Final = "ce_type"
HEADER_SOURCE: Final = "ce_source"
HEADER_SUBJECT: Final = "ce_subject"
HEADER_TIME: Final = "ce_time"
HEADER_DATASCHEMA: Final = "ce_dataschema"
HEADER_RECORDEDTIME: Final = "ce_recordedtime"
HEADER_KEYSEQUENCE: Final = "ce_keysequence"
HEADER_CORRELATIONID: Final = "ce_correlationid"
HEADER_CAUSATIONID: Final = "ce_causationid"

MAX_KEYSEQUENCE: Final = 2**63 - 1

TYPE_SHAPE: Final = r"id\.slrt\.[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*\.v[1-9][0-9]{0,3}"
SOURCE_SHAPE: Final = "/slrt/[a-z]+(-[a-z]+)*"

_TYPE = re.compile(TYPE_SHAPE)
_SOURCE = re.compile(SOURCE_SHAPE)
_SUBJECT = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
# W3C Trace Context level 1, section 3.2: all-zero ids are invalid, version ff is reserved.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


class EnvelopeError(ValueError):
    """The headers of a message do not make an event. `attribute` names the header at fault."""

    def __init__(self, attribute: str, reason: str) -> None:
        """Keep attribute and reason apart; neither holds the bad value."""
        self.attribute = attribute
        self.reason = reason
        super().__init__(f"{attribute}: {reason}")


def source_of(service: str) -> str:
    """Return the CloudEvents source of a service, such as /slrt/intake."""
    return f"/slrt/{service}"


def schema_uri(event_type: str) -> str:
    """Return the `$id` of the JSON Schema of an event type; a name, not an address."""
    return f"urn:slrt:schema:{event_type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who says what kind of fact about which thing, when, and because of what."""

    id: EventId
    """UUIDv7, minted when the fact is recorded, never changed when it is sent again."""
    type: str
    source: str
    subject: str
    """The aggregate's id as text: the Kafka key."""
    time: datetime
    """When it happened, UTC."""
    recordedtime: datetime
    """When it was recorded, UTC; later than `time` for whoever worked offline."""
    keysequence: int
    """1, 2, 3 … per source and key; a gap means that something is missing."""
    correlationid: UUID
    """The case that all this belongs to."""
    causationid: EventId | None = None
    """The event that made this one happen."""
    traceparent: str | None = None
    """W3C trace context; a plain header, not a CloudEvents attribute."""

    def __post_init__(self) -> None:
        """Refuse what could not be read back. Raises EnvelopeError."""
        if not _is_type(self.type):
            raise EnvelopeError(HEADER_TYPE, "is not id.slrt.<service>.<fact>.v<major>")
        if not _is_source(self.source):
            raise EnvelopeError(HEADER_SOURCE, "is not /slrt/<service>")
        _match(HEADER_SUBJECT, _SUBJECT, self.subject, "is not the id of a thing")
        for name, moment in ((HEADER_TIME, self.time), (HEADER_RECORDEDTIME, self.recordedtime)):
            if moment.tzinfo is None:
                raise EnvelopeError(name, "has no time zone")
        if not 1 <= self.keysequence <= MAX_KEYSEQUENCE:
            raise EnvelopeError(HEADER_KEYSEQUENCE, "is not a number from 1")
        if self.traceparent is not None and not _TRACEPARENT.fullmatch(self.traceparent):
            raise EnvelopeError(HEADER_TRACEPARENT, "is not a W3C trace context")

    @classmethod
    def of(
        cls,
        event: "Event",
        *,
        id: EventId,  # noqa: A002 — the CloudEvents attribute
        source: str,
        time: datetime,
        recordedtime: datetime,
        keysequence: int,
        correlationid: UUID,
        causationid: EventId | None = None,
        traceparent: str | None = None,
    ) -> Self:
        """Make the envelope of an event: its type and subject come from the event itself."""
        return cls(
            id=id,
            type=event.TYPE,
            source=source,
            subject=event.partition_key,
            time=time,
            recordedtime=recordedtime,
            keysequence=keysequence,
            correlationid=correlationid,
            causationid=causationid,
            traceparent=traceparent,
        )

    @property
    def dataschema(self) -> str:
        """Return the name of the JSON Schema that the payload follows."""
        return schema_uri(self.type)

    def to_headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers, always in the same order."""
        return [(name, value.encode()) for name, value in self.header_texts()]

    def header_texts(self) -> list[tuple[str, str]]:
        """Return the Kafka headers as texts, for whoever keeps them until they are sent."""
        values = [
            (HEADER_CONTENT_TYPE, CONTENT_TYPE),
            (HEADER_SPECVERSION, SPECVERSION),
            (HEADER_ID, str(self.id)),
            (HEADER_TYPE, self.type),
            (HEADER_SOURCE, self.source),
            (HEADER_SUBJECT, self.subject),
            (HEADER_TIME, _time_text(self.time)),
            (HEADER_DATASCHEMA, self.dataschema),
            (HEADER_RECORDEDTIME, _time_text(self.recordedtime)),
            (HEADER_KEYSEQUENCE, str(self.keysequence)),
            (HEADER_CORRELATIONID, str(self.correlationid)),
        ]
        if self.causationid is not None:
            values.append((HEADER_CAUSATIONID, str(self.causationid)))
        if self.traceparent is not None:
            values.append((HEADER_TRACEPARENT, self.traceparent))
        return values

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self:
        """Read the Kafka headers of a message; headers that are not ours are passed over.

        Raises EnvelopeError when an attribute is missing, comes twice or cannot be read. A bad `traceparent`
        is dropped instead: W3C asks to restart the trace, and telemetry must not stop a fact.
        """
        raw: dict[str, str] = {}
        traces: list[bytes | None] = []
        for name, value in headers:
            if name.startswith("ce_") or name == HEADER_CONTENT_TYPE:
                if name in raw:
                    raise EnvelopeError(name, "comes twice")
                raw[name] = _text(name, value)
            elif name == HEADER_TRACEPARENT:
                traces.append(value)
        _expect(raw, HEADER_SPECVERSION, SPECVERSION)
        _expect_json(raw)
        cause = raw.get(HEADER_CAUSATIONID)
        return cls(
            id=EventId(_uuid(HEADER_ID, _required(raw, HEADER_ID))),
            type=_required(raw, HEADER_TYPE),
            source=_required(raw, HEADER_SOURCE),
            subject=_required(raw, HEADER_SUBJECT),
            time=_time(raw, HEADER_TIME),
            recordedtime=_time(raw, HEADER_RECORDEDTIME),
            keysequence=_number(raw, HEADER_KEYSEQUENCE),
            correlationid=_uuid(HEADER_CORRELATIONID, _required(raw, HEADER_CORRELATIONID)),
            causationid=None if cause is None else EventId(_uuid(HEADER_CAUSATIONID, cause)),
            traceparent=_trace(traces),
        )


# There are few of them, and each comes again and again.
@lru_cache(maxsize=1024)
def _is_type(value: str) -> bool:
    return _TYPE.fullmatch(value) is not None


@lru_cache(maxsize=256)
def _is_source(value: str) -> bool:
    return _SOURCE.fullmatch(value) is not None


def _match(attribute: str, pattern: re.Pattern[str], value: str, reason: str) -> None:
    if not pattern.fullmatch(value):
        raise EnvelopeError(attribute, reason)


def _time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _text(attribute: str, value: bytes | None) -> str:
    if value is None:
        raise EnvelopeError(attribute, "has no value")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EnvelopeError(attribute, "is not UTF-8") from None


def _required(raw: dict[str, str], attribute: str) -> str:
    if attribute not in raw:
        raise EnvelopeError(attribute, "is missing")
    return raw[attribute]


def _expect(raw: dict[str, str], attribute: str, value: str) -> None:
    if _required(raw, attribute) != value:
        raise EnvelopeError(attribute, f"is not {value}")


def _expect_json(raw: dict[str, str]) -> None:
    given = _required(raw, HEADER_CONTENT_TYPE)
    if given != CONTENT_TYPE and given.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise EnvelopeError(HEADER_CONTENT_TYPE, f"is not {CONTENT_TYPE}")


def _uuid(attribute: str, value: str) -> UUID:
    _match(attribute, _UUID, value, "is not a UUID in lower case with hyphens")
    return UUID(value)


def _time(raw: dict[str, str], attribute: str) -> datetime:
    value = _required(raw, attribute)
    _match(attribute, _TIME, value, "is not an RFC 3339 time with offset")
    try:
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise EnvelopeError(attribute, "is not a possible time") from None


def _number(raw: dict[str, str], attribute: str) -> int:
    value = _required(raw, attribute)
    _match(attribute, _NUMBER, value, "is not a number from 1")
    return int(value)


def _trace(values: list[bytes | None]) -> str | None:
    if len(values) != 1 or values[0] is None:
        return None
    text = values[0].decode("ascii", errors="replace")
    return text if _TRACEPARENT.fullmatch(text) else None
