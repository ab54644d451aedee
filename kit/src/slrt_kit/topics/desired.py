"""What the topic registry wants of a broker, and which things there are ours to touch."""

from collections.abc import Iterable, Mapping
from typing import Final

from slrt_contracts.topics import Audience, Topic
from slrt_kit.topics.state import BrokerState, Grant, TopicState

MAX_EVENT_BYTES: Final = 1_048_576
_TOPICS: Final = "slrt."
_SERVICE: Final = "slrt-"
_PARTNER: Final = "partner-"


class RegistryRefusedError(Exception):
    """The registry gives somebody a right that nobody of that kind may have."""


def is_our_topic(name: str) -> bool:
    """Whether the registry decides about a topic."""
    return name.startswith(_TOPICS)


def is_our_user(name: str) -> bool:
    """Whether the registry decides about a user: those of services and partners."""
    return name.startswith((_SERVICE, _PARTNER))


def topic_state(topic: Topic, *, replication: int) -> TopicState:
    """A topic as it is to be with so many copies; all but one must have an event before it is acknowledged."""
    configs = topic.kafka_config() | {
        "min.insync.replicas": str(max(1, replication - 1)),
        "max.message.bytes": str(MAX_EVENT_BYTES),
    }
    return TopicState(partitions=topic.partitions, replication=replication, configs=configs)


def desired_state(topics: Mapping[str, Topic], *, replication: int) -> BrokerState:
    """The registry as the state of a broker.

    Raises:
        RegistryRefusedError: a partner is to hear an internal topic or to write at all, or a user is of neither kind.
    """
    rights = frozenset(grant for topic in topics.values() for grant in _rights_on(topic))
    users = frozenset(grant.user for grant in rights)
    return BrokerState(
        topics={name: topic_state(topic, replication=replication) for name, topic in topics.items()},
        users=users,
        rights=rights | {_groups_of(user) for user in users},
    )


def _rights_on(topic: Topic) -> Iterable[Grant]:
    for user in topic.acl.write:
        if not user.startswith(_SERVICE):
            raise RegistryRefusedError(f"{topic.name}: {user} is no service and may write nowhere")
        # An idempotent producer needs no more than Write since Kafka 2.8 (KIP-679). Create, of these topics alone: a
        # service makes its own again when a broker has lost them.
        yield Grant(user=user, operation="Write", resource="Topic", name=topic.name)
        yield Grant(user=user, operation="Create", resource="Topic", name=topic.name)
    for user in topic.acl.read:
        if not is_our_user(user):
            raise RegistryRefusedError(f"{topic.name}: {user} is neither slrt-<service> nor partner-<name>")
        if user.startswith(_PARTNER) and topic.audience is Audience.INTERNAL:
            raise RegistryRefusedError(f"{topic.name} is internal: {user} must not hear it")
        # Describe comes with Read and with Write.
        yield Grant(user=user, operation="Read", resource="Topic", name=topic.name)


def _groups_of(user: str) -> Grant:
    """A service's consumer groups begin with slrt.<service>., a partner's with partner.<name>."""
    kind, _, name = user.partition("-")
    return Grant(user=user, operation="Read", resource="Group", name=f"{kind}.{name}.", prefixed=True)
