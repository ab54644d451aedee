"""What services say of one clock: all that happened to it and what comes next; and what may be asked of it."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_contracts.codes import ClockAudience, ClockExtensionReason, ClockPauseReason
from slrt_kit.clocks.clock import Clock, ClockState, OwnerKind, SubjectKind
from slrt_kit.clocks.commands import ClockLook
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.http.bodies import Body, Count
from slrt_kit.http.words import Words


class PauseBody(Body):
    """Why no time counts."""

    reason: ClockPauseReason


class LengthView(BaseModel):
    """How long."""

    unit: Unit
    count: int

    @classmethod
    def of(cls, length: Length) -> Self:
        return cls(unit=length.unit, count=length.count)


class ExtensionBody(Body):
    """How much more time, in the unit that the class allows it in, and why."""

    unit: Unit
    count: Count = Field(ge=1, le=1000)
    reason: ClockExtensionReason

    @property
    def length(self) -> Length:
        """How much."""
        return Length(self.unit, self.count)


class PauseView(BaseModel):
    """Time that did not count."""

    reason: ClockPauseReason
    since: datetime
    until: datetime | None = Field(description="null while it lasts")


class ExtensionView(BaseModel):
    """More time that was asked for, and what was said to it."""

    extension_id: UUID
    length: LengthView
    reason: ClockExtensionReason
    asked_by: str
    asked_at: datetime
    verdict: str | None = Field(description="approved, refused, or null until somebody has decided")
    decided_by: str | None
    decided_at: datetime | None


class ClassView(BaseModel):
    """The class that says how long it may take, and how much more time it allows."""

    code: str
    label: Words
    length: LengthView
    most_more: LengthView | None = Field(description="how much more time in all; null where none is given")
    left: int = Field(description="how much of that may still be asked for")


class ComingView(BaseModel):
    """What is done next where nothing happens. ``at`` is null while the clock stands."""

    at: datetime | None
    offset: str = Field(examples=["-20%", "0", "+3wd"])
    effect: str
    whom: list[ClockAudience]


class ClockReceipt(BaseModel):
    """What a command about a clock says back."""

    clock_id: UUID
    state: ClockState
    due_at: datetime
    extension_id: UUID | None = None

    @classmethod
    def of(cls, clock: Clock, extension_id: UUID | None = None) -> Self:
        return cls(clock_id=clock.clock_id, state=clock.state, due_at=clock.due_at, extension_id=extension_id)


class ClockView(BaseModel):
    """A clock: whose it is, until when, what happened to it, and what comes next. The ETag is its version."""

    clock_id: UUID
    kind: SubjectKind
    step: str
    owner_kind: OwnerKind
    owner: str
    sla: ClassView
    policy_version: str
    state: ClockState
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    late_seconds: float | None
    escalated: int
    fired: list[str]
    pauses: list[PauseView]
    extensions: list[ExtensionView]
    coming: list[ComingView]

    @classmethod
    def of(cls, look: ClockLook, *, now: datetime) -> Self:
        clock, sla = look.clock, look.terms.sla
        return cls(
            clock_id=clock.clock_id,
            kind=clock.subject.kind,
            step=clock.step,
            owner_kind=clock.owner.kind,
            owner=clock.owner.code,
            sla=ClassView(
                code=sla.key,
                label=Words.of(sla.label),
                length=LengthView.of(sla.length),
                most_more=None if sla.most is None else LengthView.of(sla.most),
                left=clock.extensible(look.terms),
            ),
            policy_version=clock.policy_version,
            state=clock.state,
            started_at=clock.started_at,
            due_at=clock.due_at,
            stopped_at=clock.stopped_at,
            late_seconds=clock.late_seconds(now),
            escalated=clock.escalated,
            fired=list(clock.fired),
            pauses=[PauseView(reason=each.reason, since=each.since, until=each.until) for each in clock.pauses],
            extensions=[
                ExtensionView(
                    extension_id=each.extension_id,
                    length=LengthView.of(each.length),
                    reason=each.reason,
                    asked_by=each.asked_by,
                    asked_at=each.asked_at,
                    verdict=each.verdict,
                    decided_by=each.decided_by,
                    decided_at=each.decided_at,
                )
                for each in look.requests
            ],
            coming=[
                ComingView(at=at, offset=step.at, effect=step.effect, whom=list(step.whom))
                for step, at in clock.upcoming(look.terms)
            ],
        )
