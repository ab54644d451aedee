"""Records that were kept for their period: listed by who answers for the data, erased when another person approves."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from slrt_contracts.types import PersonId
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.privacy.retention import retention_classes
from slrt_kit.regions import RegionCode
from slrt_registry.api.disposal_schemas import (
    DisposalBody,
    DisposalListed,
    DisposalReceipt,
    DisposalView,
    DuePersonView,
)
from slrt_registry.api.parts import Parts
from slrt_registry.domain.disposal import Disposal
from slrt_registry.domain.problems import DisposalOutdatedError, RetentionError, UnlinkedCaseError
from slrt_registry.usecases import disposals

router = APIRouter(prefix="/disposals", tags=["privacy"])

MayPropose = Annotated[Authorized, require("registry.disposal.propose")]
MayDecide = Annotated[Authorized, require("registry.disposal.decide")]
Deciding = Annotated[Command, command("registry.disposal.decide")]
_MAY_ERASE = "registry.person.erase"


@router.get("/due")
async def list_due(
    authorized: MayPropose,
    parts: Parts,
    regency_code: Annotated[str, Query(pattern=r"^[0-9]{2}\.[0-9]{2}$", examples=["12.74"])],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DuePersonView]:
    """Persons of a regency whose records may go: no open case, no period that runs, no hold, on no waiting list."""
    after = None
    if cursor is not None:
        at, person_id = decode_position(cursor, datetime, UUID)
        after = (at, PersonId(person_id))
    async with parts.database.unit_of_work() as work:
        found = await disposals.due_for_disposal(
            RegionCode(regency_code),
            registry=parts.registry(work),
            scope=authorized.scope,
            classes=retention_classes(),
            at=work.clock.now(),
            after=after,
            limit=limit + 1,
        )
    return page_of(found, limit, DuePersonView.of, lambda each: (each.closed_at, each.person_id))


@router.post("", status_code=201, response_model=DisposalListed)
async def propose_disposal(
    body: DisposalBody, request: Annotated[Command, command("registry.disposal.propose")], parts: Parts
) -> Response:
    """List persons of one regency for disposal; somebody else decides. 409 names who must be kept, and why."""

    async def work(unit: UnitOfWork) -> Answer:
        disposal = await disposals.propose_disposal(
            [PersonId(person_id) for person_id in body.person_ids],
            registry=parts.registry(unit),
            scope=request.scope,
            classes=retention_classes(),
            by=request.principal.subject,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )
        _note(unit, request, "propose", disposal)
        return Answer(DisposalListed.of(disposal), status=201, version=disposal.version)

    return await request.run(work)


@router.get("")
async def list_disposals(
    authorized: MayDecide, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> Page[DisposalListed]:
    """The lists of the caller's area that wait for a decision, oldest first."""
    after = None
    if cursor is not None:
        at, disposal_id = decode_position(cursor, datetime, UUID)
        after = (at, disposal_id)
    async with parts.database.unit_of_work() as work:
        found = await parts.registry(work).disposals_waiting(authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, DisposalListed.of, lambda each: (each.proposed_at, each.disposal_id))


@router.get("/{disposal_id}")
async def get_disposal(disposal_id: UUID, response: Response, authorized: MayDecide, parts: Parts) -> DisposalView:
    """A list with the ids on it, and what became of it; kept for good as the record of the disposal."""
    async with parts.database.unit_of_work() as work:
        disposal = await disposals.load_disposal(disposal_id, registry=parts.registry(work), scope=authorized.scope)
    response.headers["ETag"] = etag(disposal.version)
    return DisposalView.of(disposal)


@router.post("/{disposal_id}/approve", response_model=DisposalReceipt)
async def approve_disposal(disposal_id: UUID, request: Deciding, parts: Parts) -> Response:
    """Erase all who are listed, in every service, for good; nobody where one must be kept by now. Never one's own."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        registry, at = parts.registry(unit), unit.clock.now()
        disposal = await disposals.load_disposal(disposal_id, registry=registry, scope=request.scope)
        check_version(expected, disposal.version)
        try:
            erased = await disposals.approve_disposal(
                disposal, registry=registry, classes=retention_classes(), by=request.principal.subject, at=at
            )
        except (RetentionError, UnlinkedCaseError) as error:
            if request.principal.scope(_MAY_ERASE) is None:
                # A hold may be about the very office that approves.
                raise DisposalOutdatedError from error
            raise
        _note(unit, request, "approve", disposal)
        return Answer(DisposalReceipt.of(disposal, erased), version=disposal.version)

    return await request.run(work)


@router.post("/{disposal_id}/refuse", response_model=DisposalReceipt)
async def refuse_disposal(disposal_id: UUID, request: Deciding, parts: Parts) -> Response:
    """Say no: nobody is erased. Never to one's own."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        registry = parts.registry(unit)
        disposal = await disposals.load_disposal(disposal_id, registry=registry, scope=request.scope)
        check_version(expected, disposal.version)
        await disposals.refuse_disposal(disposal, registry=registry, by=request.principal.subject, at=unit.clock.now())
        _note(unit, request, "refuse", disposal)
        return Answer(DisposalReceipt.of(disposal, 0), version=disposal.version)

    return await request.run(work)


def _note(unit: UnitOfWork, request: Command, action: str, disposal: Disposal) -> None:
    look = Look(action, "disposal", disposal.disposal_id, (), times=len(disposal.persons))
    record_looks(unit, "registry", request.actor, [look])
