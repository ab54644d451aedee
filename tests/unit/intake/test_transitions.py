"""The transition tables: every pair of state and action either moves as the table says or changes nothing."""

from collections.abc import Callable
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from slrt_contracts.codes import ClosedBy, NeedDecision, RegistryStatus
from slrt_intake.domain.case import Case
from slrt_intake.domain.problems import OutcomesMissingError, TransitionRefusedError
from slrt_intake.domain.transitions import (
    CASE_TRANSITIONS,
    NEED_TRANSITIONS,
    CaseAction,
    CaseStatus,
    NeedAction,
    NeedStatus,
)

CASE_PAIRS = list(product(CaseStatus, CaseAction))
NEED_PAIRS = list(product(NeedStatus, NeedAction))


def test_the_case_table_is_the_one_of_the_manual() -> None:
    assert {(a.value, b.value): c.value for (a, b), c in CASE_TRANSITIONS.items()} == {
        ("registered", "screen"): "screening",
        ("screening", "recommend"): "in_handling",
        ("in_handling", "decide"): "decided",
        ("decided", "close"): "closed",
    }


def test_the_need_table_is_the_one_of_the_manual() -> None:
    assert {(a.value, b.value): c.value for (a, b), c in NEED_TRANSITIONS.items()} == {
        ("identified", "recommend"): "recommended",
        ("recommended", "refer"): "referred",
        ("recommended", "solve_locally"): "solved_locally",
        ("referred", "record_outcome"): "outcome_recorded",
        ("solved_locally", "record_outcome"): "outcome_recorded",
    }


@pytest.mark.parametrize("table", [CASE_TRANSITIONS, NEED_TRANSITIONS], ids=["case", "need"])
def test_a_table_cannot_be_changed_at_run_time(table: Any) -> None:
    with pytest.raises(TypeError):
        table[next(iter(table))] = None


@pytest.mark.parametrize(
    ("table", "statuses", "first", "last"),
    [
        (CASE_TRANSITIONS, CaseStatus, CaseStatus.REGISTERED, CaseStatus.CLOSED),
        (NEED_TRANSITIONS, NeedStatus, NeedStatus.IDENTIFIED, NeedStatus.OUTCOME_RECORDED),
    ],
    ids=["case", "need"],
)
def test_every_state_but_the_last_leads_on_and_all_are_reachable(
    table: Any, statuses: Any, first: str, last: str
) -> None:
    left = {status for status, _ in table}
    assert set(statuses) - left == {last}
    reached = {first}
    for _ in statuses:
        reached |= {target for (status, _), target in table.items() if status in reached}
    assert reached == set(statuses)


def _take(case: Case, action: CaseAction, steps: Any) -> None:
    taken: dict[CaseAction, Callable[[], None]] = {
        CaseAction.SCREEN: lambda: case.screen(registry_status=RegistryStatus.UNKNOWN, at=steps.noon),
        CaseAction.RECOMMEND: lambda: steps.recommend_all(case),
        CaseAction.DECIDE: lambda: steps.decide_all(case),
        CaseAction.CLOSE: lambda: case.close(closed_by=ClosedBy.POLICY, satisfied=None, at=steps.noon),
    }
    taken[action]()


@pytest.mark.parametrize(("status", "action"), CASE_PAIRS)
def test_a_case_moves_as_the_table_says_or_is_refused_and_unchanged(
    status: CaseStatus, action: CaseAction, steps: Any
) -> None:
    case = steps.drive(steps.register(steps.need(), steps.need()), status)
    if (status, action) == (CaseStatus.DECIDED, CaseAction.CLOSE):
        for need in case.needs:
            steps.outcome(case, need.need_id)
    target = CASE_TRANSITIONS.get((status, action))
    if target is not None:
        _take(case, action, steps)
        assert case.status is target
        return
    before, told = deepcopy(case), case.raised
    with pytest.raises((TransitionRefusedError, OutcomesMissingError)) as refused:
        _take(case, action, steps)
    assert refused.value.status == 409
    assert case == before
    assert case.raised == told


@pytest.mark.parametrize("status", [status for status in CaseStatus if status is not CaseStatus.DECIDED])
def test_an_office_answer_changes_nothing_unless_the_need_was_referred(status: CaseStatus, steps: Any) -> None:
    case = steps.drive(steps.register(), status)
    before, told = deepcopy(case), case.raised
    with pytest.raises(TransitionRefusedError):
        steps.outcome(case, case.needs[0].need_id)
    assert case == before
    assert case.raised == told


def _need_in(status: NeedStatus, steps: Any) -> Any:
    need = steps.need()
    need.status = status
    return need


@pytest.mark.parametrize(("status", "action"), NEED_PAIRS)
def test_a_need_moves_as_the_table_says_or_is_refused_and_unchanged(
    status: NeedStatus, action: NeedAction, steps: Any
) -> None:
    need = _need_in(status, steps)
    before = deepcopy(need)
    target = NEED_TRANSITIONS.get((status, action))
    if target is not None:
        need.apply(action)
        assert need.status is target
        return
    with pytest.raises(TransitionRefusedError) as refused:
        need.apply(action)
    assert refused.value.extra == {"need_id": str(need.need_id), "state": status, "action": action}
    assert need == before


@pytest.mark.parametrize("decision", list(NeedDecision))
def test_a_closed_case_takes_no_action_whatever_was_decided(decision: NeedDecision, steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.IN_HANDLING)
    steps.decide_all(case, decision)
    if decision is NeedDecision.REFER:
        steps.outcome(case, case.needs[0].need_id)
    case.close(closed_by=ClosedBy.RESIDENT, satisfied=False, at=steps.noon)
    before, told = deepcopy(case), case.raised
    for action in CaseAction:
        with pytest.raises(TransitionRefusedError):
            _take(case, action, steps)
        assert case == before
        assert case.raised == told
