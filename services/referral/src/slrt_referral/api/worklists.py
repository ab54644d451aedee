"""What offices have open, by when it is due: the list that an officer works from."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query

from slrt_kit.access import Principal
from slrt_kit.clocks.worklist import Item
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Page, page_of
from slrt_kit.http.worklists import AskedFor, WorkItem
from slrt_referral.api.parts import Parts
from slrt_referral.api.schemas import OfficeCodeText
from slrt_referral.store.worklists import list_referrals_due

router = APIRouter(tags=["worklists"])


class ReferralWorkItem(WorkItem):
    """A referral that waits for its office."""

    referral_id: UUID
    need_id: UUID
    need_code: str

    @classmethod
    def of_referral(cls, item: Item, principal: Principal, now: datetime) -> Self:
        """A row of the caller's list."""
        more = {
            "referral_id": item.clock.subject.id,
            "need_id": item.more.need_id,
            "need_code": item.more.need_code,
        }
        return cls.of(item, roles=principal.roles, office=principal.office, now=now, **more)


@router.get("/worklists")
async def get_referral_worklist(
    authorized: Annotated[Authorized, require("referral.referral.read")],
    parts: Parts,
    asked: AskedFor,
    owner: Annotated[
        list[OfficeCodeText] | None,
        Query(max_length=20, description="the office that has it; without it what is the caller's"),
    ] = None,
) -> Page[ReferralWorkItem]:
    """What is open at the caller's office or in the caller's area, the first to be due first, with the reasons.

    Without ``owner`` it is what is the caller's: what their office has, what has come up to them because it is late,
    and requests for more time that they may grant. Whoever follows referrals by the policy (nationally the back office
    and the coordinator) sees all of their area.
    """
    principal = authorized.principal
    async with parts.database.read() as session:
        found = await list_referrals_due(session, authorized.scope, principal.roles, asked, owners=owner)
    return page_of(
        found,
        asked.limit,
        lambda each: ReferralWorkItem.of_referral(each, principal, asked.now),
        lambda each: (each.clock.due_at, each.clock.clock_id),
    )
