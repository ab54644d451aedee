"""The rules of a consumer that need neither Kafka nor a database: rests, dead-letter limit, the handler table."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.events import CaseClosed, CaseRegistered
from slrt_kit.db import UnitOfWork
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.consumer import ConsumerSettings, DeadLetterGuard, EventConsumer
from slrt_kit.messaging.errors import DeadLetterLimitError, UnreadableError
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.messaging.processor import park_delay
from slrt_kit.runtime import topics_of
from slrt_kit.testing import running

NOBODY = KafkaBroker("127.0.0.1:9")


def guard(**changes: Any) -> DeadLetterGuard:
    settings = ConsumerSettings(group="g", topics=[], dead_letter_topic="d", **changes)
    return DeadLetterGuard(settings)


def test_a_parked_event_rests_longer_after_each_attempt_up_to_five_minutes() -> None:
    rests = [park_delay(attempts) for attempts in range(12)]
    assert [rest.total_seconds() for rest in rests[:4]] == [1, 2, 4, 8]
    assert rests == sorted(rests)
    assert rests[-1] == timedelta(minutes=5)


@given(st.integers(0, 2**31))
def test_no_number_of_attempts_makes_the_rest_longer_than_five_minutes(attempts: int) -> None:
    assert timedelta(seconds=1) <= park_delay(attempts) <= timedelta(minutes=5)


def test_twenty_dead_letters_in_a_row_are_borne_and_one_more_is_not() -> None:
    watch = guard()
    for _ in range(20):
        watch.note(dead=True)
    with pytest.raises(DeadLetterLimitError):
        watch.note(dead=True)


def test_one_good_event_ends_a_row_of_dead_letters() -> None:
    watch = guard(dead_letter_window=10_000)
    for _ in range(5):
        for _ in range(20):
            watch.note(dead=True)
        watch.note(dead=False)


def test_more_than_one_in_twenty_dead_letters_is_too_many() -> None:
    watch = guard(dead_letter_window=100)
    for number in range(300):
        watch.note(dead=number % 20 == 0)

    def more_of_them() -> None:
        for number in range(200):
            watch.note(dead=number % 15 == 0)

    with pytest.raises(DeadLetterLimitError):
        more_of_them()


def test_a_few_dead_letters_at_the_start_are_no_share_of_anything_yet() -> None:
    watch = guard(dead_letter_window=100)
    for number in range(90):
        watch.note(dead=number < 10)


def test_an_event_type_has_one_handler_in_a_consumer() -> None:
    handlers = Handlers[None]()

    @handlers.on(CaseRegistered)
    async def first(received: Received[CaseRegistered], work: UnitOfWork, deps: None) -> None: ...

    with pytest.raises(ValueError, match=r"case-registered.v1 has two handlers"):
        handlers.on(CaseRegistered)(first)


def test_a_consumer_listens_to_the_topics_of_what_it_handles() -> None:
    handlers = Handlers[None]()

    @handlers.on(CaseClosed)
    @handlers.on(CaseRegistered)
    async def note(received: Received[Any], work: UnitOfWork, deps: None) -> None: ...

    assert topics_of(handlers) == ["slrt.intake.case.v1"]


async def test_a_broken_retry_of_parked_events_does_not_die_unseen() -> None:
    class Broken:
        async def retry_parked(self, _: asyncio.Event) -> int:
            raise ValueError("a bug")

    settings = ConsumerSettings(group="g", topics=["t"], dead_letter_topic="d", parked_every=0.01)
    consumer = EventConsumer(settings, Broken(), NOBODY)  # type: ignore[arg-type]
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(10):
            await consumer.run(asyncio.Event())
    assert caught.group_contains(ValueError, match="a bug")


async def test_a_consumer_that_somebody_cancels_does_not_die_unseen() -> None:
    class Idle:
        async def retry_parked(self, _: asyncio.Event) -> int:
            return 0

    settings = ConsumerSettings(group="g", topics=["t"], dead_letter_topic="d", parked_every=0.01)
    consumer = EventConsumer(settings, Idle(), NOBODY)  # type: ignore[arg-type]

    async def cancelled(_: asyncio.Event) -> None:
        raise asyncio.CancelledError

    consumer._run_connected = cancelled  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="g ended by itself"):
        async with asyncio.timeout(10):
            await consumer.run(asyncio.Event())


async def test_a_consumer_without_a_broker_waits_and_ends_when_asked() -> None:
    class Idle:
        async def retry_parked(self, _: asyncio.Event) -> int:
            return 0

    settings = ConsumerSettings(group="g", topics=["t"], dead_letter_topic="d")
    async with running(EventConsumer(settings, Idle(), NOBODY).run):  # type: ignore[arg-type]
        await asyncio.sleep(0.2)


async def test_good_events_that_are_taken_together_end_a_row_of_dead_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    place = TopicPartition("t", 0)

    class Reads:
        """Reads everything but ``bad``."""

        def together(self, left: Sequence[Sequence[Any]]) -> list[int]:
            return [len(raws) for raws in left]

        async def process_batch(self, raws: Sequence[Any]) -> bool:
            return all(raw.payload != b"bad" for raw in raws)

        async def process(self, _: Any) -> None:
            raise UnreadableError("bad")

    async def kept(*_: Any) -> None: ...

    settings = ConsumerSettings(group="g", topics=["t"], dead_letter_topic="d", dead_letters_in_a_row=2)
    consumer = EventConsumer(settings, Reads(), NOBODY)  # type: ignore[arg-type]
    monkeypatch.setattr(consumer, "_dead_letter", kept)
    member = SimpleNamespace(assignment=lambda: {place})

    async def take(value: bytes) -> None:
        record = SimpleNamespace(topic="t", partition=0, offset=1, key=b"k", value=value, headers=(), timestamp=0)
        await consumer._handle(member, None, {place: [record]}, asyncio.Event())

    for _ in range(5):
        await take(b"bad")
        await take(b"good")
    await take(b"bad")
    await take(b"bad")
    with pytest.raises(DeadLetterLimitError):
        await take(b"bad")
