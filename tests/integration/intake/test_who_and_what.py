"""Who brought what, for whom: people apart from one another, what waits for what, and whose name stays secret."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

MOTHER = {"relation": "client", "name": "Mawar Karangan", "nik": "1274035203879001"}
NEIGHBOUR = {"role": "neighbour", "name": "Kenanga Rekaan"}
PROXY = {"name": "Bayu Karangan", "relation": "child", "phone": "0812-0000-9902"}
PKH = {"need_code": "PKH", "person_ref": 0}


async def _parties(intake: Any, case_id: str, *, role: str = "coordinator", purpose: str = "") -> dict[str, Any]:
    headers = intake.asking(role) | ({"Purpose": purpose} if purpose else {})
    answer = await intake.client.get(f"/v1/cases/{case_id}/parties", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _refused(intake: Any, made: Any, **changes: Any) -> httpx.Response:
    async with intake.unchanged():
        answer: httpx.Response = await intake.post("/v1/cases", made.registration(**changes))
    return answer


# -- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "waits",
    [
        {0: [0]},
        {0: [1], 1: [0]},
        {0: [1], 1: [2], 2: [0]},
        {0: [7]},
    ],
    ids=["for itself", "for one another", "in a circle of three", "for one that is not there"],
)
async def test_needs_that_could_never_be_met_are_refused(intake: Any, made: Any, waits: dict[int, list[int]]) -> None:
    needs = [
        {**PKH, "waits_on": [{"need_ref": ref, "reason": "identity_first"} for ref in waits.get(place, [])]}
        for place in range(3)
    ]
    answer = await _refused(intake, made, needs=needs)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:need-order")


@pytest.mark.parametrize(
    "known",
    [
        {"contact": {"phone": "0812-0000-9901"}},
        {"contact": {"email": "mawar@contoh.example"}},
        {"contact": {}, "reporter": NEIGHBOUR},
        {"contact": {}, "proxy": PROXY},
    ],
    ids=["phone", "e-mail", "reporter", "proxy"],
)
async def test_an_anonymous_report_that_says_who_brought_it_is_refused(
    intake: Any, made: Any, known: dict[str, Any]
) -> None:
    answer = await _refused(intake, made, anonymous=True, **known)
    assert answer.status_code == 422
    assert "reporter_secret" in answer.text


@pytest.mark.parametrize("whose", ["proxy", "reporter"])
async def test_a_contact_of_somebody_who_is_not_named_is_refused(intake: Any, made: Any, whose: str) -> None:
    answer = await _refused(intake, made, contact={"phone": "0812-0000-9901", "belongs_to": whose})
    assert answer.status_code == 422


# -- who --------------------------------------------------------------------------------------------------------


async def test_reporter_subject_and_proxy_are_three_and_the_desk_can_tell_them_apart(intake: Any) -> None:
    case = await intake.register(
        reporter=NEIGHBOUR, proxy=PROXY, contact={"phone": "0812-0000-9901", "belongs_to": "reporter"}
    )
    parties = await _parties(intake, case["case_id"])
    assert [person["name"] for person in parties["persons"]] == ["Mawar Karangan"]
    assert parties["reporter"] == NEIGHBOUR
    assert parties["proxy"] == {"name": "Bayu Karangan", "relation": "child", "phone": "+628••••••9902"}
    assert parties["words"] == {case["needs"][0]["need_id"]: "rumah gelap"}


async def test_the_phone_of_a_proxy_is_seen_by_whoever_may_call(intake: Any) -> None:
    case = await intake.register(proxy=PROXY)
    parties = await _parties(intake, case["case_id"], role="front_office", purpose="contact-resident")
    assert parties["proxy"]["phone"] == "+6281200009902"
    assert parties["words"] == {}


async def test_a_purpose_that_does_not_need_them_shows_neither_reporter_nor_proxy_nor_words(intake: Any) -> None:
    case = await intake.register(reporter=NEIGHBOUR, proxy=PROXY)
    parties = await _parties(intake, case["case_id"], role="service")
    assert (parties["reporter"], parties["proxy"], parties["words"]) == (None, None, {})


@pytest.mark.parametrize("grievance", ["inclusion_error", "misconduct"])
async def test_who_tells_of_a_neighbour_or_of_staff_is_secret_without_asking_for_it(
    intake: Any, grievance: str
) -> None:
    case = await intake.register(reporter=NEIGHBOUR, needs=[{**PKH, "grievance_type": grievance}])
    assert case["reporter_secret"] is True
    if grievance == "inclusion_error":
        parties = await _parties(intake, case["case_id"])
        assert (parties["reporter"], parties["phone"], parties["address"]) == (None, None, None)


async def test_how_staff_behaved_is_not_for_the_staff_to_read(intake: Any) -> None:
    case = await intake.register(needs=[{"need_code": "LAINNYA", "grievance_type": "misconduct"}])
    assert case["restricted"] is True
    assert (await intake.get(f"/v1/cases/{case['case_id']}", "facilitator")).status_code == 404


async def test_somebody_without_nik_phone_or_name_of_their_own_gets_a_ticket_and_a_code_that_opens_it(
    intake: Any,
) -> None:
    case = await intake.register(anonymous=True, persons=[], contact={}, needs=[{"need_code": "JALAN"}])
    body = {"ticket_number": case["ticket_number"], "phone_last4": case["slip_code"]}
    opened = await intake.client.post("/v1/tracking", json=body)
    assert (opened.status_code, opened.json()["ticket_number"]) == (200, case["ticket_number"])
    wrong = body | {"phone_last4": f"{(int(case['slip_code']) + 1) % 10_000:04}"}
    assert (await intake.client.post("/v1/tracking", json=wrong)).status_code == 404


async def test_the_code_of_the_slip_is_told_once_and_again_to_the_same_command_alone(intake: Any, made: Any) -> None:
    body = made.registration(contact={})
    first = await intake.post("/v1/cases", body, key="a-slip")
    again = await intake.post("/v1/cases", body, key="a-slip")
    assert first.json()["slip_code"] == again.json()["slip_code"] is not None
    read = await intake.get(f"/v1/cases/{first.json()['case_id']}")
    assert read.json()["slip_code"] is None


async def test_a_case_with_a_phone_has_no_code_of_a_slip(intake: Any) -> None:
    assert (await intake.register())["slip_code"] is None


# -- what -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "concerns"),
    [
        ({}, "individual"),
        ({"persons": [], "needs": [{"need_code": "JALAN"}]}, "place"),
        ({"concerns": "household"}, "household"),
    ],
)
async def test_a_case_says_whom_it_concerns(intake: Any, changes: dict[str, Any], concerns: str) -> None:
    assert (await intake.register(**changes))["concerns"] == concerns


async def test_a_road_concerns_a_hamlet_and_nobody_by_name(intake: Any) -> None:
    case = await intake.register(
        kind="complaint",
        concerns="group",
        concerned_people=240,
        visit_date="2026-06-29",
        persons=[],
        contact={},
        needs=[{"need_code": "JALAN", "description": "jalan dusun putus", "subject": "complaint"}],
    )
    read = (await intake.get(f"/v1/cases/{case['case_id']}")).json()
    assert (read["kind"], read["concerns"], read["concerned_people"]) == ("complaint", "group", 240)
    assert read["visit_date"] == "2026-06-29"
    assert read["needs"][0]["subject"] == "complaint"


async def test_what_nobody_said_of_a_need_follows_from_its_code(intake: Any) -> None:
    case = await intake.register(
        needs=[
            PKH,
            {"need_code": "LAINNYA"},
            {**PKH, "subject": "participation", "grievance_type": "payment_complaint"},
        ]
    )
    assert [(need["subject"], need["grievance_type"]) for need in case["needs"]] == [
        ("need", None),
        ("complaint", None),
        ("participation", "payment_complaint"),
    ]


async def test_a_resident_reads_what_must_come_first(intake: Any) -> None:
    case = await intake.register(
        needs=[
            {"need_code": "PBI-JK", "person_ref": 0, "waits_on": [{"need_ref": 1, "reason": "identity_first"}]},
            {"need_code": "ADMINDUK", "person_ref": 0},
        ]
    )
    card = case["needs"][1]["need_id"]
    assert case["needs"][0]["waits_on"] == [{"need_id": card, "reason": "identity_first"}]
    body = {"ticket_number": case["ticket_number"], "phone_last4": "9901"}
    seen = (await intake.client.post("/v1/tracking", json=body)).json()
    assert [need["waits_for"] for need in seen["needs"]] == [["Administrasi kependudukan (KTP, KK, akta)"], []]


async def test_once_what_came_first_has_an_outcome_nothing_is_waited_for(intake: Any) -> None:
    case = await intake.decided(
        needs=[
            {"need_code": "PBI-JK", "person_ref": 0, "waits_on": [{"need_ref": 1, "reason": "identity_first"}]},
            {"need_code": "ADMINDUK", "person_ref": 0},
        ]
    )
    await intake.answered(case, 1)
    body = {"ticket_number": case["ticket_number"], "phone_last4": "9901"}
    seen = (await intake.client.post("/v1/tracking", json=body)).json()
    assert [need["waits_for"] for need in seen["needs"]] == [[], []]


async def test_the_event_tells_kinds_and_order_in_codes(intake: Any) -> None:
    case = await intake.register(
        kind="question",
        concerns="family",
        needs=[
            {**PKH, "grievance_type": "exclusion_error", "waits_on": [{"need_ref": 1, "reason": "registry_first"}]},
            {"need_code": "ADMINDUK", "person_ref": 0},
        ],
    )
    [row] = await intake.rows(
        "SELECT CAST(convert_from(payload, 'UTF8') AS jsonb) AS told FROM outbox WHERE partition_key = %(id)s",
        id=case["case_id"],
    )
    assert (row.told["kind"], row.told["concerns"]) == ("question", "family")
    first, second = row.told["needs"]
    assert (first["subject"], first["grievance_type"]) == ("need", "exclusion_error")
    assert first["waits_on"] == [{"need_id": second["need_id"], "reason": "registry_first"}]


async def test_a_case_from_before_reads_as_a_complaint_of_a_person(intake: Any) -> None:
    """The contact of an older case has the name of a proxy and nothing else of who came."""
    case = await intake.register()
    [key] = await intake.rows("SELECT key_id FROM cases WHERE case_id = %(id)s", id=case["case_id"])
    old = {"phone": "+6281200009901", "email": None, "kk_number": None, "address": None, "proxy_name": "Bayu Karangan"}
    keys = await intake.vault.keys.find([key.key_id])
    sealed = intake.vault.seal(keys[key.key_id], old, table="contacts", row=case["case_id"])
    await intake.rows_changed(
        "UPDATE contacts SET sealed = %(sealed)s WHERE case_id = %(id)s", sealed=sealed, id=case["case_id"]
    )
    parties = await _parties(intake, case["case_id"])
    assert parties["proxy"] == {"name": "Bayu Karangan", "relation": None, "phone": None}
    assert parties["reporter"] is None


# -- the same trouble twice ---------------------------------------------------------------------------------------


async def _recorded(intake: Any, case: dict[str, Any], person: str, family: str | None = None) -> None:
    """The registry has found out who the case is about."""
    await intake.rows_changed(
        "INSERT INTO case_people (case_id, person_id, family_id) VALUES (%(case)s, %(person)s, %(family)s)",
        case=case["case_id"],
        person=person,
        family=family,
    )


async def _alike(intake: Any, case: dict[str, Any], role: str = "back_office", **claims: Any) -> dict[str, Any]:
    answer = await intake.get(f"/v1/cases/{case['case_id']}/likely-duplicates", role, **claims)
    assert answer.status_code == 200, answer.text
    return {each["case_id"]: (each["why"], each["need_codes"]) for each in answer.json()["items"]}


async def test_an_open_case_of_the_same_person_with_a_need_in_common_is_offered_through_whichever_door(
    intake: Any,
) -> None:
    person, family = str(uuid4()), str(uuid4())
    first = await intake.register(channel="web", needs=[PKH, {"need_code": "PIP", "person_ref": 0}])
    second = await intake.register(channel="paper", needs=[PKH])
    other_need = await intake.register(needs=[{"need_code": "RUTILAHU", "person_ref": 0}])
    of_the_family = await intake.register(needs=[PKH])
    for case in (first, second, other_need):
        await _recorded(intake, case, person, family)
    await _recorded(intake, of_the_family, str(uuid4()), family)
    assert await _alike(intake, second) == {
        first["case_id"]: (["same_person"], ["PKH"]),
        of_the_family["case_id"]: (["same_family"], ["PKH"]),
    }


async def test_a_closed_case_a_hidden_one_and_one_elsewhere_are_not_offered(intake: Any) -> None:
    person = str(uuid4())
    mine = await intake.register(needs=[PKH])
    hidden = await intake.register(needs=[PKH], restricted=True)
    elsewhere = await intake.register(needs=[PKH], village_code="36.04.09.2017")
    closed = await intake.resolved(needs=[PKH])
    await intake.client.post(
        "/v1/tracking/confirmation",
        json={"ticket_number": closed["ticket_number"], "phone_last4": "9901", "satisfied": True},
        headers={"Idempotency-Key": uuid4().hex},
    )
    for case in (mine, hidden, elsewhere, closed):
        await _recorded(intake, case, person)
    assert await _alike(intake, mine) == {}


async def test_a_road_of_the_same_village_is_offered_and_a_home_without_light_is_not(intake: Any) -> None:
    village = "12.74.03.1003"
    road = {"need_code": "JALAN"}
    first = await intake.register(village_code=village, persons=[], needs=[road])
    await intake.register(village_code=village, needs=[{"need_code": "BPBL", "person_ref": 0}])
    second = await intake.register(village_code=village, persons=[], needs=[road, {"need_code": "BPBL"}])
    assert await _alike(intake, second) == {first["case_id"]: (["same_place"], ["JALAN"])}


async def test_whose_case_it_is_not_learns_of_no_duplicates(intake: Any) -> None:
    case = await intake.register()
    answer = await intake.get(f"/v1/cases/{case['case_id']}/likely-duplicates", "back_office", region="36.04")
    assert answer.status_code == 404
