"""Field work where something is wrong: with us, with an item, or with who may know of it."""

import asyncio
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from tests.integration.intake.field import Handset, facts_of, handset, plan

from slrt_contracts.catalogue import SENSITIVE_NEEDS
from slrt_contracts.events import PersonErased
from slrt_intake import consumers
from slrt_intake.consumers import ConsumerParts
from slrt_intake.store import field_uploads
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.testing import raw_event

SENSITIVE = min(SENSITIVE_NEEDS)


@pytest.fixture
async def device(intake: Any) -> Handset:
    return await handset(intake, sub=f"fs-{uuid4().hex[:8]}")


async def listed(intake: Any, role: str, **claims: Any) -> dict[str, dict[str, Any]]:
    """What was rejected, by the item."""
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = (await intake.get(f"/v1/field/rejected-items?limit=200{cursor}", role, **claims)).json()
        found |= {each["item_id"]: each for each in page["items"]}
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def content(intake: Any, receipt: dict[str, Any], role: str, **claims: Any) -> int:
    headers = intake.token(role, **claims) | {"Purpose": "case-handling"}
    path = f"/v1/field/rejected-items/{receipt['receipt_id']}"
    return int((await intake.client.get(path, headers=headers)).status_code)


async def test_an_item_that_breaks_something_of_ours_is_kept_and_holds_up_no_other(
    intake: Any, device: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await intake.register()
    poisoned, good = (device.item("note", {"case_id": case["case_id"], "text": text}) for text in ("racun", "baik"))
    original = field_uploads.insert_facts

    def breaks(connection: Any, vault: Any, facts: Any) -> None:
        if any(fact.value == "racun" for fact, _ in facts):
            raise RuntimeError("a fault of ours")
        original(connection, vault, facts)

    monkeypatch.setattr(field_uploads, "insert_facts", breaks)
    first, second = await device.hand_in(poisoned, good)
    assert (first["status"], first["reason"]) == ("rejected_with_reason", "fault")
    assert second["status"] == "committed"
    assert await content(intake, first, "supervisor") == 200
    assert [each["value"] for each in await facts_of(intake, case["case_id"])] == ["baik"]


async def test_a_database_that_is_away_leaves_everything_to_be_handed_in_again(
    intake: Any, device: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await intake.register()
    item = device.item("note", {"case_id": case["case_id"], "text": "x"})

    async def away(*_: Any) -> None:
        raise psycopg.OperationalError("away")

    async with intake.unchanged():
        with monkeypatch.context() as patch:
            patch.setattr(field_uploads.FieldUploads, "write", away)
            answer = await device.send(item)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert (await device.one(item))["status"] == "committed"


async def test_two_uploads_of_the_same_items_at_once_apply_them_once(intake: Any, device: Handset, made: Any) -> None:
    registration = device.item("case", made.registration())
    items = [registration, *(device.item("note", {"case_item": registration["id"], "text": str(n)}) for n in range(5))]
    other = Handset(intake, sub=device.claims["sub"])
    await other.register()
    answers = await asyncio.gather(*(who.hand_in(*items) for who in (device, other, device, other)))
    assert len({tuple(each["receipt_id"] for each in receipts) for receipts in answers}) == 1
    assert len(await facts_of(intake, answers[0][0]["case_id"])) == 5


async def test_whoever_waits_and_whoever_registers_at_the_same_moment_find_each_other(intake: Any, made: Any) -> None:
    for _ in range(10):
        first, second = [await handset(intake, sub=f"fs-{uuid4().hex[:8]}") for _ in range(2)]
        registration = first.item("case", made.registration())
        seen = second.item("note", {"case_item": registration["id"], "text": "x"})
        await asyncio.gather(first.one(registration), second.one(seen))
        assert (await second.one(seen))["status"] == "already_committed"


# -- who may know -----------------------------------------------------------------------------------------------------


async def test_what_was_said_of_a_case_that_few_may_know_of_is_for_those_in_charge(
    intake: Any, device: Handset, made: Any
) -> None:
    case = await intake.register(restricted=True)
    item = device.item("facts", {"case_id": case["case_id"], "answers": {"went_hungry": True}})
    receipt = await device.one(item)
    assert (receipt["reason"], receipt["case_id"]) == ("case_not_found", None)
    for role in ("supervisor", "manager"):
        assert item["id"] not in await listed(intake, role)
        assert await content(intake, receipt, role) == 404
    answer = await intake.post(f"/v1/cases/{case['case_id']}/assign", {"officer": "head-1"}, "manager", version=1)
    assert answer.status_code == 200, answer.text
    assert item["id"] in await listed(intake, "supervisor", sub="head-1")
    assert await content(intake, receipt, "supervisor", sub="head-1") == 200


async def test_who_registered_a_sensitive_case_hands_in_what_they_saw_and_reads_nothing_of_it(
    intake: Any, device: Handset, made: Any
) -> None:
    registration = device.item("case", made.registration(needs=[{"need_code": SENSITIVE}]))
    place = {"case_item": registration["id"]}
    receipts = await device.hand_in(registration, device.item("facts", place | {"answers": {"went_hungry": True}}))
    assert [each["status"] for each in receipts] == ["committed", "committed"]
    path = f"/v1/cases/{receipts[0]['case_id']}/facts"
    assert (await intake.client.get(path, headers=device.headers(Purpose="case-handling"))).status_code == 404
    online = await intake.client.post(path, json={"answers": {"went_hungry": True}}, headers=device.headers())
    assert online.status_code == 404, "at a desk it is a case like any other that is not theirs"


@pytest.mark.parametrize("broken", [{}, {"village_code": "no code"}], ids=["elsewhere", "unreadable"])
async def test_a_refused_registration_of_a_sensitive_need_is_for_who_puts_somebody_in_charge(
    intake: Any, device: Handset, broken: dict[str, Any]
) -> None:
    body = {"village_code": "12.71.01.1001", "needs": [{"need_code": SENSITIVE}]} | broken
    item = device.item("case", body)
    receipt = await device.one(item)
    assert receipt["status"] == "rejected_with_reason"
    assert (item["id"] in await listed(intake, "supervisor"), await content(intake, receipt, "supervisor")) == (
        False,
        404,
    )
    assert (item["id"] in await listed(intake, "manager"), await content(intake, receipt, "manager")) == (True, 200)


async def test_what_was_rejected_elsewhere_is_not_found(intake: Any, device: Handset) -> None:
    receipt = await device.one(device.item("letter", {}))
    assert await content(intake, receipt, "supervisor", region="12.71") == 404
    assert receipt["item_id"] not in await listed(intake, "supervisor", region="12.71")


async def test_facts_and_visits_of_a_case_that_few_may_know_of_are_not_there_for_others(intake: Any) -> None:
    case = await intake.register(restricted=True)
    headers = intake.token("back_office") | {"Purpose": "case-handling"}
    assert (await intake.client.get(f"/v1/cases/{case['case_id']}/facts", headers=headers)).status_code == 404
    refused = await intake.post("/v1/visits", {"case_id": case["case_id"]}, "back_office")
    assert refused.status_code == 404
    for officer in ("bo-2", "sv-2"):
        version = 1 if officer == "bo-2" else 2
        path = f"/v1/cases/{case['case_id']}/assign"
        assert (await intake.post(path, {"officer": officer}, "manager", version=version)).status_code == 200
    outsider = {"case_id": case["case_id"], "officer": "sv-9"}
    assert (
        (await intake.post("/v1/visits", outsider, "back_office", sub="bo-2")).json()["type"].endswith("not-assigned")
    )
    insider = await intake.post("/v1/visits", outsider | {"officer": "sv-2"}, "back_office", sub="bo-2")
    assert insider.status_code == 201, insider.text
    surveyor = await handset(intake, role="surveyor", sub="sv-2", region="12.74")
    assert (await surveyor.fetch())["held"] == [insider.json()["visit_id"]]
    sealed = await intake.post(f"/v1/cases/{case['case_id']}/seal", {"reason": "safety"}, "head_of_office", version=3)
    assert sealed.status_code == 200, sealed.text
    assert (await surveyor.fetch())["held"] == []


async def test_a_surveyor_reads_the_cases_of_their_visits_and_of_no_others(intake: Any) -> None:
    mine, other = await intake.register(), await intake.register()
    await plan(intake, mine["case_id"], "sv-3")
    headers = intake.token("surveyor", region="12.74", sub="sv-3") | {"Purpose": "case-handling"}
    found = [
        (await intake.client.get(f"/v1/cases/{each['case_id']}/facts", headers=headers)).status_code
        for each in (mine, other)
    ]
    assert found == [200, 404]


async def announced(device: Handset, case_id: str) -> str:
    """A picture of a case, of which a piece has come."""
    photo_id = str(uuid4())
    path, said = f"{device.path}/photos/{photo_id}", {"size": 9, "sha256": "0" * 64, "file_class": "house"}
    client = device.intake.client
    await client.put(path, json=said | {"case_id": case_id}, headers=device.headers())
    answer = await client.post(f"{path}/pieces?offset=0", content=b"xyz", headers=device.headers())
    assert answer.json()["offset"] == 3
    return photo_id


# -- erasure ----------------------------------------------------------------------------------------------------------


async def test_a_surveyor_who_waits_for_a_registration_gets_no_further_than_one_who_does_not(
    intake: Any, device: Handset, made: Any
) -> None:
    surveyor = await handset(intake, role="surveyor", sub="sv-4", region="12.74")
    registration = device.item("case", made.registration())
    seen = surveyor.item("note", {"case_item": registration["id"], "text": "x"})
    assert (await surveyor.one(seen))["status"] == "waiting_for"
    await device.one(registration)
    assert (await surveyor.one(seen))["reason"] == "case_not_found"


async def test_with_the_client_goes_what_was_observed_and_what_was_rejected_about_the_case(
    intake: Any, device: Handset
) -> None:
    case = await intake.register()
    person = (await intake.rows("SELECT person_id FROM persons WHERE case_id = %(id)s", id=case["case_id"]))[0]
    kept, rejected = await device.hand_in(
        device.item("facts", {"case_id": case["case_id"], "answers": {"went_hungry": True}}),
        device.item("facts", {"case_id": case["case_id"], "answers": {"walls": "gold"}}),
    )
    assert (kept["status"], rejected["reason"]) == ("committed", "facts_do_not_fit")
    way = await announced(device, case["case_id"])
    told = [{"case_id": case["case_id"], "party_ids": [person.person_id]}]
    erased = PersonErased(person_id=uuid4(), reason="requested", cases=told)
    parts = ConsumerParts(Outbox("intake"), intake.vault, intake.stores)
    erasures = Processor(
        consumer="slrt.intake.erasures", database=intake.database, handlers=consumers.erasures, deps=parts
    )
    assert await erasures.process(raw_event(erased)) is Outcome.APPLIED
    (fact,) = await facts_of(intake, case["case_id"])
    assert (fact["value"], fact["erased"]) == (None, True)
    assert await intake.rows("SELECT FROM field_photo_parts WHERE photo_id = %(id)s", id=way) == []
    left = await intake.rows(
        "SELECT sealed FROM field_items WHERE receipt_id = %(id)s UNION ALL "
        "SELECT digest FROM facts WHERE case_id = %(case_id)s",
        id=rejected["receipt_id"],
        case_id=case["case_id"],
    )
    assert [each[0] for each in left] == [None, None]
    late = await device.one(device.item("facts", {"case_id": case["case_id"], "answers": {"earth_floor": True}}))
    assert late["reason"] == "erased"
    ((nothing,),) = await intake.rows("SELECT sealed FROM field_items WHERE receipt_id = %(id)s", id=late["receipt_id"])
    assert nothing is None
