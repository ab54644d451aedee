"""Who may know of a case: officers in charge, transfer to another region, the seal, emergency access and its review."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from slrt_contracts.types import AccessId, CaseId
from slrt_intake.api.access_schemas import (
    EmergencyBody,
    EmergencyReceipt,
    EmergencyView,
    OfficerBody,
    OfficersView,
    RestrictedView,
    ReviewBody,
    ReviewView,
    SealBody,
    SealView,
    TransferBody,
    TransferView,
)
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.case import Case
from slrt_intake.store.emergencies import to_review
from slrt_intake.store.restricted import list_restricted
from slrt_intake.usecases import access
from slrt_kit.db import UnitOfWork
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of

router = APIRouter(tags=["access"])

Step = Callable[[Case, UnitOfWork], Awaitable[Answer]]
MayAssign = Annotated[Command, command("intake.case.assign")]
MaySeal = Annotated[Command, command("intake.case.seal")]


def _position(cursor: str) -> tuple[datetime, UUID]:
    at, thing = decode_position(cursor, datetime, UUID)
    return at, thing


@router.get("/restricted-cases")
async def list_restricted_cases(
    authorized: Annotated[Authorized, require("intake.restricted.list")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RestrictedView]:
    """The restricted cases of the caller's area that are not closed, oldest first: that they exist and who is in
    charge, so that none is without somebody; nothing of what they say."""
    after = None if cursor is None else _position(cursor)
    async with parts.database.read() as session:
        found = await list_restricted(session, authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, RestrictedView.of, lambda each: (each.registered_at, each.case_id))


async def _on_case(case_id: UUID, request: Command, parts: IntakeParts, step: Step) -> Response:
    """Load the case of the caller's area at the version named, take the step, answer with nothing of the case."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        case = await access.load_to_assign(CaseId(case_id), cases=parts.cases(unit), scope=request.scope)
        check_version(expected, case.version)
        return await step(case, unit)

    return await request.run(work)


@router.post("/cases/{case_id}/assign", response_model=OfficersView)
async def assign_officer(case_id: UUID, body: OfficerBody, request: MayAssign, parts: Parts) -> Response:
    """Put an officer in charge; only those see a restricted case."""

    async def step(case: Case, unit: UnitOfWork) -> Answer:
        in_charge = await access.assign(
            case,
            body.officer,
            cases=parts.cases(unit),
            officers=parts.officers(unit),
            by=request.principal.subject,
            at=unit.clock.now(),
        )
        return Answer(OfficersView(case_id=case.case_id, officers=in_charge), version=case.version)

    return await _on_case(case_id, request, parts, step)


@router.post("/cases/{case_id}/unassign", response_model=OfficersView)
async def unassign_officer(case_id: UUID, body: OfficerBody, request: MayAssign, parts: Parts) -> Response:
    """End an officer's charge, at once."""

    async def step(case: Case, unit: UnitOfWork) -> Answer:
        in_charge = await access.unassign(
            case, body.officer, cases=parts.cases(unit), officers=parts.officers(unit), at=unit.clock.now()
        )
        return Answer(OfficersView(case_id=case.case_id, officers=in_charge), version=case.version)

    return await _on_case(case_id, request, parts, step)


@router.post("/cases/{case_id}/transfer", response_model=TransferView)
async def transfer_case(
    case_id: UUID, body: TransferBody, request: Annotated[Command, command("intake.case.transfer")], parts: Parts
) -> Response:
    """Give the case to another region: from now on it is seen there and no longer here."""

    async def step(case: Case, unit: UnitOfWork) -> Answer:
        await access.transfer(
            case,
            body.village_code,
            cases=parts.cases(unit),
            officers=parts.officers(unit),
            regions=parts.regions,
            at=unit.clock.now(),
        )
        return Answer(TransferView(case_id=case.case_id, village_code=case.village_code), version=case.version)

    return await _on_case(case_id, request, parts, step)


@router.post("/cases/{case_id}/seal", response_model=SealView)
async def seal_case(case_id: UUID, body: SealBody, request: MaySeal, parts: Parts) -> Response:
    """Close the case to everybody."""

    async def step(case: Case, unit: UnitOfWork) -> Answer:
        by, at = request.principal.subject, unit.clock.now()
        await access.seal(case, body.reason, cases=parts.cases(unit), by=by, at=at)
        return Answer(SealView(case_id=case.case_id, sealed=True), version=case.version)

    return await _on_case(case_id, request, parts, step)


@router.post("/cases/{case_id}/unseal", response_model=SealView)
async def unseal_case(case_id: UUID, request: MaySeal, parts: Parts) -> Response:
    """Lift the seal."""

    async def step(case: Case, unit: UnitOfWork) -> Answer:
        await access.unseal(case, cases=parts.cases(unit), at=unit.clock.now())
        return Answer(SealView(case_id=case.case_id, sealed=False), version=case.version)

    return await _on_case(case_id, request, parts, step)


@router.post("/emergency-accesses", status_code=201, response_model=EmergencyReceipt)
async def open_in_emergency(
    body: EmergencyBody, request: Annotated[Command, command("intake.emergency.open")], parts: Parts
) -> Response:
    """Open a case of the caller's area that is kept from the caller, to read, for three hours.

    The supervisor is told at once, and somebody else must review it.
    """

    async def work(unit: UnitOfWork) -> Answer:
        opened = await access.open_in_emergency(
            None if body.case_id is None else CaseId(body.case_id),
            body.ticket_number,
            reason=body.reason,
            cases=parts.cases(unit),
            emergencies=parts.emergencies(unit),
            scope=request.scope,
            by=request.principal.subject,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )
        receipt = EmergencyReceipt(access_id=opened.access_id, case_id=opened.case_id, ends_at=opened.ends_at)
        return Answer(receipt, status=201, version=opened.version)

    return await request.run(work)


@router.get("/emergency-accesses")
async def list_emergencies(
    authorized: Annotated[Authorized, require("intake.emergency.review")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EmergencyView]:
    """The emergency accesses of the caller's area that wait for their review, oldest first."""
    after = None if cursor is None else _position(cursor)
    async with parts.database.read() as session:
        found = await to_review(session, parts.vault, authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, EmergencyView.of, lambda each: (each.opened_at, each.access_id))


@router.post("/emergency-accesses/{access_id}/review", response_model=ReviewView)
async def review_emergency(
    access_id: UUID,
    body: ReviewBody,
    request: Annotated[Command, command("intake.emergency.review")],
    parts: Parts,
) -> Response:
    """Say whether an emergency access was justified; never one's own."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        emergencies = parts.emergencies(unit)
        found = await access.load_emergency(AccessId(access_id), emergencies=emergencies, scope=request.scope)
        check_version(expected, found.version)
        await access.review(
            found,
            justified=body.justified,
            emergencies=emergencies,
            by=request.principal.subject,
            at=unit.clock.now(),
        )
        return Answer(ReviewView(access_id=found.access_id, justified=body.justified), version=found.version)

    return await request.run(work)
