"""The forms of a region over HTTP, and what a registration is told whose answers do not fit."""

from typing import TYPE_CHECKING, Any

import pytest

from slrt_intake.store.forms import FormBook
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules

if TYPE_CHECKING:
    from tests.integration.intake.conftest import Intake

FORMS = "/v1/forms"
SLEMAN = {"region": "34.04"}


def trip(attributes: dict[str, str]) -> dict[str, Any]:
    """Somebody in Sleman who needs to be driven."""
    return {
        "village_code": "34.04.07.2001",
        "persons": [{"relation": "client", "name": "Melati Karangan"}],
        "needs": [{"need_code": "TRANSPORT", "person_ref": 0, "attributes": attributes}],
    }


async def test_a_region_has_its_own_form_with_schema_documents_and_version(
    intake: "Intake",
) -> None:
    form = (await intake.get(f"{FORMS}/TRANSPORT?region=34.04.07")).json()
    assert form["label"]["id"] == "Ngantar Paimah (antar jemput gratis)"
    assert form["policy_version"] == "00:1,34.04:1"
    assert [(field["attribute"], field["required"]) for field in form["fields"]] == [
        ("destination", True),
        ("return_trip", False),
    ]
    assert [option["value"] for option in form["fields"][0]["options"]] == ["social_office", "referral_place", "home"]
    assert form["answers_schema"]["required"] == ["destination"]
    assert [document["code"] for document in form["documents"]] == ["identity-card", "family-card"]
    assert form["documents"][0]["instead"] == ["family-card"]
    nation = (await intake.get(f"{FORMS}/TRANSPORT")).json()
    assert [field["required"] for field in nation["fields"]] == [False, False]


async def test_all_forms_of_a_region_come_at_once_and_only_when_they_have_changed(
    intake: "Intake",
) -> None:
    first = await intake.get(f"{FORMS}?region=12.74.03")
    codes = [form["need_code"] for form in first.json()["forms"]]
    assert len(codes) == len(set(codes)) == len((await intake.get("/v1/need-codes")).json())
    known = intake.token() | {"If-None-Match": f'"other", {first.headers["ETag"]}'}
    again = await intake.client.get(f"{FORMS}?region=12.74.03", headers=known)
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    other = await intake.client.get(f"{FORMS}?region=34.04.07", headers=known)
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/BAKSO", 404, "not-found"),
        ("/JALAN?region=99.99", 422, "unknown-region"),
        ("/JALAN?region=Sleman", 422, "invalid-request"),
        ("?region=12.740", 422, "invalid-request"),
    ],
)
async def test_what_there_is_not_is_said(path: str, status: int, slug: str, intake: "Intake") -> None:
    answer = await intake.get(FORMS + path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, ("destination", "missing")),
        ({"destination": "school"}, ("destination", "not-an-option")),
        ({"destination": "home", "return_trip": "yes"}, ("return_trip", "not-asked")),
    ],
)
async def test_answers_that_do_not_fit_register_nothing_and_say_what_to_do(
    attributes: dict[str, str], expected: tuple[str, str], intake: "Intake"
) -> None:
    key = f"trip-{expected[1]}"
    before = await intake.get("/v1/cases", "supervisor", **SLEMAN)
    refused = await intake.post("/v1/cases", trip(attributes), key=key, **SLEMAN)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:slrt:problem:answers-do-not-fit")
    [error] = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/needs/0/attributes/{expected[0]}", expected[1])
    assert error["detail"] != error["detail_en"]
    assert (await intake.get("/v1/cases", "supervisor", **SLEMAN)).json() == before.json()
    # The key may be used for the corrected request: nothing was kept under it.
    answer = await intake.post("/v1/cases", trip({"destination": "referral_place"}), key=key, **SLEMAN)
    assert answer.status_code == 201, answer.text


async def test_a_ticket_that_was_given_is_given_again_after_the_form_has_changed(intake: "Intake") -> None:
    asked = trip({"destination": "home"})
    first = await intake.post("/v1/cases", asked, key="before-the-change", **SLEMAN)
    assert first.status_code == 201, first.text
    rules = PolicyRules.of("intake")
    packaged = packaged_documents("slrt_intake", rules)
    stricter = packaged["34.04"] | {
        "forms": "entries:\n  TRANSPORT.destination: {required: true, options: [social_office, referral_place]}\n"
    }
    parts = intake.app.state.parts
    kept = parts.forms
    object.__setattr__(parts, "forms", FormBook(PolicyBook.of(rules, packaged | {"34.04": stricter})))
    try:
        again = await intake.post("/v1/cases", asked, key="before-the-change", **SLEMAN)
        new = await intake.post("/v1/cases", asked, key="after-the-change", **SLEMAN)
    finally:
        object.__setattr__(parts, "forms", kept)
    assert (again.status_code, again.json()) == (201, first.json())
    assert (new.status_code, new.json()["errors"][0]["code"]) == (422, "not-an-option")


async def test_a_case_names_the_version_of_the_policy_whose_form_it_fits(intake: "Intake") -> None:
    case = await intake.post("/v1/cases", trip({"destination": "home"}), **SLEMAN)
    async with intake.database.read() as session:
        version = await session.value(
            "SELECT policy_version FROM cases WHERE case_id = %(id)s", {"id": case.json()["case_id"]}
        )
    assert version == "00:1,34.04:1"


async def test_a_draft_says_which_answers_are_missing_and_is_not_confirmed_without(intake: "Intake") -> None:
    text = "Nama klien: Melati Karangan\nKelurahan: Caturtunggal\nKecamatan: Depok\nJenis layanan: antar jemput"
    drafts = (await intake.post("/v1/drafts", {"text": text}, **SLEMAN)).json()["drafts"]
    where = f"/v1/drafts/{drafts[0]['draft_id']}"
    corrected = await intake.client.put(where, json=trip({}), headers=intake.token(**SLEMAN) | {"If-Match": '"1"'})
    assert corrected.status_code == 200, corrected.text
    assert corrected.json()["missing"] == ["/needs/0/attributes/destination"]
    refused = await intake.post(f"{where}/confirm", version=2, **SLEMAN)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:slrt:problem:answers-do-not-fit")
    whole = await intake.client.put(
        where, json=trip({"destination": "home"}), headers=intake.token(**SLEMAN) | {"If-Match": '"2"'}
    )
    assert whole.json()["missing"] == []
    assert (await intake.post(f"{where}/confirm", version=3, **SLEMAN)).status_code == 201


async def test_the_files_of_a_case_stand_beside_the_documents_that_its_needs_ask_for(intake: "Intake") -> None:
    case = (await intake.post("/v1/cases", trip({"destination": "home"}), **SLEMAN)).json()
    where = f"/v1/cases/{case['case_id']}/attachments"
    headers = intake.token("front_office", **SLEMAN) | {"Purpose": "case-handling"}

    async def there() -> dict[str, bool]:
        asked = (await intake.client.get(where, headers=headers)).json()["asked"]
        assert all(each["need_codes"] == ["TRANSPORT"] and not each["mandatory"] for each in asked)
        return {each["code"]: each["there"] for each in asked}

    assert await there() == {"identity-card": False, "family-card": False}
