"""Apply what topics hold to a projection's shadow table, by the projection's own function, each event once."""

from collections.abc import Sequence
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from slrt_contracts.events import Event
from slrt_kit.clock import SystemClock, new_uuid7
from slrt_kit.connecting import BoundedConnection
from slrt_kit.db import UnitOfWork
from slrt_kit.logs import get_logger
from slrt_kit.messaging.consumer import raw_of
from slrt_kit.messaging.errors import UnreadableError
from slrt_kit.messaging.handlers import Projection, Received
from slrt_kit.messaging.processor import TRANSIENT, envelope_of, event_of
from slrt_kit.operate.console import RefusedError
from slrt_kit.operate.log_reader import LogReader
from slrt_kit.operate.shadow import Shadow

log = get_logger(__name__)


class NotApplicableError(RefusedError):
    """The projection cannot apply an event, which the text names; the table is as it was."""


class WritesElsewhereError(RefusedError):
    """The projection writes to other tables than its own; nothing of it was committed."""


class OneConnection:
    """Lends one connection that is never made anew: losing it is losing what was locked with it."""

    def __init__(self, raw: BoundedConnection) -> None:
        self._raw = raw

    @property
    def pid(self) -> int:
        """The process id of PostgreSQL's side of it."""
        return self._raw.info.backend_pid

    async def take(self) -> BoundedConnection:
        """See `slrt_kit.db.Connections`."""
        return self._raw

    async def give_back(self, raw: BoundedConnection) -> None:
        """See `slrt_kit.db.Connections`."""
        await raw.rollback()

    def unit_of_work(self) -> UnitOfWork:
        """A transaction on it."""
        return UnitOfWork(self, clock=SystemClock(), new_id=new_uuid7, causation_id=None)


class Replay:
    """Brings a shadow table to where the topics are, again and again."""

    def __init__(self, projection: Projection, shadow: Shadow, reader: LogReader, session: OneConnection) -> None:
        self._projection = projection
        self._shadow = shadow
        self._reader = reader
        self._session = session
        self._in_hand: list[ConsumerRecord] = []
        self._held: set[tuple[str, str]] = set()
        self.applied = 0
        self.unreadable = 0
        self.left_out = 0
        self.latest: list[UUID] = []
        """The ids of what was applied since the list was emptied."""

    async def catch_up(self) -> int:
        """Apply all that the topics hold by now; returns how many events were there to be read.

        It may be interrupted, and then goes on where it was.

        Raises:
            NotApplicableError: the projection fails with an event that the consumer has applied, or is still to.
            WritesElsewhereError: it writes to other tables than its own.
            aiokafka.errors.KafkaError, and what `slrt_kit.db.DATABASE_DOWN` holds: a part is away.
        """
        ends = await self._reader.ends()
        behind = self._reader.log.left(ends) + len(self._in_hand)
        while True:
            if not self._in_hand:
                self._in_hand = await self._reader.read(ends)
            if not self._in_hand:
                return behind
            await self._apply(self._in_hand)
            self._in_hand = []

    async def _apply(self, records: Sequence[ConsumerRecord]) -> None:
        decoded = [each for record in records if (each := self._decode(record)) is not None]
        free = self._not_held(decoded)
        try:
            await self._apply_together(free)
        except (*TRANSIENT, WritesElsewhereError):
            raise
        except Exception as error:  # noqa: BLE001 — one by one it shows which one it is
            log.info("batch taken apart", error=type(error).__name__)
            for each in free:
                if self._not_held([each]):
                    await self._apply_alone(each)

    def _decode(self, record: ConsumerRecord) -> Received[Event] | None:
        """None: it is another type's, or the consumer has put it into the dead letters, or will."""
        raw = raw_of(record)
        try:
            envelope = envelope_of(raw)
            if envelope.type not in self._projection.topics:
                return None
            return Received(event_of(raw, envelope), envelope)
        except UnreadableError as error:
            self.unreadable += 1
            place = f"{record.topic}:{record.partition}:{record.offset}"
            log.info("passed over an unreadable event", place=place, reason=str(error))
            return None

    def _not_held(self, received: Sequence[Received[Event]]) -> list[Received[Event]]:
        """Those whose key does not wait behind a parked event."""
        free = [each for each in received if self._held.isdisjoint(self._queues_of(each))]
        self.left_out += len(received) - len(free)
        return free

    def _queues_of(self, received: Received[Event]) -> set[tuple[str, str]]:
        """Where its key may wait; a key is on one topic only."""
        return {(topic, received.envelope.subject) for topic in self._projection.topics[received.envelope.type]}

    async def _apply_together(self, received: Sequence[Received[Event]]) -> None:
        """One transaction."""
        events = {each.envelope.id: each for each in received}
        if not events:
            return
        async with self._session.unit_of_work() as work:
            fresh = await self._shadow.claim(work.connection, list(events))
            if fresh:
                await self._projection.apply([events[each] for each in events if each in fresh], work)
                work.settle()
                if elsewhere := await self._shadow.written_elsewhere(work.connection):
                    tables = ", ".join(elsewhere)
                    raise WritesElsewhereError(
                        f"{self._projection.consumer} also writes to {tables}: cannot be rebuilt"
                    )
            await work.commit()
        self.applied += len(fresh)
        self.latest += fresh

    async def _apply_alone(self, received: Received[Event]) -> None:
        try:
            await self._apply_together([received])
        except (*TRANSIENT, WritesElsewhereError):
            raise
        except Exception as error:
            envelope = received.envelope
            async with self._session.unit_of_work() as work:
                stands = await self._shadow.standing(work.connection, envelope.id)
            if stands == "parked":
                # Later events of its key queue behind it there, so they do here.
                self._held |= self._queues_of(received)
            elif stands != "let go of":
                log.exception("projection failed", event_id=str(envelope.id))
                raise NotApplicableError(
                    f"{envelope.type} {envelope.id} cannot be applied ({type(error).__name__}); "
                    f"{self._projection.table.name} is as it was"
                ) from error
            self.left_out += 1
            log.info("event left out", event_id=str(envelope.id), stands=stands, error=type(error).__name__)
