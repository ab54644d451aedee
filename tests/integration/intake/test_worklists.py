"""Officers work from a list: what is theirs, the first to be due first, and why it is there."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def _from_an_empty_list(intake: Any) -> None:
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())
    await intake.rows_changed("UPDATE clocks SET state = 'stopped', stopped_at = now(), next_at = NULL, wake_at = NULL")


async def worklist(intake: Any, role: str, query: str = "", **claims: Any) -> list[dict[str, Any]]:
    """All that is on somebody's list."""
    answer = await intake.get(f"/v1/worklists{query}", role, **claims)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def codes(item: dict[str, Any]) -> list[str]:
    """Why it is there."""
    return [reason["code"] for reason in item["reasons"]]


async def on_list_of(intake: Any, case: dict[str, Any], role: str, query: str = "", **claims: Any) -> bool:
    """Whether a case is on somebody's list."""
    return case["case_id"] in [each["case_id"] for each in await worklist(intake, role, query, **claims)]


async def test_a_limit_or_a_cursor_that_is_none_is_refused(intake: Any) -> None:
    for query in (
        "?limit=0",
        "?limit=201",
        "?cursor=no",
        "?owner=nobody",
        "?kind=thing",
        "?step=%27%3B",
        "?late=perhaps",
    ):
        assert (await intake.get(f"/v1/worklists{query}", "back_office")).status_code in (400, 422), query


async def test_a_case_is_on_the_list_of_those_whose_turn_it_is(intake: Any) -> None:
    case = await intake.register()
    (item,) = await worklist(intake, "front_office")
    assert (item["case_id"], item["step"], item["owner"]) == (case["case_id"], "registered", "front_office")
    assert item["ticket_number"] == case["ticket_number"]
    assert codes(item) == ["your_step"]
    assert item["reasons"][0]["says"] == {"id": "Giliran Anda", "en": "It is your turn"}
    assert await worklist(intake, "back_office") == []
    assert (await intake.step(case, "screen", 1)).status_code == 200
    assert await worklist(intake, "front_office") == []
    assert await on_list_of(intake, case, "back_office")


async def test_the_first_to_be_due_is_first_and_pages_show_each_once(intake: Any) -> None:
    made = []
    for urgent in (False, True, False, True, False):
        made.append(await intake.register(needs=[{"need_code": "PBI-JK", "person_ref": 0, "urgent": urgent}]))
        intake.clock.move(minutes=1)
    seen, cursor = [], ""
    while cursor is not None:
        answer = (await intake.get(f"/v1/worklists?limit=2{cursor and f'&cursor={cursor}'}", "front_office")).json()
        seen += answer["items"]
        cursor = answer["next"]
    assert {each["case_id"] for each in seen} == {each["case_id"] for each in made}
    assert len(seen) == len(made)
    assert [each["due_at"] for each in seen] == sorted(each["due_at"] for each in seen)
    assert [each["urgent"] for each in seen] == [True, True, False, False, False]


async def test_a_facilitator_sees_all_of_her_village_and_no_other(intake: Any) -> None:
    here = await intake.register()
    there = await intake.register(village_code="12.74.04.1001")
    mine = await worklist(intake, "facilitator", region="12.74.03.1002")
    assert [each["case_id"] for each in mine] == [here["case_id"]]
    assert codes(mine[0]) == ["their_step"]
    assert await on_list_of(intake, there, "front_office", region="12.74.04")
    assert not await on_list_of(intake, here, "front_office", region="12.74.04")
    assert await on_list_of(intake, here, "front_office", region="12")
    assert await worklist(intake, "front_office", region="34.04") == []


async def test_what_is_late_comes_up_to_the_supervisor_and_then_to_the_manager(intake: Any) -> None:
    case = await intake.register()
    assert await worklist(intake, "supervisor") == []
    intake.clock.move(days=5, minutes=120)
    await intake.timers.once()
    (item,) = await worklist(intake, "supervisor")
    assert (item["case_id"], item["escalated"]) == (case["case_id"], 1)
    assert codes(item) == ["their_step", "escalated", "late"]
    assert item["late_seconds"] > 0
    assert await worklist(intake, "manager") == []
    intake.clock.move(days=5)
    await intake.timers.once()
    (item,) = await worklist(intake, "manager")
    assert item["escalated"] == 2


async def test_a_restricted_case_is_on_the_list_of_those_in_charge_alone(intake: Any) -> None:
    case = await intake.register(restricted=True)
    assert await worklist(intake, "front_office") == []
    assigned = {"officer": "front_office-1"}
    answer = await intake.post(f"/v1/cases/{case['case_id']}/assign", assigned, "manager", version=1)
    assert answer.status_code == 200, answer.text
    assert await on_list_of(intake, case, "front_office")
    assert not await on_list_of(intake, case, "front_office", sub="front_office-2")


async def test_a_surveyor_sees_what_she_was_put_in_charge_of(intake: Any) -> None:
    case, other = await intake.register(), await intake.register()
    answer = await intake.post(f"/v1/cases/{case['case_id']}/assign", {"officer": "surveyor-1"}, "manager", version=1)
    assert answer.status_code == 200, answer.text
    assert await on_list_of(intake, case, "surveyor", region=None)
    assert not await on_list_of(intake, other, "surveyor", region=None)


async def test_filters_by_owner_step_lateness_and_pause(intake: Any) -> None:
    first, second = await intake.register(), await intake.register()
    assert (await intake.step(second, "screen", 1)).status_code == 200
    assert await on_list_of(intake, first, "manager", "?owner=front_office")
    assert not await on_list_of(intake, first, "manager", "?owner=back_office")
    assert await on_list_of(intake, second, "manager", "?owner=front_office&owner=back_office&step=screening")
    assert not await on_list_of(intake, first, "manager", "?owner=front_office&step=screening")
    assert not await on_list_of(intake, first, "manager", "?owner=front_office&late=true")
    assert not await on_list_of(intake, first, "manager", "?owner=front_office&kind=need")
    intake.clock.move(days=20)
    assert await on_list_of(intake, first, "manager", "?owner=front_office&late=true")


async def test_what_waits_for_a_resident_is_shown_when_it_is_asked_for(intake: Any) -> None:
    case = await intake.resolved()
    assert not await on_list_of(intake, case, "facilitator")
    assert await on_list_of(intake, case, "facilitator", "?owner=resident")


async def test_a_list_changes_nothing(intake: Any) -> None:
    await intake.register()
    async with intake.unchanged():
        await worklist(intake, "front_office")


async def test_a_closed_case_is_on_no_list(intake: Any) -> None:
    case = await intake.resolved()
    body = {"ticket_number": case["ticket_number"], "phone_last4": "9901", "satisfied": True}
    headers = {"Idempotency-Key": uuid4().hex}
    assert (await intake.client.post("/v1/tracking/confirmation", json=body, headers=headers)).status_code == 200
    for role in ("facilitator", "manager"):
        assert not await on_list_of(intake, case, role, "?owner=resident&owner=back_office")
