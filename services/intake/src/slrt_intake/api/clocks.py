"""The clock of a case: for those who see the case."""

from uuid import UUID

from fastapi import Request

from slrt_contracts.types import CaseId
from slrt_intake.api.parts import IntakeParts
from slrt_intake.domain.case import Case
from slrt_intake.store.holdings import lock_case
from slrt_intake.usecases import cases
from slrt_kit.access import Scope
from slrt_kit.clocks.clock import Subject, SubjectKind
from slrt_kit.db import UnitOfWork
from slrt_kit.http.clocks import Clocked, clock_routes


async def _look(request: Request, work: UnitOfWork, case_id: UUID, scope: Scope) -> Subject:
    parts: IntakeParts = request.app.state.parts
    return _of(await cases.look_at_case(CaseId(case_id), cases=parts.cases(work), scope=scope))


async def _hold(request: Request, work: UnitOfWork, case_id: UUID, scope: Scope) -> Subject:
    parts: IntakeParts = request.app.state.parts
    case = await cases.load_case(CaseId(case_id), cases=parts.cases(work), scope=scope)
    lock_case(work.connection, case.case_id)
    return _of(case)


def _of(case: Case) -> Subject:
    return Subject(SubjectKind.CASE, case.case_id, case.case_id)


router = clock_routes(
    Clocked(
        path="/cases/{case_id}",
        read="intake.case.read",
        change="intake.clock.change",
        approve="intake.clock.approve",
        look=_look,
        hold=_hold,
    )
)
