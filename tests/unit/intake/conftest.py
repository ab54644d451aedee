"""Cases for the unit tests: made in memory, driven to a state by the steps that people take."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from slrt_contracts.codes import (
    Channel,
    ClosedBy,
    DecidedByLevel,
    NeedCode,
    NeedDecision,
    OutcomeCode,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_intake.domain.case import Case, Need
from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.regions import RegionCode

NOON = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)
REGISTRAR, RECOMMENDER, DECIDER = "kader-1", "bo-1", "koordinator-1"


def need(code: NeedCode = NeedCode.BPBL, **fields: object) -> Need:
    """A need as it is at the door."""
    values = {"need_id": NeedId(uuid4()), "need_code": code, "person_id": None, "urgent": False, "description": None}
    return Need(**values | fields)


def register(*needs: Need, by: str = REGISTRAR) -> Case:
    """A new case; one need when none is given."""
    return Case.register(
        case_id=CaseId(uuid4()),
        ticket_number="1274-7KQ4-M2XD",
        channel=Channel.FACILITATOR,
        village_code=RegionCode("12.74.03.1002"),
        needs=list(needs) or [need()],
        has_subject=True,
        reachable_by=(),
        by=by,
        at=NOON,
    )


def recommend_all(case: Case) -> None:
    """Recommend a referral for every need."""
    case.recommend({n.need_id: Recommendation.REFER for n in case.needs}, by=RECOMMENDER, at=NOON)


def decide_all(case: Case, decision: NeedDecision = NeedDecision.REFER, *, by: str = DECIDER) -> None:
    """Decide the same for every need."""
    case.decide({n.need_id: decision for n in case.needs}, by=by, level=DecidedByLevel.VILLAGE, at=NOON)


def outcome(case: Case, need_id: UUID, code: OutcomeCode = OutcomeCode.FULFILLED) -> None:
    """An office's answer."""
    case.record_referral_outcome(NeedId(need_id), code, referral_id=ReferralId(uuid4()), at=NOON)


STEPS: Mapping[CaseStatus, Callable[[Case], None]] = {
    CaseStatus.SCREENING: lambda case: case.screen(registry_status=RegistryStatus.LISTED, at=NOON),
    CaseStatus.IN_HANDLING: recommend_all,
    CaseStatus.DECIDED: decide_all,
    CaseStatus.CLOSED: lambda case: (
        [outcome(case, n.need_id) for n in case.needs],
        case.close(closed_by=ClosedBy.RESIDENT, satisfied=True, at=NOON),
    )[-1],
}
"""Status → the step that leads there from the one before."""


def drive(case: Case, status: CaseStatus) -> Case:
    """Take the steps until the case is there."""
    for reached, step in STEPS.items():
        if case.status is status:
            break
        step(case)
        assert case.status is reached
    return case


class Steps:
    """What the tests take from here, without importing one another."""

    noon = NOON
    registrar, recommender, decider = REGISTRAR, RECOMMENDER, DECIDER
    need = staticmethod(need)
    register = staticmethod(register)
    recommend_all = staticmethod(recommend_all)
    decide_all = staticmethod(decide_all)
    outcome = staticmethod(outcome)
    drive = staticmethod(drive)


@pytest.fixture(scope="session")
def steps() -> type[Steps]:
    """``register(*needs)``, ``drive(case, status)`` and the single steps."""
    return Steps
