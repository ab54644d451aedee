"""An event as one JSON document (CloudEvents 1.0, structured mode): what webhooks and streams carry.

CloudEvents JSON format 1.0.2. Attributes and extensions are those that a Kafka message of the same event has as
headers, under the same names without ``ce_``; `keysequence` is a JSON number, all others are text.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from slrt_contracts import envelope as headers_of
from slrt_contracts.envelope import Envelope, EnvelopeError

MEDIA_TYPE: Final = "application/cloudevents+json"

_DATA: Final = "data"
_KEYSEQUENCE: Final = "keysequence"
_HEADERS: Final = {
    "specversion": headers_of.HEADER_SPECVERSION,
    "id": headers_of.HEADER_ID,
    "type": headers_of.HEADER_TYPE,
    "source": headers_of.HEADER_SOURCE,
    "subject": headers_of.HEADER_SUBJECT,
    "time": headers_of.HEADER_TIME,
    "datacontenttype": headers_of.HEADER_CONTENT_TYPE,
    "dataschema": headers_of.HEADER_DATASCHEMA,
    "recordedtime": headers_of.HEADER_RECORDEDTIME,
    _KEYSEQUENCE: headers_of.HEADER_KEYSEQUENCE,
    "correlationid": headers_of.HEADER_CORRELATIONID,
    "causationid": headers_of.HEADER_CAUSATIONID,
    "traceparent": headers_of.HEADER_TRACEPARENT,
}
_NAMES: Final = {header: name for name, header in _HEADERS.items()}


def structured(envelope: Envelope, data: Mapping[str, Any]) -> dict[str, Any]:
    """The event as values that JSON knows; ``data`` is its payload as such values (``model_dump(mode="json")``)."""
    document: dict[str, Any] = {_NAMES[header]: value.decode() for header, value in envelope.to_headers()}
    return document | {_KEYSEQUENCE: envelope.keysequence, _DATA: data}


def read_structured(document: bytes | str) -> tuple[Envelope, dict[str, Any]]:
    """Envelope and payload of a document of ours; attributes that are not ours are passed over.

    The payload is read by `slrt_contracts.events.EVENT_TYPES[envelope.type]`.

    Raises:
        EnvelopeError: it is no such document. ``attribute`` names what is wrong, without repeating its value.
    """
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise EnvelopeError("document", "is not JSON") from None
    if not isinstance(found, dict):
        raise EnvelopeError("document", "is not an object")
    data = found.get(_DATA)
    if not isinstance(data, dict):
        raise EnvelopeError(_DATA, "is not an object")
    headers = [(header, _value(name, found[name])) for name, header in _HEADERS.items() if name in found]
    try:
        return Envelope.from_headers(headers), data
    except EnvelopeError as error:
        raise EnvelopeError(_NAMES[error.attribute], error.reason) from None


def _value(name: str, value: object) -> bytes | None:
    if name == _KEYSEQUENCE:
        if type(value) is not int:
            raise EnvelopeError(name, "is not a number from 1")
        return str(value).encode()
    return value.encode(errors="replace") if isinstance(value, str) else None
