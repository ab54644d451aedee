"""What a draft would have changed, over HTTP: nothing is kept, and nobody else is kept waiting."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from slrt_contracts.codes import ClockAudience
from slrt_kit.access import Scope
from slrt_kit.clocks.chain import RANKS
from slrt_kit.db import Database
from slrt_kit.http.auth import Authorized, ForbiddenError, require
from slrt_kit.http.bodies import Body
from slrt_kit.http.policy import Documents, LayerCode
from slrt_kit.http.problems import language_of
from slrt_kit.policy.what_if.running import DAYS, Answer, Question, Replays, WhatIfAbandonedError, what_if
from slrt_kit.policy.what_if.tally import Change, Deadlines, Heard, Load, Notice, RegionTally, Rerouted, Tally, Way
from slrt_kit.problems import ProblemError, Text
from slrt_kit.regions import NATION

router = APIRouter(prefix="/policy", tags=["policy"])

_CLIENT_GONE = 499
_MOST_S = 240


class WhatIfBusyError(ProblemError):
    """One at a time in a process: it is work for a processor."""

    slug, status = "policy-what-if-busy", 503
    title = Text(
        "Perbandingan lain sedang berjalan; ulangi sebentar lagi", "Another comparison is running; repeat in a moment"
    )
    headers = {"Retry-After": "10"}  # noqa: RUF012 — as in the base


class WhatIfTooLongError(ProblemError):
    slug, status = "policy-what-if-too-long", 503
    title = Text(
        "Perbandingan terlalu lama; pilih satu wilayah atau lebih sedikit hari",
        "The comparison takes too long; ask for one region, or for fewer days",
    )
    headers = {"Retry-After": "10"}  # noqa: RUF012 — as in the base


class WhatIfRegionError(ProblemError):
    """A misspelt region must not look like one in which nothing happened."""

    slug, status = "policy-what-if-region", 422
    title = Text("Tidak ada wilayah dengan kode itu", "There is no region of that code")


class WhatIfBody(Body):
    """Drafts, or versions that were proposed, as if they had been in force for so many days."""

    layers: Annotated[dict[LayerCode, Documents], Field(max_length=50)] = Field(default_factory=dict)
    versions: Annotated[dict[LayerCode, Annotated[int, Field(ge=1, le=999_999)]], Field(max_length=50)] = Field(
        default_factory=dict, description="numbers of versions that were proposed, by layer"
    )
    days: Annotated[int, Field(ge=1, le=366)] = DAYS
    region: LayerCode | None = Field(default=None, description="only what is in it; without one all that is yours")
    day: date | None = Field(
        default=None,
        ge=date(2000, 1, 1),
        lt=date(2100, 1, 1),
        description="offices and versions as they are on that day (WIB), such as that of the activation",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.layers and not self.versions:
            raise PydanticCustomError(
                "nothing_to_compare", "layers atau versions harus diisi / name layers or versions"
            )
        if twice := sorted(self.layers.keys() & self.versions.keys()):
            raise PydanticCustomError(
                "layer_twice", "{layer} ada di layers dan versions / is in both", {"layer": ", ".join(twice)}
            )
        return self


class WayView(BaseModel):
    """Where a need goes."""

    office: str = Field(examples=["12.74.PUPR"])
    rule: str
    after: list[str] = Field(description="needs of the case that it waits for")

    @classmethod
    def of(cls, way: Way) -> Self:
        """The view of a way."""
        return cls(office=way.office, rule=way.rule, after=list(way.after))


class RouteView(BaseModel):
    """Needs that would have gone another way."""

    need: str
    before: WayView
    after: WayView
    count: int
    examples: list[UUID] = Field(description="referrals, the newest first; none of those kept from most")

    @classmethod
    def of(cls, change: Change, found: Rerouted) -> Self:
        """The view of a change."""
        return cls(
            need=change.need,
            before=WayView.of(change.before),
            after=WayView.of(change.after),
            count=found.count,
            examples=found.examples,
        )


class ShiftView(BaseModel):
    """How far deadlines moved, in minutes (of work, where the class is counted so); less than 0 is earlier."""

    least: int
    median: int
    most: int


class DeadlinesView(BaseModel):
    """The deadlines of a class, and the class that they would have had."""

    sla_class: str
    becomes: str | None = Field(description="null: no deadline any more")
    count: int
    still_open: int
    moved: int
    shift_minutes: ShiftView | None
    late_before: int
    late_after: int

    @classmethod
    def of(cls, classes: tuple[str, str], found: Deadlines) -> Self:
        """The view of a class's deadlines."""
        spread = found.spread
        return cls(
            sla_class=classes[0],
            becomes=None if found.without else classes[1],
            count=found.count,
            still_open=found.open,
            moved=found.moved,
            shift_minutes=None if spread is None else ShiftView(least=spread[0], median=spread[1], most=spread[2]),
            late_before=found.late_before,
            late_after=found.late_after,
        )


class LoadView(BaseModel):
    """What an office would have had: referrals, and minutes in which they lay there, as long as they really did."""

    office: str
    referrals_before: int
    referrals_after: int
    minutes_before: int
    minutes_after: int

    @classmethod
    def of(cls, office: str, loads: tuple[Load, Load]) -> Self:
        """The view of an office's load."""
        before, after = loads
        return cls(
            office=office,
            referrals_before=before.referrals,
            referrals_after=after.referrals,
            minutes_before=before.minutes,
            minutes_after=after.minutes,
        )


class NoticeView(BaseModel):
    """How often somebody was told that something takes long; each step of a chain counts once for a deadline."""

    effect: str = Field(description="remind, escalate or auto_close")
    audience: str = Field(description="whom the chain names", examples=["supervisor"])
    owner: str = Field(description="whose time it was: an office, a role or resident", examples=["12.74.PUPR"])
    before: int
    after: int

    @classmethod
    def of(cls, notice: Notice, heard: Heard) -> Self:
        """The view of a notice."""
        return cls(
            effect=notice.effect,
            audience=notice.audience,
            owner=notice.owner,
            before=heard.before,
            after=heard.after,
        )


class RegionDifference(BaseModel):
    """What would have been otherwise in one regency or city."""

    region: str
    routed: int
    routes: list[RouteView]
    deadlines: list[DeadlinesView]
    offices: list[LoadView]
    notices: list[NoticeView]

    @classmethod
    def of(cls, region: str, tally: RegionTally) -> Self:
        """The view of a regency's tally: what is met most often first."""
        routes = sorted(tally.routes.items(), key=lambda each: (-each[1].count, each[0]))
        return cls(
            region=region,
            routed=tally.routed,
            routes=[RouteView.of(*each) for each in routes],
            deadlines=[DeadlinesView.of(*each) for each in sorted(tally.deadlines.items())],
            offices=[LoadView.of(*each) for each in sorted(tally.loads.items())],
            notices=[NoticeView.of(*each) for each in sorted(tally.notices.items(), key=lambda each: _rank(each[0]))],
        )


def _rank(notice: Notice) -> tuple[str, int, str]:
    """By whose time it was, and from whom it goes up."""
    return notice.owner, RANKS[ClockAudience(notice.audience)], f"{notice.audience} {notice.effect}"


class NotJudgedView(BaseModel):
    """How much could not be played again, and why."""

    reason: str
    count: int
    says: str


class DifferenceView(BaseModel):
    """What the drafts would have changed."""

    since: datetime
    until: datetime
    day: date
    judged: int = Field(description="referrals and deadlines that were compared")
    outside: int = Field(description="where no draft reaches: the same by both")
    not_judged: list[NotJudgedView]
    new_deadlines: list[str] = Field(
        description="steps to which only the drafts give a deadline: how long things were there is not kept"
    )
    regions: list[RegionDifference]

    @classmethod
    def of(cls, answer: Answer, language: str) -> Self:
        """The view of an answer, in a language (``id`` or ``en``)."""
        tally = answer.tally
        return cls(
            since=answer.since,
            until=answer.until,
            day=answer.day,
            judged=tally.judged,
            outside=tally.outside,
            not_judged=_not_judged(tally, language),
            new_deadlines=sorted(tally.unseen),
            regions=[RegionDifference.of(*each) for each in tally],
        )


def _not_judged(tally: Tally, language: str) -> list[NotJudgedView]:
    return [
        NotJudgedView(reason=reason, count=count, says=getattr(reason.says, language))
        for reason, count in sorted(tally.not_judged.items())
    ]


@router.post("/what-if/search", response_model=DifferenceView)
async def compare_with_the_past(
    request: Request, body: WhatIfBody, asked: Annotated[Authorized, require("policy.version.compare")]
) -> Response | DifferenceView:
    """What would have been otherwise in the past days by these drafts: routes, deadlines, lateness, loads of offices.

    Nothing is written and nobody is told. It may take a minute where 100,000 cases are looked at.
    """
    question = Question(
        drafts=body.layers,
        versions=body.versions,
        scope=_inside(asked.scope, body.region, [*body.layers, *body.versions]),
        days=body.days,
        day=body.day,
    )
    turn: asyncio.Lock = request.app.state.what_if_turn
    if turn.locked():
        raise WhatIfBusyError
    if body.region not in (None, NATION) and not request.app.state.policy_rules.is_region(body.region):
        raise WhatIfRegionError
    database: Database = request.app.state.database
    replays: Replays = request.app.state.replays

    async def wanted() -> bool:
        return not await request.is_disconnected()

    async with turn:
        try:
            async with asyncio.timeout(_MOST_S):
                found = await what_if(
                    database, request.app.state.policy_rules, question, replays=replays, wanted=wanted
                )
        except TimeoutError as error:
            raise WhatIfTooLongError from error
        except WhatIfAbandonedError:
            return Response(status_code=_CLIENT_GONE)
    return DifferenceView.of(found, language_of(request))


def _inside(scope: Scope, region: str | None, layers: Sequence[str]) -> Scope:
    """What is looked at: the caller's own region, and the part of it that was asked for."""
    if not all(scope.covers(region=layer) for layer in layers):
        raise ForbiddenError
    if region is None or region == NATION:
        return scope
    if not scope.covers(region=region):
        raise ForbiddenError
    return Scope(subject=scope.subject, region=region)
