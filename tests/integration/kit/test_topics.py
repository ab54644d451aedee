"""The registry's topics on a broker."""

from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError

from slrt_contracts.topics import TOPICS
from slrt_kit.messaging.topics import apply_topics


async def test_the_broker_has_every_topic_as_the_registry_says(registry_topics: Any) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=registry_topics.bootstrap)
    await admin.start()
    try:
        described = {topic["topic"]: topic for topic in await admin.describe_topics(sorted(TOPICS))}
        responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in TOPICS])
    finally:
        await admin.close()
    found = {
        name: {setting[0]: setting[1] for setting in settings}
        for response in responses
        for _, _, _, name, settings in response.resources
    }
    for name, topic in TOPICS.items():
        assert len(described[name]["partitions"]) == topic.partitions
        wanted = topic.kafka_config() | {"max.message.bytes": "1048576"}
        assert {setting: found[name][setting] for setting in wanted} == wanted


async def test_topics_that_are_there_are_left_alone(registry_topics: Any) -> None:
    assert await apply_topics(registry_topics.bootstrap) == []


async def test_a_broker_that_is_not_there_is_waited_for_and_then_said_so() -> None:
    with pytest.raises(KafkaConnectionError):
        await apply_topics("127.0.0.1:9", wait_seconds=0.2)
