"""Take one received event to its end: applied once, parked, dead-lettered, or left for later; no Kafka in here."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from time import perf_counter
from typing import Any, Generic, TypeVar

from psycopg.errors import UniqueViolation

from slrt_contracts.envelope import Envelope, EnvelopeError
from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.events.base import Event, UndecodableEventError
from slrt_contracts.types import EventId
from slrt_kit import metrics
from slrt_kit.db import DATABASE_DOWN, Database, StaleVersionError, UnitOfWork
from slrt_kit.inbox import Inbox, ParkedEvent, RawEvent
from slrt_kit.logs import get_logger
from slrt_kit.messaging.errors import IgnoredError, RejectedError, TransientError, UnreadableError
from slrt_kit.messaging.handlers import Entry, Handlers, Projection, Received
from slrt_kit.telemetry import continuing, processing

log = get_logger(__name__)

Deps = TypeVar("Deps")

CRASHES_BEFORE_PARKING = 3
"""How often a handler may fail for no known reason before its event is parked."""
_PARK_DELAY_MIN = timedelta(seconds=1)
_PARK_DELAY_MAX = timedelta(minutes=5)

_RETRY_LEASE = timedelta(seconds=60)
"""How long a parked event belongs to the worker that tries it: longer than all deadlines of one attempt together."""

TRANSIENT = (TransientError, TimeoutError, *DATABASE_DOWN)

STALE = (StaleVersionError, UniqueViolation)
"""Somebody else changed a row, or wrote the very key, since we looked: look again."""

MOST_TOGETHER = 20
"""How many events handlers get in one transaction: more would hold locks for longer than they save time."""

_NOT_PREPARED = object()
_IGNORED = object()


class Outcome(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    PARKED = "parked"


def park_delay(attempts: int) -> timedelta:
    """How long a parked event rests before its next attempt: 1, 2, 4… seconds, at most 5 minutes."""
    return min(_PARK_DELAY_MIN * (1 << min(attempts, 20)), _PARK_DELAY_MAX)


def envelope_of(raw: RawEvent) -> Envelope:
    """Raises UnreadableError: the headers make no event."""
    try:
        return Envelope.from_headers(raw.headers)
    except EnvelopeError as error:
        raise UnreadableError(str(error)) from error


def event_of(raw: RawEvent, envelope: Envelope) -> Event:
    """The event of a known type.

    Raises:
        UnreadableError: the bytes are none.
    """
    if raw.payload is None:
        raise UnreadableError(f"{envelope.type} has no payload")
    try:
        event = EVENT_TYPES[envelope.type].decode(raw.payload)
    except UndecodableEventError as error:
        raise UnreadableError(str(error)) from error
    # The order of a key, the queue behind a parked event and the handler must all speak of the same thing.
    if not raw.key == envelope.subject == event.partition_key:
        raise UnreadableError(f"{envelope.type}: key, subject and payload are not about the same thing")
    return event


class Processor(Generic[Deps]):
    """Applies events for one consumer (one consumer group)."""

    def __init__(
        self, *, consumer: str, database: Database, handlers: Handlers[Deps], deps: Deps, inbox: Inbox | None = None
    ) -> None:
        self._consumer = consumer
        self._database = database
        self._handlers = handlers
        self._deps = deps
        self._inbox = inbox or Inbox(consumer)
        self._goes_alone = any(entry.acts_outside for entry in handlers.entries.values())

    @property
    def projection(self) -> Projection | None:
        """What the consumer keeps a copy of, and where; None when it does anything else."""
        project, table, deps = self._handlers.projection, self._handlers.table, self._deps
        if project is None or table is None:
            return None
        return Projection(
            consumer=self._consumer,
            table=table,
            topics={name: EVENT_TYPES[name].topics() for name in self._handlers.entries},
            apply=lambda events, work: project(events, work, deps),
        )

    async def process(self, raw: RawEvent) -> Outcome:
        """Handle one event from the topic.

        Raises:
            TransientError and its kin (`TRANSIENT`): nothing happened; the same event must come again.
            UnreadableError: the bytes are no event; the caller dead-letters them.
        """
        started = perf_counter()
        received, entry = self._decode(raw)
        if entry is None or not self._concerns(received, entry):
            self._count([(received.envelope, Outcome.IGNORED)])
            return Outcome.IGNORED
        envelope = received.envelope
        with self._span(raw, envelope):
            outcome = await self._process(raw, received, entry)
        self._count([(envelope, outcome)])
        metrics.CONSUMER_APPLY_SECONDS.labels(self._consumer).observe(perf_counter() - started)
        return outcome

    def together(self, left: Sequence[Sequence[RawEvent]]) -> list[int]:
        """How many of the first events of each partition to take next: for `process_batch`, else one by one.

        Handlers see one event of a key at a time: what is prepared for the second must rest on what the first has
        done.
        """
        if self._handlers.projection is not None or self._goes_alone:
            return [len(raws) for raws in left]
        keys: set[str] = set()
        sizes = []
        for raws in left:
            before = len(keys)
            for raw in itertools.islice(raws, MOST_TOGETHER - before):
                if raw.key in keys:
                    break
                keys.add(raw.key)
            sizes.append(len(keys) - before)
        return sizes

    async def process_batch(self, raws: Sequence[RawEvent]) -> bool:
        """Apply events in order, in one transaction; False when they must be taken one by one, and nothing happened.

        That is so when preparing one acts outside, when one is unreadable, when anything is parked, and when anything
        fails: one bad event must not hold up its neighbours.
        """
        if self._goes_alone:
            # What a preparation did outside must be on record before anything else can fail.
            return False
        started = perf_counter()
        try:
            decoded = [self._decode(raw) for raw in raws]
            known = {
                received.envelope.id: (raw, received, entry)
                for raw, (received, entry) in zip(raws, decoded, strict=True)
                if entry is not None and self._concerns(received, entry)
            }
            if not await self._drop_handled(known):
                return False
            prepared = await self._prepare_all(known)
            async with self._database.unit_of_work() as work:
                claimed = await self._inbox.claim_many(work.connection, list(known))
                if claimed is None:
                    return False
                await self._apply_all([known[each] for each in known if each in claimed], work, prepared)
                await work.commit()
        except Exception as error:  # noqa: BLE001 — nothing was committed; one by one it shows which one fails, and how
            log.warning("batch taken apart", consumer=self._consumer, error=type(error).__name__)
            return False

        def outcome(received: Received[Any], entry: Entry[Deps] | None) -> Outcome:
            event_id = received.envelope.id
            if not self._concerns(received, entry) or prepared.get(event_id) is _IGNORED:
                return Outcome.IGNORED
            return Outcome.APPLIED if event_id in claimed else Outcome.DUPLICATE

        self._count([(received.envelope, outcome(received, entry)) for received, entry in decoded])
        metrics.CONSUMER_APPLY_SECONDS.labels(self._consumer).observe(perf_counter() - started)
        return True

    def _concerns(self, received: Received[Any], entry: Entry[Deps] | None) -> bool:
        """Whether the event is this consumer's business at all."""
        return entry is not None and (entry.concerns is None or entry.concerns(received, self._deps))

    async def _drop_handled(self, known: dict[EventId, tuple[RawEvent, Received[Any], Entry[Deps]]]) -> bool:
        """Nothing is asked of anybody for events that will not be applied; False when any event is parked."""
        if not any(entry.prepare for _, _, entry in known.values()):
            return True
        async with self._database.read() as session:
            handled = await self._inbox.handled(session, list(known))
        for event_id in handled or ():
            del known[EventId(event_id)]
        return handled is not None

    async def _prepare_all(
        self, known: Mapping[EventId, tuple[RawEvent, Received[Any], Entry[Deps]]]
    ) -> dict[Any, Any]:
        """What the events' preparations gave, side by side: these only ask. Nothing of those that have none."""

        async def prepare(received: Received[Any], ask: Callable[..., Awaitable[Any]]) -> Any:
            with contextlib.suppress(IgnoredError), continuing(received.envelope.traceparent):
                return await ask(received, self._deps)
            return _IGNORED

        asked = {
            event_id: prepare(received, entry.prepare)
            for event_id, (_, received, entry) in known.items()
            if entry.prepare is not None
        }
        return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))

    async def _apply_all(
        self,
        events: Sequence[tuple[RawEvent, Received[Any], Entry[Deps]]],
        work: UnitOfWork,
        prepared: Mapping[EventId, Any],
    ) -> None:
        if self._handlers.projection is not None:
            if events:
                await self._handlers.projection([received for _, received, _ in events], work, self._deps)
            return
        for raw, received, entry in events:
            made = prepared.get(received.envelope.id)
            if made is _IGNORED:
                continue
            work.causation_id = received.envelope.id
            with self._span(raw, received.envelope):
                await self._call(entry, received, work, made)

    def _decode(self, raw: RawEvent) -> tuple[Received[Any], Entry[Deps] | None]:
        envelope = envelope_of(raw)
        entry = self._handlers.entries.get(envelope.type)
        if entry is None:
            # Also a type that is newer than this code: it has no handler here, so it concerns others.
            return Received(None, envelope), None
        return Received(event_of(raw, envelope), envelope), entry

    def _span(self, raw: RawEvent, envelope: Envelope) -> AbstractContextManager[None]:
        return processing(
            raw.topic, consumer=self._consumer, message_id=str(envelope.id), traceparent=envelope.traceparent
        )

    async def _process(self, raw: RawEvent, received: Received[Any], entry: Entry[Deps]) -> Outcome:
        event_id = received.envelope.id
        failure = ""
        crashes = 0
        while crashes < CRASHES_BEFORE_PARKING:
            try:
                outcome = await self._apply(raw, received, entry, await self._prepare(raw, received, entry))
                if outcome is not None:
                    return outcome
            except TRANSIENT:
                raise
            except IgnoredError:
                return await self._let_go(raw, event_id)
            except RejectedError as rejected:
                failure = rejected.reason
                break
            except STALE:
                failure = "stale version"
                crashes += 1
            except Exception as error:
                failure = f"crash: {type(error).__name__}"
                crashes += 1
                log.exception("handler crashed", consumer=self._consumer, event_id=str(event_id))
        return await self._park(raw, event_id, failure)

    async def _prepare(self, raw: RawEvent, received: Received[Any], entry: Entry[Deps]) -> Any:
        if entry.prepare is None:
            return None
        async with self._database.read() as session:
            if await self._inbox.seen(session, received.envelope.id, raw):
                # Nothing is done outside for an event that will not be applied now.
                return _NOT_PREPARED
        return await entry.prepare(received, self._deps)

    async def _apply(self, raw: RawEvent, received: Received[Any], entry: Entry[Deps], prepared: Any) -> Outcome | None:
        """None: it must be prepared after all, because the queue it would have joined was drained meanwhile."""
        envelope = received.envelope
        async with self._database.unit_of_work(causation_id=envelope.id) as work:
            claim = await self._inbox.claim(work.connection, envelope.id, raw)
            if claim == "duplicate":
                return Outcome.DUPLICATE
            if claim == "behind":
                now = self._database.clock.now()
                await self._inbox.park(
                    work.connection, envelope.id, raw, reason="behind an earlier parked event", until=now
                )
                await work.commit()
                return Outcome.PARKED
            if prepared is _NOT_PREPARED:
                return None
            await self._call(entry, received, work, prepared)
            await work.commit()
        return Outcome.APPLIED

    async def _call(self, entry: Entry[Deps], received: Received[Any], work: UnitOfWork, prepared: Any) -> None:
        if entry.prepare is None:
            await entry.apply(received, work, self._deps)
        else:
            await entry.apply(received, work, self._deps, prepared)

    async def _let_go(self, raw: RawEvent, event_id: EventId) -> Outcome:
        """On record all the same: whoever waits for the event to arrive here need not wait any longer."""
        async with self._database.unit_of_work() as work:
            await self._inbox.claim(work.connection, event_id, raw)
            await work.commit()
        return Outcome.IGNORED

    async def _park(self, raw: RawEvent, event_id: Any, reason: str) -> Outcome:
        async with self._database.unit_of_work() as work:
            until = self._database.clock.now() + park_delay(0)
            await self._inbox.park(work.connection, event_id, raw, reason=reason, until=until)
            await work.commit()
        log.warning("event parked", consumer=self._consumer, event_id=str(event_id), reason=reason)
        return Outcome.PARKED

    async def retry_parked(self, stop: asyncio.Event | None = None) -> int:
        """Try every parked event whose time has come, oldest of each key first; returns how many left the queue.

        It ends early when ``stop`` is set. One that fails again, for whatever reason, rests and holds up no other.

        Raises:
            TransientError and its kin: the database is away.
        """
        now = self._database.clock.now()
        released = 0
        async with self._database.read() as session:
            held = await self._inbox.parked_count(session)
        while held and (stop is None or not stop.is_set()):
            parked = await self._take_due(now)
            if parked is None:
                break
            released += await self._retry(parked)
        return released

    async def _take_due(self, now: datetime) -> ParkedEvent | None:
        async with self._database.unit_of_work() as work:
            parked = await self._inbox.take_due(work.connection, now, until=now + _RETRY_LEASE)
            await work.commit()
        return parked

    async def _retry(self, parked: ParkedEvent) -> bool:
        """Whether it left the queue."""
        try:
            await self._apply_parked(parked)
        except IgnoredError:
            # It turned out to concern others: let go of it without effect, as of one that comes from the topic.
            async with self._database.unit_of_work() as work:
                await self._inbox.claim_parked(work.connection, parked)
                await work.commit()
        except RejectedError as rejected:
            return await self._postpone(parked, rejected.reason)
        except TRANSIENT as error:
            return await self._postpone(parked, f"waits: {type(error).__name__}")
        except STALE:
            return await self._postpone(parked, "stale version")
        except Exception as error:
            log.exception("handler crashed", consumer=self._consumer, event_id=str(parked.event_id))
            return await self._postpone(parked, f"crash: {type(error).__name__}")
        return True

    async def _apply_parked(self, parked: ParkedEvent) -> None:
        received, entry = self._decode(parked.raw)
        with self._span(parked.raw, received.envelope):
            prepared = None
            if entry is not None and entry.prepare is not None:
                prepared = await entry.prepare(received, self._deps)
            async with self._database.unit_of_work(causation_id=EventId(parked.event_id)) as work:
                # Without a handler (taken out since) it is only let go of.
                if await self._inbox.claim_parked(work.connection, parked) and entry is not None:
                    await self._call(entry, received, work, prepared)
                await work.commit()

    async def _postpone(self, parked: ParkedEvent, reason: str) -> bool:
        until = self._database.clock.now() + park_delay(parked.attempts + 1)
        async with self._database.unit_of_work() as work:
            await self._inbox.postpone(work.connection, parked, reason=reason, until=until)
            await work.commit()
        return False

    def _count(self, told: Sequence[tuple[Envelope, Outcome]]) -> None:
        for (event_type, outcome), times in Counter((envelope.type, outcome) for envelope, outcome in told).items():
            metrics.CONSUMER_EVENTS.labels(self._consumer, event_type, outcome).inc(times)
        now, seconds = self._database.clock.now(), metrics.CONSUMER_DELAY_SECONDS.labels(self._consumer)
        for envelope, outcome in told:
            if outcome is Outcome.APPLIED:
                seconds.observe(max((now - envelope.recordedtime).total_seconds(), 0.0))
