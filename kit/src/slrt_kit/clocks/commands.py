"""What people do to the clock of a case or a referral: pause it, have it go on, ask for more time and grant it.

Whoever calls has loaded the case or referral within the caller's scope, and holds its row: a case first and then its
clock, as every command does (ADR 0037).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from slrt_contracts.codes import ClockExtensionReason, ClockPauseReason
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clocks.clock import Clock, OwnerKind
from slrt_kit.clocks.extensions import APPROVED, REFUSED, ExtensionRequest, ExtensionStore
from slrt_kit.clocks.lengths import Length
from slrt_kit.clocks.policy import Terms
from slrt_kit.clocks.problems import ClockStateError, ExtensionAskedError, ExtensionDecidedError
from slrt_kit.clocks.store import ClockStore
from slrt_kit.clocks.telling import Tell, Told
from slrt_kit.db import UnitOfWork
from slrt_kit.problems import NotFoundError, SeparationOfDutiesError, Text

if TYPE_CHECKING:
    from slrt_kit.clocks.steps import Deadlines

_RESIDENTS = Text("Waktu ini milik warga dan tidak dapat dijeda", "This time is the resident's, and cannot be paused")


class HeldPauses(Protocol):
    """The ledger of what the clock is about, which follows a pause."""

    def pause(self, work: UnitOfWork, held_id: UUID, *, reason: str, at: datetime) -> None:
        """From ``at`` (UTC) on nobody has it."""

    def resume(self, work: UnitOfWork, held_id: UUID, *, at: datetime) -> None:
        """From ``at`` (UTC) on it belongs to whom it belongs by its state."""


@dataclass(frozen=True, slots=True)
class ClockParts:
    """What the commands of one service need."""

    service: str
    deadlines: "Deadlines"
    tell: Tell
    ledger: HeldPauses


@dataclass(frozen=True, slots=True)
class ClockLook:
    """A clock with the terms that it runs by, and the requests for more time."""

    clock: Clock
    terms: Terms
    requests: Sequence[ExtensionRequest]


async def terms_of(deadlines: "Deadlines", clock: Clock) -> Terms:
    """What a clock runs by.

    Raises:
        UnknownTermError: its policy lacks its class. psycopg.Error: the database is away, and it is not known here.
    """
    return (await deadlines.policy(clock.policy_version, clock.region)).terms(clock.sla_class)


async def look_at_clock(work: UnitOfWork, deadlines: "Deadlines", subject_id: UUID) -> ClockLook:
    """The clock that is open of a case or a referral, or else the last one.

    Raises:
        NotFoundError: it never had one.
    """
    clock = await ClockStore(work.connection).latest(subject_id)
    if clock is None:
        raise NotFoundError
    requests = await ExtensionStore(work.connection).of_clock(clock.clock_id)
    return ClockLook(clock, await terms_of(deadlines, clock), requests)


class ClockCommands:
    """The clock of one case or referral, held until the end of a unit of work."""

    def __init__(self, work: UnitOfWork, parts: ClockParts, clock: Clock, terms: Terms) -> None:
        self._work = work
        self._parts = parts
        self._terms = terms
        self._store = ClockStore(work.connection)
        self._requests = ExtensionStore(work.connection)
        self.clock = clock

    @classmethod
    async def on(cls, work: UnitOfWork, parts: ClockParts, subject_id: UUID) -> "ClockCommands":
        """Take the open clock in hand, or the last one, which then refuses everything.

        Raises:
            NotFoundError: it never had one.
        """
        clock = await ClockStore(work.connection).latest(subject_id, hold=True)
        if clock is None:
            raise NotFoundError
        return cls(work, parts, clock, await terms_of(parts.deadlines, clock))

    async def pause(self, reason: ClockPauseReason) -> None:
        """Let no time count from now on, and have the ledger say why.

        Raises:
            ClockStateError: it does not run; or it is the resident's, and a pause would keep the case open for ever.
        """
        if self.clock.owner.kind is OwnerKind.RESIDENT:
            raise ClockStateError(_RESIDENTS)
        at = self._work.clock.now()
        self.clock.pause(reason, at=at)
        await self._save(Told(self.clock, self.clock.pauses[-1]), at)
        self._parts.ledger.pause(self._work, self.clock.subject.id, reason=reason, at=at)

    async def resume(self) -> None:
        """Have time count again; whose it was has it again.

        Raises:
            ClockStateError: it is not paused.
        """
        at = self._work.clock.now()
        moved = self.clock.resume(self._terms, at=at)
        await self._save(Told(self.clock, moved), at)
        self._parts.ledger.resume(self._work, self.clock.subject.id, at=at)

    async def ask(self, length: Length, reason: ClockExtensionReason, *, by: str) -> ExtensionRequest:
        """Ask for more time, for somebody else to grant.

        Raises:
            ClockStateError: it has stopped. ExtensionRefusedError: its class allows that not.
            ExtensionAskedError: a request waits already.
        """
        at = self._work.clock.now()
        self.clock.check_extension(length, self._terms, at=at)
        if any(each.verdict is None for each in await self._requests.of_clock(self.clock.clock_id)):
            raise ExtensionAskedError
        request = ExtensionRequest(
            extension_id=self._work.new_id(),
            clock_id=self.clock.clock_id,
            length=length,
            reason=reason,
            asked_by=by,
            asked_at=at,
        )
        self._requests.add(request)
        self._record("clock-extension-asked")
        return request

    async def approve(self, extension_id: UUID, *, by: str) -> None:
        """Grant it: the clock is due later.

        Raises:
            NotFoundError: this clock has no such request. ExtensionDecidedError. SeparationOfDutiesError: the caller
                asked. ClockStateError, ExtensionRefusedError: it is too late for that.
        """
        request, at = await self._undecided(extension_id, by=by), self._work.clock.now()
        moved = self.clock.extend(request.length, by=request.asked_by, approved_by=by, terms=self._terms, at=at)
        self._requests.decide(extension_id, APPROVED, by=by, at=at)
        await self._save(Told(self.clock, moved), at)

    async def refuse(self, extension_id: UUID, *, by: str) -> None:
        """Leave it as it is.

        Raises:
            NotFoundError, ExtensionDecidedError, SeparationOfDutiesError: as `approve`.
        """
        await self._undecided(extension_id, by=by)
        self._requests.decide(extension_id, REFUSED, by=by, at=self._work.clock.now())
        self._record("clock-extension-refused")

    async def _undecided(self, extension_id: UUID, *, by: str) -> ExtensionRequest:
        for request in await self._requests.of_clock(self.clock.clock_id):
            if request.extension_id == extension_id:
                if request.verdict is not None:
                    raise ExtensionDecidedError
                if request.asked_by == by:
                    raise SeparationOfDutiesError
                return request
        raise NotFoundError

    async def _save(self, told: Told, at: datetime) -> None:
        self._store.save(self.clock)
        await self._parts.tell(self._work, [told], at)

    def _record(self, action: str) -> None:
        subject = self.clock.subject
        actor = self._work.actor or Actor.service(self._parts.service)
        look = Look(action, subject.kind, subject.id, ("clock",), case_id=subject.case_id)
        record_looks(self._work, self._parts.service, actor, [look])
