"""The audit log over HTTP, alike in every service: who looked at a thing, what somebody did, what is to be reviewed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from slrt_kit.access import Scope
from slrt_kit.audit.entries import MANY, Look
from slrt_kit.audit.record import record_looks
from slrt_kit.audit.reviews import Finding, Verdict, close_review, open_reviews
from slrt_kit.db import Connection, Database, UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import ProblemError, Text
from slrt_kit.scoped import in_region

router = APIRouter(prefix="/audit", tags=["audit"])

AMONG_CASES = f"starts_with(entry, '{MANY}') AND CAST(entry AS jsonb) -> 'cases' ? %(object_id)s"
"""Of a service that calls ``add_audit_of_many``, whose application says so in ``state.audit_of_many``."""
_THE_LOG = UUID(int=0)
"""Stands for the log where no thing was asked for."""


class AskForOneError(ProblemError):
    slug, status = "ask-for-one", 400
    title = Text("Sebutkan object_id atau subject, salah satu saja", "Name object_id or subject, one of them")


class EntryView(BaseModel):
    """One sealed entry."""

    position: int
    at: str = Field(description="UTC", examples=["2026-07-01T08:00:00.000000Z"])
    subject: str
    roles: list[str]
    office: str | None
    region: str | None
    purpose: str | None
    action: str
    object_type: str
    object_id: str | None
    case_id: UUID | None
    cases: list[UUID] = Field(description="what was looked at, where it was many at once, as in an export")
    fields: list[str]
    request_id: str | None
    result: str
    reason: str | None
    times: int

    @classmethod
    def of(cls, position: int, entry: Mapping[str, Any]) -> Self:
        """Of an entry's document."""
        absent = {"cases": [], "fields": [], "times": 1}
        present = {name: entry.get(name, absent.get(name)) for name in cls.model_fields}
        return cls.model_validate(present | {"position": position})


class ReviewView(BaseModel):
    """Something that an anomaly rule asks to be looked at."""

    review_id: UUID
    rule: str
    subject: str
    region: str | None
    since: str = Field(description="when the last of them was, UTC")
    times: int
    position: int = Field(description="of the last of them in the log")
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    finding: Verdict | None

    @classmethod
    def of(cls, found: Finding) -> Self:
        """Of a review."""
        return cls.model_validate(found._asdict())


class CloseBody(BaseModel):
    """What a review came to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    finding: Verdict


@router.get("/entries")
async def list_audit_entries(
    request: Request,
    authorized: Annotated[Authorized, require("audit.entry.read")],
    object_id: Annotated[UUID | None, Query(description="who looked at this thing")] = None,
    subject: Annotated[str | None, Query(max_length=100, description="what this person did")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EntryView]:
    """Sealed entries about one thing or of one person, the newest first; the question itself is on record.

    An entry is there about a second after what it records. Whoever is bound to a region sees what people of it did.
    """
    if (object_id is None) == (subject is None):
        raise AskForOneError
    database: Database = request.app.state.database
    before = None if cursor is None else decode_position(cursor, int)[0]
    async with database.read() as session:
        found = await _entries(
            session,
            authorized.scope,
            object_id,
            subject,
            of_many=getattr(request.app.state, "audit_of_many", False),
            before=before,
            limit=limit + 1,
        )
    asked = Look("read", "audit", object_id or _THE_LOG, ("entries",) if subject is None else ("entries", "subject"))
    await put_on_record(request, authorized.principal, [asked])
    return page_of(found, limit, lambda row: EntryView.of(*row), lambda row: row[:1])


async def _entries(
    connection: Connection,
    scope: Scope,
    object_id: UUID | None,
    subject: str | None,
    *,
    of_many: bool,
    before: int | None,
    limit: int,
) -> list[tuple[int, dict[str, Any]]]:
    condition, values = in_region(scope, "(CAST(entry AS jsonb) ->> 'region')")
    if before is not None:
        condition += " AND position < %(before)s"
        values["before"] = before
    values |= {"object_id": None if object_id is None else str(object_id), "subject": subject, "limit": limit}
    about = "subject = %(subject)s" if object_id is None else "object_id = %(object_id)s"
    source = f"SELECT position, entry FROM audit WHERE {about} AND {condition} ORDER BY position DESC LIMIT %(limit)s"  # noqa: S608 — fixed fragments
    if of_many and object_id is not None:
        # Found first and by its index: a case is in few exports, and a plan along the log would read all of it.
        source = (
            f"WITH among AS MATERIALIZED (SELECT position, entry FROM audit WHERE {AMONG_CASES} AND {condition}) "  # noqa: S608
            f"(SELECT * FROM among) UNION ALL ({source}) ORDER BY position DESC LIMIT %(limit)s"
        )
    rows = await connection.rows(source, values)
    return [(row.position, orjson.loads(row.entry)) for row in rows]


@router.get("/reviews")
async def list_audit_reviews(
    request: Request,
    authorized: Annotated[Authorized, require("audit.review.read")],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ReviewView]:
    """The open reviews of the caller's area, the oldest first."""
    after = None
    if cursor is not None:
        at, review_id = decode_position(cursor, datetime, UUID)
        after = (at, review_id)
    database: Database = request.app.state.database
    async with database.read() as session:
        found = await open_reviews(session, authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, ReviewView.of, lambda each: (each.opened_at, each.review_id))


@router.post("/reviews/{review_id}/close", response_model=ReviewView)
async def close_audit_review(
    review_id: UUID, body: CloseBody, asked: Annotated[Command, command("audit.review.close")], request: Request
) -> Response:
    """Say what a review came to; not by the one whom it is about."""

    async def work(unit: UnitOfWork) -> Answer:
        closed = await close_review(
            unit, review_id, scope=asked.scope, by=asked.principal.subject, verdict=body.finding
        )
        look = Look("review-closed", "audit-review", review_id, ("finding",))
        record_looks(unit, request.app.state.service, asked.actor, [look])
        return Answer(ReviewView.of(closed))

    return await asked.run(work)
