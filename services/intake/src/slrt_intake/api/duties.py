"""The duty roster: who has which role where, from day to day, and to whom something goes up."""

from datetime import date, datetime, time
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from slrt_contracts.codes import DutyRole
from slrt_contracts.types import OFFICE_PATTERN, DutyId
from slrt_intake.api.access_schemas import Officer
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.duty import DutyTerms, RosterDuty
from slrt_intake.domain.problems import DutyRowsError, DutyTermsError, OutsideYourAreaError
from slrt_intake.store.duties import list_duties
from slrt_intake.usecases import duties
from slrt_intake.usecases.duties import HasRole, RowReport
from slrt_kit.clock import WIB, day_of
from slrt_kit.clocks.reporting import RegionRoles
from slrt_kit.db import UnitOfWork
from slrt_kit.duty import Step, chain, duties_around
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.bodies import Body, Day, Flag
from slrt_kit.http.commands import Answer, Command, check_version, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import NotFoundError

router = APIRouter(prefix="/duties", tags=["duties"])

MOST_ROWS = 200
AREA_PATTERN = r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$"
AreaCode = Annotated[str, Field(pattern=AREA_PATTERN, examples=["12.74.03"])]
OfficeCode = Annotated[str, Field(pattern=OFFICE_PATTERN, max_length=29, examples=["12.74.DUKCAPIL"])]
MayRead = Annotated[Authorized, require("intake.duty.read")]
MayWrite = Annotated[Command, command("intake.duty.write")]


class DutyBody(Body):
    """Who has which role where. Of ``area_code`` and ``office_code`` exactly one; both days count."""

    officer: Officer = Field(description="the subject of the officer's tokens")
    role: DutyRole
    area_code: AreaCode | None = None
    office_code: OfficeCode | None = None
    first_day: Day
    last_day: Day | None = None

    def terms(self) -> DutyTerms:
        """Raises DutyTermsError."""
        return DutyTerms.at(**self.model_dump())


class DutyListBody(Body):
    """Many duties at once. ``dry_run`` says what would become of each row, and stores nothing."""

    dry_run: Flag
    duties: list[DutyBody] = Field(min_length=1, max_length=MOST_ROWS)


class DutyView(BaseModel):
    """A duty of the roster."""

    duty_id: UUID
    version: int = Field(description="for If-Match")
    officer: str
    role: DutyRole
    area_code: str
    office_code: str | None
    first_day: date
    last_day: date | None

    @classmethod
    def of(cls, duty: RosterDuty) -> Self:
        terms = duty.terms
        return cls(
            duty_id=duty.duty_id,
            version=duty.version,
            officer=terms.officer,
            role=terms.role,
            area_code=terms.area_code,
            office_code=terms.office_code,
            first_day=terms.first_day,
            last_day=terms.last_day,
        )


class DutyReceipt(BaseModel):
    """The roster has it, or has it no more."""

    duty_id: UUID
    ended: bool = False


class RowView(BaseModel):
    """What became, or would become, of a row: ``new``, ``present``, or ``refused`` and why."""

    row: int = Field(description="from 0")
    result: str
    reason: str | None
    says: dict[str, str] | None
    duty_id: UUID | None


class DutyListView(BaseModel):
    """What became of each row."""

    stored: bool
    rows: list[RowView]

    @classmethod
    def of(cls, reports: list[RowReport], *, stored: bool) -> Self:
        return cls(
            stored=stored,
            rows=[
                RowView(
                    row=place,
                    result=each.result,
                    reason=each.reason,
                    says=None if each.says is None else each.says._asdict(),
                    duty_id=each.duty_id,
                )
                for place, each in enumerate(reports)
            ],
        )


class StepView(BaseModel):
    """A step of a reporting line."""

    role: DutyRole
    label: dict[str, str] = Field(description="what the role is called in the region, `id` and `en`")
    missing: bool = Field(description="nobody is on duty: the next step answers")
    duty_ids: list[UUID]
    officer_ids: list[UUID]

    @classmethod
    def of(cls, step: Step, roles: RegionRoles) -> Self:
        return cls(
            role=step.role,
            label=roles.label(step.role)._asdict(),
            missing=step.is_missing,
            duty_ids=[duty.duty_id for duty in step.duties],
            officer_ids=[duty.officer_id for duty in step.duties],
        )


class LineView(BaseModel):
    """The reporting line from an owner up to the centre, on a day."""

    on: date
    steps: list[StepView]


@router.get("")
async def get_duties(
    authorized: MayRead, parts: Parts, limit: Limit = 50, cursor: Cursor = None, role: DutyRole | None = None
) -> Page[DutyView]:
    """The duties of the caller's area that were not ended, by area."""
    after = None if cursor is None else decode_position(cursor, str, UUID)
    async with parts.database.read() as session:
        found = await list_duties(session, authorized.scope, role=role, after=after, limit=limit + 1)
    return page_of(found, limit, DutyView.of, lambda each: (each.terms.area_code, each.duty_id))


@router.get("/line")
async def get_line(
    authorized: MayRead,
    parts: Parts,
    role: DutyRole,
    area_code: Annotated[str, Query(pattern=AREA_PATTERN)],
    office_code: Annotated[str | None, Query(pattern=OFFICE_PATTERN, max_length=29)] = None,
    on: date | None = None,
) -> LineView:
    """Who answers for something in an area of the caller's, and who is asked next, up to the centre.

    A step without anybody says so; the next one answers for it.
    """
    if not authorized.scope.covers(region=area_code):
        raise OutsideYourAreaError
    now = parts.database.clock.now()
    day = on or day_of(now)
    # What is planned for a later day holds there already, and what held on an earlier one still does.
    at = now if day == day_of(now) else datetime.combine(day, time.min, WIB)
    roles = parts.deadlines.roles(area_code, at)
    async with parts.database.read() as session:
        known = await duties_around(session, area_code, on=day, office=office_code)
    return LineView(
        on=day,
        steps=[
            StepView.of(step, roles) for step in chain(known, roles.line(role), area_code, on=day, office=office_code)
        ],
    )


@router.post("/lists", response_model=DutyListView)
async def assign_list(body: DutyListBody, request: MayWrite, parts: Parts) -> Response:
    """Put many on duty: all of them, or nobody while a row is refused. What is there already stays as it is."""

    async def work(unit: UnitOfWork) -> Answer:
        reports = await duties.assign_all(
            [_terms(row) for row in body.duties],
            duties=parts.duties(unit),
            regions=parts.regions,
            scope=request.scope,
            has_role=_has_role(parts),
            by=request.principal.subject,
            at=unit.clock.now(),
            new_id=unit.new_id,
            dry_run=body.dry_run,
        )
        if not body.dry_run and any(report.result == "refused" for report in reports):
            raise DutyRowsError(rows=[row.model_dump() for row in DutyListView.of(reports, stored=False).rows])
        return Answer(DutyListView.of(reports, stored=not body.dry_run))

    return await request.run(work)


def _has_role(parts: IntakeParts) -> HasRole:
    now = parts.database.clock.now()
    return lambda area, role: role in parts.deadlines.roles(area, now)


def _terms(row: DutyBody) -> DutyTerms | DutyTermsError:
    try:
        return row.terms()
    except DutyTermsError as refused:
        return refused


@router.put("/{duty_id}", response_model=DutyReceipt)
async def put_duty(duty_id: UUID, body: DutyBody, request: MayWrite, parts: Parts) -> Response:
    """Put somebody on duty under an id that the caller makes (201), or change a duty that is there (If-Match)."""
    terms = body.terms()

    async def work(unit: UnitOfWork) -> Answer:
        store, at = parts.duties(unit), unit.clock.now()
        try:
            duty = await duties.load(DutyId(duty_id), duties=store, scope=request.scope)
        except NotFoundError:
            # Somebody else's area: the id is taken, and whoever asks learns no more than that.
            if request.if_match is not None or await store.get(DutyId(duty_id)) is not None:
                raise
            duties.check_place(terms, regions=parts.regions, scope=request.scope, has_role=_has_role(parts))
            made = RosterDuty.assign(DutyId(duty_id), terms, by=request.principal.subject, at=at)
            await store.add(made)
            return Answer(DutyReceipt(duty_id=duty_id), status=201, version=made.version)
        check_version(request.expected_version, duty.version)
        duties.check_place(terms, regions=parts.regions, scope=request.scope, has_role=_has_role(parts))
        duty.change(terms, at=at)
        await store.save(duty)
        return Answer(DutyReceipt(duty_id=duty_id), version=duty.version)

    return await request.run(work)


@router.delete("/{duty_id}", response_model=DutyReceipt)
async def end_duty(duty_id: UUID, request: MayWrite, parts: Parts) -> Response:
    """End a duty now. It stays on record."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        store = parts.duties(unit)
        duty = await duties.load(DutyId(duty_id), duties=store, scope=request.scope)
        check_version(expected, duty.version)
        duty.end(at=unit.clock.now())
        await store.save(duty)
        return Answer(DutyReceipt(duty_id=duty_id, ended=True), version=duty.version)

    return await request.run(work)
