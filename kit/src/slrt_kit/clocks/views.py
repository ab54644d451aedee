"""What services show of clocks: a row of a worklist with its reasons, and a clock with all that happened to it."""

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from slrt_contracts.codes import ClockAudience, ClockExtensionReason, ClockPauseReason
from slrt_kit.clocks.clock import Clock, ClockState, OwnerKind, SubjectKind
from slrt_kit.clocks.commands import ClockLook
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.wording import PAUSES, owner_words
from slrt_kit.clocks.worklist import Asked, Item
from slrt_kit.http.bodies import Body, Count
from slrt_kit.http.pages import Cursor, Limit, decode_position
from slrt_kit.problems import Text

Steps = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z][a-z_-]{0,39}$")]] | None,
    Query(max_length=20, description="steps of the workflow, such as `screening`; may be repeated"),
]
Kinds = Annotated[list[SubjectKind] | None, Query(max_length=3, description="what the clock is of; may be repeated")]


async def _asked(
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
    step: Steps = None,
    kind: Kinds = None,
    late: Annotated[bool, Query(description="only what is late")] = False,
    paused: Annotated[bool, Query(description="only what stands")] = False,
) -> Asked:
    """Raises BadCursorError (400)."""
    after = None
    if cursor is not None:
        due_at, clock_id = decode_position(cursor, datetime, UUID)
        after = (due_at, clock_id)
    now, deadlines = request.app.state.database.clock.now(), request.app.state.clocks.deadlines
    return Asked(
        now=now,
        roles_in=lambda region: deadlines.roles(region, now),
        limit=limit,
        after=after,
        steps=step or (),
        kinds=kind or (),
        late=late,
        paused=paused,
    )


AskedFor = Annotated[Asked, Depends(_asked)]
"""The filters and the place of a worklist's request."""


class Says(BaseModel):
    """The same in Indonesian and in English."""

    id: str
    en: str

    @classmethod
    def of(cls, text: Text) -> Self:
        return cls(id=text.id, en=text.en)


class Reason(StrEnum):
    """Why something is on a list."""

    YOUR_STEP = "your_step"
    THEIR_STEP = "their_step"
    ESCALATED = "escalated"
    LATE = "late"
    REMINDED = "reminded"
    PAUSED = "paused"
    EXTENDED = "extended"
    EXTENSION_ASKED = "extension_asked"


class ReasonView(BaseModel):
    """One reason, as a code and in words."""

    code: Reason
    says: Says


class StandsView(BaseModel):
    """Since when no time counts, and why."""

    reason: ClockPauseReason
    since: datetime


class WorkItem(BaseModel):
    """Something open: whose turn it is, until when, and why it is on this list."""

    clock_id: UUID
    kind: SubjectKind
    case_id: UUID
    region: str = Field(description="code of the village, or of the district for a referral")
    step: str
    owner_kind: OwnerKind
    owner: str = Field(description="a role, an office's code, or `resident`")
    sla_class: str
    urgent: bool
    restricted: bool
    state: ClockState
    since: datetime = Field(description="when its step began")
    due_at: datetime
    late_seconds: float | None = Field(description="how long it has been late; null where it is not")
    escalated: int = Field(ge=0, le=4, description="1 supervisor, 2 manager, 3 head of the office, 4 next level")
    paused: StandsView | None
    extension_asked_at: datetime | None
    reasons: list[ReasonView]

    @classmethod
    def of(cls, item: Item, *, roles: Collection[str], office: str | None, now: datetime, **more: object) -> Self:
        clock = item.clock
        stands = clock.pauses[-1] if clock.state is ClockState.PAUSED else None
        return cls(
            clock_id=clock.clock_id,
            kind=clock.subject.kind,
            case_id=clock.subject.case_id,
            region=clock.region,
            step=clock.step,
            owner_kind=clock.owner.kind,
            owner=clock.owner.code,
            sla_class=clock.sla_class,
            urgent=item.more.urgent,
            restricted=item.more.restricted,
            state=clock.state,
            since=clock.started_at,
            due_at=clock.due_at,
            late_seconds=late_seconds(clock, now),
            escalated=clock.escalated,
            paused=None if stands is None else StandsView(reason=stands.reason, since=stands.since),
            extension_asked_at=item.asked_at,
            reasons=[ReasonView(code=code, says=Says.of(text)) for code, text in _reasons(item, roles, office, now)],
            **more,
        )


def late_seconds(clock: Clock, now: datetime) -> float | None:
    """How long it has been late; time in which it stands does not count."""
    late = ((clock.paused_since or clock.stopped_at or now) - clock.due_at).total_seconds()
    return late if late > 0 else None


def _reasons(item: Item, roles: Collection[str], office: str | None, now: datetime) -> Iterator[tuple[Reason, Text]]:
    clock, height = item.clock, item.roles.height(roles)
    if (clock.owner.kind is OwnerKind.ROLE and clock.owner.code in roles) or clock.owner.code == office:
        yield Reason.YOUR_STEP, Text("Giliran Anda", "It is your turn")
    else:
        whose = owner_words(clock.owner, item.roles)
        yield Reason.THEIR_STEP, Text(f"Giliran {whose.id}", f"It is the turn of {whose.en}")
    if clock.escalated and (height is None or clock.escalated >= height):
        whom = item.roles.words_of_height(clock.escalated)
        yield Reason.ESCALATED, Text(f"Sudah naik ke {whom.id}", f"It has come up to {whom.en}")
    if late_seconds(clock, now) is not None:
        yield Reason.LATE, Text("Lewat batas waktu", "It is late")
    elif any(step.startswith("-") for step in clock.fired):
        yield Reason.REMINDED, Text("Batas waktu hampir habis", "Its time is nearly over")
    if clock.state is ClockState.PAUSED:
        why = PAUSES[clock.pauses[-1].reason]
        yield Reason.PAUSED, Text(f"Dijeda: {why.id}", f"Paused: {why.en}")
    if clock.extensions:
        yield Reason.EXTENDED, Text("Waktunya sudah diperpanjang", "It was given more time")
    if item.asked_at is not None:
        yield (
            Reason.EXTENSION_ASKED,
            Text("Perpanjangan waktu menunggu persetujuan", "More time was asked for and waits for a decision"),
        )


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
    label: Says
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
                label=Says.of(sla.label),
                length=LengthView.of(sla.length),
                most_more=None if sla.most is None else LengthView.of(sla.most),
                left=clock.extensible(look.terms),
            ),
            policy_version=clock.policy_version,
            state=clock.state,
            started_at=clock.started_at,
            due_at=clock.due_at,
            stopped_at=clock.stopped_at,
            late_seconds=late_seconds(clock, now),
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
