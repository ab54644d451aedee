"""Make the events that tell of a clock, as its case or its referral tells them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from slrt_contracts.codes import ClockOwner
from slrt_contracts.events import (
    CaseClockEscalated,
    CaseClockPaused,
    CaseClockReminded,
    CaseClockRescheduled,
    Event,
    ReferralClockEscalated,
    ReferralClockPaused,
    ReferralClockReminded,
    ReferralClockRescheduled,
)
from slrt_contracts.types import DistrictCode
from slrt_kit.clocks.chain import EffectKind
from slrt_kit.clocks.clock import Clock, Firing, Moved, OwnerKind, Pause, SubjectKind
from slrt_kit.clocks.policy import BESIDE
from slrt_kit.db import UnitOfWork

Fact: TypeAlias = Firing | Moved | Pause
"""What happens to a clock and is told."""

_CASE: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        EffectKind.REMIND: CaseClockReminded,
        EffectKind.ESCALATE: CaseClockEscalated,
        "paused": CaseClockPaused,
        "moved": CaseClockRescheduled,
    }
)
_REFERRAL: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        EffectKind.REMIND: ReferralClockReminded,
        EffectKind.ESCALATE: ReferralClockEscalated,
        "paused": ReferralClockPaused,
        "moved": ReferralClockRescheduled,
    }
)
_LONGEST_TOLD: Final = 8


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to a clock."""

    clock: Clock
    fact: Fact

    @classmethod
    def fired(cls, firing: Firing) -> "Told":
        """An effect."""
        return cls(firing.clock, firing)


Tell: TypeAlias = Callable[[UnitOfWork, Sequence[Told], datetime], Awaitable[None]]
"""Puts what happened to clocks into the outbox, on the keys of their cases or referrals."""


class Notices:
    """The effects ``remind`` and ``escalate`` for `slrt_kit.clocks.timers`: they tell, and whoever hears of it acts."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    async def __call__(self, work: UnitOfWork, firings: Sequence[Firing]) -> None:
        await self._tell(work, [Told.fired(each) for each in firings], firings[0].at)


def event_of(told: Told, *, district: DistrictCode, **ids: Any) -> Event:
    """The event of what happened; ``ids`` are what the events of its referral say beside it.

    Raises:
        KeyError: the step only changes the case, whose own event tells that.
    """
    clock, fact = told.clock, told.fact
    of_referral = clock.subject.kind is SubjectKind.REFERRAL
    fields: dict[str, Any] = {
        "clock_id": clock.clock_id,
        "case_id": clock.subject.case_id,
        "district_code": district,
        "sla_class": clock.sla_class,
        "owner": _owner(clock),
        "policy_version": told_version(clock.policy_version),
    }
    if of_referral:
        fields["referral_id"] = clock.subject.id
    elif clock.subject.kind is SubjectKind.NEED:
        fields["need_id"] = clock.subject.id
    kind, more = _about(clock, fact)
    return (_REFERRAL if of_referral else _CASE)[kind](**fields, **more, **ids)


def told_version(version: str) -> str:
    """A policy's version as an event may name it: the one in force where there are two, and without a village's layer,
    for events name none.
    """
    version = version.rpartition(BESIDE)[2]
    return ",".join(layer for layer in version.split(",") if len(layer.partition(":")[0]) <= _LONGEST_TOLD)


def _owner(clock: Clock) -> ClockOwner:
    if clock.owner.kind is OwnerKind.ROLE:
        return ClockOwner(clock.owner.code)
    return ClockOwner.OFFICE if clock.owner.kind is OwnerKind.OFFICE else ClockOwner.RESIDENT


def _about(clock: Clock, fact: Fact) -> tuple[str, dict[str, Any]]:
    if isinstance(fact, Pause):
        return "paused", {"reason": fact.reason}
    if isinstance(fact, Moved):
        return "moved", {"cause": fact.cause, "old_due_at": fact.old_due_at, "due_at": fact.due_at}
    more: dict[str, Any] = {
        "offset": fact.step.at,
        "folded": tuple(step.at for step in fact.folded),
        "due_at": clock.due_at,
    }
    if fact.step.effect is EffectKind.ESCALATE:
        # Whoever should have heard of an earlier step hears of this one.
        everybody = dict.fromkeys(whom for step in (*fact.folded, fact.step) for whom in step.whom)
        more["audience"] = tuple(everybody)
    return fact.step.effect, more
