"""One trace from the browser's request through the outbox and Kafka to the next service's effect."""

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

tracer = trace.get_tracer("slrt")

_IDS_ONLY = ParentBased(ALWAYS_OFF, remote_parent_sampled=ALWAYS_OFF)


def configure_telemetry(*, service: str, role: str, otlp_endpoint: str | None) -> None:
    """Make trace ids always, and export spans when an OTLP endpoint is given.

    Ids are made without an exporter too, so that events carry a ``traceparent`` and logs a ``trace_id``.
    """
    resource = Resource.create({"service.name": f"slrt-{service}", "slrt.role": role})
    # Where nobody exports, nobody will read the spans: they keep their ids, and need not keep what they cost.
    provider = TracerProvider(resource=resource, sampler=None if otlp_endpoint else _IDS_ONLY)
    if otlp_endpoint:
        # Costs a fifth of a second and 15 MB, so only whoever exports pays for it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{otlp_endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)


def context_of(traceparent: str | None) -> Context:
    """The trace context that a received event continues."""
    return propagate.extract({"traceparent": traceparent} if traceparent else {})
