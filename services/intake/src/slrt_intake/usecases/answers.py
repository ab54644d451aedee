"""Compare what was answered about needs with the form of each, before a case is registered."""

from collections.abc import Mapping, Sequence

from slrt_intake.domain.problems import AnswersError
from slrt_intake.usecases.cases import NeedInput
from slrt_kit.policy.forms import Form


def refusal(needs: Sequence[NeedInput], forms: Mapping[str, Form]) -> AnswersError | None:
    """What is wrong with the answers, each with its place in the request; None where nothing is. Pure."""
    errors = [
        {
            "pointer": f"/needs/{place}/attributes/{wrong.attribute}",
            "code": wrong.code,
            "detail": wrong.detail.id,
            "detail_en": wrong.detail.en,
        }
        for place, need in enumerate(needs)
        if (form := forms.get(need.need_code)) is not None
        for wrong in form.wrong(need.attributes)
    ]
    return AnswersError(errors=errors) if errors else None
