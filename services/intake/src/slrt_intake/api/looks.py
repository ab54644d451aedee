"""Who looked at the data of a case: the resident's own list, read at a desk for a resident who has no phone."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from slrt_contracts.types import CaseId
from slrt_intake.api.looks_wording import ACTIONS, OBJECTS, PURPOSES, ROLES, office_words, words
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.store.looks import SeenLook, looks_at
from slrt_intake.usecases import cases
from slrt_kit.audit.entries import Look
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.http.problems import language_of
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.regions import Regions

router = APIRouter(tags=["looks"])


class LookView(BaseModel):
    """One look, in plain words; never who it was by name or account."""

    at: datetime = Field(description="UTC")
    role: str
    role_words: str
    office: str | None = Field(description="null for the system itself and for the resident")
    automatic: bool = Field(description="a service did it by itself, such as to send a message")
    action: str
    action_words: str
    what: str
    what_words: str
    purpose: str
    purpose_words: str
    in_emergency: bool = Field(description="somebody opened the case in an emergency; a supervisor reviews that")

    @classmethod
    def of(cls, look: SeenLook, regions: Regions, language: str) -> Self:
        return cls(
            at=look.looked_at,
            role=look.role,
            role_words=words(ROLES, look.role, language),
            office=office_words(look.office_code, regions, language),
            automatic=look.role == "service",
            action=look.action,
            action_words=words(ACTIONS, look.action, language),
            what=look.object_type,
            what_words=words(OBJECTS, look.object_type, language),
            purpose=look.purpose,
            purpose_words=words(PURPOSES, look.purpose, language),
            in_emergency=look.in_emergency,
        )


async def page_of_looks(
    case_id: CaseId, parts: IntakeParts, *, limit: int, cursor: str | None, language: str
) -> Page[LookView]:
    """A page of the list.

    Raises:
        BadCursorError: 400.
    """
    after = None
    if cursor is not None:
        at, chain_id, position = decode_position(cursor, datetime, UUID, int)
        after = at, chain_id, position
    async with parts.database.read() as session:
        found = await looks_at(session, case_id, after=after, limit=limit + 1)
    return page_of(found, limit, lambda look: LookView.of(look, parts.regions, language), lambda look: look.place)


@router.get("/cases/{case_id}/looks")
async def list_looks(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.look.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LookView]:
    """Who looked at the data of a case, newest first: to be read out or printed for a resident without a phone.

    It is what the resident sees, no more; who it was by name, the audit log says to those who may read that.
    """
    asked = stated(purpose, authorized.principal, "case-looks")
    async with parts.database.unit_of_work() as work:
        case = await cases.load_case(CaseId(case_id), cases=parts.cases(work), scope=authorized.scope)
    page = await page_of_looks(case.case_id, parts, limit=limit, cursor=cursor, language=language_of(request))
    look = Look("read", "case", case.case_id, ("looks",))
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    return page
