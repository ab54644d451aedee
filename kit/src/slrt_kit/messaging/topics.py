"""Make the registry's topics that a broker lacks, with no more than the rights of a service.

Everything else about topics, users and rights is `slrt_kit.topics`, which an operator runs.
"""

import asyncio
from collections.abc import Collection

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from slrt_contracts.topics import TOPICS, Topic
from slrt_kit.logs import get_logger
from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.topics.desired import topic_state

log = get_logger(__name__)


def _new_topic(topic: Topic, replication: int) -> NewTopic:
    wanted = topic_state(topic, replication=replication)
    return NewTopic(
        name=topic.name,
        num_partitions=wanted.partitions,
        replication_factor=wanted.replication,
        topic_configs=dict(wanted.configs),
    )


async def apply_topics(
    bootstrap: BrokerAccess | str,
    *,
    only: Collection[str] | None = None,
    replication: int = 1,
    wait_seconds: float = 60,
) -> list[str]:
    """Create the registry's topics (of those in ``only``) that the broker lacks; returns their names.

    Nothing is changed or deleted.

    Where the broker has an authorizer, those that we have no right to make are left to the services that own them:
    they are not shown to us either, so that we cannot know whether they are there.

    Raises:
        aiokafka.errors.KafkaError: the broker refused, or was not reachable within ``wait_seconds``.
    """
    admin = AIOKafkaAdminClient(**client_arguments(bootstrap), request_timeout_ms=10_000)
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
        made: list[str] = []
        if missing:
            response = await admin.create_topics([_new_topic(topic, replication) for topic in missing])
            for name, code, *_ in response.topic_errors:
                error = for_code(code)
                if error is TopicAuthorizationFailedError:
                    log.info("topic left to its owner", topic=name)
                elif error is TopicAlreadyExistsError:
                    # Made by another a moment ago; the list may not have shown it yet.
                    continue
                elif code:
                    raise error(name)
                else:
                    made.append(name)
        return sorted(made)
    finally:
        await admin.close()
