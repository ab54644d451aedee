"""A consumer role that a test can kill: ``python tiny_consumer.py DATABASE_URL BOOTSTRAP TOPIC GROUP``."""

import asyncio
import signal
import sys

from slrt_contracts.events import CaseRegistered
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.consumer import ConsumerSettings, EventConsumer
from slrt_kit.messaging.handlers import Handlers, Received
from slrt_kit.messaging.processor import Processor

handlers = Handlers[None]()


@handlers.on(CaseRegistered)
async def note(received: Received[CaseRegistered], work: UnitOfWork, _: None) -> None:
    """Note an effect, slowly enough to be killed in the middle of a batch."""
    await work.connection.run(
        "INSERT INTO effects (event_id, key, sequence) VALUES (%(event_id)s, %(key)s, %(sequence)s)",
        {
            "event_id": received.envelope.id,
            "key": received.envelope.subject,
            "sequence": received.envelope.keysequence,
        },
    )
    await asyncio.sleep(0.005)


async def main(database_url: str, bootstrap: str, topic: str, group: str) -> None:
    """Consume until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database(database_url)
    settings = ConsumerSettings(group=group, topics=[topic], dead_letter_topic="none", session_timeout_ms=2000)
    processor = Processor(consumer=group, database=database, handlers=handlers, deps=None)
    await EventConsumer(settings, processor, KafkaBroker(bootstrap)).run(stop)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
