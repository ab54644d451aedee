"""How long offices had referrals."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel

from slrt_kit.holdings import Month
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.holdings import HoldingTimeView, MonthText
from slrt_referral.api.parts import Parts
from slrt_referral.store.holdings import referral_holding_times

router = APIRouter(tags=["holdings"])


class ReferralHoldingTimesView(BaseModel):
    """How long each office had referrals in a month. Those that are kept from most are in no number."""

    month: str
    times: list[HoldingTimeView]


@router.get("/holding-times")
async def get_referral_holding_times(
    month: MonthText, authorized: Annotated[Authorized, require("referral.report.read")], parts: Parts
) -> ReferralHoldingTimesView:
    """How long each office had referrals in a month, and how many, in the caller's area or office.

    A draft that waits for another referral is held by that one's office. A number so small that it points at somebody
    is null, and so is another one from which it could be worked out.
    """
    now = parts.database.clock.now()
    async with parts.database.read() as session:
        times = await referral_holding_times(session, authorized.scope, Month.parse(month), now=now)
    return ReferralHoldingTimesView(month=month, times=HoldingTimeView.of_all(times))
