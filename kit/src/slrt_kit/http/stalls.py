"""What is held up, over HTTP: the task of those above, oldest first."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Self, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from slrt_contracts.codes import StallKind
from slrt_kit.db import Connection, Database
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.http.words import Words
from slrt_kit.stalls.listing import StallPage
from slrt_kit.stalls.model import Held, Stall
from slrt_kit.stalls.wording import WORDINGS

ListStalls: TypeAlias = Callable[[Connection, Authorized, StallPage], Awaitable[Sequence[Stall]]]
"""What is held up of what the caller may see."""


DistrictText = Annotated[
    str, Query(pattern=r"^[0-9]{2}\.[0-9]{2}\.[0-9]{2}$", description="a kecamatan, such as 12.74.05")
]


class StallView(BaseModel):
    """Something that is held up: what it is, what it lacks, what to do."""

    stall_id: UUID
    kind: StallKind
    subject_kind: Held
    subject_id: UUID = Field(description="of the case, need or referral; of a region an id made from its code")
    case_id: UUID | None = Field(description="null of a region")
    region: str = Field(description="the kecamatan, or the regency where nobody is on duty at all")
    step: str | None
    owner: str | None = Field(description="whose turn it is: a role, the code of an office, or `resident`")
    lacks: list[str] = Field(description="the roles, offices or reasons that are missing")
    found_at: datetime
    says: Words
    remedy: Words

    @classmethod
    def of(cls, stall: Stall) -> Self:
        words = WORDINGS[stall.kind]
        return cls(
            stall_id=stall.stall_id,
            kind=stall.kind,
            subject_kind=stall.held,
            subject_id=stall.subject_id,
            case_id=stall.case_id,
            region=stall.region,
            step=stall.step,
            owner=None if stall.owner is None else stall.owner.code,
            lacks=list(stall.lacks),
            found_at=stall.found_at,
            says=Words.of(words.says),
            remedy=Words.of(words.remedy),
        )


def stall_routes(permission: str, list_stalls: ListStalls) -> APIRouter:
    """The list, for those who have the permission."""
    router = APIRouter(prefix="/stalls", tags=["stalls"])

    @router.get("")
    async def get_stalls(
        request: Request,
        authorized: Annotated[Authorized, require(permission)],
        limit: Limit = 50,
        cursor: Cursor = None,
        kind: StallKind | None = None,
        district: DistrictText | None = None,
    ) -> Page[StallView]:
        """What is held up in the caller's area or office, oldest first, each with what it lacks and the remedy.

        One is gone from the list by itself, some seconds after it has what it lacked. A restricted case is on it for
        those who may know that it exists.
        """
        database: Database = request.app.state.database
        after = None
        if cursor is not None:
            found_at, stall_id = decode_position(cursor, datetime, UUID)
            after = (found_at, stall_id)
        async with database.read() as session:
            asked = StallPage(limit=limit + 1, after=after, kind=kind, district=district)
            found = await list_stalls(session, authorized, asked)
        return page_of(found, limit, StallView.of, lambda each: (each.found_at, each.stall_id))

    return router
