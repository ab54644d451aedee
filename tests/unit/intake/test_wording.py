"""The words for residents: every state has some, in both languages, and none of them is a code."""

from typing import Any

import pytest

from slrt_intake.api.wording import CASE_STAGES, NEED_STAGES, NEXT_STEPS, next_step, stage
from slrt_intake.domain.transitions import CaseStatus, NeedStatus


@pytest.mark.parametrize(
    ("table", "statuses"),
    [(CASE_STAGES, CaseStatus), (NEXT_STEPS, CaseStatus), (NEED_STAGES, NeedStatus)],
    ids=["stages", "next steps", "needs"],
)
def test_every_state_has_words_in_both_languages(table: Any, statuses: Any) -> None:
    assert set(table) == set(statuses)
    for words in table.values():
        assert words.id
        assert words.en
        assert words.id != words.en
        assert "_" not in words.id + words.en


def test_a_case_whose_needs_are_all_answered_asks_for_confirmation(steps: Any) -> None:
    case = steps.drive(steps.register(), CaseStatus.DECIDED)
    waiting = stage(case), next_step(case)
    steps.outcome(case, case.needs[0].need_id)
    assert stage(case) != waiting[0]
    assert "membantu" in next_step(case).id
    assert next_step(case) != waiting[1]
