"""Rules of the backbone, each taken out by itself, to see whether the simulation notices."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from tests.simulation import storm
from tests.simulation.store import MemoryInbox, Session, Transaction

from slrt_kit.relay import Relay
from slrt_kit.testing.broker import MemoryConsumer


async def _set_without_comparing(self: Transaction, key: str, version: int) -> None:
    await self.hop()
    await self.lock("version", key)
    self.write("versions", key, version)


async def _insert_nothing(self: MemoryInbox, connection: Transaction, event_id: object) -> bool:
    return not connection.has("inbox", (self._consumer, event_id))


async def _everybody_leads(self: Session) -> bool:
    async with self._statement():
        return True


async def _archive_up_to_the_last_that_arrived(
    self: Relay, producer: Any, memory: Any, rows: Sequence[Any], taken: list[int]
) -> None:
    sent: list[asyncio.Future[Any]] = []
    refused = await self._send(producer, rows, sent)
    results = await asyncio.gather(*sent, return_exceptions=True)
    arrived = [number for number, result in enumerate(results) if not isinstance(result, BaseException)]
    for number in arrived:
        memory.note(results[number])
    taken += [row.seq for row in rows[: max(arrived, default=-1) + 1]]
    for error in (*results, refused):
        if isinstance(error, KafkaError):
            raise error


async def _archive_by_range(
    self: Session, published: Sequence[int], last_offsets: Mapping[TopicPartition, int]
) -> None:
    async with self._statement() as tables:
        for seq in [seq for seq in tables.outbox if seq <= max(published)]:
            tables.archive[seq] = tables.outbox.pop(seq)
        for place, offset in last_offsets.items():
            tables.published[place] = max(tables.published.get(place, -1), offset)


def _nobody_waits(self: MemoryInbox, connection: Transaction, raw: object) -> list[Any]:
    return []


@dataclass(frozen=True)
class Mutation:
    """``taken_out()`` gives a context in which the rule does not hold; ``simulate`` is told the rest.

    ``first`` is the seed to begin with: a little before one that is known to show it, so that looking is short.
    """

    taken_out: Callable[[], Any]
    first: int = 0
    only: Sequence[storm.Deed] = ()
    seconds: float = storm.STORM_S


MUTATIONS = {
    "compare-and-set": Mutation(
        lambda: patch.object(Transaction, "compare_and_set", _set_without_comparing), first=740
    ),
    "inbox insert": Mutation(lambda: patch.object(MemoryInbox, "_insert", _insert_nothing)),
    "advisory lock": Mutation(
        lambda: patch.object(Session, "try_to_lead", _everybody_leads),
        first=38,
        only=(storm.forget, storm.republish, storm.broker_away),
        seconds=60,
    ),
    "prefix rule": Mutation(
        lambda: patch.object(Relay, "_publish", _archive_up_to_the_last_that_arrived),
        first=70,
        only=(storm.broker_away,),
    ),
    "archive by seq": Mutation(
        lambda: patch.object(Session, "archive", _archive_by_range), only=(storm.broker_away, storm.kill), seconds=60
    ),
    "queue behind a parked event": Mutation(lambda: patch.object(MemoryInbox, "_waiting", _nobody_waits)),
    "a consumer notices another broker": Mutation(
        lambda: patch.object(MemoryConsumer, "connections", lambda _: frozenset()),
        first=42,
        only=(storm.forget, storm.republish),
        seconds=60,
    ),
}
"""By the rule that is taken out."""
