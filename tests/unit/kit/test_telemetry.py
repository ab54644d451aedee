"""Spans of sent messages: made where somebody exports, and nothing where nobody does."""

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
