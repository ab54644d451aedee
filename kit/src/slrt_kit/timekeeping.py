"""All that a service does about its deadlines, composed from how it tells of them and what it does when time is up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from slrt_kit import metrics
from slrt_kit.clocks.chain import EffectKind
from slrt_kit.clocks.commands import ClockParts, HeldPauses
from slrt_kit.clocks.moving import COUNT_UNMOVED, ClockMover
from slrt_kit.clocks.store import COUNT_FAILING, COUNT_LATE
from slrt_kit.clocks.telling import Notices, Tell
from slrt_kit.clocks.timers import Effect, Time, Timers
from slrt_kit.runtime import Part, Runtime
from slrt_kit.stalls.checker import StallCheck, Watched
from slrt_kit.stalls.store import backlog

BACKLOG: Final = (
    (metrics.CLOCKS_LATE, COUNT_LATE),
    (metrics.CLOCKS_FAILING, COUNT_FAILING),
    (metrics.CLOCKS_UNMOVED, COUNT_UNMOVED),
    *backlog(),
)
"""What is counted of deadlines whenever a process is asked for its metrics (`Database.own_backlog`)."""


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """The timers, the mover, the check for silence and the commands on clocks of one service.

    ``tell`` puts what happened to clocks into the outbox, ``ledger`` follows a pause, ``watched`` is what can be held
    up, ``effects`` are those beside telling somebody, by `EffectKind`. ``at`` of a method is for tests and simulations.
    """

    runtime: Runtime
    tell: Tell
    ledger: HeldPauses
    watched: Watched
    effects: Mapping[str, Effect] = field(default_factory=dict)

    def commands(self) -> ClockParts:
        """What people may do to a clock."""
        return ClockParts(self.runtime.name, self.runtime.deadlines, self.tell, self.ledger)

    def timers(self, *, at: Time | None = None) -> Timers:
        """What fires the clocks that are due."""
        notices = Notices(self.tell)
        return Timers(
            self.runtime.worker_database,
            {EffectKind.REMIND: notices, EffectKind.ESCALATE: notices, **self.effects},
            self.runtime.deadlines.policy,
            service=self.runtime.name,
            violated=self.stall_check().clock_failed,
            at=at,
        )

    def stall_check(self) -> StallCheck:
        """What finds whatever is held up."""
        return StallCheck(self.runtime.worker_database, self.runtime.deadlines, self.watched, service=self.runtime.name)

    def mover(self, *, at: Time | None = None) -> ClockMover:
        """What moves open clocks when a calendar or a class has changed."""
        return ClockMover(
            self.runtime.worker_database, self.runtime.deadlines, self.tell, service=self.runtime.name, at=at
        )

    def chores(self) -> Sequence[Part]:
        """What a worker does for all this, until it is stopped."""
        return [self.timers().run, self.stall_check().run, self.mover().run]
