"""What is held up, over HTTP: the task of those above, oldest first."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Request

from slrt_contracts.codes import StallKind
from slrt_kit.db import Connection, Database
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.stalls.listing import StallPage
from slrt_kit.stalls.model import Stall
from slrt_kit.stalls.views import DistrictText, StallView

ListStalls: TypeAlias = Callable[[Connection, Authorized, StallPage], Awaitable[Sequence[Stall]]]
"""What is held up of what the caller may see."""


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
