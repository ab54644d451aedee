"""Who held a case for how long, and how long cases were held by whom."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from slrt_contracts.types import CaseId
from slrt_intake.api.parts import Parts
from slrt_intake.store.holdings import HeldBy, case_holding_times
from slrt_intake.usecases import cases
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.holdings import Month, holdings_of
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.holdings import HoldingTimeView, HoldingView, MonthText

router = APIRouter(tags=["holdings"])


class CaseHoldingsView(BaseModel):
    """The ledger of a case: one row after the other, without a gap, from its registration on."""

    case_id: UUID
    seconds: float = Field(description="from registration to the end, or up to now: what the rows add up to")
    holdings: list[HoldingView]


class CaseHoldingTimesView(BaseModel):
    """How long cases were held in a month. Those that are kept from most are in no number."""

    month: str
    by: HeldBy
    times: list[HoldingTimeView]


@router.get("/cases/{case_id}/holdings")
async def get_case_holdings(
    case_id: UUID, request: Request, authorized: Annotated[Authorized, require("intake.case.read")], parts: Parts
) -> CaseHoldingsView:
    """Who held the case, from when to when. Every minute from registration to the end has exactly one holder."""
    async with parts.database.unit_of_work() as work:
        case = await cases.look_at_case(CaseId(case_id), cases=parts.cases(work), scope=authorized.scope)
        holdings = await holdings_of(work.connection, case.case_id)
        look = Look("read", "case", case.case_id, ("holdings",))
        record_looks(work, parts.outbox.service, actor_of(request, authorized.principal), [look])
        await work.commit()
    now = parts.database.clock.now()
    lasted = (holdings[-1].until or max(now, holdings[-1].since)) - holdings[0].since if holdings else None
    return CaseHoldingsView(
        case_id=case.case_id,
        seconds=0 if lasted is None else lasted.total_seconds(),
        holdings=[HoldingView.of(each, now=now) for each in holdings],
    )


@router.get("/holding-times")
async def get_case_holding_times(
    month: MonthText, by: HeldBy, authorized: Annotated[Authorized, require("intake.report.read")], parts: Parts
) -> CaseHoldingTimesView:
    """How long cases of the caller's area were held in a month, added up by one thing, and how many cases each had.

    A number so small that it points at somebody is null, and so is another one from which it could be worked out.
    """
    now = parts.database.clock.now()
    async with parts.database.read() as session:
        times = await case_holding_times(session, authorized.scope, Month.parse(month), by=by, now=now)
    return CaseHoldingTimesView(month=month, by=by, times=HoldingTimeView.of_all(times))
