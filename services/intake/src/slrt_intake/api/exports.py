"""Exports: rows of many cases are asked for by one, approved by another, fetched within a day, all on record."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from slrt_intake.api.export_schemas import ExportBody, ExportReceipt, ExportView
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.export import Export, ExportState
from slrt_intake.domain.problems import ExportTooLargeError
from slrt_intake.store.export_rows import BATCH, batches, case_ids
from slrt_intake.store.exports import waiting
from slrt_intake.usecases import exports
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.bodies import going_on
from slrt_kit.http.commands import Answer, Command, check_version, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.http.purposes import stated
from slrt_kit.sheets import csv_pieces, xlsx

router = APIRouter(tags=["exports"])

MayRequest = Annotated[Authorized, require("intake.export.request")]
MayDecide = Annotated[Command, command("intake.export.approve")]


class TableFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    XLSX = "xlsx"


_MEDIA: Final = {
    TableFormat.CSV: "text/csv; charset=utf-8; header=present",
    TableFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_ROWS: Final = {TableFormat.CSV: 20_000, TableFormat.XLSX: 5_000}
"""A workbook is made in memory."""
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _MEDIA.values()}}
}


@router.post("/exports", status_code=201, response_model=ExportReceipt)
async def request_export(
    body: ExportBody, request: Annotated[Command, command("intake.export.request")], parts: Parts
) -> Response:
    """Ask for rows; somebody else of the area decides.

    The purpose says which columns about people there may be, and which come in full. It is one that the caller may
    state for exports; other refusals list those.
    """
    purpose = stated(body.purpose, request.principal, "export")

    async def work(unit: UnitOfWork) -> Answer:
        asked = await exports.request(
            purpose=purpose,
            reason=body.reason,
            filters=body.filters.filter(),
            columns=body.columns,
            exports=parts.exports(unit),
            principal=request.principal,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )
        _note(parts, unit, request, "request", asked)
        return Answer(ExportReceipt.of(asked), status=201, version=asked.version)

    return await request.run(work)


@router.get("/exports")
async def list_exports(
    authorized: Annotated[Authorized, require("intake.export.approve")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ExportView]:
    """What was asked for in the caller's area and waits for a decision, oldest first."""
    after = None
    if cursor is not None:
        at, export_id = decode_position(cursor, datetime, UUID)
        after = (at, export_id)
    async with parts.database.read() as session:
        found = await waiting(session, parts.vault, authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, ExportView.of, lambda each: (each.requested_at, each.export_id))


@router.get("/exports/{export_id}")
async def get_export(export_id: UUID, authorized: MayRequest, parts: Parts) -> ExportView:
    """What the caller asked for, and what became of it."""
    async with parts.database.unit_of_work() as unit:
        return ExportView.of(
            await exports.load_own(export_id, exports=parts.exports(unit), subject=authorized.principal.subject)
        )


@router.post("/exports/{export_id}/approve", response_model=ExportReceipt)
async def approve_export(export_id: UUID, request: MayDecide, parts: Parts) -> Response:
    """Let the requester fetch the rows, three times within a day. Never one's own."""
    return await _decide(export_id, request, parts, ExportState.APPROVED, "approve")


@router.post("/exports/{export_id}/refuse", response_model=ExportReceipt)
async def refuse_export(export_id: UUID, request: MayDecide, parts: Parts) -> Response:
    """Say no. Never to one's own."""
    return await _decide(export_id, request, parts, ExportState.REFUSED, "refuse")


async def _decide(export_id: UUID, request: Command, parts: IntakeParts, state: ExportState, action: str) -> Response:
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        asked_for = parts.exports(unit)
        found = await exports.load_to_decide(export_id, exports=asked_for, scope=request.scope)
        check_version(expected, found.version)
        await exports.decide(found, state, exports=asked_for, by=request.principal.subject, at=unit.clock.now())
        _note(parts, unit, request, action, found)
        return Answer(ExportReceipt.of(found), version=found.version)

    return await request.run(work)


def _note(parts: IntakeParts, unit: UnitOfWork, request: Command, action: str, export: Export) -> None:
    look = Look(action, "export", export.export_id, export.shown_fields)
    record_looks(unit, parts.outbox.service, request.actor.for_purpose(export.purpose), [look])


def _looks_at(export: Export, ids: Sequence[UUID]) -> list[Look]:
    """The download itself, and what its rows are of: each is a look at a resident's data, some told at a time."""
    fields = export.shown_fields
    what = "case-parties" if any(column.is_personal for column in export.columns) else "case"
    batches_of_ids = (ids[begin : begin + BATCH] for begin in range(0, len(ids), BATCH))
    rows = [Look("export", what, export.export_id, fields, cases=cases, times=len(cases)) for cases in batches_of_ids]
    return [Look("fetch", "export", export.export_id, fields, times=len(ids)), *rows]


@router.get("/exports/{export_id}/content", response_class=StreamingResponse, responses=_CONTENT)
async def get_export_content(
    export_id: UUID,
    request: Request,
    authorized: MayRequest,
    parts: Parts,
    table_format: Annotated[TableFormat, Query(alias="format")] = TableFormat.CSV,
    bom: Annotated[bool, Query(description="of CSV: for Excel, that takes it for another encoding without")] = False,
) -> Response:
    """The rows of the cases that the caller may see now. Each download counts and is on record."""
    principal, most = authorized.principal, MOST_ROWS[table_format]
    async with parts.database.unit_of_work() as unit:
        asked_for = parts.exports(unit)
        export = await exports.load_own(export_id, exports=asked_for, subject=principal.subject)
        purpose = stated(export.purpose, principal, "export")
        await exports.fetch(export, purpose, exports=asked_for, principal=principal, at=unit.clock.now())
        ids = await case_ids(parts.database, export, authorized.scope, most=most + 1)
        if len(ids) > most:
            raise ExportTooLargeError(most=most)
        actor = actor_of(request, principal, purpose=export.purpose)
        record_looks(unit, parts.outbox.service, actor, _looks_at(export, ids))
        await unit.commit()
    rows = batches(parts.database, parts.vault, export, authorized.scope, ids)
    headers = {
        "Content-Disposition": f'attachment; filename="slrt-{export.export_id}.{table_format}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    if table_format is TableFormat.XLSX:
        content = await asyncio.to_thread(xlsx, [row async for batch in rows for row in batch], name="kasus")
        return Response(content, media_type=_MEDIA[table_format], headers=headers)
    first = await anext(pieces := csv_pieces(rows, bom=bom))
    return StreamingResponse(going_on(first, pieces), media_type=_MEDIA[table_format], headers=headers)
