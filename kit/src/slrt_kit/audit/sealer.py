"""Link what the audit log was given into its chain, in order, and close each day with a signed root."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import psycopg

from slrt_contracts.events import EVENT_TYPES, AuditDaySealed
from slrt_kit import metrics
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit import chain
from slrt_kit.audit.anomalies import suspects
from slrt_kit.audit.statements import Day, Head, Keys, Signed, Signer, StatementError
from slrt_kit.audit.store import LOCK_KEY, SealedStore
from slrt_kit.clock import Clock, NewId, SystemClock, new_uuid7, wait
from slrt_kit.connecting import ANSWER_WITHIN_S, BoundedConnection, open_connection
from slrt_kit.logs import get_logger
from slrt_kit.outbox import Outbox, identify, pending_row

log = get_logger(__name__)

_ABANDONED_AFTER_MS = 15_000
_HASHED_AT_ONCE = 500
"""Between so many the other parts of the process have their turn."""


class ChainBrokenError(Exception):
    """What was sealed is not as it was sealed; the message says where."""


@dataclass(frozen=True, slots=True)
class SealerSettings:
    """How a sealer works. Times in seconds."""

    batch_size: int = 5000
    every: float = 1.0
    retry_min: float = 0.5
    retry_max: float = 10.0
    broken_pause: float = 10.0


class Sealer:
    """The sealer of one service database.

    Standby copies may run: the one that leads works, on the session that holds the lock, so that losing the session is
    losing the lead. A batch is one transaction: it takes entries away from what waits, appends their links and replaces
    the signed statement of the chain's end; killed at any point, it has sealed all of them or none.

    Where it finds that the end of the chain is not as it left it, it seals nothing more, says so, and looks again.
    """

    def __init__(
        self,
        *,
        database_url: str,
        service: str,
        signer: Signer,
        settings: SealerSettings | None = None,
        clock: Clock | None = None,
        new_id: NewId = new_uuid7,
    ) -> None:
        self._url = database_url
        self._service = service
        self._signer = signer
        self._settings = settings or SealerSettings()
        self._clock = clock or SystemClock()
        self._new_id = new_id
        self._outbox = Outbox(service)
        self._known: Head | None = None
        """The end of the chain as this process knows it, whoever may change the database meanwhile."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Faults of the database are waited out without end."""
        delay = self._settings.retry_min
        while not stop.is_set():
            try:
                await self._run_connected(stop)
                delay = self._settings.retry_min
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                log.warning("sealer lost its database", error=type(error).__name__)
                await wait(stop, delay)
                delay = min(delay * 2, self._settings.retry_max)
            finally:
                metrics.AUDIT_SEALER_ACTIVE.set(0)

    async def _run_connected(self, stop: asyncio.Event) -> None:
        async with await connect(self._url) as connection:
            store = SealedStore(connection)
            while not stop.is_set() and not await store.try_to_lead():
                await wait(stop, self._settings.every)
            if stop.is_set():
                return
            metrics.AUDIT_SEALER_ACTIVE.set(1)
            log.info("sealer is active")
            while not stop.is_set():
                try:
                    sealed = await self.seal(connection)
                    metrics.AUDIT_BROKEN.set(0)
                except ChainBrokenError as error:
                    metrics.AUDIT_BROKEN.set(1)
                    log.critical("the audit log was altered", where=str(error))
                    await wait(stop, self._settings.broken_pause)
                    continue
                if sealed < self._settings.batch_size:
                    await wait(stop, self._settings.every)

    async def seal(self, connection: BoundedConnection) -> int:
        """Close the days that are over, then seal one batch; returns how many entries.

        Raises:
            ChainBrokenError: what is in the database is not what was sealed; nothing was changed.
            psycopg.Error: the database is away, or refuses.
        """
        store = SealedStore(connection)
        async with connection.transaction():
            found, is_signed = await self._end_of_chain(store)
            head = found
            today = self._clock.now().astimezone(UTC).date()
            while head.open_day < today:
                head = await self._close_day(store, head)
            head, sealed = await self._seal_batch(store, head)
            if head != found or not is_signed:
                await store.keep_head(self._signer.sign(chain.HEAD, head))
        # Only now: what did not commit never was.
        self._known = head
        metrics.AUDIT_SEALED.inc(sealed)
        return sealed

    async def _end_of_chain(self, store: SealedStore) -> tuple[Head, bool]:
        """The end, after a look whether the database still says so; and whether its statement is kept already."""
        signed = await store.head()
        if signed is None:
            head = await self._begin(store)
        else:
            head = _read_head(signed, self._signer)
        if self._known is not None and head != self._known:
            # One of us may have led meanwhile and gone on; nobody goes back.
            if head.chain_id != self._known.chain_id or (head.position, head.days) < (
                self._known.position,
                self._known.days,
            ):
                raise ChainBrokenError(f"position {self._known.position}: the chain's end was set back")
            self._known = None
        tail = await store.tail(2)
        await self._check_tail(tail, head)
        if self._known is None:
            await self._check_open_day(store, head)
        return head, signed is not None

    async def _begin(self, store: SealedStore) -> Head:
        if self._known is not None or await store.tail(1) or await store.last_day() is not None:
            raise ChainBrokenError("position 1: the statement of the chain's end is gone")
        chain_id = self._new_id()
        log.info("an audit chain begins", chain_id=str(chain_id))
        return Head.beginning_at(self._service, chain_id, today=self._clock.now().astimezone(UTC).date())

    async def _check_tail(self, tail: Sequence[tuple[int, bytes, str]], head: Head) -> None:
        """Raises ChainBrokenError: the newest entry is not the one that was sealed last."""
        # What stands before the chain's beginning is of a chain that was closed.
        tail = [each for each in tail if each[0] > head.base]
        position = tail[0][0] if tail else head.base
        if position != head.position:
            raise ChainBrokenError(f"position {min(position, head.position) + 1}: the log does not end where it did")
        if not tail:
            return
        before = tail[1][1] if len(tail) > 1 else head.beginning
        if tail[0][1] != head.link or chain.link(before, tail[0][2].encode()) != head.link:
            raise ChainBrokenError(f"position {position}: is not what was sealed")

    async def _check_open_day(self, store: SealedStore, head: Head) -> chain.Tree:
        """The tree of the open day, every link counted anew from its entry.

        Raises:
            ChainBrokenError: one of them is not what was sealed.
        """
        last_day = await store.last_day(head.chain_id)
        if (chain.NO_DAY if last_day is None else last_day.digest) != head.last_day:
            raise ChainBrokenError(
                f"position {head.day_first - 1}: the statement of the day before is not the one signed"
            )
        before = head.beginning
        if head.day_first > head.base + 1:
            async for page in store.between(head.day_first - 1, head.day_first - 1):
                before = page[0][1] if page else b""
        tree, expected = chain.Tree(), head.day_first
        async for page in store.between(head.day_first, head.position):
            links = []
            for position, linked, entry in page:
                before = chain.link(before, entry.encode())
                if position != expected or linked != before:
                    raise ChainBrokenError(f"position {expected}: is not what was sealed")
                expected += 1
                links.append(linked)
            tree.add(links)
            await asyncio.sleep(0)
        if expected != head.position + 1 or (before != head.link and head.position >= head.day_first):
            raise ChainBrokenError(f"position {expected}: is not what was sealed")
        return tree

    async def _close_day(self, store: SealedStore, head: Head) -> Head:
        tree = await self._check_open_day(store, head)
        day = Day(
            service=self._service,
            chain_id=head.chain_id,
            day=head.open_day,
            number=head.days + 1,
            first=head.day_first,
            last=head.position,
            head=head.link,
            root=tree.root(),
            previous=head.last_day,
        )
        signed = self._signer.sign(chain.DAY, day)
        await store.keep_day(day.day, signed)
        await store.tell(self._announced(day, signed))
        log.info("audit day closed", day=day.day.isoformat(), first=day.first, last=day.last)
        return replace(
            head,
            open_day=day.day + timedelta(days=1),
            day_first=head.position + 1,
            days=day.number,
            last_day=signed.digest,
        )

    def _announced(self, day: Day, signed: Signed) -> list[dict[str, object]]:
        now = self._clock.now()
        event = event_of(day, signed, key_id=self._signer.key_id)
        recorded = RecordedEvent(event, day.number, _end_of(day.day))
        told = self._outbox.envelopes(identify([recorded], self._new_id), now=now, causation_id=None)
        return [pending_row(envelope, each) for envelope, each in told]

    async def _seal_batch(self, store: SealedStore, head: Head) -> tuple[Head, int]:
        entries = await store.take(self._settings.batch_size)
        if not entries:
            return head, 0
        links, before = [], head.link
        for begin in range(0, len(entries), _HASHED_AT_ONCE):
            for entry in entries[begin : begin + _HASHED_AT_ONCE]:
                before = chain.link(before, entry.encode())
                links.append(before)
            await asyncio.sleep(0)
        await store.append(head.position + 1, links, entries)
        numbered = enumerate(entries, start=head.position + 1)
        for suspect in suspects(numbered):
            if await store.review(suspect, review_id=self._new_id(), now=self._clock.now()):
                log.warning("audit review opened", rule=suspect.rule.id, position=suspect.position)
        return replace(head, position=head.position + len(entries), link=before), len(entries)


def event_of(day: Day, signed: Signed, *, key_id: str) -> AuditDaySealed:
    """What everybody may know of a closed day."""
    model = EVENT_TYPES[f"id.slrt.{day.service}.audit-day-sealed.v1"]
    event = model.model_validate(
        {
            "chain_id": day.chain_id,
            "day": day.day,
            "number": day.number,
            "first": day.first,
            "last": day.last,
            "head": day.head.hex(),
            "root": day.root.hex(),
            "previous": day.previous.hex(),
            "public_key": key_id,
            "seal": signed.signature.hex(),
        }
    )
    if not isinstance(event, AuditDaySealed):
        raise TypeError(event.TYPE)
    return event


def _read_head(signed: Signed, signer: Signer) -> Head:
    try:
        return Head.of(Keys(signer.public_key).check(chain.HEAD, signed))
    except StatementError as error:
        raise ChainBrokenError(f"the statement of the chain's end {error}") from error


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


async def connect(url: str, *, name: str = LOCK_KEY) -> BoundedConnection:
    """A connection as who leads needs it: PostgreSQL ends it, and frees the lead, when it hears nothing for long."""
    return await open_connection(
        url,
        answer_within=ANSWER_WITHIN_S * 3,
        settings={
            "idle_session_timeout": _ABANDONED_AFTER_MS,
            "idle_in_transaction_session_timeout": _ABANDONED_AFTER_MS,
        },
        prepare_threshold=2,
        application_name=name,
    )
