"""Devices hand in what was done offline: each item once, whatever comes again, and a receipt for each."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.integration.intake.field import Handset, facts_of, handset, plan

HOUSE = {"checklist": "housing", "answers": {"earth_floor": True, "walls": "bamboo"}}


@pytest.fixture
async def device(intake: Any) -> Handset:
    return await handset(intake, sub=f"fs-{uuid4().hex[:8]}")


# -- what is refused as a whole ---------------------------------------------------------------------------------------


async def test_a_device_of_somebody_else_is_unknown(intake: Any, device: Handset) -> None:
    other = Handset(intake, sub="another")
    other.device_id = device.device_id
    async with intake.unchanged():
        answer = await other.send(other.item("note", {"case_id": str(uuid4()), "text": "x"}))
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:slrt:problem:unknown-device")
        assert (await other.register()).json()["type"] == "urn:slrt:problem:device-taken"


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"{", 400, "malformed-json"),
        (b"[]", 400, "malformed-json"),
        (b'{"items": []}', 422, "device-clock"),
        (b'{"device_now": 7, "items": []}', 422, "device-clock"),
        (b'{"device_now": "2026-07-01T08:00:00", "items": []}', 422, "device-clock"),
        (b'{"device_now": "0001-01-01T00:00:00+14:00", "items": []}', 422, "device-clock"),
        (b'{"device_now": "2026-07-01T08:00:00Z"}', 400, "malformed-json"),
        (b'{"device_now": "2026-07-01T08:00:00Z", "items": [{"id": "cut ha', 400, "malformed-json"),
        (b'{"device_now": "2026-07-01T08:00:00Z", "items": [' + b"1," * 9_999 + b"1]}", 413, "too-many-items"),
        (b'{"device_now": "2026-07-01T08:00:00Z", "items": ["' + b"x" * 2_100_000 + b'"]}', 413, "upload-too-large"),
        (b"[" * 100_000, 400, "malformed-json"),
    ],
    ids=[
        "half an object",
        "no object",
        "no clock",
        "a number for a clock",
        "a clock without a zone",
        "a clock before all time",
        "no items",
        "cut half-way",
        "10,000 items",
        "2 MB",
        "nested without end",
    ],
)
async def test_an_upload_that_cannot_be_one_changes_nothing(
    intake: Any, device: Handset, body: bytes, status: int, slug: str
) -> None:
    async with intake.unchanged():
        answer = await intake.client.post(f"{device.path}/uploads", content=body, headers=device.headers())
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")


async def test_what_is_compressed_is_not_taken_so_a_small_body_never_becomes_a_large_one(
    intake: Any, device: Handset
) -> None:
    headers = device.headers() | {"Content-Encoding": "gzip"}
    async with intake.unchanged():
        answer = await intake.client.post(f"{device.path}/uploads", content=b"\x1f\x8b", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:slrt:problem:encoding-not-accepted")


# -- items that are rejected, and kept --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        7,
        "text",
        [],
        {},
        {"id": "no id"},
        {"sequence": 0},
        {"sequence": -1},
        {"sequence": 2**53 + 1},
        {"sequence": True},
        {"sequence": 1.5},
        {"made_at": "yesterday"},
        {"made_at": "2026-07-01"},
        {"made_at": "9999-12-31T23:59:59-14:00"},
        {"kind": ""},
        {"kind": "x" * 41},
        {"payload": []},
        {"payload": {"case_id": "1", "text": "x"}},
        {"payload": {"text": "x"}},
        {"payload": {"case_id": None, "text": "\x00"}},
    ],
    ids=repr,
)
async def test_an_item_that_does_not_fit_gets_a_receipt_and_holds_up_no_other(
    intake: Any, device: Handset, wrong: Any
) -> None:
    case = await intake.register()
    item: Any = wrong
    if isinstance(wrong, dict) and wrong:
        item = device.item("note", {"case_id": case["case_id"], "text": "x"}) | wrong
    good = device.item("note", {"case_id": case["case_id"], "text": "tetap masuk"})
    first, second = await device.hand_in(item, good)
    assert (first["status"], first["reason"]) == ("rejected_with_reason", "unreadable")
    assert first["says"].keys() == {"id", "en"}
    assert second["status"] == "committed"
    again, _ = await device.hand_in(item, good)
    assert (again["receipt_id"], again["repeated"]) == (first["receipt_id"], True)
    answer = await intake.get(f"/v1/field/rejected-items/{first['receipt_id']}", "supervisor")
    assert answer.status_code == 400, "it says something about people: for a purpose"
    headers = intake.token("supervisor") | {"Purpose": "case-handling"}
    kept = await intake.client.get(f"/v1/field/rejected-items/{first['receipt_id']}", headers=headers)
    assert kept.json()["content"] == item


async def test_a_kind_of_a_newer_app_is_rejected_and_kept(device: Handset) -> None:
    receipt = await device.one(device.item("letter", {}))
    assert (receipt["status"], receipt["reason"]) == ("rejected_with_reason", "unknown_kind")


async def test_a_sequence_number_with_another_content_is_rejected_and_the_first_one_stays(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    first = device.item("note", {"case_id": case["case_id"], "text": "satu"})
    assert (await device.one(first))["status"] == "committed"
    for changed in (
        first | {"payload": {"case_id": case["case_id"], "text": "dua"}},
        first | {"id": str(uuid4())},
    ):
        receipt = await device.one(changed)
        assert (receipt["status"], receipt["reason"]) == ("rejected_with_reason", "sequence_reused")
        assert (await device.one(changed))["receipt_id"] == receipt["receipt_id"]
    elsewhere = first | {"sequence": 99, "payload": {"case_id": case["case_id"], "text": "tiga"}}
    assert (await device.one(elsewhere))["reason"] == "item_id_reused"
    assert [each["value"] for each in await facts_of(intake, case["case_id"])] == ["satu"]


async def test_the_item_of_another_officer_is_not_given_away(intake: Any, device: Handset) -> None:
    case = await intake.register()
    item = device.item("note", {"case_id": case["case_id"], "text": "satu"})
    await device.hand_in(item)
    thief = await handset(intake, sub="thief", region="12.71")
    receipt = await thief.one(item)
    assert (receipt["reason"], receipt["case_id"]) == ("item_id_reused", None)


@pytest.mark.parametrize("where", ["12.71.01.1001", "12.74.03.1003"])
async def test_a_case_that_is_not_the_officers_is_not_found(intake: Any, device: Handset, where: str) -> None:
    case = await intake.register(village_code=where)
    receipt = await device.one(device.item("facts", {"case_id": case["case_id"], **HOUSE}))
    assert (receipt["reason"], receipt["case_id"]) == ("case_not_found", None)


# -- what is taken ----------------------------------------------------------------------------------------------------


async def test_a_case_without_a_phone_comes_back_with_the_code_of_its_slip(
    intake: Any, device: Handset, made: Any
) -> None:
    [receipt] = await device.hand_in(device.item("case", made.registration(contact={})))
    opened = {"ticket_number": receipt["result"]["ticket_number"], "phone_last4": receipt["result"]["slip_code"]}
    assert (await intake.client.post("/v1/tracking", json=opened)).status_code == 200


async def test_a_days_work_is_taken_in_one_upload_and_again_without_doubling(
    intake: Any, device: Handset, made: Any
) -> None:
    registration = device.item("case", made.registration())
    items = [
        registration,
        device.item("facts", {"case_item": registration["id"], **HOUSE}),
        device.item("facts", {"case_item": registration["id"], "person_ref": 0, "answers": {"informal_work": True}}),
        device.item("visit_result", {"case_item": registration["id"], "result": "done"}),
        device.item("note", {"case_item": registration["id"], "text": "anak bungsu sakit"}),
    ]
    receipts = await device.hand_in(*items)
    assert [each["status"] for each in receipts] == ["committed"] * 5
    case_id = receipts[0]["case_id"]
    assert receipts[0]["result"]["ticket_number"].startswith("1274-")
    async with intake.unchanged(but="field_devices"):
        again = await device.hand_in(*reversed(items))
    assert [each["status"] for each in again] == ["already_committed"] * 5
    assert {each["receipt_id"] for each in again} == {each["receipt_id"] for each in receipts}
    facts = await facts_of(intake, case_id)
    assert {each["code"]: each["value"] for each in facts} == {
        "earth_floor": True,
        "walls": "bamboo",
        "informal_work": True,
        "note": "anak bungsu sakit",
    }
    assert [each["person_id"] is not None for each in facts if each["code"] == "informal_work"] == [True]
    (visit,) = (await intake.get(f"/v1/visits?case_id={case_id}", "back_office")).json()["items"]
    assert visit["state"] == "done"
    answer = await device.send()
    assert answer.json()["committed_up_to"] == 5


async def test_an_item_waits_for_the_case_that_it_refers_to_and_is_applied_with_it(
    intake: Any, device: Handset, made: Any
) -> None:
    other = await handset(intake, sub="colleague")
    registration = device.item("case", made.registration())
    seen = other.item("facts", {"case_item": registration["id"], **HOUSE})
    waiting = await other.one(seen)
    assert (waiting["status"], waiting["waiting_for"]) == ("waiting_for", registration["id"])
    assert (await device.one(registration))["status"] == "committed"
    receipt = await other.one(seen)
    assert (receipt["status"], receipt["receipt_id"]) == ("already_committed", waiting["receipt_id"])
    assert len(await facts_of(intake, receipt["case_id"])) == 2
    (kept,) = await intake.rows("SELECT sealed FROM field_items WHERE receipt_id = %(id)s", id=receipt["receipt_id"])
    assert kept.sealed is None, "what it says stands with the case now"


async def test_what_waits_for_a_registration_that_is_refused_is_told(intake: Any, device: Handset, made: Any) -> None:
    registration = device.item("case", made.registration(village_code="12.71.01.1001"))
    seen = device.item("facts", {"case_item": registration["id"], **HOUSE})
    assert (await device.one(seen))["status"] == "waiting_for"
    assert (await device.one(registration))["reason"] == "outside_your_area"
    assert (await device.one(seen))["reason"] == "refers_to_rejected"
    later = device.item("note", {"case_item": registration["id"], "text": "x"})
    assert (await device.one(later))["reason"] == "refers_to_rejected"


async def test_answers_that_no_question_takes_are_rejected_and_those_without_a_question_kept(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    wrong = await device.one(device.item("facts", {"case_id": case["case_id"], "answers": {"walls": "gold"}}))
    assert (wrong["reason"], wrong["errors"]) == (
        "facts_do_not_fit",
        [{"pointer": "/answers/walls", "code": "choice"}],
    )
    older = await device.one(device.item("facts", {"case_id": case["case_id"], "answers": {"windows": 3}}))
    assert older["result"]["warnings"] == ["answers/windows:not-in-checklist"]


@pytest.mark.parametrize("years", [-2, 2])
async def test_a_clock_two_years_off_is_told_corrected_and_marked(intake: Any, device: Handset, years: int) -> None:
    case = await intake.register()
    device.off = timedelta(days=365 * years)
    item = device.item("note", {"case_id": case["case_id"], "text": "x"})
    made_at = intake.clock.now()
    intake.clock.move(minutes=30)
    receipt = await device.one(item)
    assert receipt["clock_is_off"] is True
    assert receipt["made_at"].startswith(item["made_at"][:19])
    assert receipt["corrected_at"].startswith(made_at.isoformat()[:19])
    assert receipt["received_at"].startswith(intake.clock.now().isoformat()[:19])


# -- conflicts --------------------------------------------------------------------------------------------------------


async def test_two_who_did_not_know_of_each_other_are_both_kept_and_somebody_chooses(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    other = await handset(intake, sub="colleague")
    await device.one(device.item("facts", {"case_id": case["case_id"], "answers": {"walls": "brick"}}))
    intake.clock.move(minutes=1)
    receipt = await other.one(other.item("facts", {"case_id": case["case_id"], "answers": {"walls": "zinc"}}))
    assert receipt["status"] == "conflict_kept_both"
    (conflict_id,) = receipt["result"]["conflicts"]
    counting = [each for each in await facts_of(intake, case["case_id"]) if each["counts"]]
    assert [each["value"] for each in counting] == ["brick", "zinc"]
    path = f"/v1/fact-conflicts/{conflict_id}/settle"
    intake.clock.move(minutes=1)
    listed = (await intake.get("/v1/fact-conflicts?limit=200", "back_office")).json()["items"]
    assert conflict_id in [each["conflict_id"] for each in listed]
    stranger = await intake.post(path, {"fact_id": str(uuid4())}, "back_office", version=1)
    assert stranger.json()["type"] == "urn:slrt:problem:not-in-conflict"
    answer = await intake.post(path, {"fact_id": counting[1]["fact_id"]}, "back_office", version=1)
    assert answer.status_code == 200, answer.text
    facts = await facts_of(intake, case["case_id"])
    assert [(each["value"], each["source"], each["counts"]) for each in facts] == [
        ("brick", "visit", False),
        ("zinc", "visit", False),
        ("zinc", "settlement", True),
    ]
    again = await intake.post(path, {"fact_id": counting[1]["fact_id"]}, "back_office", version=2)
    assert again.json()["type"] == "urn:slrt:problem:conflict-settled"


async def test_who_knew_what_was_there_replaces_it_and_so_does_the_same_device_in_its_own_order(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()

    def seen(who: Handset, value: str, **more: Any) -> dict[str, Any]:
        return who.item("facts", {"case_id": case["case_id"], "answers": {"walls": value}, **more})

    first, second = seen(device, "brick"), seen(device, "zinc")
    assert [each["status"] for each in await device.hand_in(second)] == ["committed"]
    assert (await device.one(first))["status"] == "committed", "an older one of its own comes late"
    facts = await facts_of(intake, case["case_id"])
    assert {each["value"]: each["counts"] for each in facts} == {"zinc": True, "brick": False}
    other = await handset(intake, sub="colleague")
    (head,) = [each["fact_id"] for each in facts if each["counts"]]
    assert (await other.one(seen(other, "bamboo", replaces=[head])))["status"] == "committed"
    assert [each["value"] for each in await facts_of(intake, case["case_id"]) if each["counts"]] == ["bamboo"]


# -- visits -----------------------------------------------------------------------------------------------------------


async def test_an_officer_takes_along_what_is_needed_and_only_what_is_theirs(intake: Any, device: Handset) -> None:
    case = await intake.register()
    visit = await plan(intake, case["case_id"], device.claims["sub"])
    found = await device.fetch()
    (assignment,) = found["assignments"]
    assert (assignment["visit_id"], assignment["checklists"]) == (visit["visit_id"], ["housing"])
    assert (assignment["persons"][0]["name"], assignment["address"]) == ("Mawar Karangan", "Jalan Contoh 9")
    assert found["held"] == [visit["visit_id"]]
    again = await device.fetch(found["cursor"])
    assert (again["full"], again["assignments"], again["held"]) == (False, [], [visit["visit_id"]])
    other = await handset(intake, sub="colleague")
    await other.one(other.item("facts", {"case_id": case["case_id"], "answers": {"walls": "zinc"}}))
    told = await device.fetch(again["cursor"])
    assert [each["value"] for each in told["assignments"][0]["facts"]] == ["zinc"]
    done = await device.one(device.item("visit_result", {"visit_id": visit["visit_id"], "result": "not_home"}))
    assert done["status"] == "committed"
    assert (await device.fetch(told["cursor"]))["held"] == []


async def test_a_lease_that_ran_out_loses_no_work_and_a_visit_that_went_to_another_officer_no_facts(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    mine = device.claims["sub"]
    visits = [await plan(intake, case["case_id"], mine, lease_days=2) for _ in range(2)]
    intake.clock.move(days=9)
    assert (await device.fetch())["held"] == []
    shown = (await intake.get(f"/v1/visits/{visits[0]['visit_id']}", "back_office")).json()
    assert shown["state"] == "expired"
    late = await device.one(device.item("visit_result", {"visit_id": visits[0]["visit_id"], "result": "done"}))
    assert late["status"] == "committed"
    answer = await intake.post(
        f"/v1/visits/{visits[1]['visit_id']}/assign", {"officer": "somebody-else"}, "back_office", version=1
    )
    assert answer.status_code == 200, answer.text
    result, facts = await device.hand_in(
        device.item("visit_result", {"visit_id": visits[1]["visit_id"], "result": "done"}),
        device.item("facts", {"visit_id": visits[1]["visit_id"], **HOUSE}),
    )
    assert (result["status"], result["reason"]) == ("rejected_with_reason", "visit_not_yours")
    assert facts["status"] == "committed"


async def test_a_visit_has_one_result(intake: Any, device: Handset) -> None:
    case = await intake.register()
    visit = await plan(intake, case["case_id"], device.claims["sub"])
    payload = {"visit_id": visit["visit_id"], "result": "refused"}
    first, second = await device.hand_in(device.item("visit_result", payload), device.item("visit_result", payload))
    assert (first["status"], second["reason"]) == ("committed", "visit_ended")


# -- revoked devices --------------------------------------------------------------------------------------------------


async def test_a_revoked_device_is_told_to_wipe_and_nothing_that_it_hands_in_is_lost(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    before = device.item("note", {"case_id": case["case_id"], "text": "sebelum"})
    receipt = await device.one(before)
    await plan(intake, case["case_id"], device.claims["sub"])
    answer = await intake.post(f"/v1/field/devices/{device.device_id}/revoke", None, "supervisor", version=1)
    assert answer.status_code == 200, answer.text
    found = await device.fetch()
    assert (found["order"], found["held"], found["assignments"]) == ("wipe", [], [])
    after = device.item("note", {"case_id": case["case_id"], "text": "sesudah"})
    again, refused = await device.hand_in(before, after)
    assert (again["status"], again["receipt_id"]) == ("already_committed", receipt["receipt_id"])
    assert refused["reason"] == "device_revoked"
    assert [each["value"] for each in await facts_of(intake, case["case_id"])] == ["sebelum"]
    headers = intake.token("supervisor") | {"Purpose": "case-handling"}
    kept = await intake.client.get(f"/v1/field/rejected-items/{refused['receipt_id']}", headers=headers)
    assert kept.json()["content"]["payload"]["text"] == "sesudah"
    wiped = await intake.client.post(f"{device.path}/wiped", headers=device.headers())
    assert wiped.json()["wiped_at"] is not None


async def test_a_device_of_nowhere_is_not_registered_because_nobody_would_see_to_it(intake: Any) -> None:
    made = Handset(intake, sub="nowhere", region=None)
    assert (await made.register()).json()["type"] == "urn:slrt:problem:device-area"


async def test_the_devices_of_an_area_are_listed_with_when_they_were_last_in_touch(
    intake: Any, device: Handset
) -> None:
    await device.send()
    found: dict[str, Any] = {}
    cursor = ""
    while True:
        page = (await intake.get(f"/v1/field/devices?limit=3{cursor}", "supervisor")).json()
        found |= {each["device_id"]: each for each in page["items"]}
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found[device.device_id]["last_sync_at"] is not None
    assert (await intake.get("/v1/field/devices", "supervisor", region="34.04")).json()["items"] == []


async def test_a_device_is_revoked_by_the_supervisor_of_its_area_alone(intake: Any, device: Handset) -> None:
    path = f"/v1/field/devices/{device.device_id}/revoke"
    assert (await intake.post(path, None, "supervisor", version=1, region="12.71")).status_code == 404
    assert (await intake.post(path, None, "facilitator", version=1)).status_code == 403
    answer = await intake.client.post(f"{device.path}/wiped", headers=device.headers())
    assert answer.json()["type"] == "urn:slrt:problem:device-not-revoked"


# -- who stays silent -------------------------------------------------------------------------------------------------


async def test_a_village_without_contact_is_listed_until_somebody_is_in_touch(intake: Any) -> None:
    village = "12.74.01.1001"
    device = await handset(intake, sub="far-away", region=village)
    await device.send()
    intake.clock.move(days=9)

    async def silent() -> dict[str, Any]:
        answer = await intake.get("/v1/field/sync-ages?days=7", "supervisor")
        return {each["area_code"]: each["age_days"] for each in answer.json()["areas"]}

    assert (await silent())[village] == 9.0
    await device.fetch()
    assert village not in await silent()
