"""What the anomaly rules ask somebody to look at: list it, close it, and never by the one whom it is about."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from slrt_kit.access import Scope
from slrt_kit.db import Connection, UnitOfWork
from slrt_kit.problems import NotFoundError, OutsideScopeError, ProblemError, Text
from slrt_kit.scoped import in_region

_COLUMNS = "review_id, rule, subject, region, since, times, position, opened_at, closed_at, closed_by, finding"
_CLOSE = """
    UPDATE audit_reviews SET closed_at = %(at)s, closed_by = %(by)s, finding = %(finding)s
    WHERE review_id = %(review_id)s AND closed_at IS NULL
    """


class Verdict(StrEnum):
    """What a review came to."""

    JUSTIFIED = "justified"
    MISUSE = "misuse"
    UNCLEAR = "unclear"


class OwnReviewError(ProblemError):
    slug, status = "own-review", 403
    title = Text("Peninjauan tentang Anda ditutup oleh orang lain", "A review of yourself is closed by others")


class ReviewClosedError(ProblemError):
    slug, status = "review-closed", 409
    title = Text("Peninjauan ini sudah ditutup", "This review was closed already")


class Finding(NamedTuple):
    """One review: ``subject`` did ``times`` what ``rule`` looks for, the last at ``since`` and ``position``."""

    review_id: UUID
    rule: str
    subject: str
    region: str | None
    since: str
    times: int
    position: int
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    finding: str | None


async def open_reviews(
    connection: Connection, scope: Scope | None, *, after: tuple[datetime, UUID] | None = None, limit: int
) -> list[Finding]:
    """The open reviews inside the scope (all without one), the oldest first."""
    condition, values = ("true", {}) if scope is None else in_region(scope, "region")
    if after is not None:
        condition += " AND (opened_at, review_id) > (%(after_at)s, %(after_id)s)"
        values |= {"after_at": after[0], "after_id": after[1]}
    query = (
        f"SELECT {_COLUMNS} FROM audit_reviews WHERE closed_at IS NULL AND {condition} "  # noqa: S608 — fixed fragments
        "ORDER BY opened_at, review_id LIMIT %(limit)s"
    )
    return [Finding(*row) for row in await connection.rows(query, values | {"limit": limit})]


async def close_review(work: UnitOfWork, review_id: UUID, *, scope: Scope, by: str, verdict: Verdict) -> Finding:
    """Close a review.

    Raises:
        NotFoundError: there is none, or it is of another region. OwnReviewError: it is about the caller.
        ReviewClosedError: somebody did.
    """
    query = f"SELECT {_COLUMNS} FROM audit_reviews WHERE review_id = %(review_id)s FOR UPDATE"  # noqa: S608 — fixed
    row = await work.connection.row(query, {"review_id": review_id})
    if row is None:
        raise NotFoundError
    found = Finding(*row)
    if not scope.covers(region=found.region):
        raise OutsideScopeError
    if found.subject == by:
        raise OwnReviewError
    if found.closed_at is not None:
        raise ReviewClosedError
    now = work.clock.now()
    await work.connection.run(_CLOSE, {"at": now, "by": by, "finding": verdict, "review_id": review_id})
    return found._replace(closed_at=now, closed_by=by, finding=verdict)
