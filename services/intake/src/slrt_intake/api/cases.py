"""Cases at the desk: register, read, screen, recommend, decide."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.codes import DecidedByLevel
from slrt_contracts.types import CaseId
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.registration_schemas import RegisterCaseBody
from slrt_intake.api.schemas import (
    CaseReceipt,
    CaseView,
    DecideBody,
    NeedCodeView,
    RecommendBody,
    ScreenBody,
    TimelineView,
    need_catalogue,
)
from slrt_intake.domain.case import Case
from slrt_intake.domain.problems import AnswersError
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.store import cases as case_store
from slrt_intake.store.new_cases import NewCase
from slrt_intake.store.sealed import slip_code
from slrt_intake.store.timeline import timeline
from slrt_intake.usecases import cases
from slrt_intake.usecases.answers import refusal
from slrt_intake.usecases.cases import RegisterCase
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag, response
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.outbox import identify, types_of

router = APIRouter(tags=["cases"])

Step = Callable[[Case, UnitOfWork], Awaitable[None]]


@router.get("/need-codes")
async def list_need_codes(_: Annotated[Authorized, require("intake.case.read")]) -> list[NeedCodeView]:
    """The catalogue of needs."""
    return need_catalogue()


@router.post("/cases", status_code=201, response_model=CaseReceipt)
async def register_case(
    body: RegisterCaseBody, request: Annotated[Command, command("intake.case.register")], parts: Parts
) -> Response:
    """Register a contact. 201 means that it is durable. Doubtful numbers are warnings, never a refusal."""

    stated = body.command(parts.database.new_id)
    warnings = cases.number_warnings(stated, regions=parts.regions)
    case = cases.new_case(
        stated,
        regions=parts.regions,
        scope=request.scope,
        by=request.principal.subject,
        at=parts.database.clock.now(),
        new_id=parts.database.new_id,
    )
    refused = refusal(stated.needs, parts.forms.at(case.village_code, case.registered_at).forms)
    if refused is not None:
        return await request.run(_refused(refused))
    events = identify(case.raised, parts.database.new_id)
    answered = request.answered(registered(case, stated, warnings, parts), types_of(events))
    new = NewCase(case, stated.persons, stated.contact, events, answered, request.actor)
    if await parts.registrations.add(new):
        return response(answered)

    # The key was used before, or the ticket number is somebody else's.
    async def work(unit: UnitOfWork) -> Answer:
        drawn_anew = await cases.register_case(
            stated,
            cases=parts.cases(unit),
            regions=parts.regions,
            scope=request.scope,
            by=request.principal.subject,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )
        return registered(drawn_anew, stated, warnings, parts)

    return await request.run(work)


def _refused(problem: AnswersError) -> Callable[[UnitOfWork], Awaitable[Answer]]:
    """Refuse, unless the key was answered before: a form that has changed since takes no ticket back."""

    async def work(_: UnitOfWork) -> Answer:
        raise problem

    return work


def registered(case: Case, stated: RegisterCase, warnings: list[str], parts: IntakeParts) -> Answer:
    """The answer to a registration; of a case without a phone with the code for its slip."""
    code = None if stated.contact.phone else slip_code(parts.vault, case.ticket_number)
    return Answer(
        CaseReceipt.of(case, warnings, slip_code=code),
        status=201,
        version=1,
        headers={"Location": f"/intake/v1/cases/{case.case_id}"},
    )


@router.get("/cases")
async def list_cases(
    authorized: Annotated[Authorized, require("intake.case.read")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: CaseStatus | None = None,
) -> Page[CaseReceipt]:
    """The cases of the caller's area, newest first."""
    after = None
    if cursor is not None:
        at, case_id = decode_position(cursor, datetime, UUID)
        after = (at, case_id)
    async with parts.database.read() as session:
        found = await case_store.list_cases(session, authorized.scope, status=status, after=after, limit=limit + 1)
    return page_of(found, limit, CaseReceipt.of, lambda each: (each.registered_at, each.case_id))


@router.get("/cases/{case_id}")
async def get_case(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.case.read")],
    parts: Parts,
    response: Response,
) -> CaseView:
    """A case with its whole timeline across the services. The ETag is the version that a command must name."""
    async with parts.database.unit_of_work() as work:
        case = await cases.look_at_case(CaseId(case_id), cases=parts.cases(work), scope=authorized.scope)
        entries = await timeline(work.connection, case.case_id)
        look = Look("read", "case", case.case_id, ("needs", "timeline"))
        record_looks(work, parts.outbox.service, actor_of(request, authorized.principal), [look])
        await work.commit()
    response.headers["ETag"] = etag(case.version)
    return CaseView(**CaseReceipt.of(case).model_dump(), timeline=[TimelineView.of(entry) for entry in entries])


async def _on_case(case_id: UUID, request: Command, parts: IntakeParts, step: Step) -> Response:
    """Load the case inside the caller's scope and version, take the step, answer with the receipt."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        case = await cases.load_case(CaseId(case_id), cases=parts.cases(unit), scope=request.scope)
        check_version(expected, case.version)
        await step(case, unit)
        return Answer(CaseReceipt.of(case), version=case.version)

    return await request.run(work)


@router.post("/cases/{case_id}/screen", response_model=CaseReceipt)
async def screen_case(
    case_id: UUID, body: ScreenBody, request: Annotated[Command, command("intake.case.screen")], parts: Parts
) -> Response:
    """Front office: record the registry check."""

    async def step(case: Case, unit: UnitOfWork) -> None:
        await cases.screen_case(
            case, registry_status=body.registry_status, cases=parts.cases(unit), at=unit.clock.now()
        )

    return await _on_case(case_id, request, parts, step)


@router.post("/cases/{case_id}/recommend", response_model=CaseReceipt)
async def recommend(
    case_id: UUID, body: RecommendBody, request: Annotated[Command, command("intake.case.recommend")], parts: Parts
) -> Response:
    """Back office: propose what to do with each need."""

    async def step(case: Case, unit: UnitOfWork) -> None:
        await cases.recommend(
            case,
            body.by_need(),
            cases=parts.cases(unit),
            by=request.principal.subject,
            at=unit.clock.now(),
        )

    return await _on_case(case_id, request, parts, step)


@router.post("/cases/{case_id}/decide", response_model=CaseReceipt)
async def decide(
    case_id: UUID, body: DecideBody, request: Annotated[Command, command("intake.case.decide")], parts: Parts
) -> Response:
    """Coordinator (village) or manager (regency): decide what happens with each need."""
    level = DecidedByLevel.REGENCY if "manager" in request.principal.roles else DecidedByLevel.VILLAGE

    async def step(case: Case, unit: UnitOfWork) -> None:
        await cases.decide(
            case,
            body.by_need(),
            cases=parts.cases(unit),
            by=request.principal.subject,
            level=level,
            at=unit.clock.now(),
        )

    return await _on_case(case_id, request, parts, step)
