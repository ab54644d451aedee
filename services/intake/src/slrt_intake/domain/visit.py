"""The visit: somebody goes to a household for a case, holds that by a lease, and comes back with a result."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from slrt_contracts.types import CaseId
from slrt_intake.domain.problems import VisitEndedError, VisitNotYoursError

LEASE: Final = timedelta(days=14)
"""How long a visit is held where nothing else is said. A facilitator may be out of reach for nine days (domain 13.9);
exclusive assignments without an end were the fault of the ministry's own tool (domain 5.4)."""
MOST_LEASE_DAYS: Final = 60


class VisitState(StrEnum):
    """Where a visit stands. ``expired`` is computed: assigned, and the lease has run out."""

    PLANNED = "planned"
    ASSIGNED = "assigned"
    EXPIRED = "expired"
    DONE = "done"
    NOT_HOME = "not_home"
    REFUSED = "refused"
    MOVED = "moved"


class VisitResult(StrEnum):
    """What came of a visit (the questionnaire of the registry, domain 6.4: complete, no respondent, refused, moved)."""

    DONE = "done"
    NOT_HOME = "not_home"
    REFUSED = "refused"
    MOVED = "moved"


@dataclass(kw_only=True)
class Visit:
    """One visit. ``officers`` are all who ever held it: what they saw is kept whoever holds it now.

    ``ended_at`` is when the visitor says it ended, by a corrected clock; ``recorded_at`` when that arrived here.
    """

    visit_id: UUID
    case_id: CaseId
    checklists: tuple[str, ...]
    due_on: date | None
    planned_by: str
    planned_at: datetime
    version: int = 0
    stored_state: VisitState = VisitState.PLANNED
    assigned_to: str | None = None
    officers: tuple[str, ...] = ()
    leased_until: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    recorded_at: datetime | None = None

    def state(self, now: datetime) -> VisitState:
        """Where it stands at ``now`` (UTC)."""
        if self.stored_state is VisitState.ASSIGNED and self.leased_until is not None and self.leased_until <= now:
            return VisitState.EXPIRED
        return self.stored_state

    @property
    def has_ended(self) -> bool:
        """Whether somebody has come back from it."""
        return self.ended_at is not None

    def assign(self, officer: str, *, until: datetime) -> None:
        """Give it to an officer, or to another one: who had it holds it no more.

        Raises:
            VisitEndedError: it was made already.
        """
        self._check_not_ended()
        self.stored_state = VisitState.ASSIGNED
        self.assigned_to, self.leased_until = officer, until
        if officer not in self.officers:
            self.officers = (*self.officers, officer)

    def record(self, result: VisitResult, *, by: str, ended_at: datetime, at: datetime) -> None:
        """What came of it. A lease that ran out refuses nothing while nobody else has the visit.

        Raises:
            VisitEndedError: it has a result. VisitNotYoursError: it is another officer's, or nobody's.
        """
        self._check_not_ended()
        if by != self.assigned_to:
            raise VisitNotYoursError
        self.stored_state = VisitState(result)
        self.ended_by, self.ended_at, self.recorded_at = by, ended_at, at

    def _check_not_ended(self) -> None:
        if self.has_ended:
            raise VisitEndedError(state=self.stored_state)
