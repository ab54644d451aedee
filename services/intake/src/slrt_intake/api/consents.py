"""Consent of the people of a case: record, read and withdraw it; what was shared, and that it was erased."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.types import CaseId, ConsentId
from slrt_intake.api.consent_schemas import (
    Basis,
    ConsentBody,
    ConsentReceipt,
    ConsentRecord,
    ConsentsView,
    ErasureView,
    SharingView,
    WithdrawalBody,
    WithdrawalReceipt,
)
from slrt_intake.api.parts import Parts
from slrt_intake.domain.consent import ERASE_WITHIN
from slrt_intake.domain.problems import TransitionRefusedError
from slrt_intake.store.sharings import note_erased, office_of, sharings_of
from slrt_intake.store.visibility import may_look
from slrt_intake.usecases import cases, consents
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import NotFoundError
from slrt_kit.purposes import purpose_table
from slrt_kit.regions import regency_of

router = APIRouter(tags=["consent"])

MayWrite = Annotated[Command, command("intake.consent.write")]


@router.post("/cases/{case_id}/consents", status_code=201, response_model=ConsentReceipt)
async def record_consent(case_id: UUID, body: ConsentBody, request: MayWrite, parts: Parts) -> Response:
    """Record what a person of the case has agreed to. It cannot be changed, only withdrawn."""

    async def work(unit: UnitOfWork) -> Answer:
        case = await cases.load_case(CaseId(case_id), cases=parts.cases(unit), scope=request.scope)
        at = unit.clock.now()
        consent = await consents.record_consent(
            case.case_id,
            body.said() | {"consent_id": ConsentId(unit.new_id()), "recorded_by": request.principal.subject},
            consents=parts.consents(unit),
            table=purpose_table(),
            person_id=body.person_id,
            at=at,
        )
        # It raises no event: nobody outside is to know what somebody has agreed to.
        given = Look("give", "consent", consent.consent_id, consent.purposes, case_id=case.case_id)
        record_looks(unit, parts.outbox.service, request.actor, [given])
        body_ = ConsentReceipt(consent_id=consent.consent_id, state=consent.state(at), expires_at=consent.expires_at)
        location = f"/intake/v1/cases/{case_id}/consents"
        return Answer(body_, status=201, headers={"Location": location})

    return await request.run(work)


@router.get("/cases/{case_id}/consents")
async def list_consents(
    case_id: UUID, request: Request, authorized: Annotated[Authorized, require("intake.consent.read")], parts: Parts
) -> ConsentsView:
    """What the people of a case have agreed to, each as a record of ISO/IEC TS 27560 to print and to take home; and
    what the case is handled for without anybody's consent, on which basis."""
    table = purpose_table()
    async with parts.database.unit_of_work() as unit:
        case = await cases.look_at_case(CaseId(case_id), cases=parts.cases(unit), scope=authorized.scope)
        consents = await parts.consents(unit).of_case(case.case_id)
        at, controller = unit.clock.now(), regency_of(case.village_code)
    looks = [Look("read", "consent", each.consent_id, ("record",), case_id=case.case_id) for each in consents]
    await put_on_record(request, authorized.principal, looks)
    return ConsentsView(
        consents=[ConsentRecord.of(each, controller=controller, table=table, at=at) for each in consents],
        without_consent=[Basis.of(each) for each in table.purposes.values() if not each.needs_consent],
    )


@router.post("/cases/{case_id}/consents/{consent_id}/withdrawal", response_model=WithdrawalReceipt)
async def withdraw_consent(
    case_id: UUID, consent_id: UUID, body: WithdrawalBody, request: MayWrite, parts: Parts
) -> Response:
    """Withdraw a consent: nothing is shared by it from the answer on, and who holds something is told to erase it.

    The answer says what goes on all the same, and why.
    """

    async def work(unit: UnitOfWork) -> Answer:
        case = await cases.load_case(CaseId(case_id), cases=parts.cases(unit), scope=request.scope)
        at = unit.clock.now()
        consent, held = await consents.withdraw_consent(
            case.case_id,
            ConsentId(consent_id),
            speaker=body.speaker,
            reason=body.reason,
            note=body.note,
            consents=parts.consents(unit),
            by=request.principal.subject,
            at=at,
        )
        ended = Look("withdraw", "consent", consent.consent_id, consent.purposes, case_id=case.case_id)
        record_looks(unit, parts.outbox.service, request.actor, [ended])
        return Answer(WithdrawalReceipt.of(consent, held, at + ERASE_WITHIN, purpose_table()))

    return await request.run(work)


@router.get("/cases/{case_id}/sharings")
async def list_sharings(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.sharing.read")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SharingView]:
    """Which office got what of a case, when, for what and on which basis; oldest first. Values are kept by nobody."""
    after = place_of_receipt(cursor)
    async with parts.database.read() as session:
        if not await may_look(session, CaseId(case_id), authorized.scope, at=parts.database.clock.now()):
            raise NotFoundError
        found = await sharings_of(session, CaseId(case_id), after=after, limit=limit + 1)
    await put_on_record(request, authorized.principal, [Look("read", "case-sharings", case_id, ("receipts",))])
    return page_of(found, limit, SharingView.of, lambda each: each.place)


def place_of_receipt(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Where the page before ended.

    Raises:
        BadCursorError: 400.
    """
    if cursor is None:
        return None
    at, receipt = decode_position(cursor, datetime, UUID)
    return at, receipt


@router.post("/sharings/{receipt_id}/erasure", response_model=ErasureView)
async def confirm_erasure(
    receipt_id: UUID, request: Annotated[Command, command("intake.sharing.confirm")], parts: Parts
) -> Response:
    """An office says that it has erased what it got under this receipt, because it had to or of its own accord."""

    async def work(unit: UnitOfWork) -> Answer:
        office, at = await office_of(unit.connection, receipt_id), unit.clock.now()
        if office is None or not request.scope.covers(office=office):
            raise NotFoundError
        if not await note_erased(unit.connection, receipt_id, by=request.principal.subject, at=at):
            raise TransitionRefusedError
        erased = Look("erase", "sharing", receipt_id, ("case-parties",))
        record_looks(unit, parts.outbox.service, request.actor, [erased])
        return Answer(ErasureView(receipt_id=receipt_id, erased_at=at))

    return await request.run(work)
