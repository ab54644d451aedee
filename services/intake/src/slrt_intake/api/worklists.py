"""What is open, by when it is due: the list that an officer works from."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query

from slrt_contracts.codes import ClockOwner
from slrt_intake.api.parts import Parts
from slrt_intake.store.worklists import list_cases_due
from slrt_kit.access import Principal
from slrt_kit.clocks.worklist import Item
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Page, page_of
from slrt_kit.http.worklists import AskedFor, WorkItem

router = APIRouter(tags=["worklists"])


class CaseWorkItem(WorkItem):
    """A case that waits for somebody."""

    ticket_number: str

    @classmethod
    def of_case(cls, item: Item, principal: Principal, now: datetime) -> Self:
        """A row of the caller's list."""
        more = {"ticket_number": item.more.ticket_number}
        return cls.of(item, roles=principal.roles, office=principal.office, now=now, **more)


@router.get("/worklists")
async def get_worklist(
    authorized: Annotated[Authorized, require("intake.case.read")],
    parts: Parts,
    asked: AskedFor,
    owner: Annotated[
        list[ClockOwner] | None, Query(max_length=10, description="whose turn it is; without it what is the caller's")
    ] = None,
) -> Page[CaseWorkItem]:
    """What is open in the caller's area, the first to be due first, with the reasons why it is on the list.

    Without ``owner`` it is what is the caller's: what it is their turn with, what has come up to them because it is
    late, and requests for more time that they may grant. Whoever follows cases by the policy (nationally the
    facilitator) sees all that the staff has in their area. What waits for a resident is on it when it is asked for:
    ``owner=resident``.
    """
    principal = authorized.principal
    async with parts.database.read() as session:
        found = await list_cases_due(session, authorized.scope, principal.roles, asked, owners=owner)
    return page_of(
        found,
        asked.limit,
        lambda each: CaseWorkItem.of_case(each, principal, asked.now),
        lambda each: (each.clock.due_at, each.clock.clock_id),
    )
