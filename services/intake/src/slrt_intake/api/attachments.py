"""Files of a case: added piece by piece, listed, read for a stated purpose, taken away."""

import contextlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from slrt_contracts.codes import FileClass, RemovalReason
from slrt_contracts.types import CaseId, FileId
from slrt_intake.api.attachment_schemas import (
    AskedDocumentView,
    AttachmentReceipt,
    AttachmentsView,
    AttachmentView,
    RemovalView,
    disposition,
    file_name,
    media_type_code,
    media_type_text,
)
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.attachment import Attachment
from slrt_intake.store.attachments import attachments_of, file_of, place_of_file
from slrt_intake.store.visibility import may_look
from slrt_intake.usecases import attachments
from slrt_intake.usecases.papers import checklist
from slrt_kit.audit.entries import Look
from slrt_kit.db import UnitOfWork
from slrt_kit.files.kinds import MediaType
from slrt_kit.files.problems import FilesBusyError
from slrt_kit.files.uploads import Arrived
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.bodies import going_on
from slrt_kit.http.commands import Answer, Command, Upload, command, upload
from slrt_kit.http.context import MAX_BODY_BYTES, expect_large_body
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.problems import ErasedError, NotFoundError, ProblemError

router = APIRouter(tags=["attachments"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MediaType},
    }
}
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MediaType}}
}
# What comes out of here was made by strangers: a browser saves it and does nothing else with it.
_GUARDED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@router.post("/cases/{case_id}/attachments", status_code=201, response_model=AttachmentReceipt, openapi_extra=_BODY)
async def add_attachment(
    case_id: UUID,
    asked: Annotated[Upload, upload("intake.attachment.add")],
    parts: Parts,
    file_class: Annotated[FileClass, Header(description="what it shows")],
    file_name_header: Annotated[
        str | None, Header(alias="File-Name", max_length=1000, description="percent-encoded UTF-8; it is sealed")
    ] = None,
    person_id: Annotated[UUID | None, Header(description="whom it shows: a person of the case")] = None,
    content_type: Annotated[str | None, Header(max_length=200)] = None,
    content_length: Annotated[int | None, Header(ge=0)] = None,
) -> Response:
    """Attach a file: the body is the file. It is cleaned (no EXIF, no place, nothing but what is seen) and sealed.

    The same file twice on a case is the same attachment (200). 201 means that it is durable.
    """
    uploads, name, case = parts.uploads, file_name(file_name_header), CaseId(case_id)
    async with parts.database.unit_of_work() as unit:
        # Before anything is received; whether the case has the file is known after it.
        await attachments.find_place(case, person_id, sha256="", attachments=parts.attachments(unit), scope=asked.scope)
    # A little more than the limit, so that it is the limit that is said.
    expect_large_body(asked.request.scope, uploads.max_bytes + MAX_BODY_BYTES)
    async with uploads.arrived(asked.request.stream(), stated=content_type, length=content_length) as arrived:
        adding = await asked.command(f"{file_class}\n{name}\n{person_id}\n{arrived.sha256}".encode())
        return await _Adding(parts, adding, case, person_id, file_class, name).run(arrived)


class _Adding:
    """One file on its way from a sealed piece of this machine to the case."""

    def __init__(
        self,
        parts: IntakeParts,
        asked: Command,
        case_id: CaseId,
        person_id: UUID | None,
        file_class: FileClass,
        name: str | None,
    ) -> None:
        self._parts = parts
        self._asked = asked
        self._case_id = case_id
        self._person_id = person_id
        self._file_class = file_class
        self._name = name

    async def run(self, arrived: Arrived) -> Response:
        """Scan, clean, store; then put it on record in one transaction."""
        uploads, object_id = self._parts.uploads, self._parts.database.new_id()
        kept = None
        if await self._same(arrived) is None:
            kept = await uploads.keep(arrived, object_id, place_of_file(object_id))
        used = False

        async def work(unit: UnitOfWork) -> Answer:
            nonlocal used
            if kept is None:
                found = await self._find(unit, arrived)
                if found is None:
                    raise FilesBusyError  # it was removed since: come again
                return _receipt(found, status=200)
            added = await attachments.add(
                self._case_id,
                self._person_id,
                attachment_id=object_id,
                file_class=self._file_class,
                media_type=media_type_code(arrived.media_type),
                size=kept.size,
                file_key=kept.key,
                name=self._name,
                sha256=arrived.sha256,
                attachments=self._parts.attachments(unit),
                scope=self._asked.scope,
                by=self._asked.principal.subject,
                at=unit.clock.now(),
            )
            used = added.attachment_id == object_id
            return _receipt(added, status=201 if used else 200)

        # When all else is raised, nobody knows whether it was committed: the sweep finds out (`slrt_kit.files.sweep`).
        try:
            answer = await self._asked.run(work)
        except ProblemError:
            await self._forget(object_id)
            raise
        if not used:
            await self._forget(object_id)
        return answer

    async def _forget(self, object_id: UUID) -> None:
        with contextlib.suppress(ProblemError):  # the storage is away: the sweep does it
            await self._parts.uploads.objects.delete(object_id)

    async def _same(self, arrived: Arrived) -> Attachment | None:
        async with self._parts.database.unit_of_work() as unit:
            return await self._find(unit, arrived)

    async def _find(self, unit: UnitOfWork, arrived: Arrived) -> Attachment | None:
        _, same = await attachments.find_place(
            self._case_id,
            self._person_id,
            sha256=arrived.sha256,
            attachments=self._parts.attachments(unit),
            scope=self._asked.scope,
        )
        return same


def _receipt(attachment: Attachment, *, status: int) -> Answer:
    where = f"/intake/v1/cases/{attachment.case_id}/attachments/{attachment.attachment_id}/content"
    return Answer(AttachmentReceipt.of(attachment), status=status, headers={"Location": where})


@router.get("/cases/{case_id}/attachments")
async def list_attachments(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.attachment.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> AttachmentsView:
    """The files of a case, with what they are called, which may name people; what is in them is read one by one.

    With them the documents that its needs ask for, by the policy that the case began under, and which are there.
    """
    asked = stated(purpose, authorized.principal, "attachment")
    async with parts.database.read() as session:
        if not await may_look(session, CaseId(case_id), authorized.scope, at=parts.database.clock.now()):
            raise NotFoundError
        found = await attachments_of(session, parts.vault, CaseId(case_id))
        at = parts.database.clock.now()
        forms, needs = await parts.forms.of_case(session, CaseId(case_id), at=at)
    look = Look("read", "case", case_id, ("attachments",))
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    return AttachmentsView(
        attachments=[AttachmentView.of(each) for each in found],
        asked=[
            AskedDocumentView.of(each)
            for each in checklist(needs, forms.documents, {each.file_class for each in found})
        ],
    )


@router.get(
    "/cases/{case_id}/attachments/{attachment_id}/content", response_class=StreamingResponse, responses=_CONTENT
)
async def get_attachment_content(
    case_id: UUID,
    attachment_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.attachment.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> Response:
    """The file itself, to be saved; each look is on record. 410 once its person is erased."""
    asked = stated(purpose, authorized.principal, "attachment")
    async with parts.database.read() as session:
        if not await may_look(session, CaseId(case_id), authorized.scope, at=parts.database.clock.now()):
            raise NotFoundError
        found = await file_of(session, parts.vault, CaseId(case_id), FileId(attachment_id))
    if found is None:
        raise NotFoundError
    attachment, key = found
    if key is None:
        raise ErasedError
    pieces = parts.uploads.content(attachment.attachment_id, key, place_of_file(attachment.attachment_id))
    first = await anext(pieces)  # whatever is wrong with it from the beginning is still said in words
    look = Look("read", "attachment", attachment.attachment_id, (attachment.file_class,), case_id=attachment.case_id)
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    headers = {"Content-Disposition": disposition(attachment), "Content-Length": str(attachment.size), **_GUARDED}
    media = media_type_text(attachment.media_type)
    return StreamingResponse(going_on(first, pieces), media_type=media, headers=headers)


@router.delete("/cases/{case_id}/attachments/{attachment_id}", response_model=RemovalView)
async def remove_attachment(
    case_id: UUID,
    attachment_id: UUID,
    request: Annotated[Command, command("intake.attachment.remove")],
    parts: Parts,
    reason: Annotated[RemovalReason, Query(description="why")],
) -> Response:
    """Take a file away: by whoever added it until the case is decided, by a manager at any time."""

    async def work(unit: UnitOfWork) -> Answer:
        await attachments.remove(
            CaseId(case_id),
            FileId(attachment_id),
            reason,
            attachments=parts.attachments(unit),
            scope=request.scope,
            by=request.principal.subject,
            is_manager="manager" in request.principal.roles,
            at=unit.clock.now(),
        )
        return Answer(RemovalView(attachment_id=attachment_id, removed=True))

    answer = await request.run(work)
    if parts.files is not None:
        # Its key is gone with the commit; should this fail, the sweep does it.
        with contextlib.suppress(ProblemError):
            await parts.files.objects.delete(attachment_id)
    return answer
