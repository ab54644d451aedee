"""One trace from the browser's request through the outbox and Kafka to the next service's effect."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import Status
from opentelemetry.util.types import Attributes, AttributeValue

from slrt_kit.logs import redact, redact_error

tracer = trace.get_tracer("slrt")

_IDS_ONLY = ParentBased(ALWAYS_OFF, remote_parent_sampled=ALWAYS_OFF)


def configure_telemetry(*, service: str, role: str, otlp_endpoint: str | None) -> None:
    """Make trace ids always, and export spans when an OTLP endpoint is given.

    Ids are made without an exporter too, so that events carry a ``traceparent`` and logs a ``trace_id``.
    """
    resource = Resource.create({"service.name": f"slrt-{service}", "slrt.role": role})
    # Where nobody exports, nobody will read the spans: they keep their ids, and need not keep what they cost.
    sampler = None if otlp_endpoint else _IDS_ONLY
    provider = TracerProvider(resource=resource, sampler=sampler, id_generator=NoNumbers())
    if otlp_endpoint:
        # Costs a fifth of a second and 15 MB, so only whoever exports pays for it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        exporter = Redacting(OTLPSpanExporter(endpoint=f"{otlp_endpoint}/v1/traces"))
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


class NoNumbers(RandomIdGenerator):
    """Ids of spans that hold a letter: one in 1,800 would be 16 digits, and some of those a possible NIK.

    They travel in every event and stand in every timeline, where whoever looks for leaked numbers would find them.
    """

    def generate_span_id(self) -> int:
        """See `RandomIdGenerator`."""
        span_id = random.getrandbits(64)
        while f"{span_id:x}".isdecimal():
            span_id = random.getrandbits(64)
        return span_id


class Redacting(SpanExporter):
    """Hands spans on without what may be somebody's number or address, as logs are: libraries name what they like."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter`."""
        return self._exporter.export([_redacted(span) for span in spans])

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter`."""
        return self._exporter.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    described = span.status.description
    return ReadableSpan(
        name=redact(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_redacted_attributes(span.attributes),
        events=[Event(event.name, _redacted_attributes(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, None if described is None else redact_error(described)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted_attributes(attributes: Attributes) -> Attributes:
    def shown(value: AttributeValue) -> AttributeValue:
        if isinstance(value, str):
            return redact_error(value)
        if isinstance(value, Sequence):
            return [redact_error(each) if isinstance(each, str) else each for each in value]
        return value

    return {name: shown(value) for name, value in (attributes or {}).items()}


def context_of(traceparent: str | None) -> Context:
    """The trace context that a received event continues."""
    return propagate.extract({"traceparent": traceparent} if traceparent else {})


def current_traceparent() -> str | None:
    """The trace that is under way, as an event carries it (W3C Trace Context, version 00); None outside of any."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return None
    return f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"


@contextmanager
def continuing(traceparent: str | None) -> Iterator[None]:
    """What is done in the block belongs to the trace that a received event continues."""
    token = context.attach(context_of(traceparent))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def processing(topic: str, *, consumer: str, message_id: str, traceparent: str | None) -> Iterator[None]:
    """A span for the handling of one received event, below the span that recorded it.

    Names and attributes are those of OpenTelemetry's semantic conventions for messaging. Events are handled one by
    one, also those of a batch, so that each goes on in its own trace.
    """
    with tracer.start_as_current_span(
        f"process {topic}",
        context=context_of(traceparent),
        kind=trace.SpanKind.CONSUMER,
        attributes={
            **_messaging(topic, "process", message_id),
            "messaging.consumer.group.name": consumer,
        },
        # What an exception says may be somebody's data.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise


def note_sent(topic: str, headers: Iterable[list[str]], *, since_ns: int) -> None:
    """A span of its sending, from ``since_ns`` (ns since 1970) to now, for a message that the broker acknowledged.

    Below the span that recorded the event, whose ``traceparent`` the message carries unchanged: the relay may be
    minutes behind, or send it again, and a consumer's trace must not hang on that. Nothing where nobody exports.
    """
    if not _is_exported():
        return
    named = dict(headers)
    tracer.start_span(
        f"send {topic}",
        context=context_of(named.get("traceparent")),
        kind=trace.SpanKind.CLIENT,
        start_time=since_ns,
        attributes=_messaging(topic, "send", named.get("ce_id", "")),
    ).end()


def _is_exported() -> bool:
    """Tens of thousands of events go out in a second: a span for each costs more than the event."""
    return getattr(trace.get_tracer_provider(), "sampler", _IDS_ONLY) is not _IDS_ONLY


def _messaging(topic: str, operation: str, message_id: str) -> dict[str, str]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "messaging.message.id": message_id,
    }
