"""What was observed about a case: recorded by those who are online, read, and settled where it contradicts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.api.visit_schemas import (
    ConflictView,
    FactsBody,
    FactsReceipt,
    FactsView,
    FactView,
    SettleBody,
    SettledView,
)
from slrt_intake.domain.fact import FactSource, NewFact
from slrt_intake.domain.problems import ConflictSettledError, NotInConflictError
from slrt_intake.store.desk_facts import DeskFacts
from slrt_intake.store.facts import (
    Conflict,
    Fact,
    facts_of,
    get_conflict,
    insert_facts,
    list_conflicts,
    may_see_facts,
    settle,
)
from slrt_intake.usecases.observing import FactsContent, Place
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.problems import ErasedError, NotFoundError

router = APIRouter(tags=["visits"])

MayRead = Annotated[Authorized, require("intake.visit.read")]
MayRecord = Annotated[Command, command("intake.visit.record")]


@router.post("/cases/{case_id}/facts", status_code=201, response_model=FactsReceipt)
async def record_facts(case_id: UUID, body: FactsBody, request: MayRecord, parts: Parts) -> Response:
    """Record what was observed, as new observations: nothing is overwritten, and what contradicts stands beside."""

    async def work(unit: UnitOfWork) -> Answer:
        content = FactsContent(
            place=Place(case_id=case_id, person_id=body.person_id),
            checklist=body.checklist,
            answers=body.answers,
            knew=frozenset(body.replaces),
        )
        recorded = await DeskFacts(unit, parts.vault, parts.checklists).record(
            content, scope=request.scope, by=request.principal.subject
        )
        look = Look("record", "fact", case_id, sorted(body.answers), case_id=case_id)
        record_looks(unit, parts.outbox.service, request.actor, [look])
        return Answer(FactsReceipt(case_id=case_id, **recorded), status=201)

    return await request.run(work)


@router.get("/cases/{case_id}/facts")
async def get_facts(
    case_id: UUID, request: Request, authorized: MayRead, parts: Parts, purpose: PurposeHeader = None
) -> FactsView:
    """All that was observed about a case, also what no longer counts. Each look is on record."""
    asked = stated(purpose, authorized.principal, "visit")
    async with parts.database.read() as session:
        if not await may_see_facts(session, case_id, authorized.scope):
            raise NotFoundError
        found = await facts_of(session, parts.vault, [case_id])
    look = Look("read", "case", case_id, ("facts",), case_id=case_id)
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    return FactsView(case_id=case_id, facts=[FactView.of(each) for each in found])


@router.get("/fact-conflicts")
async def list_fact_conflicts(
    authorized: Annotated[Authorized, require("intake.fact.settle")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ConflictView]:
    """What observations say differently and nobody has chosen yet, of cases of the caller: oldest first."""
    after = None if cursor is None else decode_position(cursor, datetime, UUID)
    async with parts.database.read() as session:
        found = await list_conflicts(session, authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, ConflictView.of, lambda each: (each.raised_at, each.conflict_id))


@router.post("/fact-conflicts/{conflict_id}/settle", response_model=SettledView)
async def settle_conflict(
    conflict_id: UUID, body: SettleBody, request: Annotated[Command, command("intake.fact.settle")], parts: Parts
) -> Response:
    """Choose which observation is right: that is an observation of its own, and what was observed stays."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        conflict = await get_conflict(unit.connection, conflict_id, request.scope)
        if conflict is None:
            raise NotFoundError
        check_version(expected, conflict.version)
        if conflict.settled_at is not None:
            raise ConflictSettledError
        desk = DeskFacts(unit, parts.vault, parts.checklists)
        fact_id = await _choose(desk, conflict, body.fact_id, unit, parts, by=request.principal.subject)
        look = Look("settle", "fact-conflict", conflict_id, (conflict.code,), case_id=conflict.case_id)
        record_looks(unit, parts.outbox.service, request.actor, [look])
        return Answer(SettledView(conflict_id=conflict_id, fact_id=fact_id), version=conflict.version + 1)

    return await request.run(work)


async def _choose(
    desk: DeskFacts, conflict: Conflict, chosen: UUID, unit: UnitOfWork, parts: IntakeParts, *, by: str
) -> UUID:
    """The observation that settles a conflict; it replaces all that counted."""
    heads = _heads(await facts_of(unit.connection, parts.vault, [conflict.case_id], only_heads=True), conflict)
    right = next((each for each in heads if each.fact_id == chosen), None)
    if right is None:
        raise NotInConflictError(possible=[str(each.fact_id) for each in heads])
    if right.erased:
        raise ErasedError
    now = unit.clock.now()
    subject = (conflict.case_id, conflict.person_id or conflict.case_id, conflict.code)
    fact = NewFact(
        fact_id=unit.new_id(),
        case_id=conflict.case_id,
        person_id=conflict.person_id,
        visit_id=None,
        checklist=right.checklist,
        code=conflict.code,
        value=right.value,
        digest=desk.digest(subject, right.value),
        source=FactSource.SETTLEMENT,
        said_at=right.said_at,
        observed_at=right.observed_at,
        recorded_at=now,
        recorded_by=by,
        device_id=None,
        sequence=None,
        item_id=None,
        replaces=frozenset(each.fact_id for each in heads),
        older=False,
    )
    insert_facts(unit.connection, parts.vault, [(fact, await desk.key_of(conflict.case_id, conflict.person_id))])
    settle(unit.connection, conflict, fact.fact_id, by=by, at=now)
    return fact.fact_id


def _heads(facts: Sequence[Fact], conflict: Conflict) -> list[Fact]:
    return [each for each in facts if each.code == conflict.code and each.person_id == conflict.person_id]
