"""What intake puts on record: each write with its caller, each look before it is shown, each refusal; who may ask."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from tests.drills.chains import SECRET

from slrt_kit.audit.sealer import Sealer, connect
from slrt_kit.audit.statements import Signer
from slrt_kit.db import Database
from slrt_kit.testing.audit import LOOKS, REFUSED


async def seal(intake: Any) -> None:
    sealer = Sealer(database_url=intake.database.url, service="intake", signer=Signer(SECRET), clock=intake.clock)
    async with await connect(intake.database.url) as connection:
        while await sealer.seal(connection):
            pass


async def written(intake: Any) -> list[dict[str, Any]]:
    """The entries of writes, of which none is sealed yet, the newest last."""
    found = await intake.rows("SELECT entry FROM audit_unsealed ORDER BY id")
    return [entry for (text,) in found if "event_id" in (entry := orjson.loads(text))]


async def refused(intake: Any) -> Any:
    """The newest refusal."""
    rows = await intake.rows(f"SELECT * FROM {REFUSED} ORDER BY id DESC LIMIT 1")  # noqa: S608 — a constant
    return rows[0]


async def test_a_registration_is_on_record_with_its_caller_and_its_request(intake: Any) -> None:
    body, headers = {"X-Request-Id": "request-77"}, intake.token("facilitator", region="12.74.03")
    answer = await intake.client.post(
        "/v1/cases", json=_registration(), headers=headers | body | {"Idempotency-Key": uuid4().hex}
    )
    entry = (await written(intake))[-1]
    assert entry["object_id"] == answer.json()["case_id"]
    assert (entry["action"], entry["subject"], entry["roles"], entry["region"], entry["request_id"]) == (
        "case-registered",
        "facilitator-1",
        ["facilitator"],
        "12.74.03",
        "request-77",
    )


def _registration() -> dict[str, Any]:
    return {
        "village_code": "12.74.03.1002",
        "persons": [],
        "contact": {},
        "needs": [{"need_code": "JALAN", "attributes": {"asset_class": "unknown"}}],
    }


async def test_a_repeated_command_is_on_record_once(intake: Any) -> None:
    before = len(await written(intake))
    for _ in range(2):
        await intake.post("/v1/cases", _registration(), key="the-same-key")
    assert len(await written(intake)) == before + 1


async def test_each_step_of_a_case_is_on_record_with_who_took_it(intake: Any) -> None:
    case = await intake.decided()
    steps = [(e["action"], e["subject"]) for e in await written(intake) if e["object_id"] == case["case_id"]]
    assert steps == [
        ("case-registered", "facilitator-1"),
        ("case-screened", "front_office-1"),
        ("case-recommended", "back_office-1"),
        ("case-decided", "coordinator-1"),
    ]


async def test_what_an_event_makes_us_write_is_on_record_as_ours_with_that_event(intake: Any, made: Any) -> None:
    case = await intake.decided()
    _, raw = await intake.hear(made.completed(case))
    (entry, *_) = [e for e in await written(intake) if e["action"] == "need-outcome-recorded"][-1:]
    assert (entry["subject"], entry["roles"]) == ("slrt-intake", ["service"])
    assert entry["request_id"] == dict(raw.headers)["ce_id"].decode()


async def test_a_case_and_a_draft_are_shown_after_the_look_is_durable(intake: Any) -> None:
    case = await intake.register()
    assert (await intake.get(f"/v1/cases/{case['case_id']}")).status_code == 200
    drafts = await intake.post("/v1/drafts", {"text": "Laporan warga kurang mampu\\nNama: Mawar Karangan"})
    for draft in drafts.json().get("drafts", []):
        await intake.get(f"/v1/drafts/{draft['draft_id']}")
    rows = await intake.rows(
        f"SELECT action, object_type FROM {LOOKS} WHERE object_id = %(id)s",  # noqa: S608 — a constant
        id=UUID(case["case_id"]),
    )
    assert [tuple(row) for row in rows] == [("read", "case")]


async def test_nothing_is_shown_when_the_look_cannot_be_written(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await intake.register()
    monkeypatch.setattr("slrt_kit.audit.record.INSERT_ENTRIES", "INSERT INTO nothing_there SELECT %(audit)s")
    answer = await intake.get(f"/v1/cases/{case['case_id']}")
    assert answer.status_code == 500
    assert case["ticket_number"] not in answer.text


@pytest.mark.parametrize("exists", [True, False])
async def test_a_case_of_another_area_is_refused_on_record_and_the_answer_tells_nothing(
    intake: Any, exists: bool
) -> None:
    case_id = (await intake.register())["case_id"] if exists else str(uuid4())
    answer = await intake.get(f"/v1/cases/{case_id}", region="36.71")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:slrt:problem:not-found")
    row = await refused(intake)
    assert (row.subject, row.action, row.object_type, row.object_id) == ("facilitator-1", "get-case", "case", case_id)
    assert row.reason == "not-found", "one query, one answer and one entry for both"


async def test_a_role_that_may_not_is_refused_on_record(intake: Any) -> None:
    case = await intake.register()
    answer = await intake.get(f"/v1/cases/{case['case_id']}/parties", role="admin")
    assert answer.status_code == 403
    row = await refused(intake)
    assert (row.subject, row.object_id, row.reason) == ("admin-1", case["case_id"], "forbidden")


async def test_a_ticket_that_does_not_open_is_on_record_by_its_number_and_never_by_what_else_was_typed(
    intake: Any,
) -> None:
    ticket = (await intake.register())["ticket_number"]
    for typed, told in ((ticket, ticket), ("1274035203879001", "(no ticket number)")):
        answer = await intake.client.post("/v1/tracking", json={"ticket_number": typed, "phone_last4": "0000"})
        assert answer.status_code in (404, 422)
        if answer.status_code == 404:
            row = await refused(intake)
            assert (row.subject, row.object_type, row.object_id) == ("anonymous", "ticket", told)


async def test_a_refusal_stays_a_refusal_when_the_log_is_away(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.app.state.refusals, "_database", Database("postgresql://nobody@127.0.0.1:9/nothing"))
    answer = await intake.get(f"/v1/cases/{uuid4()}")
    assert answer.status_code == 404


# -- asking the log -----------------------------------------------------------------------------------------------


async def test_an_auditor_learns_who_looked_at_a_case_and_asking_is_on_record(intake: Any) -> None:
    case = await intake.register()
    await intake.get(f"/v1/cases/{case['case_id']}", role="back_office")
    await seal(intake)
    page = await intake.get(f"/v1/audit/entries?object_id={case['case_id']}", role="auditor", region=None)
    assert [(e["action"], e["subject"]) for e in page.json()["items"]] == [
        ("read", "back_office-1"),
        ("case-registered", "facilitator-1"),
    ]
    (row,) = await intake.rows(f"SELECT * FROM {LOOKS} WHERE object_type = 'audit'")  # noqa: S608 — a constant
    assert (row.subject, str(row.object_id)) == ("auditor-1", case["case_id"])


async def test_pages_of_what_somebody_did_follow_one_another_without_gap(intake: Any) -> None:
    for _ in range(5):
        await intake.get(f"/v1/cases/{uuid4()}", role="surveyor", sub="surveyor-9")
    await seal(intake)
    seen: list[int] = []
    cursor = ""
    while True:
        page = (await intake.get(f"/v1/audit/entries?subject=surveyor-9&limit=2{cursor}", role="auditor")).json()
        seen += [entry["position"] for entry in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(("region", "count"), [("12.74", 1), ("12", 1), ("36.71", 0), ("12.74.03.1002", 0)])
async def test_a_manager_sees_what_people_of_the_own_region_did(intake: Any, region: str, count: int) -> None:
    person = f"officer-{uuid4().hex[:6]}"
    await intake.get(f"/v1/cases/{uuid4()}", region="12.74", sub=person)
    await seal(intake)
    page = await intake.get(f"/v1/audit/entries?subject={person}", role="manager", region=region)
    assert len(page.json()["items"]) == count


@pytest.mark.parametrize("role", ["facilitator", "coordinator", "service", "partner", "opd_officer", "leadership"])
@pytest.mark.parametrize("path", ["entries?subject=x", "reviews"])
async def test_others_may_not_ask(intake: Any, role: str, path: str) -> None:
    assert (await intake.get(f"/v1/audit/{path}", role=role)).status_code == 403


@pytest.mark.parametrize("query", ["", "?object_id=019f1a00-0000-7000-8000-000000000009&subject=x"])
async def test_one_thing_or_one_person_has_to_be_named(intake: Any, query: str) -> None:
    assert (await intake.get(f"/v1/audit/entries{query}", role="auditor")).status_code == 400


# -- reviews ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def review(intake: Any) -> dict[str, Any]:
    """Somebody of the regency was refused again and again."""
    person = f"officer-{uuid4().hex[:6]}"
    for _ in range(31):
        await intake.get(f"/v1/cases/{uuid4()}", region="12.74", sub=person)
    await seal(intake)
    page = (await intake.get("/v1/audit/reviews?limit=200", role="manager", sub="manager-5")).json()
    (found,) = [each for each in page["items"] if each["subject"] == person]
    return found


async def test_a_review_is_closed_once_by_somebody_else_and_that_is_on_record(
    intake: Any, review: dict[str, Any]
) -> None:
    path = f"/v1/audit/reviews/{review['review_id']}/close"
    own = await intake.post(path, {"finding": "justified"}, "manager", sub=review["subject"])
    assert (own.status_code, own.json()["type"]) == (403, "urn:slrt:problem:own-review")
    elsewhere = await intake.post(path, {"finding": "justified"}, "manager", region="36.71")
    assert elsewhere.status_code == 404
    closed = await intake.post(path, {"finding": "misuse"}, "manager", sub="manager-5")
    assert (closed.status_code, closed.json()["closed_by"]) == (200, "manager-5")
    again = await intake.post(path, {"finding": "unclear"}, "supervisor")
    assert again.status_code == 409
    page = (await intake.get("/v1/audit/reviews?limit=200", role="auditor")).json()
    assert review["review_id"] not in [each["review_id"] for each in page["items"]]
    (row,) = await intake.rows(f"SELECT * FROM {LOOKS} WHERE action = 'review-closed'")  # noqa: S608 — a constant
    assert str(row.object_id) == review["review_id"]


async def test_a_finding_that_is_no_code_is_refused(intake: Any, review: dict[str, Any]) -> None:
    path = f"/v1/audit/reviews/{review['review_id']}/close"
    assert (await intake.post(path, {"finding": "Saodah"}, "manager")).status_code == 422
