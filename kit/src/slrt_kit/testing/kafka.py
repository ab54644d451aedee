"""Put received events on a topic, and read a topic from its beginning."""

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.connection import BrokerAccess, client_arguments


@dataclass(frozen=True, slots=True)
class Message:
    """A record of a topic."""

    topic: str
    partition: int
    offset: int
    key: str | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None

    def header(self, name: str) -> str:
        """The text of the only header of that name; raises ValueError when it is not there exactly once."""
        (value,) = [value for found, value in self.headers if found == name]
        return value.decode()


async def send_raw(bootstrap: BrokerAccess | str, *events: RawEvent, partition: int | None = None) -> None:
    """Append the events to their topics in the given order, each acknowledged before the next."""
    producer = AIOKafkaProducer(**client_arguments(bootstrap), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        sent = [
            await producer.send(
                event.topic,
                key=event.key.encode(),
                value=event.payload,
                headers=list(event.headers),
                partition=partition,
            )
            for event in events
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read_topic(
    bootstrap: BrokerAccess | str, topic: str, *, at_least: int = 0, seconds: float = 20
) -> list[Message]:
    """Everything on the topic, by partition and offset, once there are ``at_least`` so many.

    Raises:
        AssertionError: there were fewer within ``seconds``.
    """
    # Without a group all partitions are ours.
    consumer = AIOKafkaConsumer(
        topic, **client_arguments(bootstrap), auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    found: list[Message] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                ends = await consumer.end_offsets(list(consumer.assignment()))
                at_end = all([await consumer.position(partition) >= end for partition, end in ends.items()])
                if at_end and len(found) >= at_least:
                    break
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [
                        Message(r.topic, r.partition, r.offset, r.key and r.key.decode(), tuple(r.headers), r.value)
                        for r in records
                    ]
    except TimeoutError:
        raise AssertionError(f"{topic} has {len(found)} records after {seconds} s, expected {at_least}") from None
    finally:
        await consumer.stop()
    return sorted(found, key=lambda message: (message.partition, message.offset))
