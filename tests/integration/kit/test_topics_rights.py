"""On a broker with SASL and the standard authorizer: who may do what, with the rights of the registry alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)
from confluent_kafka import KafkaError as KafkaErrorCodes
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from slrt_contracts.topics import TOPICS, Topic
from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.topics.admin import BrokerAdmin, logs_in
from slrt_kit.topics.apply import BrokerFault, bring, look, settled
from slrt_kit.topics.desired import desired_state
from slrt_local.testing import KafkaHandle

PARTNER, SHARED = "partner-baznas", "slrt.referral.referral.v1"
SERVICES = ("intake", "referral", "registry", "notification")


def with_partner() -> Mapping[str, Topic]:
    """The registry, with a partner who may hear the referrals."""
    topic = TOPICS[SHARED]
    return {**TOPICS, SHARED: replace(topic, acl=replace(topic.acl, read=(*topic.acl.read, PARTNER)))}


@dataclass
class Secured:
    """The broker with the registry applied."""

    admin: BrokerAccess
    passwords: Mapping[str, str]

    def as_user(self, user: str) -> BrokerAccess:
        """The broker as that user reaches it."""
        return BrokerAccess(
            address=self.admin.address, protocol="SASL_PLAINTEXT", user=user, password=self.passwords[user]
        )

    def client(self, user: str) -> AdminClient:
        """What an administrator would use, in the hands of that user."""
        return AdminClient(
            {
                "bootstrap.servers": self.admin.address,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": user,
                "sasl.password": self.passwords[user],
                "log_level": 0,
            }
        )


@pytest.fixture(scope="module")
async def secured(secured_kafka: KafkaHandle) -> Secured:
    """The broker after the registry was applied to it."""
    desired = desired_state(with_partner(), replication=1)
    passwords = {user: uuid4().hex for user in desired.users}
    admin = BrokerAdmin(secured_kafka.admin)
    plan = await look(admin, desired, passwords)
    assert (await bring(admin, plan, passwords, tell=lambda _: None)).failed is None
    assert not (await settled(admin, desired, passwords)).differs
    return Secured(secured_kafka.admin, passwords)


async def write(broker: BrokerAccess, topic: str, *, idempotent: bool = True) -> None:
    """Append one message that is no event."""
    producer = AIOKafkaProducer(**client_arguments(broker), acks="all", enable_idempotence=idempotent)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"{}", key=b"k")
    finally:
        await producer.stop()


async def read(broker: BrokerAccess, topic: str, group: str) -> bytes | None:
    """The value of the first message of the topic, read as a member of the group."""
    consumer = AIOKafkaConsumer(
        topic, **client_arguments(broker), group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        await consumer.start()
        message = await consumer.getone()
        await consumer.commit()
        value: bytes | None = message.value
        return value
    finally:
        await consumer.stop()


# -- a partner ---------------------------------------------------------------------------------------------------


async def test_a_partner_reads_its_topic_in_a_group_of_its_own(secured: Secured) -> None:
    await write(secured.as_user("slrt-referral"), SHARED)
    assert await read(secured.as_user(PARTNER), SHARED, "partner.baznas.reader") == b"{}"


async def test_a_partner_reads_from_outside_over_tls_and_believes_no_other_broker(
    secured: Secured, secured_kafka: KafkaHandle
) -> None:
    outside = secured_kafka.partner(PARTNER, secured.passwords[PARTNER])
    await write(secured.as_user("slrt-referral"), SHARED)
    assert await read(outside, SHARED, "partner.baznas.outside") == b"{}"
    assert await logs_in(outside)
    assert not await logs_in(replace(outside, password="wrong"))
    with pytest.raises(BrokerFault, match="CERTIFICATE_VERIFY_FAILED"):
        await logs_in(replace(outside, ca_file=None))


async def test_the_administrator_does_not_come_in_from_outside(secured: Secured, secured_kafka: KafkaHandle) -> None:
    outside = secured_kafka.partner("admin", str(secured.admin.password))
    assert not await logs_in(outside)
    with pytest.raises(BrokerFault, match="UnsupportedSaslMechanism"):
        await logs_in(replace(outside, mechanism="PLAIN"))


async def test_a_service_is_let_in_over_tls_and_is_no_administrator(
    secured: Secured, secured_kafka: KafkaHandle
) -> None:
    as_service = secured_kafka.partner("slrt-intake", secured.passwords["slrt-intake"])
    with pytest.raises(BrokerFault, match=r"[Aa]uthorization"):
        await BrokerAdmin(as_service).state({})


@pytest.mark.parametrize("topic", sorted(set(TOPICS) - {SHARED}))
async def test_a_partner_reads_no_other_topic(secured: Secured, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await read(secured.as_user(PARTNER), topic, "partner.baznas.reader")


@pytest.mark.parametrize("group", ["slrt.referral.connector.12.74.DUKCAPIL", "partner.baznasx.reader", "partner.pln.r"])
async def test_a_partner_uses_no_group_of_others(secured: Secured, group: str) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await read(secured.as_user(PARTNER), SHARED, group)


@pytest.mark.parametrize("topic", [*sorted(TOPICS), "partner.baznas.own"])
async def test_a_partner_can_produce_nowhere(secured: Secured, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await write(secured.as_user(PARTNER), topic, idempotent=False)
    with pytest.raises(ClusterAuthorizationFailedError):
        await write(secured.as_user(PARTNER), topic)


async def test_a_partner_sees_no_topic_but_its_own(secured: Secured) -> None:
    assert set(secured.client(PARTNER).list_topics(timeout=10).topics) == {SHARED}


REFUSED = (KafkaErrorCodes.TOPIC_AUTHORIZATION_FAILED, KafkaErrorCodes.CLUSTER_AUTHORIZATION_FAILED)


def attempts(client: AdminClient, name: str) -> Mapping[str, Any]:
    """What an intruder would try, each as what a client of confluent-kafka gives for it."""
    entry = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
    grant = AclBinding(
        ResourceType.TOPIC,
        name,
        ResourcePatternType.LITERAL,
        f"User:{PARTNER}",
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    credential = UserScramCredentialUpsertion("admin", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"mine")
    return {
        "more partitions": client.create_partitions([NewPartitions(name, 9)]),
        "another setting": client.incremental_alter_configs(
            [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])]
        ),
        "a right": client.create_acls([grant]),
        "another's password": client.alter_user_scram_credentials([credential]),
        "no topic": client.delete_topics([name]),
    }


@pytest.mark.parametrize("user", [PARTNER, "slrt-referral"])
async def test_neither_partner_nor_service_alters_deletes_or_grants_anything(secured: Secured, user: str) -> None:
    before = await BrokerAdmin(secured.admin).state({})
    client = secured.client(user)
    for what, asked in attempts(client, SHARED).items():
        for future in asked.values():
            with pytest.raises(KafkaException) as caught:
                pytest.fail(f"{user} got {what}: {future.result(10)}")
            assert caught.value.args[0].code() in REFUSED, what
    assert await BrokerAdmin(secured.admin).state({}) == before


async def create(broker: BrokerAccess, topic: str) -> type[KafkaError]:
    """What the broker answers to whoever wants a topic."""
    admin = AIOKafkaAdminClient(**client_arguments(broker))
    try:
        await admin.start()
        response = await admin.create_topics([NewTopic(name=topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    ((_, code, *_),) = response.topic_errors
    error: type[KafkaError] = for_code(code)
    return error


@pytest.mark.parametrize("user", [PARTNER, *(f"slrt-{service}" for service in SERVICES)])
async def test_nobody_makes_a_topic_that_is_not_its_own(secured: Secured, user: str) -> None:
    assert await create(secured.as_user(user), f"{user.replace('-', '.')}.new.v1") is TopicAuthorizationFailedError
    assert await create(secured.as_user(user), "new") is TopicAuthorizationFailedError


# -- nobody ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"protocol": "PLAINTEXT"}, {"password": "wrong"}, {"user": "nobody"}])
async def test_who_does_not_say_who_he_is_is_not_let_in(secured: Secured, changes: dict[str, str]) -> None:
    with pytest.raises(KafkaConnectionError):
        await write(replace(secured.as_user("slrt-referral"), **changes), SHARED)


# -- services ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_produces_idempotently_to_its_own_topics_and_to_no_others(
    secured: Secured, service: str
) -> None:
    for name, topic in TOPICS.items():
        if service in topic.producers:
            await write(secured.as_user(f"slrt-{service}"), name)
        else:
            with pytest.raises(TopicAuthorizationFailedError):
                await write(secured.as_user(f"slrt-{service}"), name)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reads_what_the_registry_lists_for_it_and_nothing_else(secured: Secured, service: str) -> None:
    user, group = f"slrt-{service}", f"slrt.{service}.test"
    for name, topic in TOPICS.items():
        if user in topic.acl.read:
            await write(secured.as_user(f"slrt-{topic.producers[0]}"), name)
            assert await read(secured.as_user(user), name, f"{group}.{name}") == b"{}"
        else:
            with pytest.raises(TopicAuthorizationFailedError):
                await read(secured.as_user(user), name, f"{group}.{name}")
    with pytest.raises(GroupAuthorizationFailedError):
        await read(secured.as_user(user), next(t.name for t in TOPICS.values() if user in t.acl.read), "slrt.other.x")
