"""The broker as an administrator sees it: read what it has, and do one action of a plan.

By confluent-kafka, of the extra ``slrt-kit[topics]``: aiokafka speaks of neither rights nor SCRAM users.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import AuthenticationFailedError, SaslAuthenticationFailed
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.topics.actions import (
    Action,
    AddGrant,
    AddPartitions,
    ChangeConfig,
    ChangePassword,
    CreateTopic,
    CreateUser,
    DeleteTopic,
    DeleteUser,
    RemoveGrant,
)
from slrt_kit.topics.apply import BrokerFault
from slrt_kit.topics.desired import is_our_topic
from slrt_kit.topics.state import BrokerState, Grant, Password, TopicState

_TIMEOUT_S = 30.0
_LOGIN_TIMEOUT_MS = 10_000
_ITERATIONS = 8192
_MECHANISM = "SCRAM-SHA-512"
_USER = "User:"
_RESOURCES = {
    ResourceType.TOPIC: "Topic",
    ResourceType.GROUP: "Group",
    ResourceType.BROKER: "Cluster",
    ResourceType.TRANSACTIONAL_ID: "TransactionalId",
}
_OPERATIONS = {each: each.name.title().replace("_", "") for each in AclOperation}
_FAULTS = (KafkaException, TimeoutError)

Result = TypeVar("Result")


async def logs_in(broker: BrokerAccess) -> bool:
    """Whether the broker takes our user and password.

    Raises:
        BrokerFault: it cannot be reached, or knows no such mechanism.
    """
    arguments = client_arguments(broker)
    fault: Exception | None = None
    for host, port, _ in collect_hosts(arguments.pop("bootstrap_servers")):
        try:
            connection = await create_conn(host, port, request_timeout_ms=_LOGIN_TIMEOUT_MS, **arguments)
        except (SaslAuthenticationFailed, AuthenticationFailedError):
            return False
        except Exception as error:  # noqa: BLE001 — raised below, when no other address answers either
            fault = error
        else:
            connection.close()
            return True
    raise BrokerFault(f"no broker answers at {broker.address}: {fault or 'no address'}")


async def reach(broker: BrokerAccess, *, seconds: float) -> None:
    """Wait for the broker.

    Raises:
        BrokerFault: it is still away after ``seconds``, or refuses our user or password.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            welcome = await logs_in(broker)
            break
        except BrokerFault:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(0.5)
    if not welcome:
        raise BrokerFault(f"the broker refuses the user {broker.user} or the password given for it")


class BrokerAdmin:
    """One broker, with the rights of an administrator."""

    def __init__(self, broker: BrokerAccess) -> None:
        self._broker = broker
        # What it would log comes back to us as errors.
        silent = logging.getLogger("slrt_kit.topics.librdkafka")
        silent.setLevel(logging.CRITICAL)
        self._client = AdminClient(_client_settings(broker), logger=silent)

    async def state(self, desired: Mapping[str, TopicState]) -> BrokerState:
        """What the broker has; of the topics in ``desired`` also the settings named there.

        Raises:
            BrokerFault: it is away, or does not tell us.
        """
        return await asyncio.to_thread(self._state, desired)

    def _state(self, desired: Mapping[str, TopicState]) -> BrokerState:
        try:
            cluster = self._client.list_topics(timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise BrokerFault(f"topics cannot be read: {_text(error)}") from error
        found = cluster.topics
        configs = self._configs([name for name in found if is_our_topic(name)], desired)
        topics = {
            name: TopicState(
                partitions=len(topic.partitions),
                replication=min((len(each.replicas) for each in topic.partitions.values()), default=0),
                configs=configs.get(name, {}),
            )
            for name, topic in found.items()
            if name in configs or not is_our_topic(name)
        }
        rights = self._rights() if self._has_authorizer(min(cluster.brokers)) else None
        users = frozenset() if rights is None else frozenset(self._mechanisms())
        return BrokerState(topics=topics, users=users, rights=rights)

    async def try_passwords(self, given: Mapping[str, str], there: Iterable[str]) -> dict[str, Password]:
        """What the broker says to each password that was given: it is tried, for no broker shows one.

        Raises:
            BrokerFault: the broker is away, or this address of it takes no SCRAM users.
        """
        known = set(there)
        found = {}
        for user, password in given.items():
            as_user = replace(self._broker, mechanism=_MECHANISM, user=user, password=password)
            works = user in known and await logs_in(as_user)
            found[user] = Password.WORKS if works else Password.DIFFERS
        return found

    async def perform(self, action: Action, passwords: Mapping[str, str]) -> None:
        """Do it; ``passwords`` by user, for those whom it makes or changes.

        Raises:
            BrokerFault: it could not be done.
        """
        try:
            await asyncio.to_thread(self._perform, action, passwords)
        except _FAULTS as error:
            raise BrokerFault(_text(error)) from error

    def _perform(self, action: Action, passwords: Mapping[str, str]) -> None:
        client = self._client
        match action:
            case CreateTopic(topic=topic):
                new = NewTopic(
                    topic,
                    num_partitions=action.partitions,
                    replication_factor=action.replication,
                    config=dict(action.configs),
                )
                _wait(client.create_topics([new]).values())
            case AddPartitions(topic=topic):
                _wait(client.create_partitions([NewPartitions(topic, action.new)]).values())
            case ChangeConfig(topic=topic):
                operation = AlterConfigOpType.DELETE if action.new is None else AlterConfigOpType.SET
                entry = ConfigEntry(action.name, action.new, incremental_operation=operation)
                resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
                _wait(client.incremental_alter_configs([resource]).values())
            case DeleteTopic(topic=topic):
                _wait(client.delete_topics([topic]).values())
            case CreateUser(user=user) | ChangePassword(user=user):
                info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
                credential = UserScramCredentialUpsertion(user, info, passwords[user].encode())
                _wait(client.alter_user_scram_credentials([credential]).values())
            case DeleteUser(user=user):
                gone = [UserScramCredentialDeletion(user, each) for each in self._mechanisms()[user]]
                _wait(client.alter_user_scram_credentials(list(gone)).values())
            case AddGrant(grant=grant):
                _wait(client.create_acls([AclBinding(**_binding(grant))]).values())
            case RemoveGrant(grant=grant):
                _wait(client.delete_acls([AclBindingFilter(**_binding(grant))]).values())

    def _configs(self, names: Iterable[str], desired: Mapping[str, TopicState]) -> dict[str, dict[str, str]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        answers = self._described(resources)  # without those that have gone meanwhile
        return {
            name: {
                entry.name: entry.value
                for entry in entries.values()
                if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
                or (name in desired and entry.name in desired[name].configs)
            }
            for name, entries in answers.items()
        }

    def _described(self, resources: list[Any]) -> dict[str, Any]:
        found = {}
        for resource, done in self._client.describe_configs(resources).items():
            try:
                found[resource.name] = done.result(_TIMEOUT_S)
            except _FAULTS as error:
                if not _is_unknown_topic(error):
                    raise BrokerFault(f"settings cannot be read: {_text(error)}") from error
        return found

    def _has_authorizer(self, broker_id: int) -> bool:
        # Asked for rights, a broker without an authorizer is shown by librdkafka as one without rights.
        (settings,) = self._described([ConfigResource(ResourceType.BROKER, str(broker_id))]).values()
        return bool(settings["authorizer.class.name"].value)

    def _rights(self) -> frozenset[Grant]:
        everything = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            None,
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        try:
            found = self._client.describe_acls(everything).result(_TIMEOUT_S)
        except _FAULTS as error:
            raise BrokerFault(f"rights cannot be read: {_text(error)}") from error
        return frozenset(_grant(each) for each in found)

    def _mechanisms(self) -> dict[str, list[ScramMechanism]]:
        """The SCRAM users and what each can log in by."""
        try:
            asked: Any = self._client.describe_user_scram_credentials()
            found = asked.result(_TIMEOUT_S)
        except _FAULTS as error:
            raise BrokerFault(f"users cannot be read: {_text(error)}") from error
        return {
            user: [each.mechanism for each in description.scram_credential_infos] for user, description in found.items()
        }


def _client_settings(broker: BrokerAccess) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "bootstrap.servers": broker.address,
        "security.protocol": broker.protocol,
        "client.id": "slrt-topics",
        "socket.timeout.ms": int(_TIMEOUT_S * 1000),
    }
    if broker.with_users:
        settings |= {
            "sasl.mechanism": broker.mechanism,
            "sasl.username": broker.user,
            "sasl.password": broker.password,
        }
    if broker.ca_file:
        settings["ssl.ca.location"] = broker.ca_file
    return settings


def _wait(futures: Iterable["Future[Any]"]) -> None:
    for future in futures:
        future.result(_TIMEOUT_S)


def _is_unknown_topic(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def _text(error: BaseException) -> str:
    if isinstance(error, KafkaException):
        return str(error.args[0].str())
    return str(error) or type(error).__name__


def _grant(binding: AclBinding) -> Grant:
    return Grant(
        user=binding.principal.removeprefix(_USER),
        operation=_OPERATIONS[binding.operation],
        resource=_RESOURCES.get(binding.restype, binding.restype.name),
        name=binding.name,
        prefixed=binding.resource_pattern_type == ResourcePatternType.PREFIXED,
        host=binding.host,
        denies=binding.permission_type == AclPermissionType.DENY,
    )


def _binding(grant: Grant) -> dict[str, Any]:
    return {
        "restype": next(each for each, word in _RESOURCES.items() if word == grant.resource),
        "name": grant.name,
        "resource_pattern_type": ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL,
        "principal": f"{_USER}{grant.user}",
        "host": grant.host,
        "operation": next(each for each, word in _OPERATIONS.items() if word == grant.operation),
        "permission_type": AclPermissionType.DENY if grant.denies else AclPermissionType.ALLOW,
    }
