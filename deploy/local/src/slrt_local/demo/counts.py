"""Count, from the databases and the topics themselves, what the story made: nothing lost, nothing doubled."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from slrt_contracts.envelope import Envelope
from slrt_contracts.topics import TOPICS

_READ_IDLE_MS = 400


@dataclass
class Counts:
    """What there is since the story began."""

    per_topic: Counter[str] = field(default_factory=Counter)
    archived: int = 0
    pending: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    redelivered: int = 0
    parked: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """An event as its service recorded it."""

    topic: str
    type: str
    key: str
    cause: str | None
    payload: Mapping[str, Any]

    @property
    def fact(self) -> str:
        """The fact in the type: ``referral-sent``."""
        return self.type.split(".")[3]


async def count(*, bootstrap: str, databases: Mapping[str, str], since: datetime) -> Counts:
    """Compare what the services recorded since ``since`` (UTC) with what the topics hold and the consumers applied."""
    counts = Counts()
    told = await _told(databases, since, counts)
    seen = await _on_topics(bootstrap, counts, told)
    counts.lost += [f"{event} is on no topic" for event in told if event not in seen]
    counts.redelivered = sum(times - 1 for times in seen.values())
    await _applied(databases, told, counts)
    return counts


async def _told(databases: Mapping[str, str], since: datetime, counts: Counts) -> dict[UUID, Told]:
    """Every event that was recorded, by its id."""
    told: dict[UUID, Told] = {}
    for url in databases.values():
        async with await psycopg.AsyncConnection.connect(url) as connection:
            # A refill moves archived events back: seen with two looks, they could be in neither place.
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            cursor = await connection.execute("SELECT count(*) FROM outbox")
            counts.pending += (await cursor.fetchone() or (0,))[0]
            cursor = await connection.execute("SELECT count(*) FROM parked")
            counts.parked += (await cursor.fetchone() or (0,))[0]
            cursor = await connection.execute(
                "SELECT event_id, topic, headers, partition_key, payload FROM outbox_archive WHERE created_at >= %s",
                (since,),
            )
            async for event_id, topic, headers, key, payload in cursor:
                named = dict(headers)
                told[event_id] = Told(topic, named["ce_type"], key, named.get("ce_causationid"), json.loads(payload))
    counts.archived = len(told)
    return told


async def _on_topics(bootstrap: str, counts: Counts, told: Mapping[UUID, object]) -> Counter[UUID]:
    """How often each event stands on its topic; on the way, whether those of a key first came in their order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    seen: Counter[UUID] = Counter()
    newest: dict[tuple[str, str], int] = {}
    try:
        await consumer.start()
        partitions = [
            TopicPartition(name, number) for name, topic in TOPICS.items() for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while not all([await consumer.position(partition) >= ends[partition] for partition in partitions]):
            for partition, records in (await consumer.getmany(timeout_ms=_READ_IDLE_MS)).items():
                for record in records:
                    if TOPICS[partition.topic].dead_letters:
                        counts.dead += 1
                        continue
                    envelope = Envelope.from_headers(record.headers)
                    event_id = UUID(str(envelope.id))
                    if event_id not in told:
                        continue
                    if event_id not in seen:
                        place = (partition.topic, envelope.subject)
                        if envelope.keysequence <= newest.get(place, 0):
                            counts.reordered.append(f"{envelope.type} {event_id} came late")
                        newest[place] = envelope.keysequence
                    seen[event_id] += 1
                    counts.per_topic[partition.topic] += 1
    finally:
        await consumer.stop()
    return seen


async def _applied(databases: Mapping[str, str], told: Mapping[UUID, Told], counts: Counts) -> None:
    """Whether every declared consumer has each event of its types once; connectors are checked by what they tell."""
    for service, url in databases.items():
        async with await psycopg.AsyncConnection.connect(url) as connection:
            cursor = await connection.execute("SELECT consumer, event_id FROM inbox")
            inbox: Counter[tuple[str, UUID]] = Counter()
            async for name, event_id in cursor:
                inbox[name, event_id] += 1
        for topic in TOPICS.values():
            for consumer in topic.consumers:
                if consumer.service != service or "connector" in consumer.name:
                    continue
                for event_id, event in told.items():
                    if event.topic == topic.name and event.type in consumer.types:
                        times = inbox[consumer.group, event_id]
                        if times != 1:
                            where = counts.lost if times == 0 else counts.doubled
                            where.append(f"{event.type} {event_id} in {consumer.group}")
    _check_connectors(told, counts)
    _check_effects(told, counts)


def _check_effects(told: Mapping[UUID, Told], counts: Counts) -> None:
    """An event that was applied twice shows in what it caused: two referrals for a need, two messages on a channel."""
    natural = {"referral-created": ("need_id",), "notification-queued": ("cause_event_id", "channel")}
    effects = Counter(
        (event.fact, event.cause, *(str(event.payload[name]) for name in natural[event.fact]))
        for event in told.values()
        if event.fact in natural
    )
    counts.doubled += [
        f"{' '.join(map(str, effect))} was made {times} times" for effect, times in effects.items() if times > 1
    ]


def _check_connectors(told: Mapping[UUID, Told], counts: Counts) -> None:
    """What was handed to a connector must have come back as received or delivered, once for each key."""
    pairs = (
        ("referral-sent", ("referral-received",)),
        ("notification-queued", ("notification-delivered", "notification-failed")),
    )
    for start, ends in pairs:
        begun = {event.key for event in told.values() if event.fact == start}
        ended = Counter(event.key for event in told.values() if event.fact in ends and event.key in begun)
        counts.lost += [f"{start} {key} came to no end" for key in begun - ended.keys()]
        counts.doubled += [f"{start} {key} ended {times} times" for key, times in ended.items() if times > 1]
