"""The resident's side beyond status: a one-time code opens a session, which shows the case and who looked at it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from slrt_contracts.types import CaseId
from slrt_intake.api.looks import LookView, page_of_looks
from slrt_intake.api.own_case import own_case_view
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.resident_schemas import CodeReceipt, OwnCaseView, SessionBody, SessionView
from slrt_intake.api.schemas import TicketBody
from slrt_intake.api.tracking import opened_again, resident_actor, resident_command
from slrt_intake.domain.problems import CodeNotAcceptedError, SessionEndedError, TooManyCodesError
from slrt_intake.domain.ticket import normalise_ticket
from slrt_intake.store.residents import case_of_session, end_session
from slrt_intake.usecases import residents
from slrt_kit import metrics
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_access, record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.commands import Answer
from slrt_kit.http.pages import Cursor, Limit, Page
from slrt_kit.http.problems import language_of

router = APIRouter(prefix="/tracking", tags=["tracking"])

ResidentSession = Annotated[
    str | None,
    Header(max_length=100, description="the token of `POST /tracking/sessions`; never in Authorization"),
]


@router.post("/codes", response_model=CodeReceipt, status_code=202)
async def request_code(  # lint-skip: public — ticket and digits
    body: TicketBody,
    request: Request,
    parts: Parts,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Send a one-time code to the phone whose last four digits are given.

    Only the newest code of a ticket is good; see Retry-After where one is asked for too soon.
    """
    command = await resident_command(body, request, parts, idempotency_key)

    async def work_once(unit: UnitOfWork) -> Answer:
        unit.actor = resident_actor(request)
        case = await opened_again(body, unit, parts)
        challenge = await residents.request_code(
            case.case_id,
            challenges=parts.residents(unit),
            limits=parts.code_limits,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )
        receipt = CodeReceipt(
            challenge_id=challenge.challenge_id, expires_at=challenge.expires_at, channels=list(challenge.channels)
        )
        return Answer(receipt, status=202)

    try:
        answer = await command.run(work_once)
    except TooManyCodesError:
        metrics.RESIDENT_CODES.labels("refused").inc()
        raise
    if "Idempotency-Replayed" not in answer.headers:
        metrics.RESIDENT_CODES.labels("requested").inc()
    return answer


@router.post("/sessions", status_code=201)
async def open_session(  # lint-skip: public — ticket and one-time code
    body: SessionBody, request: Request, parts: Parts
) -> SessionView:
    """Open a session with the code that came. It shows one case, for half an hour; an earlier one of the case ends.

    It takes no Idempotency-Key: an answer that is kept to be repeated would keep the token. Who loses the answer asks
    for another code.
    """
    request.state.asked_for = "ticket", normalise_ticket(body.ticket_number) or "(no ticket number)"
    async with parts.database.unit_of_work() as work:
        work.actor = resident_actor(request)
        now = work.clock.now()
        try:
            token, case_id = await residents.open_session(
                body.ticket_number,
                body.challenge_id,
                body.code,
                challenges=parts.residents(work),
                limits=parts.code_limits,
                lives=parts.session_lives,
                at=now,
            )
        except CodeNotAcceptedError:
            # A wrong guess is counted, or there would be no end of them.
            await work.commit()
            metrics.RESIDENT_CODES.labels("wrong").inc()
            raise
        look = Look("session", "case", case_id, ("case", "looks"))
        record_looks(work, parts.outbox.service, work.actor, [look])
        await work.commit()
    metrics.RESIDENT_CODES.labels("accepted").inc()
    return SessionView(token=token, expires_at=now + parts.session_lives)


@router.delete("/sessions", status_code=204)
async def close_session(  # lint-skip: public — the session itself
    parts: Parts, resident_session: ResidentSession = None
) -> None:
    """End the session; also where it had ended already."""
    if resident_session is not None:
        async with parts.database.statement() as connection:
            await end_session(connection, resident_session)


async def _own_case(parts: Parts, resident_session: ResidentSession = None) -> CaseId:
    """The case of the caller's session.

    Raises:
        SessionEndedError: 401.
    """
    if resident_session is None:
        raise SessionEndedError
    async with parts.database.read() as session:
        case_id = await case_of_session(session, resident_session, at=parts.database.clock.now())
    if case_id is None:
        raise SessionEndedError
    return case_id


OwnCase = Annotated[CaseId, Depends(_own_case)]


@router.get("/case")
async def get_own_case(  # lint-skip: public — a session
    case_id: OwnCase, request: Request, response: Response, parts: Parts
) -> OwnCaseView:
    """The case with what happened to it; names and numbers in part, for a phone may be shared."""
    view = await own_case_view(case_id, parts, language=language_of(request))
    await note(request, parts, Look("see", "case", case_id, ("needs", "steps", "masked")))
    response.headers["Cache-Control"] = "no-store"
    return view


@router.get("/looks")
async def list_own_looks(  # lint-skip: public — a session
    case_id: OwnCase, request: Request, response: Response, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> Page[LookView]:
    """Who looked at the data of the case and its people, newest first; a look is here some seconds after it was."""
    page = await page_of_looks(case_id, parts, limit=limit, cursor=cursor, language=language_of(request))
    await note(request, parts, Look("see", "case", case_id, ("looks",)))
    response.headers["Cache-Control"] = "no-store"
    return page


async def note(request: Request, parts: IntakeParts, look: Look) -> None:
    """Put on record what the session was shown, before it is."""
    await record_access(parts.database, parts.outbox.service, resident_actor(request), [look])
