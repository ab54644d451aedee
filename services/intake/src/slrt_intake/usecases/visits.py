"""One function per command about visits: plan, give to an officer, record what came of it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.domain.problems import NotAssignedError, TooManyVisitsError, UnknownChecklistError
from slrt_intake.domain.visit import Visit
from slrt_kit.policy.checklists import Checklists

MOST_HELD = 300
"""Visits that one officer holds at a time: more than anybody makes before the lease ends."""


class CaseToVisit(Protocol):
    """What planning needs to know of a case."""

    @property
    def case_id(self) -> CaseId: ...
    @property
    def restricted(self) -> bool: ...
    @property
    def officers(self) -> Sequence[str]: ...


def plan(
    case: CaseToVisit,
    *,
    visit_id: UUID,
    checklists: Sequence[str],
    known: Checklists,
    due_on: date | None,
    by: str,
    at: datetime,
) -> Visit:
    """A visit that nobody has yet.

    Raises:
        UnknownChecklistError: the region of the case has no such checklist.
    """
    if unknown := [each for each in checklists if each not in known.questions]:
        raise UnknownChecklistError(unknown=unknown, possible=sorted(known.questions))
    return Visit(
        visit_id=visit_id,
        case_id=case.case_id,
        checklists=tuple(dict.fromkeys(checklists)),
        due_on=due_on,
        planned_by=by,
        planned_at=at,
    )


def assign(visit: Visit, case: CaseToVisit, officer: str, *, held: int, lease: timedelta, at: datetime) -> None:
    """Give the visit to an officer for so long; ``held`` is how many they hold.

    Raises:
        NotAssignedError: few may know of the case, and the officer is not one of them. TooManyVisitsError.
        VisitEndedError: it was made already.
    """
    if case.restricted and officer not in case.officers:
        raise NotAssignedError
    if held >= MOST_HELD:
        raise TooManyVisitsError(most=MOST_HELD)
    visit.assign(officer, until=at + lease)
