"""An event as one JSON document says what its Kafka headers say, and comes back as it was."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from tests.contract.envelopes import envelopes

from slrt_contracts.envelope import Envelope, EnvelopeError
from slrt_contracts.events import EVENT_TYPES, decode_event
from slrt_contracts.structured import read_structured, structured
from slrt_contracts.types import EventId

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
MOMENT = datetime(2026, 9, 28, 3, 4, 5, 678901, tzinfo=UTC)
GOOD = {name: min((EXAMPLES / name).glob("good-*.json")).read_bytes() for name in EVENT_TYPES}


@pytest.fixture
def document() -> dict[str, Any]:
    envelope = Envelope(
        id=EventId(UUID(int=1)),
        type="id.slrt.intake.case-closed.v1",
        source="/slrt/intake",
        subject=str(UUID(int=2)),
        time=MOMENT,
        recordedtime=MOMENT,
        keysequence=7,
        correlationid=UUID(int=2),
        causationid=EventId(UUID(int=3)),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    return structured(envelope, json.loads(GOOD[envelope.type]))


BAD_DOCUMENTS: list[tuple[bytes | str, str]] = [
    (b"", "document"),
    (b"\xff\xfe", "document"),
    (b"{", "document"),
    (b"[" * 100_000, "document"),
    (b"[]", "document"),
    (b"null", "document"),
    (b"{}", "data"),
    (b'{"data": []}', "data"),
    (b'{"data": null}', "data"),
    (b'{"data": {}}', "specversion"),
]


@pytest.mark.parametrize(("body", "attribute"), BAD_DOCUMENTS)
def test_what_is_no_event_is_refused_by_name(body: bytes | str, attribute: str) -> None:
    with pytest.raises(EnvelopeError) as refusal:
        read_structured(body)
    assert refusal.value.attribute == attribute


REQUIRED = [
    "specversion",
    "id",
    "type",
    "source",
    "subject",
    "time",
    "datacontenttype",
    "recordedtime",
    "keysequence",
    "correlationid",
]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_attribute_is_refused_by_name(name: str, document: dict[str, Any]) -> None:
    del document[name]
    with pytest.raises(EnvelopeError, match=f"^{name}: is missing$"):
        read_structured(json.dumps(document))


BAD_VALUES: list[tuple[str, Any]] = [
    ("specversion", "0.3"),
    ("specversion", 1.0),
    ("id", "42"),
    ("id", 42),
    ("id", None),
    ("id", {"text": "0190"}),
    ("type", "case-closed"),
    ("subject", "Siti Aminah"),
    ("time", 1790000000),
    ("time", "2026-09-28T03:04:05"),
    ("datacontenttype", "text/plain"),
    ("keysequence", "1"),
    ("keysequence", 1.0),
    ("keysequence", True),
    ("keysequence", 0),
    ("keysequence", -1),
    ("keysequence", 2**63),
    ("keysequence", None),
    ("correlationid", "\ud800"),
    ("causationid", ""),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_attribute_is_refused_by_name_without_repeating_its_value(
    name: str, value: Any, document: dict[str, Any]
) -> None:
    with pytest.raises(EnvelopeError) as refusal:
        read_structured(json.dumps(document | {name: value}))
    assert refusal.value.attribute == name
    assert str(value) not in refusal.value.reason or str(value) in "01"


@given(envelopes)
def test_an_event_comes_back_from_its_document_as_it_was(envelope: Envelope) -> None:
    payload = json.loads(GOOD[envelope.type])
    back, found = read_structured(json.dumps(structured(envelope, payload)))
    assert (back, found) == (envelope, payload)
    assert decode_event(back.type, json.dumps(found)) == decode_event(envelope.type, GOOD[envelope.type])


@given(envelopes)
def test_a_document_says_what_the_headers_of_the_same_event_say(envelope: Envelope) -> None:
    document = structured(envelope, {})
    headers = {name: value.decode() for name, value in envelope.to_headers()}
    assert document.pop("data") == {}
    assert document.pop("datacontenttype") == headers.pop("content-type") == "application/json"
    assert document.pop("traceparent", None) == headers.pop("traceparent", None) == envelope.traceparent
    number = document.pop("keysequence")
    assert type(number) is int
    assert str(number) == headers.pop("ce_keysequence")
    assert {f"ce_{name}": value for name, value in document.items()} == headers


def test_attributes_follow_the_naming_rule_of_cloudevents(document: dict[str, Any]) -> None:
    assert all(name.isalnum() and name.islower() for name in document)
    assert {"causationid", "traceparent", "dataschema"} <= set(document)


def test_what_others_add_is_passed_over(document: dict[str, Any]) -> None:
    more = {"referralpath": "/referral/v1/referrals/1", "sampledrate": 3, "ce_id": "x", "nothing": None}
    assert read_structured(json.dumps(document | more)) == read_structured(json.dumps(document))
