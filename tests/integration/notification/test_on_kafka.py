"""The whole service on a real Kafka: relay, consumers and both connectors, one channel down and back again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.events import Event
from slrt_contracts.events.intake import CaseResolved
from slrt_kit.clock import SystemClock, new_uuid7
from slrt_kit.runtime import Runtime
from slrt_kit.testing import case_registered, eventually, packaged_book, raw_event, running
from slrt_local.testing import KafkaHandle
from slrt_notification.app import PACKAGE, build_connector, build_consumers
from slrt_notification.settings import NotificationSettings

if TYPE_CHECKING:
    from tests.integration.notification.conftest import MailServer, Outside, Service


@pytest.fixture
async def on_kafka(
    service: "Service", settings: NotificationSettings, registry_topics: KafkaHandle
) -> AsyncIterator["Service"]:
    """The service with every role but the API running."""
    told = settings.model_copy(update={"kafka_bootstrap": registry_topics.bootstrap, "kafka_session_timeout_ms": 6000})
    runtime = Runtime("notification", PACKAGE, told)
    runtime.policy_book = packaged_book(runtime)
    service.clock = SystemClock()  # type: ignore[assignment]
    parts = [
        runtime.relay.run,
        *(consumer.run for consumer in build_consumers(runtime)),
        *(build_connector(runtime, channel).run for channel in NotificationChannel),
    ]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runtime.close)
        for part in parts:
            await stack.enter_async_context(running(part))
        yield service


async def tell(bootstrap: str, *events: Event) -> None:
    """Put the events on their topics, as intake's relay would."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for event in events:
            raw = raw_event(event)
            await producer.send_and_wait(raw.topic, raw.payload, key=raw.key.encode(), headers=list(raw.headers))
    finally:
        await producer.stop()


async def test_a_channel_that_is_down_delays_its_own_messages_only_and_each_arrives_once(
    on_kafka: "Service", registry_topics: KafkaHandle, mail: "MailServer", outside: "Outside"
) -> None:
    case_ids = [new_uuid7() for _ in range(3)]
    for case_id in case_ids:
        on_kafka.contact(case_id)
    await mail.stop()
    resolved = [
        CaseResolved(case_id=case_id, outcomes=[{"need_id": new_uuid7(), "outcome_code": "fulfilled"}])
        for case_id in case_ids
    ]
    await tell(registry_topics.bootstrap, *map(case_registered, case_ids), *resolved)

    async def ends(channel: str) -> list[str]:
        rows = await on_kafka.rows(
            "SELECT status FROM notifications WHERE channel = %(channel)s AND case_id = ANY(%(cases)s) "
            "ORDER BY queued_at",
            channel=channel,
            cases=case_ids,
        )
        return [row["status"] for row in rows]

    async def all_delivered(channel: str) -> bool:
        return await ends(channel) == ["delivered"] * 6

    await eventually(lambda: all_delivered("whatsapp"), seconds=100, what="the messages")
    assert len(outside.messages) == 6
    assert await ends("email") == ["queued"] * 6
    await mail.start()
    await eventually(lambda: all_delivered("email"), seconds=100, what="the mails")
    assert len(mail.mails) == len({sent["Message-ID"] for sent in mail.mails}) == 6

    async def all_published() -> bool:
        return await on_kafka.rows("SELECT 1 FROM outbox") == []

    await eventually(all_published, what="an empty outbox")
    published = await on_kafka.rows(
        "SELECT partition_key, array_agg(key_sequence ORDER BY seq) AS sequences FROM outbox_archive "
        "WHERE partition_key IN (SELECT notification_id::text FROM notifications WHERE case_id = ANY(%(cases)s)) "
        "GROUP BY 1",
        cases=case_ids,
    )
    assert [row["sequences"] for row in published] == [[1, 2]] * 12
