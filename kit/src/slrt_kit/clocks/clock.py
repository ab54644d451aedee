"""The clock: how long something has, who has it, and what is to be done when that time is over.

All instants are reckoned anew, from the beginning, the pauses and the extensions: so an edit resets nothing, and a
calendar that changes moves the clock by exactly what it changed. Pure: time is an argument, and in UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from slrt_contracts.codes import ClockMoveCause, ClockPauseReason
from slrt_kit.clocks.chain import RANKS, EffectKind, Step
from slrt_kit.clocks.lengths import Length
from slrt_kit.clocks.policy import Terms
from slrt_kit.clocks.problems import ClockStateError, ExtensionRefusedError
from slrt_kit.problems import SeparationOfDutiesError, Text

_NOT_RUNNING: Final = Text("Batas waktu tidak sedang berjalan", "The clock is not running")
_NOT_PAUSED: Final = Text("Batas waktu tidak sedang dijeda", "The clock is not paused")
_STOPPED: Final = Text("Batas waktu sudah berhenti", "The clock has stopped")


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class SubjectKind(StrEnum):
    """What a clock is about."""

    CASE = "case"
    NEED = "need"
    REFERRAL = "referral"


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that has so much time, and the case that it belongs to."""

    kind: SubjectKind
    id: UUID
    case_id: UUID


class OwnerKind(StrEnum):
    ROLE = "role"
    OFFICE = "office"
    RESIDENT = "resident"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose time passes: a role in the clock's region (``code`` is its name), an office (its code), or the resident."""

    kind: OwnerKind
    code: str

    @classmethod
    def role(cls, name: str) -> Self:
        return cls(OwnerKind.ROLE, name)

    @classmethod
    def office(cls, code: str) -> Self:
        return cls(OwnerKind.OFFICE, code)

    @classmethod
    def resident(cls) -> Self:
        return cls(OwnerKind.RESIDENT, "resident")


@dataclass(frozen=True, slots=True)
class Pause:
    """Time that does not count. ``until`` is None while it lasts."""

    since: datetime
    reason: ClockPauseReason
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """More time, that one person asked for and another agreed to; ``by`` and ``approved_by`` are accounts."""

    at: datetime
    length: Length
    by: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The due instant as it was and as it is."""

    cause: ClockMoveCause
    old_due_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Firing:
    """One effect that is due: what to do with which clock, since when, and which steps it stands for.

    ``round`` counts how often the chain began anew because the due instant was moved: clock, round and step together
    name the effect for ever.
    """

    clock: "Clock"
    step: Step
    folded: Sequence[Step]
    due_since: datetime
    at: datetime
    round: int


@dataclass(kw_only=True)
class Clock:
    """One clock. ``next_step`` is the place of the step in its chain that comes next, and ``next_at`` its instant.

    ``takes`` is how much time there is in all, in what the class is counted in (worked or elapsed), pauses not counted.
    ``escalated`` is how high on the reporting line it has come (`slrt_kit.clocks.chain.RANKS`); 0 where it has not.
    """

    clock_id: UUID
    subject: Subject
    region: str
    step: str
    owner: Owner
    sla_class: str
    calendar_id: str
    policy_version: str
    started_at: datetime
    due_at: datetime
    takes: timedelta
    state: ClockState = ClockState.RUNNING
    stopped_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()
    next_step: int = 0
    next_at: datetime | None = None
    fired: tuple[str, ...] = ()
    round: int = 0
    attempts: int = 0
    escalated: int = 0
    version: int = 0

    @classmethod
    def start(
        cls,
        clock_id: UUID,
        subject: Subject,
        *,
        region: str,
        step: str,
        owner: Owner,
        terms: Terms,
        at: datetime,
    ) -> Self:
        """A clock that begins now. ``at`` is the server's time (domain 13.5).

        Raises:
            UnknownYearError: the calendar does not reach the due instant or the end of the chain.
        """
        clock = cls(
            clock_id=clock_id,
            subject=subject,
            region=region,
            step=step,
            owner=owner,
            sla_class=terms.sla.key,
            calendar_id=terms.sla.calendar,
            policy_version=terms.version,
            started_at=at,
            due_at=at,
            takes=timedelta(),
        )
        clock._reckon(terms)
        clock._aim(terms)
        return clock

    @property
    def paused_since(self) -> datetime | None:
        """Since when it stands, where it does."""
        return self.pauses[-1].since if self.state is ClockState.PAUSED else None

    def late_seconds(self, now: datetime) -> float | None:
        """How long it has been late, or was when it ended; time in which it stands does not count. None: it is not."""
        late = ((self.paused_since or self.stopped_at or now) - self.due_at).total_seconds()
        return late if late > 0 else None

    def pause(self, reason: ClockPauseReason, *, at: datetime) -> None:
        """Let no time count from now on.

        Raises:
            ClockStateError: it is not running.
        """
        if self.state is not ClockState.RUNNING:
            raise ClockStateError(_NOT_RUNNING)
        self.state = ClockState.PAUSED
        self.pauses += (Pause(at, reason),)
        self.next_at = None

    def resume(self, terms: Terms, *, at: datetime) -> Moved:
        """Go on: the due instant moves by the time that was paused. What was late before is as late as it was.

        Raises:
            ClockStateError: it is not paused.
        """
        if self.state is not ClockState.PAUSED:
            raise ClockStateError(_NOT_PAUSED)
        old = self.due_at
        *before, last = self.pauses
        # The clocks of two machines: time never runs backwards here.
        self.pauses = (*before, Pause(last.since, last.reason, max(at, last.since)))
        self.state = ClockState.RUNNING
        self._reckon(terms)
        self._aim(terms)
        return Moved(ClockMoveCause.RESUMED, old, self.due_at)

    def extend(self, length: Length, *, by: str, approved_by: str, terms: Terms, at: datetime) -> Moved:
        """Give it more time, up to what its class allows.

        Raises:
            SeparationOfDutiesError: nobody agrees to what they asked for themselves.
            ExtensionRefusedError: the class allows no (further, or so long an) extension; or it is late already, and
                an extension would hide that.
            ClockStateError: it has stopped.
        """
        if by == approved_by:
            raise SeparationOfDutiesError
        self.check_extension(length, terms, at=at)
        old = self.due_at
        self.extensions += (Extension(at, length, by, approved_by),)
        self._reckon(terms)
        self._aim_again(terms, at)
        return Moved(ClockMoveCause.EXTENDED, old, self.due_at)

    def check_extension(self, length: Length, terms: Terms, *, at: datetime) -> None:
        """Whether there could be so much more time now. Raises what `extend` raises, but for who agrees."""
        self._refuse_stopped()
        most = terms.sla.most
        if most is None or length.unit is not most.unit or length.count > self.extensible(terms):
            raise ExtensionRefusedError
        if (self.paused_since or at) >= self.due_at:
            raise ExtensionRefusedError

    def extensible(self, terms: Terms) -> int:
        """How much more time its class allows, in the unit of its ``most``."""
        most = terms.sla.most
        if most is None or len(self.extensions) >= terms.sla.times:
            return 0
        return max(0, most.count - sum(each.length.count for each in self.extensions))

    def reschedule(self, cause: ClockMoveCause, terms: Terms, *, at: datetime) -> Moved:
        """Reckon it by another calendar, class or policy, from its beginning on; pauses and extensions stay.

        Raises:
            ClockStateError: it has stopped.
            UnknownYearError: the calendar does not reach there; the clock is not to be saved then.
        """
        self._refuse_stopped()
        old = self.due_at
        self.sla_class, self.calendar_id = terms.sla.key, terms.sla.calendar
        self.policy_version = terms.version
        self._reckon(terms)
        self._aim_again(terms, at)
        return Moved(cause, old, self.due_at)

    def stop(self, *, at: datetime) -> None:
        """End it: what it was about is done. Nothing is to be done when it is stopped already."""
        if self.state is ClockState.STOPPED:
            return
        if self.state is ClockState.PAUSED:
            *before, last = self.pauses
            self.pauses = (*before, Pause(last.since, last.reason, max(at, last.since)))
        self.state, self.stopped_at, self.next_at = ClockState.STOPPED, at, None

    def fire(self, terms: Terms, *, at: datetime) -> Firing:
        """Take the step that is due, with those that it stands for (`Chain.folded`), and aim at the next.

        Raises:
            ClockStateError: nothing is due.
        """
        if self.state is not ClockState.RUNNING or self.next_at is None or self.next_at > at:
            raise ClockStateError(_NOT_RUNNING)
        steps, first, since = terms.chain.steps, self.next_step, self.next_at
        passed = first + 1
        while passed < len(steps) and self._instant(terms, passed) <= at:
            passed += 1
        last, folded = terms.chain.folded(first, passed)
        self.fired += tuple(step.at for step in steps[first : last + 1])
        self.next_step = last + 1
        self.attempts = 0
        self._aim(terms)
        return Firing(self, steps[last], folded, since, at, self.round)

    def upcoming(self, terms: Terms) -> Sequence[tuple[Step, datetime | None]]:
        """The steps that are still to come, each with its instant; while the clock stands, nobody knows theirs.

        Raises:
            UnknownYearError: the calendar does not reach there.
        """
        if self.state is ClockState.STOPPED:
            return ()
        places = range(self.next_step, len(terms.chain.steps))
        runs = self.state is ClockState.RUNNING
        return [(terms.chain.steps[place], self._instant(terms, place) if runs else None) for place in places]

    def _refuse_stopped(self) -> None:
        if self.state is ClockState.STOPPED:
            raise ClockStateError(_STOPPED)

    def _reckon(self, terms: Terms) -> None:
        """The due instant, by all that has happened to the clock in its order."""
        self.due_at, self.takes = reckon(terms, self.started_at, self.pauses, self.extensions)

    def _instant(self, terms: Terms, place: int) -> datetime:
        return terms.chain.steps[place].instant(
            terms.calendar, length=terms.sla.length, takes=self.takes, due=self.due_at
        )

    def _aim(self, terms: Terms) -> None:
        """Set the instant of the next step, and how high those have come that were taken."""
        steps = terms.chain.steps
        self.escalated = max(
            (
                RANKS[whom]
                for step in steps[: self.next_step]
                if step.effect is EffectKind.ESCALATE
                for whom in step.whom
            ),
            default=0,
        )
        goes_on = self.state is ClockState.RUNNING and self.next_step < len(steps)
        self.next_at = self._instant(terms, self.next_step) if goes_on else None

    def _aim_again(self, terms: Terms, at: datetime) -> None:
        """Begin at the first step that was not taken yet, or whose time is still to come again."""
        steps = terms.chain.steps
        place = 0
        while place < len(steps) and steps[place].at in self.fired and self._instant(terms, place) <= at:
            place += 1
        kept = tuple(step.at for step in steps[:place])
        if len(kept) < len(self.fired):
            self.round += 1
        self.next_step, self.fired = place, kept
        self._aim(terms)


def reckon(
    terms: Terms, started_at: datetime, pauses: Sequence[Pause], extensions: Sequence[Extension]
) -> tuple[datetime, timedelta]:
    """When something is due by these terms, and how much time it has in all, pauses not counted.

    Raises:
        UnknownYearError: the calendar does not reach there.
    """
    calendar, length = terms.calendar, terms.sla.length
    due = calendar.add(started_at, length)
    takes = calendar.passed(started_at, due, length)
    ended: list[tuple[datetime, Pause | Extension]] = [(each.until, each) for each in pauses if each.until is not None]
    ended += [(each.at, each) for each in extensions]
    for _, each in sorted(ended, key=lambda pair: pair[0]):
        if isinstance(each, Extension):
            longer = calendar.add(due, each.length)
            takes += calendar.passed(due, longer, length)
            due = longer
        elif each.until is not None:
            due = calendar.shift(due, calendar.passed(each.since, each.until, length), length)
    return due, takes
