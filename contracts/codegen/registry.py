"""Read `topics/*.yaml`, refuse what is wrong with it in words, and make the registry that the package carries."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slrt_contracts.events import Event

SERVICES = ("intake", "referral", "registry", "notification")
_UNITS = {"h": 3_600_000, "d": 86_400_000}
_TOPIC_NAME = r"^slrt\.[a-z]+\.[a-z]+\.v[1-9][0-9]*$"


class RegistryError(Exception):
    """The registry's sources contradict themselves or the models."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take every problem found, each naming its file."""
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class _Source(BaseModel):
    # A misspelt key must fail: one that is silently ignored protects nobody.
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConsumerSource(_Source):
    """A consumer as its topic's file declares it."""

    name: str = Field(pattern=r"^[a-z]+(\.[a-z]+)+$")
    group: str | None = None
    purpose: str = Field(min_length=10)
    types: tuple[str, ...] | Literal["all"]

    @property
    def service(self) -> str:
        """The service that runs it."""
        return self.name.partition(".")[0]


class AclSource(_Source):
    """Kafka users that may read besides those which follow from the consumers: slrt-<service> or partner-<name>."""

    read: tuple[Annotated[str, Field(pattern=r"^(slrt|partner)-[a-z0-9]+(-[a-z0-9]+)*$")], ...] = ()


class TopicSource(_Source):
    """A file of `topics/`."""

    name: str = Field(pattern=_TOPIC_NAME)
    description: str = Field(min_length=10)
    owner: str
    audience: Literal["internal", "partner", "public"]
    key: str | None
    partitions: int = Field(ge=1, le=120)
    cleanup: Literal["delete", "compact"]
    retention: str | None = Field(default=None, pattern=r"^[1-9][0-9]{0,3}[hd]$")
    types: tuple[str, ...]
    producers: tuple[str, ...] = Field(min_length=1)
    consumers: tuple[ConsumerSource, ...]
    acl: AclSource = AclSource()
    twin_of: str | None = None


class TwinSource(_Source):
    """A file of `topics/` whose topic is another's twin: the same facts, told where fewer hear them."""

    name: str = Field(pattern=_TOPIC_NAME)
    description: str = Field(min_length=10)
    owner: str
    audience: Literal["internal"]
    twin_of: str

    def beside(self, first: TopicSource) -> TopicSource:
        """Return the topic that it is, with what it shares with the first."""
        own = self.model_dump() | {"acl": AclSource()}
        return first.model_copy(update=own)


def read_topics(folder: Path) -> tuple[TopicSource, ...]:
    """Return the topics of a folder by name. Raises RegistryError naming each file that cannot be read."""
    topics: list[TopicSource] = []
    twins: list[TwinSource] = []
    problems: list[str] = []
    for path in sorted(folder.iterdir()):
        try:
            source = yaml.safe_load(path.read_text(encoding="utf-8"))
            model = TwinSource if isinstance(source, dict) and source.get("twin_of") else TopicSource
            topic = model.model_validate(source)
        except yaml.YAMLError as error:
            problems.append(f"{path.name}: not YAML: {error}")
        except ValidationError as error:
            problems += [
                f"{path.name}: {'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
                for found in error.errors()
            ]
        else:
            if isinstance(topic, TwinSource):
                twins.append(topic)
            else:
                topics.append(topic)
            if path.name != f"{topic.name}.yaml":
                problems.append(f"{path.name}: holds {topic.name}; name the file {topic.name}.yaml")
    by_name = {topic.name: topic for topic in topics}
    problems += [
        f"{twin.name}.yaml: twin_of names {twin.twin_of}, and there is no such topic"
        for twin in twins
        if twin.twin_of not in by_name
    ]
    if problems:
        raise RegistryError(problems)
    topics += [twin.beside(by_name[twin.twin_of]) for twin in twins]
    return tuple(sorted(topics, key=lambda topic: topic.name))


def check_topics(topics: Sequence[TopicSource], events: Mapping[str, type[Event]]) -> list[str]:
    """Return what contradicts itself or the event models; nothing when all is well."""
    problems = [problem for topic in topics for problem in _check_topic(topic, events)]
    problems += _check_coverage(topics, events)
    problems += _check_groups(topics)
    return problems


def _check_topic(topic: TopicSource, events: Mapping[str, type[Event]]) -> list[str]:
    where = f"{topic.name}.yaml"
    problems = [
        f"{where}: {role} {service!r} is not a service ({', '.join(SERVICES)})"
        for role, service in (
            ("owner", topic.owner),
            *(("producer", producer) for producer in topic.producers),
            *((f"consumer {consumer.name}: service", consumer.service) for consumer in topic.consumers),
        )
        if service not in SERVICES
    ]
    if topic.owner not in topic.producers:
        problems.append(f"{where}: the owner {topic.owner} is not among the producers")
    if not topic.name.startswith(f"slrt.{topic.owner}."):
        problems.append(f"{where}: the name does not carry the owner {topic.owner}")
    if (topic.cleanup == "delete") != (topic.retention is not None):
        problems.append(f"{where}: retention goes with cleanup: delete and with nothing else")
    problems += [
        f"{where}: {user} may not read an internal topic: make it one for partners, or take the right away"
        for user in topic.acl.read
        if user.startswith("partner-") and topic.audience == "internal"
    ]
    for event_type in topic.types:
        event = events.get(event_type)
        if event is None:
            problems.append(f"{where}: type {event_type} has no event model")
        elif topic.name != (event.RESTRICTED_TOPIC if topic.twin_of else event.TOPIC):
            problems.append(f"{where}: {event.__name__} says its topic is {event.TOPIC}")
        elif topic.key != event.KEY:
            problems.append(f"{where}: key is {topic.key}, {event.__name__} says {event.KEY}")
    problems += [
        f"{where}: consumer {consumer.name} hears {event_type}, which is not on this topic"
        for consumer in topic.consumers
        for event_type in types_of(consumer, topic)
        if event_type not in topic.types
    ]
    return problems


def _check_coverage(topics: Sequence[TopicSource], events: Mapping[str, type[Event]]) -> list[str]:
    told = [event_type for topic in topics if topic.twin_of is None for event_type in topic.types]
    names = [topic.name for topic in topics]
    problems = [
        f"{event.__name__} ({event_type}) is on no topic: add it to topics/{event.TOPIC}.yaml"
        for event_type, event in events.items()
        if event_type not in told
    ]
    problems += [
        f"{event_type} is listed {told.count(event_type)} times"
        for event_type in sorted(set(told))
        if told.count(event_type) > 1
    ]
    problems += [
        f"{event.__name__} says its restricted topic is {event.RESTRICTED_TOPIC}, and there is no such topic"
        for event in events.values()
        if event.RESTRICTED_TOPIC is not None and event.RESTRICTED_TOPIC not in names
    ]
    problems += [
        f"slrt.{service}.dlq.v1.yaml is missing: {service} consumes and needs a dead-letter topic"
        for service in sorted({consumer.service for topic in topics for consumer in topic.consumers})
        if f"slrt.{service}.dlq.v1" not in names
    ]
    return problems


def _check_groups(topics: Sequence[TopicSource]) -> list[str]:
    """A group is one integration: the same name on every topic, and nobody else's."""
    problems: list[str] = []
    groups: dict[str, str] = {}
    for topic in topics:
        where = f"{topic.name}.yaml"
        names = [consumer.name for consumer in topic.consumers]
        problems += [
            f"{where}: consumer {name} is listed twice" for name in sorted(set(names)) if names.count(name) > 1
        ]
        for consumer in topic.consumers:
            group = group_of(consumer)
            if groups.setdefault(consumer.name, group) != group:
                problems.append(f"{where}: consumer {consumer.name} has the group {groups[consumer.name]} elsewhere")
            if not re.fullmatch(rf"slrt\.{re.escape(consumer.name)}(\.\{{[a-z]+\}})?", group):
                problems.append(f"{where}: group {group} must be slrt.{consumer.name}, or that with one .{{part}} more")
    return problems


def types_of(consumer: ConsumerSource, topic: TopicSource) -> tuple[str, ...]:
    """Return the event types that a consumer hears on a topic."""
    return topic.types if consumer.types == "all" else consumer.types


def group_of(consumer: ConsumerSource) -> str:
    """Return the Kafka consumer group."""
    return consumer.group or f"slrt.{consumer.name}"


def principal_of(service: str) -> str:
    """Return the Kafka user of a service."""
    return f"slrt-{service}"


def registry_document(topics: Sequence[TopicSource]) -> dict[str, Any]:
    """Return the registry as plain data, with everything spelled out that the sources leave to be derived."""
    return {"topics": [_entry(topic) for topic in topics]}


def _entry(topic: TopicSource) -> dict[str, Any]:
    readers = {principal_of(consumer.service) for consumer in topic.consumers} | set(topic.acl.read)
    return {
        "name": topic.name,
        "description": topic.description,
        "owner": topic.owner,
        "audience": topic.audience,
        "key": topic.key,
        "types": list(topic.types),
        "producers": list(topic.producers),
        "consumers": [
            {
                "name": consumer.name,
                "service": consumer.service,
                "group": group_of(consumer),
                "purpose": consumer.purpose,
                "types": list(types_of(consumer, topic)),
            }
            for consumer in topic.consumers
        ],
        "partitions": topic.partitions,
        "compacted": topic.cleanup == "compact",
        "retention_ms": None if topic.retention is None else int(topic.retention[:-1]) * _UNITS[topic.retention[-1]],
        "twin_of": topic.twin_of,
        "acl": {"write": sorted(principal_of(service) for service in topic.producers), "read": sorted(readers)},
    }
