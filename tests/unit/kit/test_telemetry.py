"""Spans of sent messages: made where somebody exports, and nothing where nobody does."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from slrt_kit import telemetry

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    yield exporter
    exporter.shutdown()


def send(
    kept: InMemorySpanExporter, patch: pytest.MonkeyPatch, *, sampler: Sampler | None, flags: str = "01"
) -> list[trace.SpanContext]:
    """Note a message that was sent; gives the parents of the spans that were made."""
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    patch.setattr(trace, "get_tracer_provider", lambda: provider)
    patch.setattr(telemetry, "tracer", provider.get_tracer("test"))
    headers = [["ce_id", "an-id"], ["traceparent", f"00-{TRACE}-{SPAN}-{flags}"]]
    telemetry.note_sent("a.topic", headers, since_ns=1)
    return [span.parent for span in kept.get_finished_spans() if span.parent is not None]


def test_where_somebody_exports_a_message_has_a_span_below_the_one_that_recorded_it(
    kept: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    (parent,) = send(kept, monkeypatch, sampler=None)
    assert (f"{parent.trace_id:032x}", f"{parent.span_id:016x}") == (TRACE, SPAN)


def test_where_nobody_exports_or_the_trace_is_not_sampled_there_is_none(
    kept: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send(kept, monkeypatch, sampler=telemetry._IDS_ONLY) == []
    assert send(kept, monkeypatch, sampler=None, flags="00") == []


def test_where_nobody_exports_no_span_is_even_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    class Begun(Exception):  # noqa: N818 — a mark, no fault
        pass

    class Tracer:
        def start_span(self, *_: object, **__: object) -> None:
            raise Begun

    monkeypatch.setattr(telemetry, "tracer", Tracer())
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: TracerProvider(sampler=telemetry._IDS_ONLY))
    telemetry.note_sent("a.topic", [["ce_id", "an-id"]], since_ns=1)
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    with pytest.raises(Begun):
        telemetry.note_sent("a.topic", [["ce_id", "an-id"]], since_ns=1)


def test_the_id_of_no_span_is_sixteen_digits_whatever_chance_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([0, 0x1501833010714174, 0x0000833010714174, 0xA501833010714174])
    monkeypatch.setattr(telemetry.random, "getrandbits", lambda _bits: next(drawn))
    assert telemetry.NoNumbers().generate_span_id() == 0xA501833010714174


def test_every_process_makes_such_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[TracerProvider] = []
    monkeypatch.setattr(trace, "set_tracer_provider", made.append)
    telemetry.configure_telemetry(service="intake", role="api", otlp_endpoint=None)
    assert isinstance(made[0].id_generator, telemetry.NoNumbers)


SECRETS = ("1274034507849911", "0812-0000-9911", "+6281200009911", "marlina@contoh.example", "Marlina Damanik")


def test_what_leaves_in_a_span_names_nobody_whoever_wrote_it(kept: InMemorySpanExporter) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(telemetry.Redacting(kept)))
    nik, written, phone, email, name = SECRETS
    case = "01997c40-5a00-7001-8000-000000000001"
    error = ValueError(f"duplicate key value\nDETAIL:  Key (nik, name)=({nik}, {name}) already exists.\n")
    with provider.get_tracer("test").start_as_current_span(f"GET /cases/{case}?nik={nik}") as span:
        span.set_attribute("url.query", f"phone={phone}&mail={email}&case={case}")
        span.set_attribute("numbers", [written, "ACEH"])
        span.set_attribute("count", 3)
        span.add_event("sent", {"to": email})
        span.record_exception(error)
        span.set_status(trace.Status(trace.StatusCode.ERROR, str(error)))
    (sent,) = kept.get_finished_spans()
    told = json.dumps(json.loads(sent.to_json()))
    assert [secret for secret in SECRETS if secret in told] == []
    assert sent.attributes is not None
    assert (sent.attributes["count"], list(sent.attributes["numbers"])) == (3, ["[redacted]", "ACEH"])
    assert case in told
    assert "duplicate key value" in told
    assert sent.get_span_context() is not None
    assert {event.name for event in sent.events} == {"sent", "exception"}
