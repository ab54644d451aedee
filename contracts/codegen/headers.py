"""The JSON Schema of the Kafka headers that every event has."""

from typing import Any

from slrt_contracts import envelope
from slrt_contracts.types import UUID_SHAPE

UUID_TEXT = {"type": "string", "format": "uuid", "pattern": UUID_SHAPE}
_TIME = {"type": "string", "format": "date-time"}
_OPTIONAL = frozenset((envelope.HEADER_CAUSATIONID, envelope.HEADER_TRACEPARENT))


def headers_schema() -> dict[str, Any]:
    """Return the schema of the headers as one object; a message may carry others besides."""
    properties: dict[str, Any] = {
        envelope.HEADER_CONTENT_TYPE: {"type": "string", "const": envelope.CONTENT_TYPE},
        envelope.HEADER_SPECVERSION: {"type": "string", "const": envelope.SPECVERSION},
        envelope.HEADER_ID: UUID_TEXT | {"description": "UUIDv7 of the event; the same when it is sent again."},
        envelope.HEADER_TYPE: {
            "type": "string",
            "pattern": f"^{envelope.TYPE_SHAPE}$",
            "description": "The kind of fact, with its major version; new ones may come at any time.",
        },
        envelope.HEADER_SOURCE: {"type": "string", "pattern": f"^{envelope.SOURCE_SHAPE}$"},
        envelope.HEADER_SUBJECT: {"type": "string", "description": "The id of the aggregate; equals the Kafka key."},
        envelope.HEADER_TIME: _TIME | {"description": "When it happened."},
        envelope.HEADER_DATASCHEMA: {"type": "string", "description": "The $id of the payload's JSON Schema."},
        envelope.HEADER_RECORDEDTIME: _TIME | {"description": "When it was recorded."},
        envelope.HEADER_KEYSEQUENCE: {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "1, 2, 3 … per source and key.",
        },
        envelope.HEADER_CORRELATIONID: UUID_TEXT | {"description": "The case."},
        envelope.HEADER_CAUSATIONID: UUID_TEXT | {"description": "The event that made this one happen."},
        envelope.HEADER_TRACEPARENT: {"type": "string", "description": "W3C trace context."},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in _OPTIONAL],
    }
