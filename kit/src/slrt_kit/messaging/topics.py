"""Make the topics of the registry on a broker; run as ``python -m slrt_kit.messaging.topics --bootstrap HOST:PORT``."""

import argparse
import asyncio
from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from slrt_contracts.topics import TOPICS, Topic
from slrt_kit.logs import configure_logging, get_logger

log = get_logger(__name__)


def _new_topic(topic: Topic, replication: int) -> NewTopic:
    configs = topic.kafka_config() | {
        "min.insync.replicas": str(max(1, replication - 1)),
        "max.message.bytes": "1048576",
    }
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=replication,
        topic_configs=configs,
    )


async def apply_topics(
    bootstrap: str, *, only: Collection[str] | None = None, replication: int = 1, wait_seconds: float = 60
) -> list[str]:
    """Create the registry's topics (of those in ``only``) that the broker lacks; returns their names.

    Nothing is changed or deleted.

    Raises:
        aiokafka.errors.KafkaError: the broker refused, or was not reachable within ``wait_seconds``.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        try:
            await admin.start()
            break
        except KafkaConnectionError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.5)
    try:
        present = set(await admin.list_topics())
        missing = [
            topic for name, topic in sorted(TOPICS.items()) if name not in present and (only is None or name in only)
        ]
        if missing:
            response = await admin.create_topics([_new_topic(topic, replication) for topic in missing])
            for name, code, *_ in response.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(name)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--replication", type=int, default=1)
    arguments = parser.parse_args()
    configure_logging(service="topics", role="apply")
    made = asyncio.run(apply_topics(arguments.bootstrap, replication=arguments.replication))
    log.info("topics are there", made=made)


if __name__ == "__main__":
    main()
