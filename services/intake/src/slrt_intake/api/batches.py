"""Bulk entry of paper forms: a file is tried, registered row by row, and reported on; sent again it goes on."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from slrt_intake.api.batch_schemas import BatchReceipt, RowView, TrialView, WrongView
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.registration_schemas import RegisterCaseBody
from slrt_intake.domain.problems import SheetError
from slrt_intake.paper.columns import Read, Wrong, columns_of
from slrt_intake.paper.sheet import MOST_BYTES, read_sheet
from slrt_intake.store.batches import BatchRow, BatchStore, batch_rows, file_check, get_batch
from slrt_intake.store.sealed import slip_code
from slrt_intake.usecases import cases
from slrt_intake.usecases.answers import refusal
from slrt_intake.usecases.cases import RegisterCase
from slrt_kit.access import Scope
from slrt_kit.audit.entries import Look
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, Upload, upload
from slrt_kit.http.context import MAX_BODY_BYTES, expect_large_body
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import NotFoundError, ProblemError

router = APIRouter(prefix="/batches", tags=["batches"])

_AT_ONCE = 100
_FORM_NUMBER = re.compile(r"[A-Za-z0-9./-]{1,40}")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        },
    }
}


@dataclass(frozen=True, slots=True)
class _Checked:
    """A row, and the registration that it makes, if it makes one."""

    read: Read
    stated: RegisterCase | None
    wrong: Sequence[Wrong]
    doubts: Sequence[str]

    def outcome(self, case_id: UUID | None) -> BatchRow:
        number = self.read.form_number or ""
        return BatchRow(
            row=self.read.number,
            form_number=number if _FORM_NUMBER.fullmatch(number) else None,
            case_id=case_id,
            wrong=[{"column": each.column, "code": each.code} for each in self.wrong],
            doubts=self.doubts,
        )


class _Sheet:
    """A file, row by row against the rules of the door."""

    def __init__(self, content: bytes, parts: IntakeParts, scope: Scope) -> None:
        rows = list(read_sheet(content))
        if len(rows) < 2:  # noqa: PLR2004 — a header and a row
            raise SheetError(reason="no_rows")
        (_, header), *self._rows = rows
        self._parts, self._scope = parts, scope
        self._reader = parts.paper.rows(columns_of(header), near=scope.region)
        self.count = len(self._rows)

    def groups(self) -> Iterator[list[_Checked]]:
        """The rows, read and checked as a registration at the desk is, some at a time."""
        rows = iter(self._rows)
        while some := list(islice(rows, _AT_ONCE)):
            yield [self._check(self._reader.read(number, row)) for number, row in some]

    def _check(self, read: Read) -> _Checked:
        if read.wrong:
            return _Checked(read, None, read.wrong, read.doubts)
        try:
            body = RegisterCaseBody.model_validate(read.body)
            stated = body.command(self._parts.database.new_id)
            cases.check_village(stated.village_code, regions=self._parts.regions, scope=self._scope)
        except ValidationError as error:
            wrong = [Wrong(_column(problem["loc"]), problem["type"]) for problem in error.errors()]
            return _Checked(read, None, wrong, read.doubts)
        except ProblemError as error:
            return _Checked(read, None, [Wrong("village", error.slug)], read.doubts)
        forms = self._parts.forms.at(stated.village_code, self._parts.database.clock.now()).forms
        if (refused := refusal(stated.needs, forms)) is not None:
            return _Checked(read, None, [Wrong("needs", each["code"]) for each in refused.extra["errors"]], read.doubts)
        doubts = [*read.doubts, *cases.number_warnings(stated, regions=self._parts.regions)]
        if stated.contact.phone is None:
            doubts.append("phone:missing")
        return _Checked(read, stated, (), doubts)


_COLUMNS = {
    "village_code": "village",
    "persons": "name",
    "proxy": "proxy",
    "reporter": "reporter",
    "needs": "complaint",
}


def _column(place: tuple[Any, ...]) -> str:
    """The column of a part of the body."""
    last = str(place[-1])
    return (
        last
        if last in ("nik", "birth_date", "phone", "email", "kk_number", "address")
        else _COLUMNS.get(str(place[0]), str(place[0]))
    )


async def _content(request: Request) -> bytes:
    """The file. Raises SheetError: it is larger than may be."""
    expect_large_body(request.scope, MOST_BYTES + MAX_BODY_BYTES)
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MOST_BYTES:
            raise SheetError(reason="too_large", most=MOST_BYTES)
    return bytes(content)


@router.post("/explain", openapi_extra=_BODY)
async def try_batch(
    request: Request, authorized: Annotated[Authorized, require("intake.batch.write")], parts: Parts
) -> TrialView:
    """What would become of each row of a file. It changes nothing and takes no Idempotency-Key.

    A row that would be refused is named with its column and the reason; a warning refuses nothing.
    """
    content = await _content(request)
    sheet = await asyncio.to_thread(_Sheet, content, parts, authorized.scope)
    found = []
    for some in sheet.groups():
        found += [_view(each.outcome(None)) for each in some if each.wrong or each.doubts]
        await asyncio.sleep(0)  # others are to be answered meanwhile
    refused = sum(1 for each in found if each.wrong)
    return TrialView(rows=sheet.count, good=sheet.count - refused, refused=refused, items=found)


@router.post("", status_code=201, response_model=BatchReceipt, openapi_extra=_BODY)
async def register_batch(asked: Annotated[Upload, upload("intake.batch.write")], parts: Parts) -> Response:
    """Register the rows of a file, each as one case; a row that is refused keeps no other from its case.

    The file is known by its content: sent again after a broken line or a fault it goes on with the rows that are left,
    and a row is never registered twice. 201 means that every row has its outcome (`GET …/rows`).
    """
    content = await _content(asked.request)
    batch_id = parts.database.new_id()
    command = await asked.command(file_check(parts.vault, content))
    sheet = await asyncio.to_thread(_Sheet, content, parts, asked.scope)
    subject = command.principal.subject
    async with parts.database.unit_of_work() as unit:
        batch_id = await BatchStore(unit, subject).begin(batch_id, file_check(parts.vault, content), rows=sheet.count)
        await unit.commit()
    for some in sheet.groups():
        async with parts.database.unit_of_work() as unit:
            unit.actor = command.actor
            await _register(some, batch_id, command, unit, parts)
            await unit.commit()

    async def work(unit: UnitOfWork) -> Answer:
        receipt = BatchReceipt.of(await BatchStore(unit, subject).finish(batch_id))
        return Answer(receipt, status=201, headers={"Location": f"/intake/v1/batches/{batch_id}"})

    return await command.run(work)


async def _register(
    some: Sequence[_Checked], batch_id: UUID, command: Command, unit: UnitOfWork, parts: IntakeParts
) -> None:
    batches = BatchStore(unit, command.principal.subject)
    done = await batches.rows_done(batch_id, [each.read.number for each in some])
    left = [each for each in some if each.read.number not in done]
    registered = await cases.register_cases(
        [each.stated for each in left if each.stated is not None],
        cases=parts.cases(unit),
        regions=parts.regions,
        scope=command.scope,
        by=command.principal.subject,
        at=unit.clock.now(),
        new_id=unit.new_id,
    )
    ids = iter([case.case_id for case in registered])
    batches.add_rows(batch_id, [each.outcome(None if each.stated is None else next(ids)) for each in left])


async def _own_batch(
    batch_id: UUID, authorized: Annotated[Authorized, require("intake.batch.read")], parts: Parts
) -> BatchReceipt:
    async with parts.database.read() as session:
        found = await get_batch(session, batch_id, authorized.principal.subject)
    if found is None:
        raise NotFoundError
    return BatchReceipt.of(found)


OwnBatch = Annotated[BatchReceipt, Depends(_own_batch)]


@router.get("/{batch_id}")
async def get_batch_receipt(batch: OwnBatch) -> BatchReceipt:
    """How far a file is, for whoever sent it."""
    return batch


@router.get("/{batch_id}/rows")
async def list_batch_rows(
    batch: OwnBatch,
    request: Request,
    authorized: Annotated[Authorized, require("intake.batch.read")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RowView]:
    """What became of each row, in the file's order, for whoever sent it."""
    after = decode_position(cursor, int)[0] if cursor else 0
    async with parts.database.read() as session:
        rows = await batch_rows(session, batch.batch_id, after=after, limit=limit + 1)
    looks = [Look("read", "case", case_id, ("ticket",)) for _, _, case_id, *_ in rows[:limit] if case_id]
    await put_on_record(request, authorized.principal, looks)
    return page_of(rows, limit, lambda row: _row_view(row, parts), lambda row: (row[0],))


def _row_view(row: tuple[Any, ...], parts: IntakeParts) -> RowView:
    number, form_number, case_id, ticket, wrong, doubts, has_phone = row
    return RowView(
        row=number,
        form_number=form_number,
        case_id=case_id,
        ticket_number=ticket,
        slip_code=None if ticket is None or has_phone else slip_code(parts.vault, ticket),
        wrong=[WrongView(**each) for each in wrong],
        warnings=doubts,
    )


def _view(row: BatchRow) -> RowView:
    return RowView(
        row=row.row,
        form_number=row.form_number,
        case_id=None,
        ticket_number=None,
        slip_code=None,
        wrong=[WrongView(**each) for each in row.wrong],
        warnings=list(row.doubts),
    )
