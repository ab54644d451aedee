"""Read every event ever released with today's models, and today's examples with every schema ever released.

The comparison of schemas (`compatibility`) reasons; this tries, on real events and with the code that services run.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
from contracts.codegen.containment import Schema, inlined
from contracts.codegen.released import Examples, Release

from slrt_contracts.envelope import Envelope, EnvelopeError
from slrt_contracts.events import UndecodableEventError, UnknownEventTypeError, decode_event
from slrt_contracts.types import EXTENSIBLE_KEY


def unread(release: Release) -> list[str]:
    """Return the released events that today's models do not read whole."""
    problems = []
    for event_type, examples in release.examples.items():
        for name, payload in examples.items():
            reason = _not_whole(event_type, json.dumps(payload))
            problems += [f"{release.contract.version} {event_type} example {name}: {reason}"] if reason else []
    for event_type, messages in release.messages.items():
        for message in messages:
            reason = _not_received(event_type, message)
            problems += (
                [f"{release.contract.version} {event_type} message {message['name']}: {reason}"] if reason else []
            )
    return problems


def unreadable(release: Release, examples: Examples) -> list[str]:
    """Return the examples of today that a reader of the release would refuse."""
    problems = []
    for event_type, schema in release.contract.schemas.items():
        validator = jsonschema_rs.Draft202012Validator(
            opened(schema, unknown_code=release.contract.unknown_code), validate_formats=True
        )
        for name, payload in examples.get(event_type, ()):
            problems += [
                f"{release.contract.version} {event_type} good-{name}: "
                f"{'.'.join(str(part) for part in error.instance_path) or 'payload'} is refused by the released schema"
                for error in validator.iter_errors(payload)
            ]
    return problems


def opened(schema: Schema, *, unknown_code: str) -> dict[str, Any]:
    """Return the schema as a reader takes it: unknown fields pass, so do unknown values of extensible lists."""

    def open_up(node: Any) -> Any:
        if isinstance(node, list):
            return [open_up(item) for item in node]
        if not isinstance(node, dict):
            return node
        rest = {word: open_up(value) for word, value in node.items() if word != "additionalProperties"}
        if not node.get(EXTENSIBLE_KEY):
            return rest
        known = rest.pop("enum")
        return rest | {"anyOf": [{"enum": known}, {"pattern": f"^{unknown_code}$"}]}

    whole: dict[str, Any] = open_up(inlined(schema))
    return whole


def lost(said: Any, read: Any, path: str = "") -> Iterator[str]:
    """Yield the places where `read` lacks or changes what was said; null says nothing."""
    if isinstance(said, Mapping) and isinstance(read, Mapping):
        for name, value in said.items():
            yield from lost(value, read.get(name), f"{path}.{name}" if path else name)
    elif isinstance(said, list) and isinstance(read, list) and len(said) == len(read):
        for index, (one, other) in enumerate(zip(said, read, strict=True)):
            yield from lost(one, other, f"{path}[{index}]")
    elif said is not None and said != read:
        yield path


def _not_whole(event_type: str, payload: str) -> str | None:
    try:
        event = decode_event(event_type, payload)
    except (UndecodableEventError, UnknownEventTypeError) as error:
        return f"is not read: {error}"
    places = list(lost(json.loads(payload), json.loads(event.encode())))
    return f"loses {', '.join(places)}" if places else None


def _not_received(event_type: str, message: Mapping[str, Any]) -> str | None:
    headers = [(name, value.encode()) for name, value in message["headers"]]
    try:
        envelope = Envelope.from_headers(headers)
    except EnvelopeError as error:
        return f"its headers are not read: {error}"
    if envelope.type != event_type:
        return f"its headers say {envelope.type}"
    if gone := {name for name, _ in headers} - {name for name, _ in envelope.to_headers()}:
        return f"loses the headers {', '.join(sorted(gone))}"
    reason = _not_whole(event_type, message["value"])
    if reason is None and decode_event(event_type, message["value"]).partition_key != message["key"]:
        return f"its key is not {message['key']} any more"
    return reason
