"""Claim checks: personal data only for a stated purpose, on record, and to nobody whom it does not concern."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from slrt_contracts.events import ReferralDeclined, ReferralSent
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing.audit import LOOKS, REFUSED

DUKCAPIL, PUPR = "12.74.DUKCAPIL", "12.74.PUPR"
MOTHER = {"relation": "client", "name": "Mawar Karangan", "nik": "1274035203879001", "birth_date": "1987-03-12"}
SON = {"relation": "child", "name": "Bayu Karangan"}
FAMILY = {
    "persons": [MOTHER, SON],
    "needs": [
        {"need_code": "BPBL", "person_ref": 0},
        {"need_code": "ADMINDUK", "person_ref": 1},
        {"need_code": "JALAN", "person_ref": None},
    ],
}


async def _fetch(
    intake: Any,
    case_id: str,
    what: str = "parties",
    *,
    role: str = "service",
    purpose: str | None = "usual",
    **more: Any,
) -> httpx.Response:
    request_id = more.pop("request_id", "")
    headers = intake.asking(role, what, **({"region": None} | more))
    if purpose is None:
        del headers["Purpose"]
    elif purpose != "usual":
        headers["Purpose"] = purpose
    headers |= {"X-Request-Id": request_id} if request_id else {}
    return await intake.client.get(f"/v1/cases/{case_id}/{what}", headers=headers)


def _referral(kind: type[Any], case: dict[str, Any], place: int, office: str, **more: Any) -> Any:
    need = case["needs"][place]
    fields = {"referral_id": uuid4(), "case_id": case["case_id"], "need_id": need["need_id"], "office_code": office}
    if kind is ReferralSent:
        fields |= {"need_code": need["need_code"], "district_code": "12.74.03", "urgent": False}
    if kind is ReferralDeclined:
        fields |= {"reason_code": "other_owner"}
    return kind(**fields | more)


async def _send(intake: Any, case: dict[str, Any], place: int, office: str) -> Any:
    event = _referral(ReferralSent, case, place, office)
    outcome, _ = await intake.hear(event)
    assert outcome is Outcome.APPLIED
    return event.referral_id


async def _looks(intake: Any, case_id: str) -> list[Any]:
    return await intake.rows(f"SELECT * FROM {LOOKS} WHERE object_id = %(id)s ORDER BY id", id=case_id)  # noqa: S608 — a constant


@pytest.fixture
async def case(intake: Any) -> dict[str, Any]:
    """A decided case of a mother and her son, and of a road."""
    return await intake.decided(**FAMILY)


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["parties", "contact"])
async def test_without_a_purpose_nothing_is_shown(what: str, intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await _fetch(intake, case["case_id"], what, purpose=None)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:slrt:problem:purpose-required")


@pytest.mark.parametrize("purpose", ["", "Curious", "a b", "x" * 101, "'; DROP TABLE access_log; --", "ngintip!"])
async def test_a_purpose_is_a_short_word_of_the_list_s_form(purpose: str, intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await _fetch(intake, case["case_id"], purpose=purpose)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


@pytest.mark.parametrize("what", ["parties", "contact"])
async def test_a_case_that_does_not_exist_has_no_people(what: str, intake: Any) -> None:
    async with intake.unchanged():
        answer = await _fetch(intake, str(uuid4()), what)
    assert answer.status_code == 404


@pytest.mark.parametrize("role", ["facilitator", "front_office", "back_office", "coordinator", "manager"])
async def test_an_officer_of_another_region_finds_nobody(role: str, intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await _fetch(intake, case["case_id"], role=role, region="12.71", office=DUKCAPIL)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:slrt:problem:not-found")


@pytest.mark.parametrize("role", ["facilitator", "manager", "admin", "auditor", "opd_officer", "partner", "resident"])
async def test_only_a_service_may_ask_how_the_resident_is_reached(role: str, intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await _fetch(intake, case["case_id"], "contact", role=role, region="12.74", office=DUKCAPIL)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:forbidden")


@pytest.mark.parametrize("role", ["opd_officer", "partner"])
async def test_an_office_that_was_sent_nothing_finds_nobody(role: str, intake: Any, case: dict[str, Any]) -> None:
    await _send(intake, case, 1, DUKCAPIL)
    async with intake.unchanged():
        answers = [
            await _fetch(intake, case["case_id"], role=role, office=office)
            for office in (PUPR, "12.71.DUKCAPIL", "12.74.DUKCAPI", None)
        ]
    assert {answer.status_code for answer in answers} == {404}


async def test_an_office_finds_nobody_in_another_case(intake: Any, case: dict[str, Any]) -> None:
    other = await intake.decided(**FAMILY)
    await _send(intake, case, 1, DUKCAPIL)
    assert (await _fetch(intake, other["case_id"], role="opd_officer", office=DUKCAPIL)).status_code == 404


# -- what is shown, and to whom -------------------------------------------------------------------------------------


async def test_a_service_gets_the_people_and_the_look_is_on_record(intake: Any, case: dict[str, Any]) -> None:
    answer = await _fetch(intake, case["case_id"], purpose="registry-record", request_id="ask-1", sub="slrt-registry")
    assert answer.status_code == 200
    people = answer.json()
    assert [person["name"] for person in people["persons"]] == ["Mawar Karangan", "Bayu Karangan"]
    assert people["persons"][0]["birth_date"] == "1987-03-12"
    assert people["persons"][1]["nik"] is None
    assert (people["kk_number"], people["phone"], people["address"]) == ("1274030101109001", None, None)
    ids = [person["person_id"] for person in people["persons"]]
    needs = [need["need_id"] for need in case["needs"]]
    assert people["need_persons"] == {needs[0]: ids[0], needs[1]: ids[1]}
    [look] = await _looks(intake, case["case_id"])
    assert (look.subject, look.roles, look.office) == ("slrt-registry", ["service"], None)
    assert (look.purpose, look.action, look.object_type) == ("registry-record", "read", "case-parties")
    assert look.request_id == "ask-1" == answer.headers["x-request-id"]
    assert set(look.fields) == {"name", "nik", "kk_number", "birth_date", "sex"}
    assert look.at == intake.clock.now()


async def test_a_service_gets_the_contact_and_the_look_is_on_record(intake: Any) -> None:
    contact = {"phone": "0812-0000-9902", "email": "mawar@contoh.id", "language": "en"}
    case = await intake.register(contact=contact)
    answer = await _fetch(intake, case["case_id"], "contact", purpose="resident-message")
    assert answer.json() == {
        "ticket_number": case["ticket_number"],
        "language": "en",
        "phone": "+6281200009902",
        "email": "mawar@contoh.id",
    }
    [look] = await _looks(intake, case["case_id"])
    assert (look.purpose, look.object_type, look.fields) == ("resident-message", "case-contact", ["phone", "email"])


async def test_every_look_is_on_record_anew(intake: Any, case: dict[str, Any]) -> None:
    for place in range(3):
        await _fetch(intake, case["case_id"], role="coordinator", region="12.74", sub=f"k-{place}")
    assert [look.subject for look in await _looks(intake, case["case_id"])] == ["k-0", "k-1", "k-2"]


async def test_an_officer_of_the_region_gets_everybody(intake: Any, case: dict[str, Any]) -> None:
    answer = await _fetch(intake, case["case_id"], role="back_office", region="12.74.03", purpose="case-handling")
    assert len(answer.json()["persons"]) == 2


@pytest.mark.parametrize(
    ("purpose", "status", "problem"),
    [("curiosity", 422, "unknown-purpose"), ("registry-record", 403, "purpose-not-yours")],
)
async def test_a_purpose_that_is_none_or_somebody_else_s_shows_nothing_and_says_what_is_possible(
    purpose: str, status: int, problem: str, intake: Any, case: dict[str, Any]
) -> None:
    async with intake.unchanged():
        answer = await _fetch(intake, case["case_id"], role="coordinator", region="12.74", purpose=purpose)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{problem}")
    assert answer.json()["possible"] == ["case-handling"]


async def test_a_machine_states_its_own_purpose_and_no_other_machine_s(intake: Any, case: dict[str, Any]) -> None:
    for machine in ("slrt-notification", "slrt-web", "slrt-registry.evil"):
        async with intake.unchanged():
            answer = await _fetch(intake, case["case_id"], azp=machine)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:slrt:problem:purpose-not-yours")


async def test_a_desk_sees_masked_numbers_and_the_year_unless_its_purpose_shows_more(
    intake: Any, case: dict[str, Any]
) -> None:
    masked = (await _fetch(intake, case["case_id"], role="front_office", region="12.74")).json()
    mother = masked["persons"][0]
    assert (mother["nik"], mother["birth_date"], mother["birth_year"]) == ("1274••••••••9001", None, 1987)
    assert (masked["kk_number"], masked["phone"]) == ("1274••••••••9001", "+628••••••9901")
    clear = await _fetch(intake, case["case_id"], role="front_office", region="12.74", purpose="identity-check")
    assert clear.json()["persons"][0] | {"person_id": ""} == MOTHER | {
        "person_id": "",
        "erased": False,
        "birth_year": 1987,
        "sex": None,
    }
    assert (clear.json()["address"], clear.json()["phone"]) == (None, "+628••••••9901")
    first, second = await _looks(intake, case["case_id"])
    assert set(first.fields) == {
        "name",
        "sex",
        "address",
        "nik-masked",
        "kk_number-masked",
        "birth_date-masked",
        "phone-masked",
    }
    assert set(second.fields) == {"name", "nik", "kk_number", "birth_date", "sex", "phone-masked"}


@pytest.mark.parametrize("role", ["opd_officer", "partner"])
async def test_an_office_gets_the_person_of_the_need_that_it_was_sent_and_no_other(
    role: str, intake: Any, case: dict[str, Any]
) -> None:
    await _send(intake, case, 1, DUKCAPIL)
    answer = await _fetch(intake, case["case_id"], role=role, office=DUKCAPIL)
    assert answer.status_code == 200
    assert [person["name"] for person in answer.json()["persons"]] == ["Bayu Karangan"]
    assert list(answer.json()["need_persons"]) == [case["needs"][1]["need_id"]]
    assert "Mawar" not in answer.text
    assert "1274035203879001" not in answer.text
    [look] = await _looks(intake, case["case_id"])
    assert (look.office, look.roles) == (DUKCAPIL, [role])


async def test_an_office_that_was_sent_two_needs_gets_both_persons(intake: Any, case: dict[str, Any]) -> None:
    await _send(intake, case, 0, DUKCAPIL)
    await _send(intake, case, 1, DUKCAPIL)
    answer = await _fetch(intake, case["case_id"], role="opd_officer", office=DUKCAPIL)
    assert len(answer.json()["persons"]) == 2


async def test_an_office_with_a_need_of_the_place_gets_no_person_and_no_family_card(
    intake: Any, case: dict[str, Any]
) -> None:
    await _send(intake, case, 2, PUPR)
    people = (await _fetch(intake, case["case_id"], role="opd_officer", office=PUPR)).json()
    assert (people["persons"], people["need_persons"], people["kk_number"]) == ([], {}, None)
    assert people["village_code"] == "12.74.03.1002"
    [look] = await _looks(intake, case["case_id"])
    assert not {"name", "nik", "kk_number", "birth_date", "sex"} & set(look.fields)


@pytest.mark.parametrize("desk", ["facilitator", "back_office", "manager"])
async def test_a_desk_role_elsewhere_widens_nothing_for_an_office(desk: str, intake: Any, case: dict[str, Any]) -> None:
    await _send(intake, case, 1, DUKCAPIL)
    answer = await _fetch(
        intake, case["case_id"], role="opd_officer", roles=["opd_officer", desk], region="12.71", office=DUKCAPIL
    )
    assert [person["name"] for person in answer.json()["persons"]] == ["Bayu Karangan"]


async def test_an_office_that_declined_finds_nobody_any_more(intake: Any, case: dict[str, Any]) -> None:
    referral = await _send(intake, case, 2, PUPR)
    assert (await _fetch(intake, case["case_id"], role="opd_officer", office=PUPR)).status_code == 200
    await intake.hear(_referral(ReferralDeclined, case, 2, PUPR, referral_id=referral))
    async with intake.unchanged():
        assert (await _fetch(intake, case["case_id"], role="opd_officer", office=PUPR)).status_code == 404


async def test_declining_one_need_leaves_the_office_the_other(intake: Any, case: dict[str, Any]) -> None:
    first = await _send(intake, case, 0, DUKCAPIL)
    await _send(intake, case, 1, DUKCAPIL)
    await intake.hear(_referral(ReferralDeclined, case, 0, DUKCAPIL, referral_id=first))
    answer = await _fetch(intake, case["case_id"], role="opd_officer", office=DUKCAPIL)
    assert [person["name"] for person in answer.json()["persons"]] == ["Bayu Karangan"]


async def test_a_need_that_comes_back_to_the_office_opens_it_again(intake: Any, case: dict[str, Any]) -> None:
    # A better owner was named, declined too, and the need came back as a new referral: events of two referrals
    # have no common order, so the old one's end must not shut out the new one.
    old, new = _referral(ReferralSent, case, 1, DUKCAPIL), _referral(ReferralSent, case, 1, DUKCAPIL)
    await intake.hear(old)
    await intake.hear(new)
    await intake.hear(_referral(ReferralDeclined, case, 1, DUKCAPIL, referral_id=old.referral_id))
    assert (await _fetch(intake, case["case_id"], role="opd_officer", office=DUKCAPIL)).status_code == 200


# -- several cases at once ----------------------------------------------------------------------------------------


async def _fetch_many(
    intake: Any, *cases: Any, role: str = "service", what: str = "parties", **more: Any
) -> httpx.Response:
    headers = intake.asking(role, what, **({"region": None} | more))
    asked = [case if isinstance(case, dict) else {"case_id": str(case)} for case in cases]
    return await intake.client.post(f"/v1/{what}/search", json={"cases": asked}, headers=headers)


@pytest.mark.parametrize(
    "cases",
    [
        [],
        [{}],
        [{"case_id": "siapa"}],
        [{"case_id": str(uuid4()), "nik": "?"}],
        [{"case_id": str(uuid4())}] * 101,
        None,
    ],
)
async def test_a_question_that_does_not_fit_is_refused(cases: Any, intake: Any) -> None:
    headers = intake.asking("service", region=None)
    async with intake.unchanged():
        answer = await intake.client.post("/v1/parties/search", json={"cases": cases}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:invalid-request")


async def test_several_cases_without_a_purpose_are_not_shown(intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await intake.client.post(
            "/v1/parties/search",
            json={"cases": [{"case_id": case["case_id"]}]},
            headers=intake.token("service", region=None),
        )
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:slrt:problem:purpose-required")


@pytest.mark.parametrize("count", [1, 2])
async def test_whoever_asks_for_cases_that_are_not_theirs_is_on_record_for_one_as_for_several(
    count: int, intake: Any, case: dict[str, Any]
) -> None:
    others = [str(uuid4()) for _ in range(count)]
    answer = await _fetch_many(intake, *others, role="front_office", region="12.74")
    assert answer.json() == {"parties": []}
    query = f"SELECT count(*) AS n FROM {REFUSED} WHERE object_id = ANY(%(ids)s) AND object_type = 'case-parties'"  # noqa: S608 — a constant
    [found] = await intake.rows(query, ids=others)
    assert found.n == count


async def test_cases_of_another_region_are_left_out_and_leave_no_trace(intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await _fetch_many(intake, case["case_id"], uuid4(), role="front_office", region="32.01")
    assert (answer.status_code, answer.json()) == (200, {"parties": []})


async def test_several_cases_are_shown_as_each_is_alone_and_each_look_is_on_record(intake: Any) -> None:
    cases = [
        await intake.decided(**FAMILY),
        await intake.register(),
        await intake.register(needs=[{"need_code": "JALAN"}]),
    ]
    causes = [str(uuid4()) for _ in cases]
    asked = [{"case_id": case["case_id"], "event_id": cause} for case, cause in zip(cases, causes, strict=True)]
    answer = await _fetch_many(intake, *asked, uuid4())
    shown = {parties["case_id"]: parties for parties in answer.json()["parties"]}
    assert set(shown) == {case["case_id"] for case in cases}
    for case, cause in zip(cases, causes, strict=True):
        (look,) = await _looks(intake, case["case_id"])
        assert (look.object_type, look.purpose, look.request_id) == ("case-parties", "registry-record", cause)
        assert shown[case["case_id"]] == (await _fetch(intake, case["case_id"])).json()


async def test_an_office_gets_of_several_cases_only_what_it_was_sent(intake: Any, case: dict[str, Any]) -> None:
    other = await intake.decided(**FAMILY)
    await _send(intake, case, 1, DUKCAPIL)
    answer = await _fetch_many(intake, case["case_id"], other["case_id"], role="opd_officer", office=DUKCAPIL)
    (parties,) = answer.json()["parties"]
    assert [person["name"] for person in parties["persons"]] == ["Bayu Karangan"]
    assert await _looks(intake, other["case_id"]) == []


async def test_several_contacts_are_shown_as_each_is_alone_and_each_look_is_on_record(intake: Any) -> None:
    cases = [await intake.register(), await intake.register(contact={"email": "warga.9901@contoh.id"})]
    causes = [str(uuid4()) for _ in cases]
    asked = [{"case_id": case["case_id"], "event_id": cause} for case, cause in zip(cases, causes, strict=True)]
    answer = await _fetch_many(intake, *asked, uuid4(), what="contacts")
    shown = {contact.pop("case_id"): contact for contact in answer.json()["contacts"]}
    assert set(shown) == {case["case_id"] for case in cases}
    for case, cause in zip(cases, causes, strict=True):
        (look,) = await _looks(intake, case["case_id"])
        assert (look.object_type, look.fields, look.request_id) == ("case-contact", ["phone", "email"], cause)
        assert shown[case["case_id"]] == (await _fetch(intake, case["case_id"], "contact")).json()


@pytest.mark.parametrize("role", ["front_office", "opd_officer", "facilitator", "resident"])
async def test_only_a_service_may_ask_for_several_contacts(role: str, intake: Any, case: dict[str, Any]) -> None:
    async with intake.unchanged():
        answer = await _fetch_many(intake, case["case_id"], role=role, what="contacts", region="12.74")
    assert answer.status_code == 403
