"""A worklist over HTTP: what may be asked for, and a row of it with its reasons."""

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.clock import ClockState, OwnerKind, SubjectKind
from slrt_kit.clocks.wording import PAUSES, owner_words
from slrt_kit.clocks.worklist import Asked, Item
from slrt_kit.http.pages import Cursor, Limit, decode_position
from slrt_kit.http.words import Words
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
    says: Words


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
            late_seconds=clock.late_seconds(now),
            escalated=clock.escalated,
            paused=None if stands is None else StandsView(reason=stands.reason, since=stands.since),
            extension_asked_at=item.asked_at,
            reasons=[_view(code, text) for code, text in _reasons(item, roles, office, now)],
            **more,
        )


@lru_cache(maxsize=1024)
def _view(code: Reason, text: Text) -> ReasonView:
    """There are some dozens of them, and a hundred on a page."""
    return ReasonView(code=code, says=Words.of(text))


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
    if clock.late_seconds(now) is not None:
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
