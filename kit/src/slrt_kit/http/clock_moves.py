"""What became of open clocks when a version of the policy came into force, alike in every service that has clocks."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from slrt_kit.clocks.moving import MoveDone, list_moves
from slrt_kit.db import Database
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of

router = APIRouter(prefix="/policy", tags=["policy"])


class ClockMoveView(BaseModel):
    """A version that came into force, and how many open clocks are due at another instant by it."""

    layer: str
    number: int
    effective_from: datetime
    begun_at: datetime = Field(description="when open clocks were looked through for it for the first time")
    done_at: datetime | None = Field(description="when the last was; null while it goes on")
    moved: int
    stayed: int = Field(description="clocks that could not be reckoned by it, and are as they were")

    @classmethod
    def of(cls, move: MoveDone) -> Self:
        return cls(
            layer=move.layer,
            number=move.number,
            effective_from=move.effective_from,
            begun_at=move.begun_at,
            done_at=move.done_at,
            moved=move.moved,
            stayed=move.stayed,
        )


@router.get("/clock-moves")
async def list_clock_moves(
    request: Request,
    _: Annotated[Authorized, require("policy.version.read")],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ClockMoveView]:
    """The versions that came into force, the last one first, and what became of open clocks by each."""
    database: Database = request.app.state.database
    before = None
    if cursor is not None:
        effective_from, layer = decode_position(cursor, datetime, str)
        before = (effective_from, layer)
    async with database.read() as session:
        found = await list_moves(session, before=before, limit=limit + 1)
    return page_of(found, limit, ClockMoveView.of, lambda each: (each.effective_from, each.layer))
