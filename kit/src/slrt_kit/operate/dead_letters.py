"""Messages that a consumer of this service could not read: look at them, and give one to its consumer again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord

from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.topics import dead_letter_topic
from slrt_kit.db import Database
from slrt_kit.inbox import Inbox, RawEvent
from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.messaging.errors import UnreadableError
from slrt_kit.messaging.processor import envelope_of, event_of
from slrt_kit.operate.console import RefusedError

_ORIGIN = "dlq-"
_READ_TIMEOUT_MS = 5000


class NotReplayableError(RefusedError):
    """The message cannot be given to its consumer again; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message as it lies in the dead-letter topic. ``place`` is ``partition:offset`` there; ``at`` in UTC."""

    place: str
    at: datetime
    consumer: str
    reason: str
    origin: str
    event_type: str
    event_id: str
    raw: RawEvent


async def dead_letters(bootstrap: BrokerAccess | str, service: str, *, place: str | None = None) -> list[DeadLetter]:
    """What the service's dead-letter topic holds, oldest first; only that of ``place`` when it is given.

    Raises:
        aiokafka.errors.KafkaError: the broker is away.
    """
    topic = dead_letter_topic(service)
    # Without a group all partitions are ours.
    consumer = AIOKafkaConsumer(
        topic, **client_arguments(bootstrap), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        await consumer.seek_to_beginning()
        found: list[DeadLetter] = []
        while [each for each, end in ends.items() if await consumer.position(each) < end]:
            for records in (await consumer.getmany(timeout_ms=_READ_TIMEOUT_MS)).values():
                found += [_dead_letter(record) for record in records]
    finally:
        await consumer.stop()
    found.sort(key=lambda each: each.at)
    return [each for each in found if place in (None, each.place)]


async def replay(database: Database, service: str, letter: DeadLetter, *, dry_run: bool = False) -> str:
    """Give the message to the consumer that could not read it, and to nobody else: it is parked there, due at once.

    Returns what became of it: ``"parked"``, or ``"handled"`` when that consumer has handled the event meanwhile; with
    ``dry_run`` ``"readable"`` where it would be parked.
    Later events of its key that have not been handled yet queue behind it.

    Raises:
        NotReplayableError: no consumer of this service put it there, or it is still unreadable.
    """
    if not letter.consumer.startswith(f"slrt.{service}."):
        raise NotReplayableError(f"it was put there by {letter.consumer or 'nobody'}, not by a consumer of {service}")
    try:
        envelope = envelope_of(letter.raw)
        if envelope.type not in EVENT_TYPES:
            raise NotReplayableError("its event type is not known here")
        event_of(letter.raw, envelope)
    except UnreadableError as error:
        raise NotReplayableError(f"it is still unreadable: {error}") from error
    inbox = Inbox(letter.consumer)
    async with database.unit_of_work() as work:
        if await inbox.was_handled(work.connection, envelope.id):
            return "handled"
        if dry_run:
            return "readable"
        await inbox.park(
            work.connection,
            envelope.id,
            letter.raw,
            reason="given again from the dead letters",
            until=database.clock.now(),
        )
        await work.commit()
    return "parked"


def _dead_letter(record: ConsumerRecord) -> DeadLetter:
    origin = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    own = tuple((name, value) for name, value in record.headers if not name.startswith(_ORIGIN))
    key = (record.key or b"").decode(errors="replace")
    return DeadLetter(
        place=f"{record.partition}:{record.offset}",
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        consumer=origin.get("dlq-consumer", ""),
        reason=origin.get("dlq-reason", ""),
        origin=":".join(origin.get(f"dlq-{name}", "") for name in ("topic", "partition", "offset")),
        event_type=origin.get("ce_type", ""),
        event_id=origin.get("ce_id", ""),
        raw=RawEvent(origin.get("dlq-topic", ""), key, own, record.value),
    )
