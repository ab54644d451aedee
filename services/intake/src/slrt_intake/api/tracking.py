"""The resident's side: ticket number and the last four digits of the phone, no login."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from slrt_contracts.catalogue import NEEDS
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.schemas import CaseReceipt, ConfirmBody, TicketBody, TrackedNeed, TrackingView
from slrt_intake.api.wording import NEED_STAGES, next_step, stage
from slrt_intake.domain.case import Case
from slrt_intake.domain.problems import TicketNotFoundError
from slrt_intake.domain.ticket import normalise_ticket
from slrt_intake.domain.transitions import CaseStatus
from slrt_intake.store.tickets import TicketFailures
from slrt_intake.usecases import cases
from slrt_kit.access import Principal, Scope
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.commands import Answer, Command, build_command
from slrt_kit.http.problems import language_of

router = APIRouter(prefix="/tracking", tags=["tracking"])

_NOWHERE = Scope()


@router.post("")
async def track(
    body: TicketBody, request: Request, parts: Parts
) -> TrackingView:  # lint-skip: public — ticket and digits
    """Where the case stands, in plain words. POST, so that nothing of it stands in an address."""
    async with parts.database.unit_of_work() as work:
        case = await open_counted(body, work, parts, request)
        record_looks(
            work, parts.outbox.service, resident_actor(request), [Look("track", "case", case.case_id, ("stage",))]
        )
        await work.commit()
    return tracking_view(case, language_of(request))


@router.post("/confirmation", response_model=CaseReceipt)
async def confirm(  # lint-skip: public — ticket and digits
    body: ConfirmBody,
    request: Request,
    parts: Parts,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The resident says whether it helped; the case closes."""
    command = await resident_command(body, request, parts, idempotency_key)

    async def work_once(unit: UnitOfWork) -> Answer:
        unit.actor = resident_actor(request)
        case = await opened_again(body, unit, parts)
        await cases.confirm_by_resident(case, satisfied=body.satisfied, cases=parts.cases(unit), at=unit.clock.now())
        return Answer(CaseReceipt.of(case), version=case.version)

    return await command.run(work_once)


async def resident_command(body: TicketBody, request: Request, parts: IntakeParts, key: str | None) -> Command:
    """A command of whoever has the ticket: its key is that of the ticket and no other's."""
    # Opened first, in a transaction of its own: a wrong guess must be counted even though the command fails.
    async with parts.database.unit_of_work() as work:
        opened = await open_counted(body, work, parts, request)
    return await command_of(f"ticket:{opened.ticket_number}", request, parts, key)


async def command_of(subject: str, request: Request, parts: IntakeParts, key: str | None) -> Command:
    """A command of whoever was let in to one case, whom no token names; ``subject`` is whose the key is."""
    resident = Principal(
        subject=subject,
        roles=frozenset({"resident"}),
        region=None,
        office=None,
        expires_at=parts.database.clock.now() + timedelta(minutes=5),
    )
    return await build_command(request, resident, _NOWHERE, key, None)


async def opened_again(body: TicketBody, work: UnitOfWork, parts: IntakeParts) -> Case:
    """The case, under a lock of its ticket; a failure is the caller's to count (`open_counted`)."""
    return await cases.open_by_ticket(
        body.ticket_number,
        body.phone_last4,
        cases=parts.cases(work),
        guard=TicketFailures(work.connection),
        now=work.clock.now(),
    )


def resident_actor(request: Request) -> Actor:
    """Whoever has the ticket and the digits; who that is nobody asked."""
    return Actor(subject="resident", roles=("resident",), request_id=request.state.request_id)


async def open_counted(body: TicketBody, work: UnitOfWork, parts: IntakeParts, request: Request) -> Case:
    """The case; a failure is counted, and the unit of work committed for it."""
    # What somebody types may be anything; in the log stands a ticket number or nothing.
    request.state.asked_for = "ticket", normalise_ticket(body.ticket_number) or "(no ticket number)"
    try:
        return await opened_again(body, work, parts)
    except TicketNotFoundError:
        number = normalise_ticket(body.ticket_number)
        if number is not None:
            await TicketFailures(work.connection).note_failure(number, work.clock.now())
            await work.commit()
        raise


def tracking_view(case: Case, language: str) -> TrackingView:
    """Where the case stands, in ``id`` or ``en``."""
    return TrackingView(
        ticket_number=case.ticket_number,
        status=case.status,
        stage=getattr(stage(case), language),
        next_step=getattr(next_step(case), language),
        can_confirm=case.status is CaseStatus.DECIDED and case.resolved_at is not None,
        needs=[
            TrackedNeed(
                label=getattr(NEEDS[need.need_code].label, language),
                stage=getattr(NEED_STAGES[need.status], language),
                waits_for=[getattr(NEEDS[other.need_code].label, language) for other in case.waiting_for(need)],
            )
            for need in case.needs
        ],
    )
