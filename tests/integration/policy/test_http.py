"""The policy over HTTP: who may do what where, what is refused and how, from a draft to what is in force."""

from typing import Any

import pytest
from tests.integration.policy.conftest import People, office, offices

from slrt_kit.testing import FixedClock

WHY = {"why": "Peraturan Wali Kota 7/2026"}
DRAFT = offices(office("12.74.SOSIAL"), office("12.74.PMD", functions="PMD"))


async def test_a_draft_becomes_what_is_in_force(people: People) -> None:
    proposal = {"documents": DRAFT} | WHY
    proposed = await people("manager", "POST", "/layers/12.74/versions", proposal)
    assert (proposed.status_code, proposed.json()["number"]) == (201, 2)
    approved = await people("head_of_office", "POST", "/layers/12.74/versions/2/approve", WHY)
    assert approved.json()["verdict"] == "approved"
    active = await people("head_of_office", "POST", "/layers/12.74/versions/2/activate", WHY)
    assert active.json()["effective_from"] == "2026-07-01T08:01:10Z"
    (layer,) = [each for each in (await people("facilitator", "GET", "/layers")).json() if each["layer"] == "12.74"]
    assert (layer["active"]["number"], layer["planned"][0]["number"]) == (1, 2)
    seen = (await people("facilitator", "GET", "/layers/12.74/versions/2")).json()
    assert (seen["documents"], seen["decided_by"]) == (DRAFT, "head_of_office")
    versions = (await people("facilitator", "GET", "/layers/12.74/versions?limit=1")).json()
    assert [each["number"] for each in versions["items"]] == [2]


async def test_a_draft_with_findings_is_refused_with_each_of_them(people: People) -> None:
    wrong = {"documents": {"offices": DRAFT["offices"].replace("PMD]", "PMX]") + "  12.74.X: {}\n"}} | WHY
    answer = await people("manager", "POST", "/layers/12.74/versions", wrong)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:policy-findings")
    assert {(each["file"], each["line"]) for each in answer.json()["findings"]} == {("12.74/offices.yaml", 4)}
    checked = await people("manager", "POST", "/findings/search", {"layers": {"12.74": wrong["documents"]}})
    assert [each["code"] for each in checked.json()["findings"]] == ["incomplete-entry"] * 3
    assert len((await people("manager", "GET", "/layers/12.74/versions")).json()["items"]) == 1


async def test_a_draft_is_compared_field_by_field(people: People) -> None:
    current = (await people("manager", "GET", "/layers/12.74/versions/1")).json()["documents"]["offices"]
    changed = current.replace("Dinas Sosial Kota Tanjungbalai", "Dinas Sosial, Kota Tanjungbalai")
    answer = await people("manager", "POST", "/changes/search", {"layer": "12.74", "documents": {"offices": changed}})
    (change,) = answer.json()
    assert (change["key"], change["field"], change["how"]) == ("12.74.SOSIAL", "name", "changed")
    assert change["place_after"].startswith("12.74/offices.yaml:")


@pytest.mark.parametrize(
    ("role", "claims", "layer", "status"),
    [
        ("manager", {}, "00", 403),
        ("manager", {}, "12", 403),
        ("manager", {"region": "34.04"}, "12.74", 403),
        ("manager", {"region": None}, "12.74", 403),
        ("facilitator", {}, "12.74", 403),
        ("head_of_office", {}, "12.74", 403),
        ("admin", {"region": None}, "12.74", 201),
        ("centre_desk", {"region": None}, "12.74", 201),
        ("province_desk", {"region": "12"}, "12.74", 201),
    ],
)
async def test_a_layer_is_changed_by_those_whose_region_it_is(
    role: str, claims: dict[str, Any], layer: str, status: int, people: People
) -> None:
    proposal = {"documents": DRAFT} | WHY
    answer = await people(role, "POST", f"/layers/{layer}/versions", proposal, **claims)
    assert answer.status_code == status


async def test_nobody_approves_or_rejects_their_own(people: People) -> None:
    await people("centre_desk", "POST", "/layers/12.74/versions", {"documents": DRAFT} | WHY, sub="siti")
    for verb in ("approve", "reject"):
        answer = await people("centre_desk", "POST", f"/layers/12.74/versions/2/{verb}", WHY, sub="siti")
        assert answer.json()["type"] == "urn:slrt:problem:separation-of-duties"


@pytest.mark.parametrize(
    ("at", "status", "slug"),
    [
        ("2026-06-30T00:00:00Z", 422, "policy-too-soon"),
        ("2027-02-29T00:00:00Z", 422, "invalid-request"),
        ("2026-12-01T00:00:00", 422, "invalid-request"),
        ("2028-02-29T00:00:00+07:00", 200, None),
        ("0001-01-01T00:00:00+14:00", 422, "policy-too-soon"),
        ("9999-12-31T23:59:59-12:00", 422, "invalid-request"),
        ("2262-01-01T00:00:00Z", 422, "invalid-request"),
    ],
)
async def test_an_instant_that_cannot_be_is_refused(at: str, status: int, slug: str | None, people: People) -> None:
    await people("manager", "POST", "/layers/12.74/versions", {"documents": DRAFT} | WHY)
    await people("head_of_office", "POST", "/layers/12.74/versions/2/approve", WHY)
    body = WHY | {"effective_from": at}
    answer = await people("head_of_office", "POST", "/layers/12.74/versions/2/activate", body)
    assert answer.status_code == status, answer.text
    if slug is not None:
        assert answer.json()["type"] == f"urn:slrt:problem:{slug}"


async def test_a_repeated_command_is_answered_again_and_done_once(people: People) -> None:
    proposal = {"documents": DRAFT} | WHY
    first = await people("manager", "POST", "/layers/12.74/versions", proposal)
    people.asked -= 1
    again = await people("manager", "POST", "/layers/12.74/versions", proposal)
    assert (again.headers["Idempotency-Replayed"], again.json()) == ("true", first.json())
    assert len((await people("manager", "GET", "/layers/12.74/versions")).json()["items"]) == 2


async def test_one_person_goes_back(people: People, fixed_clock: FixedClock) -> None:
    await people("manager", "POST", "/layers/12.74/versions", {"documents": DRAFT} | WHY)
    await people("head_of_office", "POST", "/layers/12.74/versions/2/approve", WHY)
    await people("head_of_office", "POST", "/layers/12.74/versions/2/activate", WHY)
    early = await people("head_of_office", "POST", "/layers/12.74/versions/1/rollback", WHY)
    assert early.json()["type"] == "urn:slrt:problem:policy-never-in-force"
    fixed_clock.move(minutes=1)
    back = await people("head_of_office", "POST", "/layers/12.74/versions/1/rollback", WHY)
    assert (back.status_code, back.json()["kind"]) == (200, "rollback")


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"old": 10**20}, 422, "invalid-request"),
        ({"old": -1}, 422, "invalid-request"),
        ({"old": 99}, 404, "not-found"),
        ({"new": 1, "documents": DRAFT}, 422, "invalid-request"),
        ({"documents": {}}, 422, "invalid-request"),
        ({"documents": {"offices": "entries: [\n"}}, 422, "policy-findings"),
    ],
)
async def test_what_cannot_be_compared_is_refused_and_never_shown_as_taken_away(
    body: dict[str, Any], status: int, slug: str, people: People
) -> None:
    answer = await people("manager", "POST", "/changes/search", {"layer": "12.74"} | body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}"), answer.text


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2027-02-29"])
async def test_a_day_that_cannot_be_reckoned_is_refused(day: str, people: People) -> None:
    answer = await people("manager", "POST", "/what-if/search", {"layers": {"12.74": DRAFT}, "day": day})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/day")


async def test_a_layer_without_any_file_is_not_proposed(people: People) -> None:
    answer = await people("centre_desk", "POST", "/layers/12.75/versions", {"documents": {}} | WHY, region=None)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/documents")


async def test_a_region_that_there_is_not_is_no_region_in_which_nothing_happened(people: People) -> None:
    body = {"layers": {"12.74": DRAFT}, "region": "12.74.99"}
    answer = await people("manager", "POST", "/what-if/search", body)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:slrt:problem:policy-what-if-region")
