"""A projection that counts how often each event was applied, on a topic of its own: for tests of its rebuilding."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from slrt_contracts.envelope import Envelope
from slrt_contracts.events import CaseRegistered, CaseScreened, Event
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Connection, Database, UnitOfWork
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.handlers import Handlers, Projection, ProjectionTable, Received
from slrt_kit.messaging.processor import Processor
from slrt_kit.operate.projections import Rebuilt, rebuild
from slrt_kit.testing import case_registered, raw_event
from slrt_kit.testing.kafka import send_raw

CONSUMER = "slrt.test.tally"
TABLE = (
    "CREATE SEQUENCE tally_number",
    """
    CREATE TABLE tally (
        number      bigint NOT NULL DEFAULT nextval('tally_number'),
        event_id    uuid,
        case_id     uuid NOT NULL,
        event_type  text NOT NULL,
        recorded_at timestamptz NOT NULL,
        urgent      boolean NOT NULL DEFAULT false,
        times       integer NOT NULL DEFAULT 1 CONSTRAINT tally_counts CHECK (times > 0),
        shown       text GENERATED ALWAYS AS (event_type || ' ' || times) STORED,
        CONSTRAINT tally_of_events PRIMARY KEY (event_id)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX tally_case ON tally (case_id, recorded_at DESC) WHERE times > 0",
    "CREATE UNIQUE INDEX tally_once ON tally (case_id, event_id)",
    "GRANT SELECT ON tally TO slrt_referral WITH GRANT OPTION",
    "GRANT UPDATE (urgent) ON tally TO slrt_registry",
    "GRANT SELECT (times) ON tally TO PUBLIC",
)
_APPLY = """
    INSERT INTO tally (event_id, case_id, event_type, recorded_at, urgent)
    VALUES (%(event_id)s, %(case_id)s, %(type)s, %(recorded_at)s, %(urgent)s)
    ON CONFLICT (event_id) DO UPDATE SET times = tally.times + 1
    """

#: All but the number that the table draws for itself.
TOLD = "SELECT event_id, case_id, event_type, recorded_at, urgent, times, shown FROM tally ORDER BY event_id"


class PoisonError(Exception):
    """What the projection raises for cases that it is told to choke on."""


@dataclass
class Habits:
    """What the projection does beside tallying, and with which cases or events it does not."""

    choke_on: set[UUID] = field(default_factory=set)
    pass_over: set[UUID] = field(default_factory=set)
    also: str = ""
    """A statement that is run after each event; a deferred one, as stores defer theirs."""
    at_the_end: bool = False
    """Whether it is run before the commit instead, once."""


def _run_also(connection: Connection, statements: list[str]) -> None:
    connection.defer(statements[0])


def handlers() -> Handlers[Habits]:
    """CaseRegistered is tallied; CaseScreened is the service's own."""
    table = Handlers[Habits]()

    @table.project([CaseRegistered], table=ProjectionTable(name="tally"))
    async def tally(events: Sequence[Received[Event]], work: UnitOfWork, habits: Habits) -> None:
        for received in events:
            assert isinstance(received.event, CaseRegistered)
            if habits.choke_on & {received.event.case_id, received.envelope.id}:
                raise PoisonError
            if received.event.case_id in habits.pass_over:
                continue
            envelope = received.envelope
            work.connection.defer(
                _APPLY,
                {
                    "event_id": envelope.id,
                    "case_id": received.event.case_id,
                    "type": envelope.type,
                    "recorded_at": envelope.recordedtime,
                    "urgent": received.event.urgent,
                },
            )
            if habits.also and habits.at_the_end:
                work.write_last(_run_also, [habits.also])
            elif habits.also:
                work.connection.defer(habits.also)

    return table


@dataclass
class Tally:
    """A database with the table, a topic, and what a test does with them."""

    database: Database
    rows: Any
    bootstrap: str
    topic: str
    habits: Habits = field(default_factory=Habits)

    @property
    def processor(self) -> Processor[Habits]:
        """The consumer's own."""
        return Processor(consumer=CONSUMER, database=self.database, handlers=handlers(), deps=self.habits)

    @property
    def projection(self) -> Projection:
        """As the operator's command finds it, on the test's topic."""
        projection = self.processor.projection
        assert projection is not None
        return replace(projection, topics={CaseRegistered.TYPE: (self.topic,)})

    def events(self, count: int, *, key: UUID | None = None, at: datetime | None = None) -> list[RawEvent]:
        """Events of as many cases, or of one; not told to anybody yet."""
        return [
            raw_event(case_registered(key or new_uuid7()), key_sequence=number, topic=self.topic, at=at)
            for number in range(1, count + 1)
        ]

    async def tell(self, *raws: RawEvent, partition: int | None = None) -> None:
        """Put them on the topic."""
        await send_raw(self.bootstrap, *raws, partition=partition)

    async def tell_and_hear(self, count: int, **more: Any) -> list[RawEvent]:
        """Events that are on the topic and in the table."""
        raws = self.events(count, **more)
        await self.tell(*raws)
        assert await self.processor.process_batch(raws)
        return raws

    def own(self, *, at: datetime | None = None) -> UUID:
        """A row of the service's own, written with no consumer."""
        event_id = new_uuid7()
        self.rows.run(
            "INSERT INTO tally (event_id, case_id, event_type, recorded_at) VALUES (%s, %s, %s, %s)",
            event_id,
            new_uuid7(),
            CaseScreened.TYPE,
            at or datetime.now(UTC),
        )
        return event_id

    def invent(self, *, at: datetime | None = None) -> UUID:
        """A row of an event that never was; by its time the log would still hold it, unless ``at`` says otherwise."""
        event_id = new_uuid7()
        self.rows.run(
            "INSERT INTO tally (event_id, case_id, event_type, recorded_at) VALUES (%s, %s, %s, %s)",
            event_id,
            new_uuid7(),
            CaseRegistered.TYPE,
            at or datetime.now(UTC) + timedelta(minutes=1),
        )
        return event_id

    def times(self) -> dict[UUID, int]:
        """How often each event was applied."""
        return dict(self.rows.all("SELECT event_id, times FROM tally"))

    def digest(self) -> tuple[int, str]:
        """Of the whole table, and of which one it is."""
        ((count, digest),) = self.rows.all(
            "SELECT count(*), md5(concat('public.tally'::regclass::oid, string_agg(t::text, '|' ORDER BY event_id))) "
            "FROM tally t"
        )
        return count, digest

    def schemas(self) -> list[str]:
        """What rebuilds have left behind."""
        return [name for (name,) in self.rows.all("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rebuild%%'")]

    async def rebuild(self, *, dry_run: bool = False, **more: Any) -> Rebuilt:
        """As the command does."""
        projection = more.pop("projection", self.projection)
        return await rebuild(self.database.url, self.bootstrap, projection, dry_run=dry_run, **more)

    async def forget_until(self, offset: int, *, partition: int = 0) -> None:
        """Have the broker delete the first records of a partition, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(self.topic, partition): RecordsToDelete(before_offset=offset)})
        finally:
            await admin.close()

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """To send one by one."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()


def id_of(raw: RawEvent) -> UUID:
    """The event's id."""
    return Envelope.from_headers(raw.headers).id


def ids_of(raws: Sequence[RawEvent]) -> set[UUID]:
    """The events' ids."""
    return {id_of(raw) for raw in raws}


def case_of(raw: RawEvent) -> UUID:
    """The event's case."""
    return CaseRegistered.decode(raw.payload or b"").case_id
