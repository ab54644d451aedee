"""Letters about cases: drafted, initialled, signed with a number, handed over, revoked; every print is the same."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from slrt_contracts.types import CaseId, LetterId
from slrt_intake.adapters.letter_codes import LetterClaim
from slrt_intake.adapters.letter_pdf import LetterPaper, render
from slrt_intake.api.letter_schemas import (
    DraftedLetter,
    DraftLetterBody,
    LetterReceipt,
    LettersView,
    LetterTypeView,
    LetterView,
    ReturnLetterBody,
    RevokeLetterBody,
    SignLetterBody,
)
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.registration_schemas import VillageCode
from slrt_intake.domain.letter import UNSIGNED, Letter, LetterStatus
from slrt_intake.domain.letter_problems import LetterNotPrintedError
from slrt_intake.store.letters import document_of, letters_of, letters_waiting
from slrt_intake.store.visibility import may_look
from slrt_intake.usecases import letters
from slrt_intake.usecases.cases import load_case
from slrt_kit import metrics
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import ErasedError, NotFoundError

router = APIRouter(tags=["letters"])

MayRead = Annotated[Authorized, require("intake.letter.read")]
MayDraft = Annotated[Command, command("intake.letter.draft")]
Step = Callable[[Letter, UnitOfWork], Awaitable[None]]

PURPOSE = "letter"
"""What every look at a letter is for."""
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}
_GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@router.get("/letter-types")
async def list_letter_types(
    _: MayRead, parts: Parts, village_code: Annotated[VillageCode, Query()]
) -> list[LetterTypeView]:
    """Which letters there are in a village's region, what each asks for, and who takes part."""
    at = parts.database.clock.now()
    return [LetterTypeView.of(each) for each in parts.letter_book.at(village_code, at).values()]


@router.get("/letters")
async def list_waiting_letters(
    authorized: MayRead, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> Page[LetterReceipt]:
    """The letters of the caller's area that wait for initials or a signature of the caller's roles, oldest first."""
    after = None
    if cursor is not None:
        at, letter_id = decode_position(cursor, datetime, UUID)
        after = (at, letter_id)
    async with parts.database.read() as session:
        found = await letters_waiting(
            session, authorized.scope, sorted(authorized.principal.roles), after=after, limit=limit + 1
        )
    return page_of(found, limit, LetterReceipt.of, lambda each: (each.drafted_at, each.letter_id))


@router.post("/cases/{case_id}/letters", status_code=201, response_model=DraftedLetter)
async def draft_letter(case_id: UUID, body: DraftLetterBody, request: MayDraft, parts: Parts) -> Response:
    """Draft a letter of the words that the region's policy has for it. It has no number before it is signed."""

    async def work(unit: UnitOfWork) -> Answer:
        case = await load_case(CaseId(case_id), cases=parts.cases(unit), scope=request.scope)
        at = unit.clock.now()
        letter, doubts = await letters.draft(
            case.case_id,
            body.stated(parts.letter_book.find(body.letter_type, case.village_code, at)),
            letter_id=unit.new_id(),
            letters=parts.letters(unit),
            regions=parts.regions,
            scope=request.scope,
            by=request.principal.subject,
            roles=request.principal.roles,
            at=at,
        )
        _note(parts, unit, request, "draft", letter)
        where = f"/intake/v1/cases/{case_id}/letters/{letter.letter_id}"
        return Answer(
            DraftedLetter.with_doubts(letter, doubts),
            status=201,
            version=letter.version,
            headers={"Location": where},
        )

    return await request.run(work)


@router.get("/cases/{case_id}/letters")
async def list_letters(case_id: UUID, request: Request, authorized: MayRead, parts: Parts) -> LettersView:
    """The letters of a case, oldest first, without their words."""
    async with parts.database.read() as session:
        if not await may_look(session, CaseId(case_id), authorized.scope, at=parts.database.clock.now()):
            raise NotFoundError
        found = await letters_of(session, CaseId(case_id))
    look = Look("read", "case", case_id, ("letters",))
    await put_on_record(request, authorized.principal, [look], purpose=PURPOSE)
    return LettersView(letters=[LetterReceipt.of(each) for each in found])


@router.get("/cases/{case_id}/letters/{letter_id}")
async def get_letter(
    case_id: UUID, letter_id: UUID, request: Request, authorized: MayRead, parts: Parts, response: Response
) -> LetterView:
    """A letter with what it says. The ETag is the version that a command must name."""
    letter = await _opened(case_id, letter_id, authorized, parts)
    look = Look("read", "letter", letter.letter_id, ("content",), case_id=letter.case_id)
    await put_on_record(request, authorized.principal, [look], purpose=PURPOSE)
    response.headers["ETag"] = etag(letter.version)
    return LetterView.of(letter)


@router.get("/cases/{case_id}/letters/{letter_id}/content", response_class=Response, responses=_CONTENT)
async def get_letter_content(
    case_id: UUID, letter_id: UUID, request: Request, authorized: MayRead, parts: Parts
) -> Response:
    """The document: of a signed letter the same bytes each time, of a draft what would be signed, marked as a draft.

    410 once its subject is erased, 409 once it is revoked or discarded.
    """
    letter = await _opened(case_id, letter_id, authorized, parts)
    if letter.status in (LetterStatus.REVOKED, LetterStatus.DISCARDED):
        raise LetterNotPrintedError
    if letter.status in UNSIGNED:
        document = await _rendered(letter, parts)
    else:
        async with parts.database.read() as session:
            kept = await document_of(session, parts.vault, letter)
        if kept is None:
            raise ErasedError
        document = kept
    look = Look("read", "letter", letter.letter_id, ("document",), case_id=letter.case_id)
    await put_on_record(request, authorized.principal, [look], purpose=PURPOSE)
    headers = {"Content-Disposition": f'attachment; filename="surat-{letter.letter_id}.pdf"', **_GUARDED}
    return Response(document, media_type="application/pdf", headers=headers)


@router.post("/cases/{case_id}/letters/{letter_id}/correct", response_model=DraftedLetter)
async def correct_letter(
    case_id: UUID, letter_id: UUID, body: DraftLetterBody, request: MayDraft, parts: Parts
) -> Response:
    """Whoever drafted it makes its words anew, of what is known of the case now."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        store, at = parts.letters(unit), unit.clock.now()
        letter = await letters.load(CaseId(case_id), LetterId(letter_id), letters=store, scope=request.scope)
        check_version(expected, letter.version)
        case = await load_case(letter.case_id, cases=parts.cases(unit), scope=request.scope)
        doubts = await letters.correct(
            letter,
            body.stated(parts.letter_book.find(letter.letter_type, case.village_code, at)),
            letters=store,
            regions=parts.regions,
            scope=request.scope,
            by=request.principal.subject,
            roles=request.principal.roles,
            at=at,
        )
        _note(parts, unit, request, "correct", letter)
        return Answer(DraftedLetter.with_doubts(letter, doubts), version=letter.version)

    return await request.run(work)


@router.post("/cases/{case_id}/letters/{letter_id}/initial", response_model=LetterReceipt)
async def initial_letter(
    case_id: UUID, letter_id: UUID, request: Annotated[Command, command("intake.letter.initial")], parts: Parts
) -> Response:
    """Put one's initials (paraf) under it, when it is one's role's turn."""
    by, roles = request.principal.subject, request.principal.roles

    async def step(letter: Letter, unit: UnitOfWork) -> None:
        await letters.initial(letter, letters=parts.letters(unit), by=by, roles=roles, at=unit.clock.now())

    return await _on_letter(case_id, letter_id, request, parts, "initial", step)


@router.post("/cases/{case_id}/letters/{letter_id}/return", response_model=LetterReceipt)
async def return_letter(
    case_id: UUID,
    letter_id: UUID,
    body: ReturnLetterBody,
    request: Annotated[Command, command("intake.letter.sign")],
    parts: Parts,
) -> Response:
    """Whoever's turn it is gives it back to its drafter, with what is to be corrected; initials are gone."""
    by, roles = request.principal.subject, request.principal.roles

    async def step(letter: Letter, unit: UnitOfWork) -> None:
        await letters.give_back(letter, body.note, letters=parts.letters(unit), by=by, roles=roles, at=unit.clock.now())

    return await _on_letter(case_id, letter_id, request, parts, "return", step)


@router.post("/cases/{case_id}/letters/{letter_id}/sign", response_model=LetterReceipt)
async def sign_letter(
    case_id: UUID,
    letter_id: UUID,
    body: SignLetterBody,
    request: Annotated[Command, command("intake.letter.sign")],
    parts: Parts,
) -> Response:
    """Sign it: it takes its number, and its document is made once and kept."""
    by, roles = request.principal.subject, request.principal.roles

    async def step(letter: Letter, unit: UnitOfWork) -> None:
        await letters.sign(
            letter,
            signer_name=body.signer_name,
            signer_number=body.signer_number,
            rendered=lambda signed: _rendered(signed, parts),
            letters=parts.letters(unit),
            by=by,
            roles=roles,
            at=unit.clock.now(),
        )

    return await _on_letter(case_id, letter_id, request, parts, "sign", step)


@router.post("/cases/{case_id}/letters/{letter_id}/issue", response_model=LetterReceipt)
async def issue_letter(
    case_id: UUID, letter_id: UUID, request: Annotated[Command, command("intake.letter.issue")], parts: Parts
) -> Response:
    """Note that it was handed over."""
    by = request.principal.subject

    async def step(letter: Letter, unit: UnitOfWork) -> None:
        await letters.issue(letter, letters=parts.letters(unit), by=by, at=unit.clock.now())

    return await _on_letter(case_id, letter_id, request, parts, "issue", step)


@router.post("/cases/{case_id}/letters/{letter_id}/revoke", response_model=LetterReceipt)
async def revoke_letter(
    case_id: UUID,
    letter_id: UUID,
    body: RevokeLetterBody,
    request: Annotated[Command, command("intake.letter.revoke")],
    parts: Parts,
) -> Response:
    """It holds no longer from the answer on; its number stays used."""
    by, roles = request.principal.subject, request.principal.roles

    async def step(letter: Letter, unit: UnitOfWork) -> None:
        await letters.revoke(
            letter, body.reason_code, letters=parts.letters(unit), by=by, roles=roles, at=unit.clock.now()
        )

    return await _on_letter(case_id, letter_id, request, parts, "revoke", step)


@router.post("/cases/{case_id}/letters/{letter_id}/discard", response_model=LetterReceipt)
async def discard_letter(case_id: UUID, letter_id: UUID, request: MayDraft, parts: Parts) -> Response:
    """Whoever drafted it gives it up before it is signed."""
    by = request.principal.subject

    async def step(letter: Letter, unit: UnitOfWork) -> None:
        await letters.discard(letter, letters=parts.letters(unit), by=by)

    return await _on_letter(case_id, letter_id, request, parts, "discard", step)


async def _on_letter(
    case_id: UUID, letter_id: UUID, request: Command, parts: IntakeParts, action: str, step: Step
) -> Response:
    """Load the letter inside the caller's scope and version, take the step, answer with the receipt."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        letter = await letters.load(
            CaseId(case_id), LetterId(letter_id), letters=parts.letters(unit), scope=request.scope
        )
        check_version(expected, letter.version)
        await step(letter, unit)
        _note(parts, unit, request, action, letter)
        return Answer(LetterReceipt.of(letter), version=letter.version)

    answer = await request.run(work)
    if "Idempotency-Replayed" not in answer.headers:
        metrics.LETTER_STEPS.labels(action).inc()
    return answer


def _note(parts: IntakeParts, unit: UnitOfWork, request: Command, action: str, letter: Letter) -> None:
    look = Look(f"letter-{action}", "letter", letter.letter_id, (letter.letter_type,), case_id=letter.case_id)
    record_looks(unit, parts.outbox.service, request.actor.for_purpose(PURPOSE), [look])


async def _opened(case_id: UUID, letter_id: UUID, authorized: Authorized, parts: IntakeParts) -> Letter:
    async with parts.database.unit_of_work() as unit:
        return await letters.load(
            CaseId(case_id), LetterId(letter_id), letters=parts.letters(unit), scope=authorized.scope
        )


async def _rendered(letter: Letter, parts: IntakeParts) -> bytes:
    if letter.content is None:
        raise ErasedError
    url = None
    if letter.number is not None:
        code = parts.letter_codes.make(LetterClaim(letter.letter_id, letter.valid_until, letter.number))
        url = f"{parts.public_url}/intake/v1/letters/check/{code}"
    paper = LetterPaper(
        content=letter.content,
        number=letter.number,
        signed_on=None if letter.signed_at is None else letters.local_day(letter.office_code, letter.signed_at),
        valid_until=letter.valid_until,
        initials=[each.role for each in letter.initials],
        check_url=url,
    )
    # In a thread: some milliseconds of arithmetic, in which others are served.
    return await asyncio.to_thread(render, paper)
