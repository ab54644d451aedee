"""Drafts: what was confirmed is a case and no draft any more; what the parser says fits a registration."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from slrt_contracts.types import CaseId
from slrt_intake.api.registration_schemas import RegisterCaseBody
from slrt_intake.domain.draft import Draft
from slrt_intake.domain.problems import DraftConfirmedError
from slrt_intake.reports.drafting import draft_content
from slrt_intake.reports.model import ParsedReport

REPORT = ParsedReport(
    visit_date=date(2026, 6, 30),
    village_code="12.74.03.1002",
    client_name="Mawar Karangan",
    nik="1274035203879001",
    birth_date=date(1987, 3, 12),
    sex="P",
    phone="+6281200009901",
    kk_number="1274030101109001",
    address="Jalan Contoh 9",
    complaint="rumah gelap",
    service_codes=("BPBL", "PIP"),
    urgent=True,
)


@pytest.fixture
def draft() -> Draft:
    return Draft(
        draft_id=uuid4(),
        author="kader-1",
        village_code=None,
        text="laporan",
        content={"needs": []},
        warnings=["nik:length"],
        created_at=datetime(2026, 7, 1, tzinfo=UTC),
    )


def test_a_confirmed_draft_cannot_be_corrected(draft: Draft) -> None:
    draft.confirm(CaseId(uuid4()))
    before = deepcopy(draft)
    with pytest.raises(DraftConfirmedError) as refused:
        draft.correct({"needs": [{}]}, village_code="12.74.03.1002")
    assert draft == before
    assert refused.value.extra == {"case_id": str(draft.case_id)}


def test_a_confirmed_draft_cannot_become_a_second_case(draft: Draft) -> None:
    first = CaseId(uuid4())
    draft.confirm(first)
    with pytest.raises(DraftConfirmedError):
        draft.confirm(CaseId(uuid4()))
    assert draft.case_id == first


def test_a_correction_replaces_content_and_village_and_keeps_the_report(draft: Draft) -> None:
    draft.correct({"needs": [{"need_code": "BPBL"}]}, village_code="12.74.03.1002")
    assert draft.content == {"needs": [{"need_code": "BPBL"}]}
    assert draft.village_code == "12.74.03.1002"
    assert draft.text == "laporan"


def test_a_draft_tells_nobody_anything(draft: Draft) -> None:
    draft.correct({}, village_code="12.74.03.1002")
    draft.confirm(CaseId(uuid4()))
    assert not draft.raised


# -- from a report to the content of a draft ------------------------------------------------------------------------


def test_an_empty_report_makes_a_draft_with_holes_that_are_named() -> None:
    with pytest.raises(ValidationError) as refused:
        RegisterCaseBody.model_validate(draft_content(ParsedReport()))
    assert [problem["loc"] for problem in refused.value.errors()] == [("village_code",)]


def test_a_full_report_makes_a_registration_as_it_is() -> None:
    body = RegisterCaseBody.model_validate(draft_content(REPORT, ["DOMISILI"]))
    assert body.village_code == "12.74.03.1002"
    assert [(need.need_code, need.person_ref, need.urgent) for need in body.needs] == [
        ("BPBL", 0, True),
        ("PIP", 0, True),
        ("DOMISILI", 0, True),
    ]
    assert [need.description for need in body.needs] == ["rumah gelap", None, None]
    assert (body.persons[0].name, body.persons[0].birth_date) == ("Mawar Karangan", date(1987, 3, 12))
    assert body.contact.phone == "+6281200009901"


@pytest.mark.parametrize("codes", [(), ("TIDAK-ADA",), ("bpbl", "")])
def test_a_report_whose_service_is_not_known_still_has_a_need(codes: tuple[str, ...]) -> None:
    content: dict[str, Any] = draft_content(replace(REPORT, service_codes=codes))
    assert [need["need_code"] for need in content["needs"]] == ["LAINNYA"]
    assert content["needs"][0]["description"] == "rumah gelap"


def test_a_report_without_a_name_has_needs_of_the_place() -> None:
    content = draft_content(replace(REPORT, client_name=None))
    assert content["persons"] == []
    assert {need["person_ref"] for need in content["needs"]} == {None}
    RegisterCaseBody.model_validate(content)
