"""A service works over SASL with the rights of the registry alone: publishing, applying, dead letters, recovery."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from structlog.testing import capture_logs

from slrt_contracts.events.intake import CaseRegistered
from slrt_contracts.topics import TOPICS
from slrt_kit import metrics
from slrt_kit.clock import new_uuid7
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.messaging.consumer import EventConsumer
from slrt_kit.messaging.topics import apply_topics
from slrt_kit.operate import dead_letters, groups
from slrt_kit.outbox_queue import PostgresOutboxQueue
from slrt_kit.relay import Relay, RelaySettings
from slrt_kit.testing import case_registered, eventually, read_topic, running, send_raw
from slrt_kit.topics.admin import BrokerAdmin
from slrt_kit.topics.apply import bring, look, settled
from slrt_kit.topics.desired import desired_state
from slrt_local.testing import KafkaHandle

CASES, DEAD = CaseRegistered.TOPIC, "slrt.registry.dlq.v1"
Record = Callable[..., Awaitable[list[UUID]]]
MakeConsumer = Callable[..., EventConsumer]
DESIRED = desired_state(TOPICS, replication=1)


async def give(kafka: KafkaHandle, passwords: dict[str, str]) -> None:
    """Apply the registry with these passwords."""
    admin = BrokerAdmin(kafka.admin)
    plan = await look(admin, DESIRED, passwords)
    assert (await bring(admin, plan, passwords, tell=lambda _: None)).failed is None
    assert not (await settled(admin, DESIRED, passwords)).differs


@pytest.fixture(scope="module")
async def passwords(secured_kafka: KafkaHandle) -> dict[str, str]:
    """Of every service, as the broker knows them after the registry was applied to it."""
    made = {user: uuid4().hex for user in DESIRED.users}
    await give(secured_kafka, made)
    return made


@pytest.fixture
def as_user(secured_kafka: KafkaHandle, passwords: dict[str, str]) -> Callable[[str], BrokerAccess]:
    """``as_user("slrt-intake")``: the broker as that service reaches it."""

    def reached(user: str) -> BrokerAccess:
        return BrokerAccess(
            address=secured_kafka.bootstrap, protocol="SASL_PLAINTEXT", user=user, password=passwords[user]
        )

    return reached


@pytest.fixture
def intake_relay(database_url: str) -> Callable[[BrokerAccess], Relay]:
    """The relay of intake with short waits."""

    def make(broker: BrokerAccess) -> Relay:
        return Relay(
            queue=PostgresOutboxQueue(database_url),
            broker=KafkaBroker(broker),
            service="intake",
            settings=RelaySettings(retry_min=0.05, retry_max=0.3, ask_broker_every=0.3, send_timeout=3.0),
        )

    return make


async def test_a_service_publishes_and_another_applies_and_dead_letters(
    as_user: Callable[[str], BrokerAccess],
    intake_relay: Callable[[BrokerAccess], Relay],
    make_consumer: MakeConsumer,
    record: Record,
    rows: Any,
) -> None:
    intake, registry = as_user("slrt-intake"), as_user("slrt-registry")
    group = f"slrt.registry.{uuid4().hex[:8]}"
    keys = [new_uuid7() for _ in range(5)]
    for key in keys:
        await record(case_registered(key))
    unreadable = RawEvent(CASES, str(new_uuid7()), (("ce_id", b"broken"),), b"not ours")
    await send_raw(intake, unreadable)
    consumer = make_consumer(CASES, DEAD, broker=KafkaBroker(registry), group=group)
    async with running(intake_relay(intake).run), running(consumer.run):
        await eventually(lambda: len(rows.effects()) >= 5, what="events applied")
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0)
        (letter,) = await read_topic(registry, DEAD, at_least=1)
        assert letter.header("dlq-consumer") == group
    assert sorted(rows.effects()) == sorted((str(key), 1) for key in keys)
    (found,) = await dead_letters.dead_letters(registry, "registry")
    assert found.raw.payload == b"not ours"
    assert group in await groups.groups_of(registry, "registry")
    assert {each.lag for each in await groups.lag(registry, [group], now=datetime.now(UTC))} == {0}
    rewound = await groups.rewind(registry, group, since=None, dry_run=False)
    assert sum(each.again for each in rewound) == 6


async def test_a_relay_makes_its_own_lost_topic_again_and_leaves_the_others_to_their_owners(
    secured_kafka: KafkaHandle,
    as_user: Callable[[str], BrokerAccess],
    intake_relay: Callable[[BrokerAccess], Relay],
    record: Record,
    rows: Any,
) -> None:
    intake, key, lost = as_user("slrt-intake"), new_uuid7(), "slrt.registry.person.v1"
    before = refilled()
    async with running(intake_relay(intake).run):
        await record(case_registered(key))
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0)
        await delete(secured_kafka.admin, CASES, lost)
        await eventually(lambda: refilled() > before, seconds=40, what="the relay noticed")
        messages = await read_topic(as_user("slrt-registry"), CASES, at_least=1)
    assert [message.key for message in messages] == [str(key)]
    state = await BrokerAdmin(secured_kafka.admin).state(DESIRED.topics)
    assert state.topics[CASES] == DESIRED.topics[CASES], "with the settings of the registry"
    assert lost not in state.topics
    assert await apply_topics(as_user("slrt-registry")) == [lost]


def refilled() -> float:
    return metrics.RELAY_REFILLED._value.get()


async def delete(broker: BrokerAccess, *topics: str) -> None:
    admin = AIOKafkaAdminClient(**client_arguments(broker))
    await admin.start()
    try:
        await admin.delete_topics(list(topics))
    finally:
        await admin.close()


async def test_a_wrong_password_is_said_and_waited_out_until_the_broker_is_given_the_new_one(
    secured_kafka: KafkaHandle,
    passwords: dict[str, str],
    as_user: Callable[[str], BrokerAccess],
    intake_relay: Callable[[BrokerAccess], Relay],
    make_consumer: MakeConsumer,
    record: Record,
    rows: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    changed = passwords | {"slrt-intake": uuid4().hex, "slrt-registry": uuid4().hex}
    intake = replace(as_user("slrt-intake"), password=changed["slrt-intake"])
    registry = replace(as_user("slrt-registry"), password=changed["slrt-registry"])
    consumer = make_consumer(CASES, DEAD, broker=KafkaBroker(registry), group=f"slrt.registry.{uuid4().hex[:8]}")
    key = new_uuid7()
    await record(case_registered(key))
    with capture_logs() as logs:
        async with running(intake_relay(intake).run), running(consumer.run):
            for message in ("relay discards its producer", "consumer lost its broker"):
                await eventually(lambda event=message: [entry for entry in logs if entry["event"] == event])
            said = [entry.getMessage() for entry in caplog.records if "SaslAuthenticationFailed" in entry.getMessage()]
            assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in said[0]
            await asyncio.sleep(1.5)  # what goes in circles shows in the count
            assert rows.one("SELECT count(*) FROM outbox") == 1
            tries = [entry for entry in logs if entry["event"] == "relay discards its producer"]
            assert len(tries) < 15, "it waits between tries"
            await give(secured_kafka, changed)
            await eventually(lambda: rows.sequences(key) == [1], what="applied with the new password")
    for password in [*passwords.values(), *changed.values()]:
        assert password not in str(logs) + caplog.text
