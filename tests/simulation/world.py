"""A producing service, a broker and a consuming service, all of whose steps a seed decides."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from tests.simulation.store import Disk, MemoryDatabase, MemoryInbox, MemoryOutboxQueue, Server

from slrt_contracts.events import CaseRegistered
from slrt_contracts.topics import TOPICS
from slrt_contracts.types import EventId
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.db import StaleVersionError, UnitOfWork
from slrt_kit.messaging.consumer import ConsumerSettings, EventConsumer
from slrt_kit.messaging.errors import IgnoredError, RejectedError, TransientError
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.messaging.processor import Processor
from slrt_kit.outbox import Outbox
from slrt_kit.relay import Relay, RelaySettings
from slrt_kit.testing import case_registered
from slrt_kit.testing.broker import MemoryBroker, MemoryConsumer, MemoryProducer, Network

TOPIC = CaseRegistered.TOPIC
DEAD_LETTERS = "slrt.registry.dlq.v1"
GROUP = "slrt.registry.simulated"
PARTITIONS = {name: 3 if name == TOPIC else 1 for name in TOPICS}

_START = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
_RELAY = RelaySettings(
    batch_size=8, idle_poll_min=0.1, idle_poll_max=3.0, retry_min=0.4, send_timeout=20.0, ask_broker_every=5.0
)
_CONSUMER = ConsumerSettings(
    group=GROUP,
    topics=[TOPIC],
    dead_letter_topic=DEAD_LETTERS,
    max_batch=16,
    poll_ms=3000,
    pause_max=2.0,
    parked_every=3.0,
    dead_letters_in_a_row=1_000,
    dead_letter_share=1.0,
)


class Weather:
    """How bad things are just now; the storm changes it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.calm = False
        self.broker_is_down = False
        self.database_errors = random.choice((0.0, 0.005, 0.02))
        self.broker_errors = random.choice((0.0, 0.02, 0.1))
        self.lost_acknowledgements = random.choice((0.0, 0.1, 0.3))
        self.late_packets = random.choice((0.0, 0.02))
        self.slowness = random.choice((0.002, 0.05, 0.3))

    def happens(self, chance: float) -> bool:
        """Whether something of that chance happens now."""
        return not self.calm and self.random.random() < chance

    async def take_time(self) -> None:
        """As long as one way over the network takes."""
        await asyncio.sleep(self.random.random() * self.slowness)


class StormyNetwork(Network):
    """The way to the broker."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    async def hop(self, what: str) -> None:
        if what == "produce" and self._weather.happens(self._weather.late_packets):
            await asyncio.sleep(self._weather.random.random() * 30)
        await self._weather.take_time()
        if self._weather.broker_is_down or self._weather.happens(self._weather.broker_errors):
            raise KafkaConnectionError

    async def heartbeat(self) -> None:
        await asyncio.sleep(self._weather.random.random() * 3)

    def batch_size(self) -> int:
        return self._weather.random.randint(1, 4)

    def loses_acknowledgement(self) -> bool:
        return self._weather.happens(self._weather.lost_acknowledgements)


class ProcessDisk(Disk):
    """The way from one process to its database."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self.dead = False

    async def hop(self) -> None:
        if not self.dead:
            await self._weather.take_time()
        if self.dead or self._weather.happens(self._weather.database_errors):
            raise psycopg.OperationalError("server closed the connection unexpectedly")


class ProcessBroker:
    """The broker as one process sees it: its clients die with it."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.producers: list[MemoryProducer] = []
        self.consumers: list[MemoryConsumer] = []

    def producer(self, *, client_id: str) -> MemoryProducer:
        made = self._broker.producer(client_id=client_id)
        self.producers.append(made)
        return made

    def consumer(self, *, group: str, session_timeout_ms: int, max_poll_records: int, linger: float) -> MemoryConsumer:
        made = self._broker.consumer(
            group=group, session_timeout_ms=session_timeout_ms, max_poll_records=max_poll_records, linger=linger
        )
        self.consumers.append(made)
        return made

    async def partitions_of(self, topics: Collection[str]) -> set[TopicPartition]:
        return await self._broker.partitions_of(topics)

    async def ends_of(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._broker.ends_of(partitions)

    async def make_topics(self, only: Collection[str], *, replication: int) -> list[str]:
        return await self._broker.make_topics(only, replication=replication)

    def kill(self) -> None:
        """Its clients are gone; what they had sent is on its way."""
        for client in (*self.producers, *self.consumers):
            client.kill()


class Process:
    """Something that can be killed at any step, and is started again after a while."""

    def __init__(self, world: "World", name: str, main: "Main", server: Server) -> None:
        self._world = world
        self._main = main
        self.name = name
        self.server = server
        self._task: asyncio.Task[None] | None = None
        self.disk = ProcessDisk(world.weather)
        self.broker = ProcessBroker(world.broker)

    @property
    def runs(self) -> bool:
        """Whether it was started and not killed since."""
        return self._task is not None

    def start(self) -> None:
        """Begin anew."""
        self.disk = ProcessDisk(self._world.weather)
        self.broker = ProcessBroker(self._world.broker)
        self._task = asyncio.get_running_loop().create_task(self._main(self))
        self._task.add_done_callback(self._world.look_at)

    def kill(self) -> None:
        """As by ``kill -9``: what it had sent is on its way, its connections end, it tidies nothing up."""
        if self._task is not None:
            self.disk.dead = True
            self.server.disconnect(self.disk)
            self.broker.kill()
            self._task.cancel()
            self._task = None

    def cut_off(self) -> None:
        """Its database ends its connections, which it does not know before it uses them."""
        self.server.disconnect(self.disk)


Main = Callable[[Process], Coroutine[Any, Any, None]]


@dataclass
class World:
    """One simulated run. ``told`` are the events whose writers heard that they are committed."""

    seed: int
    told: dict[UUID, tuple[str, int]] = field(default_factory=dict)
    unreadable: int = 0
    outside: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 — repeatable, no secret
        self.weather = Weather(self.random)
        self.broker = MemoryBroker(partitions=PARTITIONS, network=StormyNetwork(self.weather))
        self.producer, self.consumer = Server(), Server()
        self.keys = [self.new_id() for _ in range(self.random.randint(1, 4))]
        self.style = self.random.choice(("handlers", "asking", "acting", "projection"))
        self.trouble = self.random.choice((0.0, 0.1, 0.4))
        self.processes = [
            *(Process(self, f"writer {number}", self._write, self.producer) for number in range(2)),
            *(Process(self, f"relay {number}", self._relay, self.producer) for number in range(2)),
            Process(self, "the other service's relay", self._other_relay, self.consumer),
            *(Process(self, f"worker {number}", self._work, self.consumer) for number in range(2)),
        ]
        self.crashes: list[str] = []

    def now(self) -> datetime:
        """The time, in UTC."""
        return _START + timedelta(seconds=asyncio.get_running_loop().time())

    def new_id(self) -> UUID:
        """An id as good as any."""
        return UUID(int=self.random.getrandbits(128) & ~(0xF << 76) | 7 << 76)

    def look_at(self, task: asyncio.Task[None]) -> None:
        """No process may end but by being killed."""
        if not task.cancelled() and task.exception() is not None:
            self.crashes.append(f"a process ended: {task.exception()!r}")

    def _database(self, process: Process) -> MemoryDatabase:
        return MemoryDatabase(process.server, process.disk, clock=self, new_id=self.new_id)

    def begin(self) -> None:
        """Start everything; the topics are there."""
        self.broker.make_at_once()
        for process in self.processes:
            process.start()

    def end_storm(self) -> None:
        """From now on all goes well."""
        self.weather.calm = True
        self.weather.slowness = 0.01
        for process in self.processes:
            if not process.runs:
                process.start()

    # -- the producing service ---------------------------------------------------------------------------------------
    async def _write(self, process: Process) -> None:
        database = self._database(process)
        while not self.weather.calm:
            await asyncio.sleep(self.random.random() * 4)
            try:
                await self.command(database, self.random.choice(self.keys))
            except (StaleVersionError, psycopg.Error):
                continue  # the caller is not told that it was done, and it may or may not have been

    async def command(self, database: MemoryDatabase, key: UUID) -> None:
        """Change an aggregate and tell of it, as every command of every service does."""
        outbox = Outbox("intake")
        async with database.unit_of_work() as work:
            version = work.connection.seen("versions").get(str(key), 0)
            await work.connection.hop()
            event_id = EventId(self.new_id())
            rows = []
            for step in range(1, self.random.choice((1, 1, 2)) + 1):
                await work.connection.compare_and_set(str(key), version + step)
                recorded = RecordedEvent(case_registered(key), version + step, self.now())
                rows += outbox.rows([(event_id, recorded)], now=self.now(), causation_id=None)
                event_id = EventId(self.new_id())
            await work.connection.add_events(rows)
            await work.commit()
        for row in rows:
            self.told[row["event_id"]] = (row["partition_key"], row["key_sequence"])

    async def _relay(self, process: Process) -> None:
        queue = MemoryOutboxQueue(process.server, process.disk)
        await Relay(queue=queue, broker=process.broker, service="intake", settings=_RELAY).run(asyncio.Event())

    async def _other_relay(self, process: Process) -> None:
        queue = MemoryOutboxQueue(process.server, process.disk)
        await Relay(queue=queue, broker=process.broker, service="registry", settings=_RELAY).run(asyncio.Event())

    # -- the consuming service ---------------------------------------------------------------------------------------
    async def _work(self, process: Process) -> None:
        database = self._database(process)
        processor = Processor(
            consumer=GROUP, database=database, handlers=handlers(self.style), deps=self, inbox=MemoryInbox(GROUP)
        )
        await EventConsumer(_CONSUMER, processor, process.broker).run(asyncio.Event())

    def mood(self, event_id: UUID) -> "Mood":
        """How an event's handling goes, always the same for the same event."""
        chance = Random(event_id.int ^ self.seed)  # noqa: S311 — repeatable, no secret
        if chance.random() >= self.trouble:
            return Mood("well")
        kind = chance.choice(("rejected", "crashes", "away", "ignored"))
        return Mood(kind, until=chance.random() * 30 + 1_000)


@dataclass(frozen=True)
class Mood:
    """``until`` is the simulated time at which it gets better."""

    kind: str
    until: float = 0.0

    def raise_if_bad(self) -> None:
        """What the handler raises at this time."""
        if self.kind == "ignored":
            raise IgnoredError
        if self.kind == "well" or asyncio.get_running_loop().time() > self.until:
            return
        if self.kind == "rejected":
            raise RejectedError("not yet")
        if self.kind == "away":
            raise TransientError("somebody is away")
        raise ZeroDivisionError


def handlers(style: str) -> Handlers[World]:
    """One table of each kind that there is."""
    table = Handlers[World]()

    async def effect(received: Received[Any], work: UnitOfWork, world: World) -> None:
        envelope = received.envelope
        connection: Any = work.connection
        await connection.note_effect((envelope.id, envelope.subject, envelope.keysequence))
        world.mood(envelope.id).raise_if_bad()

    async def ask(received: Received[Any], world: World) -> str:
        await world.weather.take_time()
        world.mood(received.envelope.id).raise_if_bad()
        return "asked"

    async def act(received: Received[Any], world: World) -> str:
        found = await ask(received, world)
        world.outside.append(received.envelope.id)
        return found

    async def prepared(received: Received[Any], work: UnitOfWork, world: World, _: str) -> None:
        connection: Any = work.connection
        await connection.note_effect((received.envelope.id, received.envelope.subject, received.envelope.keysequence))

    async def project(events: Any, work: UnitOfWork, world: World) -> None:
        for received in events:
            await effect(received, work, world)

    if style == "handlers":
        table.on(CaseRegistered)(effect)
    elif style == "projection":
        table.project([CaseRegistered])(project)
    else:
        table.on_prepared(CaseRegistered, ask if style == "asking" else act, only_asks=style == "asking")(prepared)
    return table
