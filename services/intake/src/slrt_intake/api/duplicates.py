"""Cases that may be about the same trouble: offered with the reasons, merged by nobody."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from slrt_contracts.types import CaseId
from slrt_intake.api.parts import Parts
from slrt_intake.store.duplicates import Likeness, likely_duplicates
from slrt_intake.usecases import cases
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require

router = APIRouter(tags=["cases"])


class LikelyDuplicateView(BaseModel):
    """An open case with a need in common; ``why`` says whom or what the two have in common."""

    case_id: UUID
    ticket_number: str
    status: str
    channel: str
    registered_at: datetime
    why: list[Likeness]
    need_codes: list[str]


class LikelyDuplicates(BaseModel):
    """The newest first, twenty at the most."""

    items: list[LikelyDuplicateView]


@router.get("/cases/{case_id}/likely-duplicates")
async def list_likely_duplicates(
    case_id: UUID, request: Request, authorized: Annotated[Authorized, require("intake.case.read")], parts: Parts
) -> LikelyDuplicates:
    """Open cases, through whichever door they came, of the same person, family or place and with a need in common.

    Whether the people are the same is known some seconds after a registration, when the registry has recorded them.
    """
    now = parts.database.clock.now()
    async with parts.database.unit_of_work() as work:
        case = await cases.look_at_case(CaseId(case_id), cases=parts.cases(work), scope=authorized.scope)
        found = await likely_duplicates(work.connection, case.case_id, authorized.scope, at=now)
        look = Look("read", "case", case.case_id, ("duplicates",))
        record_looks(work, parts.outbox.service, actor_of(request, authorized.principal), [look])
        await work.commit()
    return LikelyDuplicates(items=[LikelyDuplicateView(**each._asdict()) for each in found])
