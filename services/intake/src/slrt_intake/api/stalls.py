"""What is held up: the task of those above, oldest first."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from slrt_contracts.codes import StallKind
from slrt_intake.api.parts import Parts
from slrt_intake.store.stalls import list_stalls
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.stalls.listing import StallFilter
from slrt_kit.stalls.views import DistrictText, StallView

router = APIRouter(prefix="/stalls", tags=["stalls"])


@router.get("")
async def get_stalls(
    authorized: Annotated[Authorized, require("intake.stall.read")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
    kind: StallKind | None = None,
    district: DistrictText | None = None,
) -> Page[StallView]:
    """The cases and needs of the caller's area that are held up, oldest first, each with what it lacks and the remedy.

    One is gone from the list by itself, some seconds after it has what it lacked. A restricted case is on it for those
    who may know that it exists.
    """
    after = None if cursor is None else decode_position(cursor, datetime, UUID)
    restricted = authorized.principal.scope("intake.restricted.list")
    async with parts.database.read() as session:
        found = await list_stalls(
            session, authorized.scope, restricted, StallFilter(kind, district), after=after, limit=limit + 1
        )
    return page_of(found, limit, StallView.of, lambda each: (each.found_at, each.stall_id))
