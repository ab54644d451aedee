"""What comes in from intake and what goes out over HTTP: first what must not pass."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from slrt_contracts.types import CaseId, EventId
from slrt_intake.api.claim_schemas import ClaimsBody, PartiesList, PartiesView, PersonView
from slrt_kit.http.client import ServiceClient
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_kit.testing import PlayedHttp, TestIssuer
from slrt_registry.adapters.intake import IntakeClaims, PartiesAnswer, PersonAnswer
from slrt_registry.api.schemas import SearchBody, mask_number
from slrt_registry.ports import Parties

CASE = CaseId(uuid4())
PERSON = {"person_id": str(uuid4()), "relation": "client", "name": "Siti Aminah", "nik": None, "birth_date": None}
ANSWER: Mapping[str, Any] = {
    "case_id": str(CASE),
    "village_code": "12.74.03.1002",
    "kk_number": None,
    "address": "Jalan Melati 9",
    "phone": "+6281200009901",
    "persons": [PERSON | {"sex": "P"}],
    "need_persons": {},
}


def claims(*answers: object, status: int = 200, whole: object = None, asked: list[Any] | None = None) -> IntakeClaims:
    """Intake, showing those parties; ``whole`` is said instead of the list of them; ``asked`` gets the questions."""
    issuer = TestIssuer()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return issuer.transport().handle_request(request)
        assert request.headers["purpose"] == "registry-record"
        assert request.headers["authorization"].startswith("Bearer ")
        question = ClaimsBody.model_validate_json(request.content)
        if asked is not None:
            asked.append(question)
        return httpx.Response(status, json={"parties": answers} if whole is None else whole)

    return IntakeClaims(
        ServiceClient(
            base_url="http://intake.test",
            token_url=issuer.token_url,
            client_id="slrt-registry",
            client_secret=SecretStr("a-secret-of-tests"),
            client=PlayedHttp(httpx.MockTransport(handle)),
        )
    )


@pytest.mark.parametrize(
    "broken",
    [
        [],
        "tidak ada",
        {},
        {**ANSWER, "case_id": str(uuid4())},
        {**ANSWER, "case_id": "not an id"},
        {**ANSWER, "village_code": "12.74.03"},
        {**ANSWER, "village_code": "1274031002"},
        {**ANSWER, "persons": [PERSON]},  # no sex
        {**ANSWER, "persons": [PERSON | {"sex": "P", "birth_date": "17-08-1985"}]},
        {**ANSWER, "persons": [PERSON | {"sex": "P", "name": ""}]},
        {**ANSWER, "persons": None},
        {**ANSWER, "need_persons": {"a need": "a person"}},
    ],
)
async def test_parties_that_were_not_agreed_are_rejected_without_naming_anybody(broken: object) -> None:
    with pytest.raises(RejectedError) as raised:
        await claims(broken).parties(CASE, event_id=EventId(uuid4()))
    assert "Siti" not in raised.value.reason


@pytest.mark.parametrize("whole", [[], "tidak ada", {}, {"parties": None}, {"parties": {"case_id": "x"}}, ANSWER])
async def test_an_answer_that_was_not_agreed_is_rejected_without_naming_anybody(whole: object) -> None:
    with pytest.raises(RejectedError) as raised:
        await claims(whole=whole).parties(CASE, event_id=EventId(uuid4()))
    assert "Siti" not in raised.value.reason


async def test_a_case_that_intake_does_not_show_is_a_rejection() -> None:
    with pytest.raises(RejectedError):
        await claims().parties(CASE, event_id=EventId(uuid4()))


async def test_cases_asked_for_side_by_side_are_one_question_and_a_bad_answer_fails_its_own_alone() -> None:
    good, bad, unknown = CASE, CaseId(uuid4()), CaseId(uuid4())
    events = {case_id: EventId(uuid4()) for case_id in (bad, good, unknown)}
    asked: list[Any] = []
    intake = claims({**ANSWER, "case_id": str(bad), "persons": None}, ANSWER, asked=asked)
    said = await asyncio.gather(
        *(intake.parties(case_id, event_id=event_id) for case_id, event_id in events.items()), return_exceptions=True
    )
    assert [type(one) for one in said] == [RejectedError, Parties, RejectedError]
    assert [{(case.case_id, case.event_id) for case in question.cases} for question in asked] == [set(events.items())]


async def test_while_intake_is_away_all_who_asked_wait_and_it_is_asked_once() -> None:
    asked: list[Any] = []
    intake = claims(status=503, asked=asked)
    said = await asyncio.gather(
        *(intake.parties(CaseId(uuid4()), event_id=EventId(uuid4())) for _ in range(20)), return_exceptions=True
    )
    assert {type(one) for one in said} == {TransientError}
    assert len(asked) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_intake_being_away_is_waited_out(status: int) -> None:
    with pytest.raises(TransientError):
        await claims(status=status).parties(CASE, event_id=EventId(uuid4()))


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_intake_refusing_is_a_rejection(status: int) -> None:
    with pytest.raises(RejectedError):
        await claims(status=status).parties(CASE, event_id=EventId(uuid4()))


async def test_of_the_answer_only_what_is_recorded_is_kept() -> None:
    parties = await claims(ANSWER).parties(CASE, event_id=EventId(uuid4()))
    assert [person.name for person in parties.stated.persons] == ["Siti Aminah"]
    assert "Melati" not in repr(parties)
    assert "6281200009901" not in repr(parties)


async def test_a_sex_that_we_do_not_know_is_none() -> None:
    parties = await claims({**ANSWER, "persons": [PERSON | {"sex": "X"}]}).parties(CASE, event_id=EventId(uuid4()))
    assert parties.stated.persons[0].sex is None


@pytest.mark.parametrize(("ours", "theirs"), [(PartiesAnswer, PartiesView), (PersonAnswer, PersonView)])
def test_every_field_that_we_read_is_one_that_intake_promises(ours: Any, theirs: Any) -> None:
    promised = theirs.model_json_schema(mode="serialization")
    for name, field in ours.model_fields.items():
        assert name in promised["properties"]
        # Read without a default: intake must always send it, if only as null.
        assert field.is_required()
        assert name in promised["required"]


async def test_what_intake_says_by_its_own_schema_is_what_we_read() -> None:
    person, need = uuid4(), uuid4()
    said = PartiesView(
        case_id=CASE,
        receipt_id=None,
        village_code="12.74.03.1002",
        erased=False,
        kk_number="1274031505159001",
        address="Jalan Melati 9",
        phone="+6281200009901",
        persons=[
            PersonView(
                person_id=person,
                relation="client",
                erased=False,
                name="Siti Aminah",
                nik="-",
                birth_date="1985-08-17",
                birth_year=1985,
                sex="P",
            )
        ],
        need_persons={need: person},
        reporter=None,
        proxy=None,
        words={need: "rumah gelap"},
    )
    sent = json.loads(PartiesList(parties=[said]).model_dump_json())
    read = await claims(whole=sent).parties(CASE, event_id=EventId(uuid4()))
    assert read.stated.kk == "1274031505159001"
    assert read.need_persons == {need: person}
    assert str(read.stated.persons[0].birth_date) == "1985-08-17"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Siti Aminah"},
        {"birth_date": "1985-08-17"},
        {"nik": "1274035708859001", "name": "Siti Aminah"},
        {"nik": "1274035708859001", "birth_date": "1985-08-17"},
        {"nik": "1274035708859001", "village_code": "12.74"},
        {"nik": " "},
        {"nik": "9" * 33},
        {"name": "S" * 201, "birth_date": "1985-08-17"},
        {"name": "Siti Aminah", "birth_date": "17-08-1985"},
        {"nik": 1274035708859001},
    ],
)
def test_a_search_that_is_neither_by_nik_nor_by_name_and_birth_date_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SearchBody.model_validate(body)


def test_a_masked_number_shows_four_digits_at_each_end() -> None:
    assert mask_number("3505115708851234") == "3505••••••••1234"
    assert mask_number(None) is None
