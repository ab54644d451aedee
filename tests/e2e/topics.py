"""Read everything that left the services by event."""

from aiokafka import AIOKafkaConsumer, TopicPartition

from slrt_contracts.topics import TOPICS


async def everything_on_the_topics(bootstrap: str) -> dict[str, list[bytes]]:
    """Key, headers and payload of every message as bytes, by topic; every topic of the registry is named."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(name, n) for name, topic in TOPICS.items() for n in range(topic.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[str, list[bytes]] = {name: [] for name in TOPICS}
        while not all([await consumer.position(partition) >= ends[partition] for partition in partitions]):
            for partition, records in (await consumer.getmany(timeout_ms=300)).items():
                for record in records:
                    headers = b" ".join(name.encode() + b"=" + (value or b"") for name, value in record.headers)
                    found[partition.topic].append(b"\n".join((record.key or b"", headers, record.value or b"")))
        return found
    finally:
        await consumer.stop()
