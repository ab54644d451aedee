"""What a relay does that has just taken the lead of a broker that forgot; on simulated time."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import TopicPartition
from tests.simulation import loop
from tests.simulation.store import Disk, MemoryOutboxQueue, Server, Transaction
from tests.simulation.world import TOPIC

from slrt_contracts.types import EventId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.outbox import Outbox
from slrt_kit.relay import Relay, RelaySettings
from slrt_kit.testing import case_registered
from slrt_kit.testing.broker import MemoryBroker

BATCH_TAKES_S = 20.0
NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


async def one_that_was_published(server: Server) -> None:
    transaction = Transaction(server, Disk())
    event = RecordedEvent(case_registered(), 1, NOW)
    await transaction.add_events(Outbox("intake").rows([(EventId(UUID(int=1)), event)], now=NOW, causation_id=None))
    transaction.commit()
    async with MemoryOutboxQueue(server, Disk()).session() as session:
        (row,) = await session.fetch(1)
        await session.archive([row.seq], {TopicPartition(TOPIC, 0): 0})


def test_it_fills_again_only_when_a_batch_of_the_one_before_can_no_longer_arrive() -> None:
    async def main() -> tuple[bool, int]:
        server, broker = Server(), MemoryBroker(partitions={TOPIC: 1})
        await one_that_was_published(server)
        settings = RelaySettings(send_timeout=BATCH_TAKES_S)
        relay = Relay(queue=MemoryOutboxQueue(server, Disk()), broker=broker, service="intake", settings=settings)
        stop = asyncio.Event()
        working = asyncio.get_running_loop().create_task(relay.run(stop))
        await asyncio.sleep(BATCH_TAKES_S - 1)
        early = broker.has(TOPIC)
        await asyncio.sleep(5)
        stop.set()
        await working
        return early, len(broker.records(TOPIC))

    assert loop.run(main()) == (False, 1)
