"""The envelope survives the way through Kafka headers, and headers that make no event are refused by name."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.envelopes import envelopes

from slrt_contracts.envelope import MAX_KEYSEQUENCE, Envelope, EnvelopeError, source_of
from slrt_contracts.events import ReferralAccepted
from slrt_contracts.types import CaseId, EventId, NeedId, OfficeCode, ReferralId

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MOMENT = datetime(2026, 9, 28, 3, 4, 5, 678901, tzinfo=UTC)


def _envelope(**changes: Any) -> Envelope:
    values: dict[str, Any] = {
        "id": EventId(UUID(int=1)),
        "type": "id.slrt.intake.case-closed.v1",
        "source": "/slrt/intake",
        "subject": str(UUID(int=2)),
        "time": MOMENT,
        "recordedtime": MOMENT,
        "keysequence": 1,
        "correlationid": UUID(int=2),
        "causationid": EventId(UUID(int=3)),
        "traceparent": TRACE,
    }
    return Envelope(**values | changes)


@given(envelopes)
def test_an_envelope_comes_back_from_its_headers_as_it_was(envelope: Envelope) -> None:
    back = Envelope.from_headers(envelope.to_headers())
    assert back == envelope
    assert back.time.utcoffset() == timedelta(0)


@given(envelopes, st.randoms())
def test_neither_the_order_of_headers_nor_foreign_ones_matter(envelope: Envelope, random: Any) -> None:
    headers: list[tuple[str, bytes | None]] = [*envelope.to_headers(), ("baggage", b"\xff"), ("x-retry", None)]
    random.shuffle(headers)
    assert Envelope.from_headers(headers) == envelope


def test_headers_follow_the_kafka_binding_in_binary_mode() -> None:
    headers = dict(_envelope().to_headers())
    assert headers["content-type"] == b"application/json"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_dataschema"] == b"urn:slrt:schema:id.slrt.intake.case-closed.v1"
    assert headers["ce_time"] == b"2026-09-28T03:04:05.678901+00:00"
    assert headers["traceparent"] == TRACE.encode()
    assert all(name.islower() for name in headers)


def test_the_envelope_of_an_event_takes_type_and_subject_from_it() -> None:
    event = ReferralAccepted(
        referral_id=ReferralId(UUID(int=7)),
        case_id=CaseId(UUID(int=8)),
        need_id=NeedId(UUID(int=9)),
        office_code=OfficeCode("12.74.DUKCAPIL"),
    )
    envelope = Envelope.of(
        event,
        id=EventId(UUID(int=1)),
        source=source_of("referral"),
        time=MOMENT,
        recordedtime=MOMENT,
        keysequence=4,
        correlationid=event.case_id,
    )
    assert (envelope.type, envelope.subject) == (ReferralAccepted.TYPE, str(UUID(int=7)))
    assert [name for name, _ in envelope.to_headers() if name in {"ce_causationid", "traceparent"}] == []


REQUIRED = [
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_subject",
    "ce_time",
    "ce_recordedtime",
    "ce_keysequence",
    "ce_correlationid",
]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_attribute_is_refused_by_name(name: str) -> None:
    headers = [header for header in _envelope().to_headers() if header[0] != name]
    with pytest.raises(EnvelopeError, match=f"^{name}: is missing$"):
        Envelope.from_headers(headers)


@pytest.mark.parametrize("name", [*REQUIRED, "ce_causationid"])
def test_an_attribute_that_comes_twice_is_refused(name: str) -> None:
    headers = _envelope().to_headers()
    with pytest.raises(EnvelopeError, match=f"^{name}: comes twice$"):
        Envelope.from_headers([*headers, (name, dict(headers)[name])])


BAD_VALUES: list[tuple[str, bytes | None]] = [
    ("content-type", b"application/cloudevents+json"),
    ("content-type", b"text/plain"),
    ("ce_specversion", b"0.3"),
    ("ce_id", b"42"),
    ("ce_id", b"{00000000-0000-0000-0000-000000000001}"),
    ("ce_id", b"00000000-0000-0000-0000-00000000000A"),
    ("ce_id", b"\xff\xfe"),
    ("ce_id", None),
    ("ce_type", b"case-closed"),
    ("ce_type", b"id.slrt.intake.CaseClosed.v1"),
    ("ce_type", b"id.slrt.intake.case-closed.v0"),
    ("ce_source", b"intake"),
    ("ce_source", b"/slrt/intake\n"),
    ("ce_subject", b""),
    ("ce_subject", b"Siti Aminah"),
    ("ce_time", b"2026-09-28"),
    ("ce_time", b"2026-09-28T03:04:05"),
    ("ce_time", b"28-09-2026T03:04:05Z"),
    ("ce_time", b"2026-02-30T03:04:05Z"),
    ("ce_time", b"2026-09-28T25:04:05Z"),
    ("ce_time", b"0001-01-01T00:00:00+14:00"),
    ("ce_recordedtime", b"yesterday"),
    ("ce_keysequence", b"0"),
    ("ce_keysequence", b"-1"),
    ("ce_keysequence", b"1.5"),
    ("ce_keysequence", b"9999999999999999999"),
    ("ce_keysequence", "١".encode()),
    ("ce_correlationid", b"TJB-2026-000123"),
    ("ce_causationid", b""),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_attribute_is_refused_by_name_without_repeating_its_value(name: str, value: bytes | None) -> None:
    headers = [(other, value if other == name else good) for other, good in _envelope().to_headers()]
    with pytest.raises(EnvelopeError) as refusal:
        Envelope.from_headers(headers)
    assert refusal.value.attribute == name
    assert str(refusal.value) == f"{name}: {refusal.value.reason}"
    if value and value.isascii() and len(value) > 3:
        assert value.decode() not in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [b"", b"junk", b"\xff", None, TRACE.replace("00-4", "ff-4").encode(), b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01"],
)
def test_a_bad_trace_is_dropped_because_telemetry_must_not_stop_a_fact(value: bytes | None) -> None:
    headers = [(name, value if name == "traceparent" else good) for name, good in _envelope().to_headers()]
    assert Envelope.from_headers(headers) == _envelope(traceparent=None)


def test_two_traces_are_as_good_as_none() -> None:
    headers = [*_envelope().to_headers(), ("traceparent", TRACE.encode())]
    assert Envelope.from_headers(headers).traceparent is None


def test_nanoseconds_and_zulu_time_of_other_writers_are_read() -> None:
    headers = [
        (name, b"2026-09-28T03:04:05.678901234Z" if name == "ce_time" else value)
        for name, value in _envelope().to_headers()
    ]
    assert Envelope.from_headers(headers).time == MOMENT


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [
        ({"time": MOMENT.replace(tzinfo=None)}, "ce_time"),
        ({"recordedtime": MOMENT.replace(tzinfo=None)}, "ce_recordedtime"),
        ({"keysequence": 0}, "ce_keysequence"),
        ({"keysequence": MAX_KEYSEQUENCE + 1}, "ce_keysequence"),
        ({"type": "CaseClosed"}, "ce_type"),
        ({"source": "intake"}, "ce_source"),
        ({"subject": "Siti Aminah"}, "ce_subject"),
        ({"traceparent": "junk"}, "traceparent"),
    ],
)
def test_an_envelope_that_could_not_be_read_back_cannot_be_made(changes: dict[str, Any], attribute: str) -> None:
    with pytest.raises(EnvelopeError) as refusal:
        _envelope(**changes)
    assert refusal.value.attribute == attribute
