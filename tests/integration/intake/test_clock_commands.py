"""A clock is paused, resumed and given more time by those who may; nothing else moves it, and the ledger follows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)
RESIDENT = {"reason": "waiting_for_resident"}
MORE = {"unit": "working_days", "count": 5, "reason": "field_visit"}


@pytest.fixture(autouse=True)
def _on_a_wednesday(intake: Any) -> None:
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())


async def look(intake: Any, case: dict[str, Any], role: str = "back_office", **claims: Any) -> Any:
    """The answer about its clock."""
    return await intake.get(f"/v1/cases/{case['case_id']}/clock", role, **claims)


async def clock(intake: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Its clock."""
    answer = await look(intake, case)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def act(
    intake: Any, case: dict[str, Any], what: str, body: Any = None, role: str = "back_office", **more: Any
) -> Any:
    """A command about the clock, at the version that it is of unless one is given."""
    version = more.pop("version", None) or (await look(intake, case)).headers["ETag"].strip('"')
    return await intake.post(f"/v1/cases/{case['case_id']}/clock/{what}", body, role, version=version, **more)


async def done(intake: Any, case: dict[str, Any], what: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """The same, when it goes well."""
    answer = await act(intake, case, what, body, **more)
    assert answer.status_code == 200, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def holders(intake: Any, case: dict[str, Any]) -> list[tuple[str, str | None, float]]:
    """Who had the case, and for how many seconds."""
    answer = (await intake.get(f"/v1/cases/{case['case_id']}/holdings", "back_office")).json()
    return [(each["holder"], each["reason"], each["seconds"]) for each in answer["holdings"]]


async def told(intake: Any, case: dict[str, Any], fact: str) -> list[dict[str, Any]]:
    """What the case has told of that kind."""
    rows = await intake.rows("SELECT headers, payload FROM outbox WHERE partition_key = %(id)s", id=case["case_id"])
    kinds = [dict(row.headers)["ce_type"] for row in rows]
    return [orjson.loads(row.payload) for row, kind in zip(rows, kinds, strict=True) if f".{fact}." in kind]


async def test_a_body_that_is_none_is_refused(intake: Any) -> None:
    case = await intake.register()
    async with intake.unchanged():
        for what, body in (
            ("pauses", {}),
            ("pauses", {"reason": "lunch"}),
            ("pauses", RESIDENT | {"more": 1}),
            ("extensions", MORE | {"count": 0}),
            ("extensions", MORE | {"count": "5"}),
            ("extensions", MORE | {"unit": "years"}),
            ("extensions", MORE | {"reason": "tired"}),
        ):
            assert (await act(intake, case, what, body)).status_code == 422, (what, body)


async def test_a_command_without_a_version_or_with_another_one_is_refused(intake: Any) -> None:
    case = await intake.register()
    path = f"/v1/cases/{case['case_id']}/clock/pauses"
    async with intake.unchanged():
        assert (await intake.post(path, RESIDENT, "back_office")).status_code == 428
        assert (await intake.post(path, RESIDENT, "back_office", version=7)).status_code == 412


async def test_whoever_may_not_is_refused_and_learns_nothing(intake: Any) -> None:
    case, hidden = await intake.register(), await intake.register(restricted=True)
    async with intake.unchanged():
        for role in ("facilitator", "supervisor"):
            assert (await act(intake, case, "pauses", RESIDENT, role)).status_code == 403
        assert (await act(intake, case, "pauses", RESIDENT, region="34.04")).status_code == 404
        assert (await act(intake, hidden, "pauses", RESIDENT, version=1)).status_code == 404
        assert (await look(intake, hidden)).status_code == 404
        assert (await act(intake, case, f"extensions/{uuid4()}/approve", role="manager")).status_code == 404


async def test_what_stands_is_not_paused_and_what_runs_is_not_resumed(intake: Any) -> None:
    case = await intake.register()
    async with intake.unchanged():
        answer = await act(intake, case, "resumptions")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "clock-state")
    await done(intake, case, "pauses", RESIDENT)
    async with intake.unchanged():
        assert (await act(intake, case, "pauses", RESIDENT)).status_code == 409


async def test_a_pause_moves_the_due_instant_by_what_it_lasted_and_the_ledger_says_why(intake: Any) -> None:
    case = await intake.register()
    before = await clock(intake, case)
    intake.clock.move(minutes=10)
    receipt = await done(intake, case, "pauses", RESIDENT)
    assert (receipt["state"], receipt["due_at"]) == ("paused", before["due_at"])
    stands = await clock(intake, case)
    assert stands["pauses"] == [{"reason": "waiting_for_resident", "since": "2026-07-01T08:10:00Z", "until": None}]
    assert [each["at"] for each in stands["coming"]] == [None] * len(before["coming"])
    intake.clock.move(days=1)
    receipt = await done(intake, case, "resumptions")
    assert datetime.fromisoformat(receipt["due_at"]) - datetime.fromisoformat(before["due_at"]) == timedelta(days=1)
    (paused,), (moved,) = (
        await told(intake, case, "case-clock-paused"),
        await told(intake, case, "case-clock-rescheduled"),
    )
    assert (paused["reason"], moved["cause"]) == ("waiting_for_resident", "resumed")
    assert (moved["old_due_at"], moved["due_at"]) == (before["due_at"], receipt["due_at"])
    intake.clock.move(minutes=5)
    assert await holders(intake, case) == [
        ("front_office", None, 600),
        ("paused", "waiting_for_resident", 86_400),
        ("front_office", None, 300),
    ]


async def test_a_paused_case_is_on_the_list_with_the_reason(intake: Any) -> None:
    case = await intake.register()
    await done(intake, case, "pauses", RESIDENT)
    answer = await intake.get("/v1/worklists?paused=true", "front_office")
    (item,) = [each for each in answer.json()["items"] if each["case_id"] == case["case_id"]]
    assert item["paused"] == {"reason": "waiting_for_resident", "since": "2026-07-01T08:00:00Z"}
    assert [each["code"] for each in item["reasons"]] == ["your_step", "paused"]


async def test_a_paused_clock_fires_nothing(intake: Any) -> None:
    case = await intake.register()
    await done(intake, case, "pauses", RESIDENT)
    intake.clock.move(days=60)
    await intake.timers.once()
    assert await told(intake, case, "case-clock-escalated") == []


async def test_the_next_step_ends_a_pause_for_clock_and_ledger(intake: Any) -> None:
    case = await intake.register()
    await done(intake, case, "pauses", RESIDENT)
    intake.clock.move(minutes=10)
    version = (await intake.get(f"/v1/cases/{case['case_id']}", "front_office")).headers["ETag"].strip('"')
    answer = await intake.step(case, "screen", version)
    assert answer.status_code == 200, answer.text
    found = await clock(intake, case)
    assert (found["step"], found["state"]) == ("screening", "running")
    intake.clock.move(minutes=1)
    assert await holders(intake, case) == [
        ("front_office", None, 0),
        ("paused", "waiting_for_resident", 600),
        ("back_office", None, 60),
    ]


async def test_what_is_the_residents_time_is_not_paused(intake: Any) -> None:
    case = await intake.resolved()
    async with intake.unchanged():
        assert (await act(intake, case, "pauses", RESIDENT)).status_code == 409


async def test_a_closed_case_shows_its_last_clock_and_refuses_everything(intake: Any) -> None:
    case = await intake.resolved()
    body = {"ticket_number": case["ticket_number"], "phone_last4": "9901", "satisfied": True}
    headers = {"Idempotency-Key": uuid4().hex}
    assert (await intake.client.post("/v1/tracking/confirmation", json=body, headers=headers)).status_code == 200
    found = await clock(intake, case)
    assert (found["step"], found["state"], found["coming"]) == ("resolved", "stopped", [])
    async with intake.unchanged():
        for what, body in (("pauses", RESIDENT), ("resumptions", None), ("extensions", MORE)):
            assert (await act(intake, case, what, body)).status_code == 409, what


async def test_more_time_than_the_class_allows_is_refused(intake: Any) -> None:
    case, long = await intake.register(), await intake.decided()
    async with intake.unchanged():
        answer = await act(intake, case, "extensions", MORE)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "extension-refused")
        assert (await act(intake, long, "extensions", MORE | {"count": 15})).status_code == 409
        assert (await act(intake, long, "extensions", MORE | {"unit": "hours"})).status_code == 409


async def test_somebody_else_grants_more_time(intake: Any) -> None:
    case = await intake.decided()
    before = await clock(intake, case)
    assert (before["sla"]["most_more"], before["sla"]["left"]) == ({"unit": "working_days", "count": 14}, 14)
    asked = (await done(intake, case, "extensions", MORE, role="manager"))["extension_id"]
    assert (await clock(intake, case))["due_at"] == before["due_at"]
    (item,) = [
        each
        for each in (await intake.get("/v1/worklists", "supervisor")).json()["items"]
        if each["case_id"] == case["case_id"]
    ]
    assert [each["code"] for each in item["reasons"]] == ["their_step", "extension_asked"]
    async with intake.unchanged():
        answer = await act(intake, case, f"extensions/{asked}/approve", role="manager")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "separation-of-duties")
        answer = await act(intake, case, "extensions", MORE)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "extension-asked")
    receipt = await done(intake, case, f"extensions/{asked}/approve", role="supervisor")
    assert receipt["due_at"] > before["due_at"]
    after = await clock(intake, case)
    assert (after["due_at"], after["sla"]["left"]) == (receipt["due_at"], 9)
    assert [each["verdict"] for each in after["extensions"]] == ["approved"]
    (moved,) = await told(intake, case, "case-clock-rescheduled")
    assert (moved["cause"], moved["old_due_at"]) == ("extended", before["due_at"])
    async with intake.unchanged():
        answer = await act(intake, case, f"extensions/{asked}/refuse", role="supervisor")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "extension-decided")


async def test_more_time_that_is_refused_moves_nothing(intake: Any) -> None:
    case = await intake.decided()
    before = await clock(intake, case)
    asked = (await done(intake, case, "extensions", MORE))["extension_id"]
    await done(intake, case, f"extensions/{asked}/refuse", role="supervisor")
    after = await clock(intake, case)
    assert (after["due_at"], after["sla"]["left"]) == (before["due_at"], 14)
    assert [each["verdict"] for each in after["extensions"]] == ["refused"]
    assert (await done(intake, case, "extensions", MORE))["extension_id"] != asked


async def test_what_is_late_gets_no_more_time(intake: Any) -> None:
    case = await intake.decided()
    asked = (await done(intake, case, "extensions", MORE))["extension_id"]
    intake.clock.move(days=40)
    async with intake.unchanged():
        assert (await act(intake, case, f"extensions/{asked}/approve", role="supervisor")).status_code == 409


async def test_a_command_that_is_sent_twice_is_done_once(intake: Any) -> None:
    case = await intake.register()
    first = await act(intake, case, "pauses", RESIDENT, version=1, key="the-same")
    again = await act(intake, case, "pauses", RESIDENT, version=1, key="the-same")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await told(intake, case, "case-clock-paused")) == 1


async def test_whoever_has_no_clock_is_told_so(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("DELETE FROM clocks WHERE case_id = %(id)s", id=case["case_id"])
    assert (await look(intake, case)).status_code == 404


async def test_a_look_at_a_clock_is_on_record(intake: Any) -> None:
    case = await intake.register()
    await clock(intake, case)
    rows = await intake.rows("SELECT entry FROM audit_unsealed")
    entries = [orjson.loads(row.entry) for row in rows]
    assert any(each["object_id"] == case["case_id"] and each.get("fields") == ["clock"] for each in entries)
