"""What the kit's integration tests share: databases with the backbone's tables, and a consumer that notes effects."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, make_url
from tests.integration.kit.tally import TABLE, Tally

from slrt_contracts.events import CaseClosed, CaseRegistered, CaseScreened, Event
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.backbone import add_audit, add_audit_closings, add_recovery, add_retention, create_backbone
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.messaging.broker import Broker, KafkaBroker
from slrt_kit.messaging.consumer import ConsumerSettings, EventConsumer
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.messaging.processor import Processor
from slrt_kit.outbox import Outbox
from slrt_kit.outbox_queue import PostgresOutboxQueue
from slrt_kit.relay import Relay, RelaySettings

# No unique column: what is applied twice shows as two rows.
EFFECTS = (
    "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, key text, sequence bigint, note text)"
)


@pytest.fixture(scope="session")
def backbone_template(service_database: Any) -> str:
    """A database with the backbone's tables and a table of effects, to be copied."""
    url: str = service_database.empty()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        create_backbone()
        add_recovery()
        add_audit("intake")
        add_retention()
        add_audit_closings()
    engine.dispose()
    with psycopg.connect(url) as connection:
        connection.execute(EFFECTS)
    return url


@pytest.fixture
def database_url(service_database: Any, backbone_template: str) -> str:
    """A fresh database with the backbone's tables, owned by an ordinary role."""
    url: str = service_database.copy_of(backbone_template)
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The kit's view of that database."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@dataclass
class Rows:
    """Looks at a test's database from outside, each time on a connection of its own."""

    url: str

    def all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query (``%s`` for values)."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()

    def one(self, query: str, *values: object) -> Any:
        """The only value of the only row."""
        ((value,),) = self.all(query, *values)
        return value

    def run(self, statement: str, *values: object) -> None:
        """Execute and commit."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement, values)

    def effects(self) -> list[tuple[str, int]]:
        """Key and key sequence of each effect, in the order in which one consumer made them."""
        return self.all("SELECT key, sequence FROM effects ORDER BY id")

    def sequences(self, key: object) -> list[int]:
        """The key sequences of the effects of one key, in order."""
        return [sequence for found, sequence in self.effects() if found == str(key)]

    @property
    def name(self) -> str:
        """The database's name."""
        return urlsplit(self.url).path.lstrip("/")


@pytest.fixture
def rows(database_url: str) -> Rows:
    """Queries on the test's database."""
    return Rows(database_url)


async def apply(received: Received[Any], work: UnitOfWork, note: str = "") -> None:
    """Note an effect."""
    await work.connection.run(
        "INSERT INTO effects (event_id, key, sequence, note) VALUES (%(event_id)s, %(key)s, %(sequence)s, %(note)s)",
        {
            "event_id": received.envelope.id,
            "key": received.envelope.subject,
            "sequence": received.envelope.keysequence,
            "note": note,
        },
    )


@dataclass
class Script:
    """What the handlers of a test's consumer do: note an effect, after ``before`` and with what ``prepare`` gives.

    ``before(received)`` may raise, or wait. Every call is counted in ``calls`` by event id.
    """

    before: Callable[[Received[Any]], Awaitable[None]] | None = None
    prepare: Callable[[Received[Any]], Awaitable[str]] | None = None
    calls: dict[UUID, int] = field(default_factory=dict)


def scripted_handlers() -> Handlers[Script]:
    """CaseRegistered and CaseScreened are applied; CaseClosed is applied with a prepared value."""
    handlers = Handlers[Script]()

    async def handle(received: Received[Any], work: UnitOfWork, script: Script) -> None:
        script.calls[received.envelope.id] = script.calls.get(received.envelope.id, 0) + 1
        # The effect first: what the script raises afterwards must take it back.
        await apply(received, work)
        if script.before is not None:
            await script.before(received)

    async def prepare(received: Received[CaseClosed], script: Script) -> str:
        return await script.prepare(received) if script.prepare else "prepared"

    async def handle_prepared(received: Received[CaseClosed], work: UnitOfWork, script: Script, prepared: str) -> None:
        script.calls[received.envelope.id] = script.calls.get(received.envelope.id, 0) + 1
        await apply(received, work, f"with {prepared}")

    handlers.on(CaseRegistered)(handle)
    handlers.on(CaseScreened)(handle)
    handlers.on_prepared(CaseClosed, prepare)(handle_prepared)
    return handlers


@pytest.fixture
def script() -> Script:
    """What the handlers do; change it in the test."""
    return Script()


@pytest.fixture
def make_processor(script: Script) -> Callable[[Database], Processor[Script]]:
    """``make_processor(database)``: a processor with the test's script on another view of its database."""
    return lambda database: Processor(
        consumer="slrt.test.kit", database=database, handlers=scripted_handlers(), deps=script
    )


@pytest.fixture
def processor(database: Database, make_processor: Callable[[Database], Processor[Script]]) -> Processor[Script]:
    """A processor on the test's database."""
    return make_processor(database)


MakeConsumer = Callable[..., EventConsumer]


@pytest.fixture
def make_consumer(kafka_server: Any, processor: Processor[Script]) -> MakeConsumer:
    """``make_consumer(topic, dead_letter_topic, …)``: members of one group of the test's own, on its processor."""
    base = ConsumerSettings(
        group=f"slrt.test.{uuid4().hex[:8]}",
        topics=[],
        dead_letter_topic="",
        session_timeout_ms=2000,
        poll_ms=50,
        pause_min=0.05,
        pause_max=0.3,
        parked_every=0.1,
    )

    def make(
        topic: str, dead_letter_topic: str = "none", *, own: Any = None, broker: Broker | None = None, **changes: Any
    ) -> EventConsumer:
        settings = replace(base, topics=[topic], dead_letter_topic=dead_letter_topic, **changes)
        return EventConsumer(settings, own or processor, broker or KafkaBroker(kafka_server.bootstrap))

    return make


@pytest.fixture
def record(database: Database) -> Callable[..., Awaitable[list[UUID]]]:
    """``await record(event, …, start=1, topic=None)`` puts events of one key into the outbox, committed.

    Gives their ids. ``topic`` replaces the events' own, for tests that have a topic to themselves.
    """

    async def put(*events: Event, start: int = 1, topic: str | None = None) -> list[UUID]:
        at = database.clock.now()
        recorded = [RecordedEvent(event, start + index, at) for index, event in enumerate(events)]
        async with database.unit_of_work() as work:
            made = [envelope.id for envelope, _ in Outbox("intake").add(work, recorded)]
            if topic is not None:
                await work.connection.run(
                    "UPDATE outbox SET topic = %(topic)s WHERE event_id = ANY(%(made)s)", {"topic": topic, "made": made}
                )
            await work.commit()
        return list(made)

    return put


MakeRelay = Callable[..., Relay]


@pytest.fixture
def make_relay(kafka_server: Any, database_url: str) -> MakeRelay:
    """``make_relay(…)``: a relay of the test's database with short waits; keywords replace its settings."""

    def make(**changes: Any) -> Relay:
        return Relay(
            queue=PostgresOutboxQueue(database_url),
            broker=KafkaBroker(kafka_server.bootstrap),
            service="intake",
            settings=RelaySettings(**{"retry_min": 0.05, "retry_max": 0.3, **changes}),
        )

    return make


@pytest.fixture
async def tally(database: Database, rows: Rows, kafka_server: Any, new_topic: Any) -> Tally:
    """A projection that counts how often each event was applied: its table, empty, and a topic of three partitions."""
    for statement in TABLE:
        rows.run(statement)
    return Tally(database, rows, kafka_server.bootstrap, await new_topic())
