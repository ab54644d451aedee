"""Visits to households for those who are online, and the checklists that are filled in there."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from slrt_intake.api.forms import NOT_MODIFIED, Region
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.visit_schemas import (
    AssignBody,
    ChecklistsView,
    ChecklistView,
    PlanBody,
    QuestionView,
    ResultBody,
    VisitView,
)
from slrt_intake.domain.problems import UnknownRegionError
from slrt_intake.domain.visit import Visit
from slrt_intake.store import visits as store
from slrt_intake.usecases import visits
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import NotFoundError
from slrt_kit.regions import NATION

router = APIRouter(tags=["visits"])

MayRead = Annotated[Authorized, require("intake.visit.read")]
MayPlan = Annotated[Command, command("intake.visit.plan")]
MayRecord = Annotated[Command, command("intake.visit.record")]


@router.get("/checklists", response_model=ChecklistsView)
async def list_checklists(
    _: MayRead,
    parts: Parts,
    region: Region = NATION,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match", max_length=2000)] = None,
) -> Response:
    """The checklists of a region, for a device that goes offline. Ask again with ``If-None-Match``."""
    if region != NATION and parts.regions.get(region) is None:
        raise UnknownRegionError
    known = parts.checklists.at(region, parts.database.clock.now())
    view = ChecklistsView(
        region=region,
        policy_version=known.version,
        checklists=[
            ChecklistView(checklist=name, questions=[QuestionView.of(each) for each in questions])
            for name, questions in known.questions.items()
        ],
    )
    body = view.model_dump_json().encode()
    mark = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": mark, "Cache-Control": "private, no-cache"}
    if mark in {each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")}:
        return Response(status_code=NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@router.post("/visits", status_code=201, response_model=VisitView)
async def plan_visit(body: PlanBody, request: MayPlan, parts: Parts) -> Response:
    """Plan a visit for a case, and give it to an officer where one is named."""

    async def work(unit: UnitOfWork) -> Answer:
        now = unit.clock.now()
        case = await store.case_to_visit(unit.connection, body.case_id, request.scope)
        if case is None:
            raise NotFoundError
        visit = visits.plan(
            case,
            visit_id=unit.new_id(),
            checklists=body.checklists,
            known=parts.checklists.at(case.village_code, now),
            due_on=body.due_on,
            by=request.principal.subject,
            at=now,
        )
        if body.officer is not None:
            held = await store.held_by(unit.connection, body.officer, now=now)
            visits.assign(visit, case, body.officer, held=held, lease=timedelta(days=body.lease_days), at=now)
        await store.add_visit(unit.connection, visit)
        _note(unit, parts, request, "plan", visit)
        return Answer(VisitView.of(visit, now=now), status=201, version=visit.version)

    return await request.run(work)


@router.post("/visits/{visit_id}/assign", response_model=VisitView)
async def assign_visit(visit_id: UUID, body: AssignBody, request: MayPlan, parts: Parts) -> Response:
    """Give a visit to an officer, or to another one. What the one before saw is kept."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        now = unit.clock.now()
        visit = await store.get_visit(unit.connection, visit_id, request.scope)
        if visit is None:
            raise NotFoundError
        check_version(expected, visit.version)
        case = await store.case_to_visit(unit.connection, visit.case_id, request.scope)
        if case is None:
            raise NotFoundError
        held = await store.held_by(unit.connection, body.officer, now=now)
        visits.assign(visit, case, body.officer, held=held, lease=timedelta(days=body.lease_days), at=now)
        await store.save_visit(unit.connection, visit)
        _note(unit, parts, request, "assign", visit)
        return Answer(VisitView.of(visit, now=now), version=visit.version)

    return await request.run(work)


@router.post("/visits/{visit_id}/result", response_model=VisitView)
async def record_result(visit_id: UUID, body: ResultBody, request: MayRecord, parts: Parts) -> Response:
    """What came of a visit, by the officer who holds it; also after the lease, while nobody else has it."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        now = unit.clock.now()
        visit = await store.get_visit(unit.connection, visit_id, request.scope)
        if visit is None:
            raise NotFoundError
        check_version(expected, visit.version)
        visit.record(body.result, by=request.principal.subject, ended_at=now, at=now)
        await store.save_visit(unit.connection, visit)
        _note(unit, parts, request, "record", visit)
        return Answer(VisitView.of(visit, now=now), version=visit.version)

    return await request.run(work)


@router.get("/visits")
async def list_visits(
    authorized: MayRead,
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
    case_id: UUID | None = None,
    assigned_to: Annotated[str | None, Query(max_length=100)] = None,
    open: Annotated[bool | None, Query(description="without a result, or with one")] = None,  # noqa: A002
) -> Page[VisitView]:
    """The visits of cases that the caller may see, newest plan first."""
    after = None if cursor is None else decode_position(cursor, datetime, UUID)
    now = parts.database.clock.now()
    async with parts.database.read() as session:
        found = await store.list_visits(
            session,
            authorized.scope,
            case_id=case_id,
            assigned_to=assigned_to,
            is_open=open,
            after=after,
            limit=limit + 1,
        )
    return page_of(
        found, limit, lambda each: VisitView.of(each, now=now), lambda each: (each.planned_at, each.visit_id)
    )


@router.get("/visits/{visit_id}")
async def get_visit(visit_id: UUID, authorized: MayRead, parts: Parts, response: Response) -> VisitView:
    """A visit. The ETag is the version that a command must name."""
    async with parts.database.read() as session:
        visit = await store.get_visit(session, visit_id, authorized.scope)
    if visit is None:
        raise NotFoundError
    response.headers["ETag"] = etag(visit.version)
    return VisitView.of(visit, now=parts.database.clock.now())


def _note(unit: UnitOfWork, parts: IntakeParts, request: Command, action: str, visit: Visit) -> None:
    look = Look(action, "visit", visit.visit_id, (), case_id=visit.case_id)
    record_looks(unit, parts.outbox.service, request.actor, [look])
