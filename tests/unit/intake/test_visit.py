"""A visit under whatever order of steps: one result, by who holds it, and nobody who ever held it is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from slrt_contracts.types import CaseId
from slrt_intake.domain.problems import (
    NotAssignedError,
    TooManyVisitsError,
    UnknownChecklistError,
    VisitEndedError,
    VisitNotYoursError,
)
from slrt_intake.domain.visit import LEASE, Visit, VisitResult, VisitState
from slrt_intake.usecases import visits
from slrt_kit.policy.checklists import Checklists

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
ID = UUID("019f1a00-0000-7000-8000-000000000001")
KNOWN = Checklists("00:1", {"housing": (), "socio_economic": ()})


class Case(NamedTuple):
    case_id: CaseId = CaseId(ID)
    restricted: bool = False
    officers: tuple[str, ...] = ()


def planned(*checklists: str) -> Visit:
    return visits.plan(Case(), visit_id=ID, checklists=checklists, known=KNOWN, due_on=None, by="bo", at=NOW)


def test_a_checklist_that_the_region_does_not_have_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(UnknownChecklistError) as refused:
        planned("housing", "garden")
    assert refused.value.extra == {"unknown": ["garden"], "possible": ["housing", "socio_economic"]}
    assert planned("housing", "housing").checklists == ("housing",)


def test_nobody_gets_a_visit_to_a_case_that_they_may_not_know_of_or_more_than_they_can_make() -> None:
    visit = planned()
    with pytest.raises(NotAssignedError):
        visits.assign(visit, Case(restricted=True), "fs-1", held=0, lease=LEASE, at=NOW)
    with pytest.raises(TooManyVisitsError):
        visits.assign(visit, Case(), "fs-1", held=visits.MOST_HELD, lease=LEASE, at=NOW)
    assert visit.state(NOW) is VisitState.PLANNED
    visits.assign(visit, Case(restricted=True, officers=("fs-1",)), "fs-1", held=0, lease=LEASE, at=NOW)
    assert (visit.assigned_to, visit.leased_until) == ("fs-1", NOW + LEASE)


class VisitLife(RuleBasedStateMachine):
    """Anybody tries anything at any time."""

    officers = st.sampled_from(["fs-1", "fs-2", "sv-1"])

    @initialize()
    def plan(self) -> None:
        self.visit, self.now, self.held = planned("housing"), NOW, set[str]()

    @rule(hours=st.integers(1, 400))
    def time_goes_by(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(officer=officers)
    def assign(self, officer: str) -> None:
        if self.visit.has_ended:
            with pytest.raises(VisitEndedError):
                self.visit.assign(officer, until=self.now + LEASE)
            return
        self.visit.assign(officer, until=self.now + LEASE)
        self.held.add(officer)
        assert self.visit.state(self.now) is VisitState.ASSIGNED

    @rule(officer=officers, result=st.sampled_from(VisitResult))
    def record(self, officer: str, result: VisitResult) -> None:
        before = replace(self.visit)
        kind = VisitEndedError if self.visit.has_ended else VisitNotYoursError
        if self.visit.has_ended or self.visit.assigned_to != officer:
            with pytest.raises(kind):
                self.visit.record(result, by=officer, ended_at=self.now, at=self.now)
            assert self.visit == before
            return
        # Also when the lease has run out: nobody else has it.
        self.visit.record(result, by=officer, ended_at=self.now, at=self.now)
        assert self.visit.state(self.now) == result

    @invariant()
    def whoever_held_it_is_known(self) -> None:
        assert set(self.visit.officers) == self.held

    @invariant()
    def it_is_expired_exactly_when_its_lease_is_over_and_nobody_came_back(self) -> None:
        is_over = self.visit.leased_until is not None and self.visit.leased_until <= self.now
        is_expired = self.visit.state(self.now) is VisitState.EXPIRED
        assert is_expired == (is_over and not self.visit.has_ended)


TestVisitLife = VisitLife.TestCase
