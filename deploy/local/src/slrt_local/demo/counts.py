"""Count, from the databases and the topics themselves, what the story made: nothing lost, nothing doubled."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
    redelivered: int = 0
    parked: int = 0
    dead: int = 0


async def count(*, bootstrap: str, databases: Mapping[str, str], offices: tuple[str, ...], since: datetime) -> Counts:
    """Compare what the services recorded since ``since`` (UTC) with what the topics hold and the consumers applied."""
    counts = Counts()
    told = await _told(databases, since, counts)
    seen = await _on_topics(bootstrap, counts, told)
    counts.lost += [f"{event} is on no topic" for event in told if event not in seen]
    counts.redelivered = sum(times - 1 for times in seen.values())
    await _applied(databases, offices, told, counts)
    return counts


async def _told(databases: Mapping[str, str], since: datetime, counts: Counts) -> dict[UUID, tuple[str, str]]:
    """Every event that was recorded: id → (topic, type)."""
    told: dict[UUID, tuple[str, str]] = {}
    for url in databases.values():
        async with await psycopg.AsyncConnection.connect(url) as connection:
            cursor = await connection.execute("SELECT count(*) FROM outbox")
            counts.pending += (await cursor.fetchone() or (0,))[0]
            cursor = await connection.execute("SELECT count(*) FROM parked")
            counts.parked += (await cursor.fetchone() or (0,))[0]
            cursor = await connection.execute(
                "SELECT event_id, topic, headers FROM outbox_archive WHERE created_at >= %s", (since,)
            )
            async for event_id, topic, headers in cursor:
                told[event_id] = (topic, dict(headers)["ce_type"])
    counts.archived = len(told)
    return told


async def _on_topics(bootstrap: str, counts: Counts, told: Mapping[UUID, object]) -> Counter[UUID]:
    """How often each event stands on its topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    seen: Counter[UUID] = Counter()
    try:
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
                    event_id = UUID(str(Envelope.from_headers(record.headers).id))
                    if event_id in told:
                        seen[event_id] += 1
                        counts.per_topic[partition.topic] += 1
    finally:
        await consumer.stop()
    return seen


async def _applied(
    databases: Mapping[str, str], offices: tuple[str, ...], told: Mapping[UUID, tuple[str, str]], counts: Counts
) -> None:
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
                for event_id, (told_on, event_type) in told.items():
                    if told_on == topic.name and event_type in consumer.types:
                        times = inbox[consumer.group, event_id]
                        if times != 1:
                            where = counts.lost if times == 0 else counts.doubled
                            where.append(f"{event_type} {event_id} in {consumer.group}")
    _check_connectors(offices, told, counts)


def _check_connectors(offices: tuple[str, ...], told: Mapping[UUID, tuple[str, str]], counts: Counts) -> None:
    """Each referral that was sent must have been received by its office, and each message delivered."""
    kinds = Counter(event_type.rpartition(".")[0].rpartition(".")[2] for _, event_type in told.values())
    pairs = (("referral-sent", "referral-received"), ("notification-queued", "notification-delivered"))
    for start, end in pairs:
        if kinds[start] > kinds[end]:
            counts.lost.append(f"{start} {kinds[start]} times, {end} {kinds[end]} times ({len(offices)} offices)")
        if kinds[start] < kinds[end]:
            counts.doubled.append(f"{end} {kinds[end]} times, {start} {kinds[start]} times")
