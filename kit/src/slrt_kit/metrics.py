"""The typed catalogue of everything that is counted and measured; no metric is declared anywhere else.

`docs/reference/metrics.md` is written from it (`make contracts`), and alerts may name nothing that is not in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Generic, TypeVar

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from slrt_contracts.codes import StallKind
from slrt_contracts.events import EVENT_TYPES

# The client adds to each counter the time it was made at: half as many series again, and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]

OTHER = "other"
"""What stands for every value that a label does not take."""


class Role(StrEnum):
    """Which processes measure something; ``all`` is API, worker and relay in one."""

    API = "api"
    WORKER = "worker"
    RELAY = "relay"
    CONNECTOR = "connector"


_EVERY = tuple(Role)
_CONSUMING = (Role.WORKER, Role.CONNECTOR)
_SEALING = (Role.API, Role.WORKER)


@dataclass(frozen=True, slots=True)
class Label:
    """What a metric is told apart by.

    What comes from outside is bounded by ``values``, the closed list; what code and settings name by ``most``, the
    number of different ones in a process. All else counts as `OTHER`: nobody can fill our memory, or Prometheus'.
    """

    name: str
    meaning: str
    values: frozenset[str] = frozenset()
    most: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError: it has no bound, or two."""
        if bool(self.values) == bool(self.most):
            raise ValueError(f"label {self.name} has no bound, or two")


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of the catalogue. ``name`` is that of the exposed time series, ``unit`` what its number counts."""

    name: str
    kind: str
    unit: str
    help: str
    roles: tuple[Role, ...]
    labels: tuple[Label, ...] = ()


CATALOGUE: dict[str, Metric] = {}
"""Every metric by name, in the order of this file."""

Kind = TypeVar("Kind", Counter, Gauge, Histogram)


class Bounded(Generic[Kind]):
    """A metric with labels, each of whose values is admitted by its `Label`."""

    def __init__(self, family: Kind, labels: Sequence[Label]) -> None:
        self._family: Kind = family
        self._labels = labels
        self._seen: list[set[str]] = [set() for _ in labels]
        self._children: dict[tuple[str, ...], Kind] = {}

    def labels(self, *values: str) -> Kind:
        """The series of these values, in the order of the labels."""
        child = self._children.get(values)
        if child is None:
            admitted = tuple(
                self._admit(label, value, seen)
                for label, value, seen in zip(self._labels, values, self._seen, strict=True)
            )
            child = self._children.get(admitted) or self._family.labels(*admitted)
            self._children[admitted] = child
        return child

    def remove(self, *values: str) -> None:
        """Show the series no longer; nothing when it is not shown."""
        if self._children.pop(values, None) is not None:
            self._family.remove(*values)

    def children(self) -> Iterator[tuple[tuple[str, ...], Kind]]:
        """The series that are shown, with their values."""
        return iter(list(self._children.items()))

    @staticmethod
    def _admit(label: Label, value: str, seen: set[str]) -> str:
        if label.values:
            return value if value in label.values else OTHER
        if value not in seen:
            if len(seen) >= label.most:
                return OTHER
            seen.add(value)
        return value


def _counter(name: str, text: str, *, unit: str, roles: tuple[Role, ...]) -> Counter:
    CATALOGUE[name] = Metric(name, "counter", unit, text, roles)
    return Counter(name, text)


def _counters(name: str, text: str, *labels: Label, unit: str, roles: tuple[Role, ...]) -> Bounded[Counter]:
    CATALOGUE[name] = Metric(name, "counter", unit, text, roles, labels)
    return Bounded(Counter(name, text, [label.name for label in labels]), labels)


def _gauge(name: str, text: str, *, unit: str, roles: tuple[Role, ...]) -> Gauge:
    CATALOGUE[name] = Metric(name, "gauge", unit, text, roles)
    return Gauge(name, text)


def _gauges(name: str, text: str, *labels: Label, unit: str, roles: tuple[Role, ...]) -> Bounded[Gauge]:
    CATALOGUE[name] = Metric(name, "gauge", unit, text, roles, labels)
    return Bounded(Gauge(name, text, [label.name for label in labels]), labels)


def _histogram(name: str, text: str, *, unit: str, roles: tuple[Role, ...], buckets: tuple[float, ...]) -> Histogram:
    CATALOGUE[name] = Metric(name, "histogram", unit, text, roles)
    return Histogram(name, text, buckets=buckets)


def _histograms(
    name: str, text: str, *labels: Label, unit: str, roles: tuple[Role, ...], buckets: tuple[float, ...]
) -> Bounded[Histogram]:
    CATALOGUE[name] = Metric(name, "histogram", unit, text, roles, labels)
    return Bounded(Histogram(name, text, [label.name for label in labels], buckets=buckets), labels)


_LATENCY = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DELAY = (*_LATENCY, 30, 60, 300, 1800, 7200)

_METHOD = Label(
    "method",
    "HTTP method",
    values=frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}),
)
_ROUTE = Label("route", "template of the route, never the path; `(none)` where no route of the API fits", most=300)
_STATUS = Label("status", "class of the answer", values=frozenset({"1xx", "2xx", "3xx", "4xx", "5xx"}))
_TOPIC = Label("topic", "topic", most=300)
_PARTITION = Label("partition", "number of the partition", most=300)
_CONSUMER = Label("consumer", "consumer group", most=1000)
_EVENT_TYPE = Label("event_type", "type of the event, or `unreadable`", values=frozenset(EVENT_TYPES) | {"unreadable"})
_OUTCOME = Label(
    "outcome",
    "what became of it",
    values=frozenset({"applied", "duplicate", "ignored", "parked", "dead-lettered"}),
)
_OWNER = Label("owner", "address of the service that was asked", most=20)
_ANSWER = Label("outcome", "status of the answer, or `unreachable`", most=60)
_POOL = Label(
    "pool",
    "whose connections: of the API, of the consumers, or to the keys database",
    values=frozenset({"api", "worker", "keys"}),
)
_ACCESS = Label("access", "what the connections may do", values=frozenset({"read", "write"}))
_ARRIVAL = Label("arrival", "how it ended", values=frozenset({"arrived", "late", "held-up"}))
_VERDICT = Label(
    "verdict", "what the malware scanner said of a file", values=frozenset({"clean", "found", "unavailable"})
)
_STORAGE = Label(
    "fault", "what was wrong with the storage of files", values=frozenset({"full", "unavailable", "missing"})
)
_RESOURCE = Label("resource", "what there was too little of", values=frozenset({"connections", "queue", "streams"}))

# -- the API -----------------------------------------------------------------------------------------------------

HTTP_SECONDS = _histograms(
    "slrt_http_request_seconds",
    "Time to answer, of a stream to its beginning; its count gives the rate of requests and, by status, of errors",
    _METHOD,
    _ROUTE,
    _STATUS,
    unit="seconds",
    roles=(Role.API,),
    buckets=_LATENCY,
)
REFUSALS = _counters(
    "slrt_overload_refusals_total",
    "Work refused because the process had all that it can take at once; over HTTP a 503 with Retry-After",
    _RESOURCE,
    unit="refusals",
    roles=_EVERY,
)
POSITION_WAIT_SECONDS = _histograms(
    "slrt_position_wait_seconds",
    "How long reads waited until what their caller had written elsewhere was here",
    _ARRIVAL,
    unit="seconds",
    roles=(Role.API,),
    buckets=_LATENCY,
)
STREAMS_OPEN = _gauge(
    "slrt_http_streams_open", "Answers that stay open and tell what happens", unit="streams", roles=(Role.API,)
)
ISSUER_FAILURES = _counter(
    "slrt_issuer_failures_total",
    "Times that the issuer's keys were asked for and not had; known keys go on serving",
    unit="failures",
    roles=(Role.API,),
)
REVOCATION_FAILURES = _counter(
    "slrt_revocation_failures_total",
    "Times that the list of revoked tokens was asked for and not had; the last one stays in force",
    unit="failures",
    roles=(Role.API,),
)
REVOCATIONS_AGE = _gauge(
    "slrt_revocations_age_seconds",
    "Age of the list of revoked tokens that is in force, when it was last asked for; 0 where there is none",
    unit="seconds",
    roles=(Role.API,),
)
PERSON_LIMIT_REFUSALS = _counter(
    "slrt_person_limit_refusals_total",
    "Requests refused because one person asked too often; over HTTP a 429 with Retry-After",
    unit="requests",
    roles=(Role.API,),
)

# -- the service's database: asked whenever metrics are, so that each process tells it, whoever has died ----------

DATABASE_UP = _gauge(
    "slrt_database_up", "1 where the service's database answers this process", unit="0 or 1", roles=_EVERY
)
DATABASE_IN_USE = _gauges(
    "slrt_database_connections_in_use", "Connections in use", _POOL, _ACCESS, unit="connections", roles=_EVERY
)
DATABASE_LIMIT = _gauges(
    "slrt_database_connections_limit",
    "Connections that may be in use at once",
    _POOL,
    _ACCESS,
    unit="connections",
    roles=_EVERY,
)
OUTBOX_PENDING = _gauge(
    "slrt_outbox_pending_rows", "Rows that wait to be published, counted to 10,000", unit="rows", roles=_EVERY
)
OUTBOX_AGE = _gauge(
    "slrt_outbox_oldest_seconds", "Age of the oldest row that waits to be published", unit="seconds", roles=_EVERY
)
OUTBOX_HAS_RELAY = _gauge(
    "slrt_outbox_has_relay", "1 where some process holds the lock of the service's relay", unit="0 or 1", roles=_EVERY
)
PARKED_EVENTS = _gauges(
    "slrt_consumer_parked_events",
    "Events parked in the consumer's database, with those that queue behind one of their key; counted to 10,000",
    _CONSUMER,
    unit="events",
    roles=_EVERY,
)
PARKED_KEYS = _gauges(
    "slrt_consumer_parked_keys", "Keys that have parked events; all others flow", _CONSUMER, unit="keys", roles=_EVERY
)
PARKED_AGE = _gauges(
    "slrt_consumer_parked_oldest_seconds",
    "How long the oldest parked event has been parked",
    _CONSUMER,
    unit="seconds",
    roles=_EVERY,
)

# -- the policy --------------------------------------------------------------------------------------------------

POLICY_REFRESH_FAILURES = _counter(
    "slrt_policy_refresh_failures_total",
    "Times that the policy was asked for and the database did not answer; what is known stays in force",
    unit="failures",
    roles=(Role.API, Role.WORKER),
)
POLICY_AGE = _gauge(
    "slrt_policy_age_seconds",
    "How long ago this process last knew that its policy is the newest; 0 in a service without one",
    unit="seconds",
    roles=(Role.API, Role.WORKER),
)

# -- the relay ---------------------------------------------------------------------------------------------------

RELAY_ACTIVE = _gauge(
    "slrt_relay_active", "1 where this process holds the relay's lock", unit="0 or 1", roles=(Role.RELAY,)
)
RELAY_PUBLISHED = _counters(
    "slrt_relay_published_total",
    "Events acknowledged by the broker; its rate is the relay's",
    _TOPIC,
    unit="events",
    roles=(Role.RELAY,),
)
RELAY_ERRORS = _counter(
    "slrt_relay_errors_total", "Producer errors, each followed by a new producer", unit="errors", roles=(Role.RELAY,)
)
RELAY_STUCK = _gauge(
    "slrt_relay_stuck",
    "1 while the broker refuses the row that everything else waits behind; the log names it",
    unit="0 or 1",
    roles=(Role.RELAY,),
)
RELAY_REFILLED = _counter(
    "slrt_relay_refilled_total",
    "Archived events sent again because the broker had lost what it acknowledged",
    unit="events",
    roles=(Role.RELAY,),
)

# -- the audit log -----------------------------------------------------------------------------------------------

AUDIT_SEALER_ACTIVE = _gauge(
    "slrt_audit_sealer_active",
    "1 where this process holds the lock of the service's sealer",
    unit="0 or 1",
    roles=(Role.RELAY,),
)
AUDIT_SEALED = _counter(
    "slrt_audit_sealed_total", "Entries linked into the audit chain", unit="entries", roles=(Role.RELAY,)
)
AUDIT_BROKEN = _gauge(
    "slrt_audit_broken",
    "1 while the sealer finds that what it sealed was altered; the log says where",
    unit="0 or 1",
    roles=(Role.RELAY,),
)
AUDIT_UNSEALED_AGE = _gauge(
    "slrt_audit_unsealed_oldest_seconds",
    "Age of the oldest entry that waits to be sealed",
    unit="seconds",
    roles=_EVERY,
)
AUDIT_REVIEWS_OPEN = _gauge(
    "slrt_audit_reviews_open", "Reviews of the audit log that nobody has closed", unit="reviews", roles=_EVERY
)
AUDIT_REVIEWS_AGE = _gauge(
    "slrt_audit_reviews_oldest_seconds", "How long the oldest open review has been open", unit="seconds", roles=_EVERY
)
_CODE_STEP = Label(
    "step",
    "what became of the request, or of the try",
    values=frozenset({"requested", "refused", "wrong", "accepted"}),
)
RESIDENT_CODES = _counters(
    "slrt_resident_codes_total",
    "One-time codes of residents: asked for, refused for being asked too often, typed wrong, accepted",
    _CODE_STEP,
    unit="codes",
    roles=(Role.API,),
)
RESIDENT_CODES_SENT = _counter(
    "slrt_resident_codes_sent_total", "One-time codes that the channel's provider took", unit="codes", roles=_CONSUMING
)
LOOKS_UNTOLD_AGE = _gauge(
    "slrt_looks_untold_seconds",
    "How long looks have waited to be told for the residents' lists, or nothing could be told; 0 when all are",
    unit="seconds",
    roles=(Role.RELAY,),
)
LOOKS_TOLD = _counter(
    "slrt_looks_told_total",
    "Looks at people's data that were told for the residents' lists",
    unit="looks",
    roles=(Role.RELAY,),
)
ERASURES_OVERDUE = _gauge(
    "slrt_erasures_overdue",
    "Deliveries to offices whose consent ended 3 x 24 hours ago, and that no office has said to have erased",
    unit="deliveries",
    roles=_SEALING,
)
CONSENTS_RUN_OUT = _gauge(
    "slrt_consents_run_out",
    "Consents that ran out more than ten minutes ago, and that were not ended: no office was told",
    unit="consents",
    roles=_SEALING,
)
MESSAGES_HELD_OVER = _gauge(
    "slrt_messages_held_over",
    "Messages whose quiet hours were over more than ten minutes ago, and that no channel was given",
    unit="messages",
    roles=_SEALING,
)
_LETTER_STEP = Label(
    "step",
    "what was done to a letter",
    values=frozenset({"correct", "initial", "return", "sign", "issue", "revoke", "discard", "expire"}),
)
LETTER_STEPS = _counters(
    "slrt_letter_steps_total",
    "Steps that letters took after they were drafted",
    _LETTER_STEP,
    unit="letters",
    roles=(Role.API, *_CONSUMING),
)
_LETTER_STATE = Label("answer", "what was said of it", values=frozenset({"valid", "expired", "revoked", "not-found"}))
LETTER_CHECKS = _counters(
    "slrt_letter_checks_total",
    "Letters that somebody checked by the code in the QR; not-found are forged codes, or mistyped ones",
    _LETTER_STATE,
    unit="checks",
    roles=(Role.API,),
)
CONSENTS_EXPIRED = _counter(
    "slrt_consents_expired_total",
    "Consents that were ended because they had run out",
    unit="consents",
    roles=_CONSUMING,
)
_ITEM_STATUS = Label(
    "status",
    "what became of it",
    values=frozenset({"committed", "conflict_kept_both", "rejected_with_reason", "waiting_for"}),
)
FIELD_ITEMS = _counters(
    "slrt_field_items_total",
    "Items that devices in the field handed in, by what became of them; one that came again is not counted",
    _ITEM_STATUS,
    unit="items",
    roles=(Role.API,),
)
FIELD_ITEMS_WAITING = _gauge(
    "slrt_field_items_waiting_seconds",
    "For how long the item waits that has waited longest for the one it refers to",
    unit="seconds",
    roles=_SEALING,
)
FIELD_DEVICES_SILENT = _gauge(
    "slrt_field_devices_silent",
    "Devices in the field, not revoked, that were not in touch for a week",
    unit="devices",
    roles=_SEALING,
)
_TABLE = Label("table", "table of the service", most=60)
RETENTION_REMOVED = _counters(
    "slrt_retention_removed_rows_total",
    "Rows removed because they were kept for their period",
    _TABLE,
    unit="rows",
    roles=(Role.WORKER,),
)
RETENTION_AGE = _gauge(
    "slrt_retention_round_seconds",
    "How long ago everything that was over had last been removed",
    unit="seconds",
    roles=_EVERY,
)
AUDIT_REFUSALS_LOST = _counter(
    "slrt_audit_refusals_lost_total",
    "Refusals that did not get into the audit log; the log names them",
    unit="refusals",
    roles=(Role.API,),
)

# -- clocks ------------------------------------------------------------------------------------------------------

_EFFECT = Label("effect", "what was done", values=frozenset({"remind", "escalate", "auto_close", "reroute"}))
_MOVE_CAUSE = Label("cause", "what has changed", values=frozenset({"calendar_changed", "class_changed"}))
CLOCKS_LATE = _gauge(
    "slrt_clocks_late_seconds",
    "How long the oldest clock that is due has waited for its effect; 0 when none waits",
    unit="seconds",
    roles=_EVERY,
)
CLOCKS_FAILING = _gauge(
    "slrt_clocks_failing",
    "Clocks whose effect has failed five times or more, and is tried again ever more seldom; counted to 10,000",
    unit="clocks",
    roles=_EVERY,
)
CLOCKS_FIRED = _counters(
    "slrt_clocks_fired_total", "Effects of clocks that were due", _EFFECT, unit="effects", roles=(Role.WORKER,)
)
CLOCKS_FOLDED = _counter(
    "slrt_clocks_folded_total",
    "Notices that had become pointless and were named in a later one",
    unit="notices",
    roles=(Role.WORKER,),
)
CLOCKS_FAILED = _counter(
    "slrt_clocks_failed_total", "Effects that failed and were put off", unit="effects", roles=(Role.WORKER,)
)
CLOCKS_MOVED = _counters(
    "slrt_clocks_moved_total",
    "Open clocks that are due at another instant because a calendar or a class has changed",
    _MOVE_CAUSE,
    unit="clocks",
    roles=(Role.WORKER,),
)
CLOCKS_UNMOVED = _gauge(
    "slrt_clocks_unmoved_seconds",
    "How long the oldest policy has been in force whose open clocks were not all looked through; 0 when none waits",
    unit="seconds",
    roles=_EVERY,
)
CLOCKS_LATENESS_SECONDS = _histogram(
    "slrt_clocks_lateness_seconds",
    "From the instant of an effect to the transaction that did it",
    unit="seconds",
    roles=(Role.WORKER,),
    buckets=_DELAY,
)
_STALL = Label("kind", "what is missing", values=frozenset(StallKind))
STALLS = _gauges(
    "slrt_stalls",
    "Open cases, needs and referrals that are held up, and regencies in which nobody is on duty; counted to 10,000",
    _STALL,
    unit="stalls",
    roles=_EVERY,
)
STALLS_FOUND = _counters(
    "slrt_stalls_found_total", "Stalls that were found", _STALL, unit="stalls", roles=(Role.WORKER,)
)
STALL_ROUND_AGE = _gauge(
    "slrt_stall_round_seconds",
    "How long ago somebody last looked at all that is open",
    unit="seconds",
    roles=_EVERY,
)

# -- consumers ---------------------------------------------------------------------------------------------------

CONSUMER_EVENTS = _counters(
    "slrt_consumer_events_total",
    "Received events by what became of them: `duplicate` were absorbed by the inbox",
    _CONSUMER,
    _EVENT_TYPE,
    _OUTCOME,
    unit="events",
    roles=_CONSUMING,
)
CONSUMER_APPLY_SECONDS = _histograms(
    "slrt_consumer_apply_seconds",
    "Time to apply what was taken together: one event, or several in one transaction",
    _CONSUMER,
    unit="seconds",
    roles=_CONSUMING,
    buckets=_LATENCY,
)
CONSUMER_DELAY_SECONDS = _histograms(
    "slrt_consumer_delay_seconds",
    "From recorded by the producer to committed by the consumer",
    _CONSUMER,
    unit="seconds",
    roles=_CONSUMING,
    buckets=_DELAY,
)
CONSUMER_LAG = _gauges(
    "slrt_consumer_lag_events",
    "Events on the partition that are not yet applied",
    _CONSUMER,
    _TOPIC,
    _PARTITION,
    unit="events",
    roles=_CONSUMING,
)
CONSUMER_LAG_SECONDS = _gauges(
    "slrt_consumer_lag_seconds",
    "Age of the oldest event on the partition that is not yet applied; 0 when caught up",
    _CONSUMER,
    _TOPIC,
    _PARTITION,
    unit="seconds",
    roles=_CONSUMING,
)
CONSUMER_PAUSED_SECONDS = _gauges(
    "slrt_consumer_paused_seconds",
    "How long a partition has been held up by a transient fault; 0 when it flows",
    _CONSUMER,
    _TOPIC,
    _PARTITION,
    unit="seconds",
    roles=_CONSUMING,
)
CONSUMER_STOPPED = _gauges(
    "slrt_consumer_stopped",
    "1 where the dead-letter limit stopped the consumer",
    _CONSUMER,
    unit="0 or 1",
    roles=_CONSUMING,
)
CONSUMER_ERRORS = _counters(
    "slrt_consumer_broker_losses_total",
    "Times that the consumer lost its broker and joined anew",
    _CONSUMER,
    unit="losses",
    roles=_CONSUMING,
)
CLAIM_CHECKS = _counters(
    "slrt_claim_checks_total",
    "Calls to the owner of data that no event may carry",
    _OWNER,
    _ANSWER,
    unit="calls",
    roles=_CONSUMING,
)


# -- personal data -----------------------------------------------------------------------------------------------

KEYS_AHEAD = _gauge(
    "slrt_subject_keys_ahead",
    "Subject keys that the process has in memory and not yet used; new people are stored with them alone",
    unit="keys",
    roles=_SEALING,
)
KEYS_FAILURES = _counter(
    "slrt_subject_keys_failures_total",
    "Times that the keys database did not answer",
    unit="failures",
    roles=_SEALING,
)
KEYS_MISSING = _counter(
    "slrt_subject_keys_missing_total",
    "Keys that rows name and the keys database has never heard of",
    unit="keys",
    roles=_SEALING,
)
KEYS_DESTROYED = _counter(
    "slrt_subject_keys_destroyed_total", "Keys destroyed by erasures", unit="keys", roles=_SEALING
)
SEALS_BROKEN = _counter(
    "slrt_seals_broken_total",
    "Sealed values that were altered, moved, or sealed under another key",
    unit="values",
    roles=_SEALING,
)

# -- files of people ---------------------------------------------------------------------------------------------

FILE_SCANS = _counters(
    "slrt_file_scans_total",
    "Files that the malware scanner was asked about; of `unavailable` nothing was stored",
    _VERDICT,
    unit="files",
    roles=(Role.API,),
)
STORAGE_FAILURES = _counters(
    "slrt_storage_failures_total",
    "Times that the storage of files refused a read or a write",
    _STORAGE,
    unit="failures",
    roles=_SEALING,
)
OBJECTS_ORPHANED = _gauge(
    "slrt_objects_orphaned",
    "Stored files that no row names, as the last sweep found them and did not remove them: too many to be chance",
    unit="files",
    roles=(Role.WORKER,),
)
OBJECTS_SWEPT = _counter(
    "slrt_objects_swept_total", "Stored files removed because no row names them", unit="files", roles=(Role.WORKER,)
)


def begin_consumer(group: str) -> None:
    """Show a consumer's series from its start: an alert on the first dead letter needs the zero before it."""
    CONSUMER_STOPPED.labels(group).set(0)
    CONSUMER_EVENTS.labels(group, "unreadable", "dead-lettered")
    CONSUMER_ERRORS.labels(group)
    for parked in (PARKED_EVENTS, PARKED_KEYS, PARKED_AGE):
        parked.labels(group)


for _effect in _EFFECT.values:
    CLOCKS_FIRED.labels(_effect)
for _step_of_letter in _LETTER_STEP.values:
    LETTER_STEPS.labels(_step_of_letter)
for _state in _LETTER_STATE.values:
    LETTER_CHECKS.labels(_state)
for _status in _ITEM_STATUS.values:
    FIELD_ITEMS.labels(_status)
for _kind in _STALL.values:
    STALLS_FOUND.labels(_kind)
for _cause in _MOVE_CAUSE.values:
    CLOCKS_MOVED.labels(_cause)
for _verdict in _VERDICT.values:
    FILE_SCANS.labels(_verdict)
for _fault in _STORAGE.values:
    STORAGE_FAILURES.labels(_fault)
for _resource in _RESOURCE.values:
    REFUSALS.labels(_resource)
for _step in _CODE_STEP.values:
    RESIDENT_CODES.labels(_step)


# Finding the series of three labels takes longer than noting a time in it.
@lru_cache(maxsize=4096)
def http_seconds(method: str, route: str, status: int) -> Histogram:
    """The series of `HTTP_SECONDS` of a route's answers; the status ``503`` counts as ``5xx``."""
    return HTTP_SECONDS.labels(method, route, f"{status // 100}xx")


def render() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)
