"""What a test knows of a case and of its open clock, without looking at a row of either."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from slrt_kit.clocks.clock import Extension, Pause, reckon
from slrt_kit.clocks.lengths import Length
from slrt_kit.clocks.policy import Terms

START = datetime(2026, 3, 16, 3, tzinfo=UTC)  # two days before a long run of holidays


@dataclass
class Model:
    """What the test knows of a case and of its open clock, and what must have been told of it."""

    case_id: UUID
    village: str
    version: str
    began: datetime
    terms: Any = None
    status: str = ""
    ended: datetime | None = None
    started: datetime = START
    due: datetime = START
    takes: timedelta = timedelta()
    next_step: int = 0
    pauses: list[Pause] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)
    asked: tuple[UUID, Length] | None = None
    stood: timedelta = timedelta()
    told: list[tuple[object, ...]] = field(default_factory=list)
    since: dict[tuple[object, ...], datetime] = field(default_factory=dict)

    @property
    def paused(self) -> bool:
        """Whether it stands."""
        return bool(self.pauses) and self.pauses[-1].until is None

    def held_since(self, at: datetime) -> timedelta:
        """How long nobody has had it, up to ``at``."""
        return self.stood + (at - self.pauses[-1].since if self.paused else timedelta())

    def begin(self, status: str, terms: Terms, at: datetime) -> None:
        """The step of ``status`` has begun: what stood does not stand any more."""
        self.stood = self.held_since(at)
        self.status, self.terms, self.started = status, terms, at
        self.pauses, self.extensions, self.asked, self.next_step = [], [], None, 0
        self.due, self.takes = reckon(terms, at, (), ())

    def instant(self, place: int) -> datetime:
        """When a step of the chain is due."""
        step, sla = self.terms.chain.steps[place], self.terms.sla
        found: datetime = step.instant(self.terms.calendar, length=sla.length, takes=self.takes, due=self.due)
        return found

    def waits(self, at: datetime) -> bool:
        """Whether an effect is due."""
        runs = self.ended is None and not self.paused and self.next_step < len(self.terms.chain.steps)
        return runs and self.instant(self.next_step) <= at

    def fire(self, at: datetime) -> None:
        """All that is due has its effect, once."""
        while self.waits(at):
            steps, first, last = self.terms.chain.steps, self.next_step, self.next_step
            if steps[first].effect == "auto_close":
                self.status, self.ended = "closed", at
                return
            while last + 1 < len(steps) and steps[last + 1].effect != "auto_close" and self.instant(last + 1) <= at:
                last += 1
            fact = (steps[last].at, tuple(step.at for step in steps[first:last]), self.due)
            self.told.append(fact)
            self.since[fact] = self.instant(first)
            self.next_step = last + 1

    def moved(self, cause: str, due: datetime, at: datetime, *, again: bool = True) -> None:
        """It is due at another instant; what was done and is still to come by that is done once more."""
        self.told.append((cause, self.due, due))
        self.due = due
        while again and self.next_step and self.instant(self.next_step - 1) > at:
            self.next_step -= 1

    @property
    def pausable(self) -> bool:
        """Whether it runs, and is not the resident's."""
        return self.ended is None and not self.paused and self.status != "resolved"

    def extensible(self, length: Length, at: datetime) -> bool:
        """Whether so much more time may be asked for and granted."""
        sla, at = self.terms.sla, self.pauses[-1].since if self.paused else at
        used = sum(each.length.count for each in self.extensions)
        return used + length.count <= sla.most.count and len(self.extensions) < sla.times and at < self.due
