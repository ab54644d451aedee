"""Drafts: a message becomes drafts, its author corrects them, and a confirmed draft is a case."""

from asyncio import to_thread
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import ValidationError

from slrt_intake.api.cases import registered
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.registration_schemas import RegisterCaseBody, ReportBody
from slrt_intake.api.schemas import CaseReceipt, DraftList, DraftReceipt, DraftView
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.problems import DraftIncompleteError, NoReportError
from slrt_intake.ports import Drafts
from slrt_intake.reports.drafting import draft_content
from slrt_intake.usecases import cases
from slrt_intake.usecases.answers import refusal
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, command, etag, version_of
from slrt_kit.problems import NotFoundError

router = APIRouter(prefix="/drafts", tags=["drafts"])


@router.post("", status_code=201, response_model=DraftList)
async def create_drafts(
    body: ReportBody, request: Annotated[Command, command("intake.draft.write")], parts: Parts
) -> Response:
    """Turn a message into drafts, one per report in it. Doubts are warnings; no report is refused for a bad field.

    A message that its sender has given before gives the same drafts again, with the cases that they became; one that
    somebody else has given gets the warning `text:seen`.
    """
    # A long message takes tens of milliseconds, in which others wait.
    reports = (await to_thread(parts.reports.parse, body.text)).reports
    if not reports:
        raise NoReportError

    async def work(unit: UnitOfWork) -> Answer:
        drafts = parts.drafts(unit)
        known = await drafts.of_text(body.text)
        own = [each.draft_id for each in known if each.author == request.principal.subject]
        if own:
            return Answer(DraftList(drafts=[await _receipt_again(draft_id, drafts, parts) for draft_id in own]))
        seen = ["text:seen"] if known else []
        receipts = []
        for report in reports:
            draft = Draft(
                draft_id=unit.new_id(),
                author=request.principal.subject,
                village_code=report.village_code,
                text=body.text,
                content=draft_content(report, parts.reports.local_needs(report)),
                warnings=[*report.warnings, *seen],
                created_at=unit.clock.now(),
            )
            await drafts.add(draft)
            written = Look("draft-written", "draft", draft.draft_id, ("text", "content"))
            record_looks(unit, parts.outbox.service, request.actor, [written])
            receipts.append(_receipt(draft, parts))
        return Answer(DraftList(drafts=receipts), status=201)

    return await request.run(work)


@router.get("/{draft_id}")
async def get_draft(
    draft_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.draft.read")],
    parts: Parts,
    response: Response,
) -> DraftView:
    """A draft, for its author alone."""
    async with parts.database.unit_of_work() as work:
        draft = await cases.load_draft(draft_id, drafts=parts.drafts(work), author=authorized.principal.subject)
        look = Look("read", "draft", draft.draft_id, ("text", "content"))
        record_looks(work, parts.outbox.service, actor_of(request, authorized.principal), [look])
        await work.commit()
    response.headers["ETag"] = etag(draft.version)
    return DraftView.of(draft, _missing(draft.content, parts))


@router.put("/{draft_id}")
async def correct_draft(
    draft_id: UUID,
    body: RegisterCaseBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.draft.write")],
    parts: Parts,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
) -> DraftView:
    """Replace a draft's content with what the facilitator knows better."""
    expected = version_of(if_match)
    cases.check_village(body.village_code, regions=parts.regions, scope=authorized.scope)
    async with parts.database.unit_of_work() as work:
        drafts = parts.drafts(work)
        draft = await cases.correct_draft(
            draft_id,
            body.model_dump(mode="json"),
            village_code=body.village_code,
            expected_version=expected,
            drafts=drafts,
            author=authorized.principal.subject,
        )
        corrected = Look("draft-corrected", "draft", draft.draft_id, ("content",))
        record_looks(work, parts.outbox.service, actor_of(request, authorized.principal), [corrected])
        await work.commit()
    response.headers["ETag"] = etag(draft.version)
    return DraftView.of(draft, _missing(draft.content, parts))


@router.post("/{draft_id}/confirm", status_code=201, response_model=CaseReceipt)
async def confirm_draft(
    draft_id: UUID, request: Annotated[Command, command("intake.case.register")], parts: Parts
) -> Response:
    """Register what the draft says. 201 means that the case is durable and has its ticket number."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        drafts = parts.drafts(unit)
        draft = await cases.load_draft(draft_id, drafts=drafts, author=request.principal.subject)
        stated = _complete(draft).command(unit.new_id)
        refused = refusal(stated.needs, parts.forms.at(stated.village_code, unit.clock.now()).forms)
        if refused is not None:
            raise refused
        case = await cases.confirm_draft(
            draft,
            stated,
            expected_version=expected,
            drafts=drafts,
            cases=parts.cases(unit),
            regions=parts.regions,
            scope=request.scope,
            by=request.principal.subject,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )
        confirmed = Look("draft-confirmed", "draft", draft.draft_id, ("case",), case_id=case.case_id)
        record_looks(unit, parts.outbox.service, request.actor, [confirmed])
        return registered(case, stated, cases.number_warnings(stated, regions=parts.regions), parts)

    return await request.run(work)


def _receipt(draft: Draft, parts: IntakeParts) -> DraftReceipt:
    return DraftReceipt(
        draft_id=draft.draft_id,
        warnings=draft.warnings,
        missing=_missing(draft.content, parts),
        case_id=draft.case_id,
    )


async def _receipt_again(draft_id: UUID, drafts: Drafts, parts: IntakeParts) -> DraftReceipt:
    draft = await drafts.get(draft_id)
    if draft is None:
        raise NotFoundError
    return _receipt(draft, parts)


def _complete(draft: Draft) -> RegisterCaseBody:
    try:
        return RegisterCaseBody.model_validate(draft.content)
    except ValidationError as error:
        raise DraftIncompleteError(missing=_pointers(error)) from None


def _missing(content: dict[str, object], parts: IntakeParts) -> list[str]:
    """Where the content does not make a registration yet, as pointers: also what the forms of its needs ask for."""
    try:
        body = RegisterCaseBody.model_validate(content)
    except ValidationError as error:
        return _pointers(error)
    forms = parts.forms.at(body.village_code, parts.database.clock.now()).forms
    refused = refusal([need.stated() for need in body.needs], forms)
    return [] if refused is None else [error["pointer"] for error in refused.extra["errors"]]


def _pointers(error: ValidationError) -> list[str]:
    return ["/" + "/".join(str(part) for part in problem["loc"]) for problem in error.errors()]
