"""The typed catalogue of everything that is counted and measured; no metric is declared anywhere else."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

_LATENCY_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

HTTP_REQUESTS = Counter("slrt_http_requests_total", "HTTP requests by route and status", ("method", "route", "status"))
HTTP_SECONDS = Histogram(
    "slrt_http_request_seconds", "Time to answer, by route", ("method", "route"), buckets=_LATENCY_BUCKETS
)

OUTBOX_PENDING = Gauge("slrt_outbox_pending_rows", "Rows in the outbox that the relay saw waiting")
OUTBOX_AGE = Gauge("slrt_outbox_oldest_seconds", "Age of the oldest pending outbox row")
RELAY_PUBLISHED = Counter("slrt_relay_published_total", "Events acknowledged by the broker", ("topic",))
RELAY_ERRORS = Counter("slrt_relay_errors_total", "Producer errors, each followed by a new producer")
RELAY_REFILLED = Counter(
    "slrt_relay_refilled_total", "Archived events sent again because the broker had lost what it acknowledged"
)
RELAY_ACTIVE = Gauge("slrt_relay_active", "1 where this process holds the relay's lock")

CONSUMER_EVENTS = Counter(
    "slrt_consumer_events_total",
    "Received events by what became of them",
    ("consumer", "event_type", "outcome"),
)
CONSUMER_APPLY_SECONDS = Histogram(
    "slrt_consumer_apply_seconds", "Time to handle one event", ("consumer",), buckets=_LATENCY_BUCKETS
)
CONSUMER_DELAY_SECONDS = Histogram(
    "slrt_consumer_delay_seconds",
    "From recorded by the producer to committed by the consumer",
    ("consumer",),
    buckets=_LATENCY_BUCKETS,
)
CONSUMER_LAG = Gauge("slrt_consumer_lag_events", "Events not yet handled", ("consumer", "topic", "partition"))
CONSUMER_PAUSED_SECONDS = Gauge(
    "slrt_consumer_paused_seconds",
    "How long a partition has been held up by a transient fault",
    ("consumer", "topic", "partition"),
)
CONSUMER_PARKED = Gauge("slrt_consumer_parked_events", "Events parked in the consumer's database", ("consumer",))
CONSUMER_STOPPED = Gauge("slrt_consumer_stopped", "1 where the dead-letter limit stopped the consumer", ("consumer",))

CLAIM_CHECKS = Counter("slrt_claim_checks_total", "Calls to the owner of the data", ("owner", "outcome"))


def render() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
