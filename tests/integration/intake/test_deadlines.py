"""A case has the clock of its step from the moment it is registered, and no edit gives anybody more time."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from slrt_contracts.codes import RegistryStatus
from slrt_kit.db import StaleVersionError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

WIB = timezone(timedelta(hours=7))
# A Wednesday, 15.00 in Tanjungbalai.
BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_a_wednesday(intake: Any) -> None:
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())


async def clocks(intake: Any, case: dict[str, Any]) -> list[Any]:
    """All clocks of a case, oldest first."""
    return await intake.rows(
        "SELECT step, owner_kind, owner, sla_class, state, started_at, due_at, next_at, region, policy_version "
        "FROM clocks WHERE case_id = %(id)s ORDER BY started_at, state DESC",
        id=case["case_id"],
    )


async def running(intake: Any, case: dict[str, Any]) -> Any:
    """The one clock that runs."""
    (found,) = [each for each in await clocks(intake, case) if each.state == "running"]
    return found


def wib(*parts: int) -> datetime:
    """An instant on the spot."""
    return datetime(*parts, tzinfo=WIB)  # type: ignore[arg-type]


async def told(intake: Any, case: dict[str, Any], fact: str) -> list[dict[str, Any]]:
    """What the case has told of that kind."""
    rows = await intake.rows("SELECT headers, payload FROM outbox WHERE partition_key = %(id)s", id=case["case_id"])
    kinds = [dict(row.headers)["ce_type"] for row in rows]
    return [orjson.loads(row.payload) for row, kind in zip(rows, kinds, strict=True) if f".{fact}." in kind]


async def answered(intake: Any, made: Any) -> dict[str, Any]:
    """A case whose only need has its outcome now."""
    case: dict[str, Any] = await intake.decided()
    assert (await intake.hear(made.completed(case, 0), at=intake.clock.now()))[0] is Outcome.APPLIED
    return case


async def test_a_new_case_has_the_clock_of_its_first_step(intake: Any) -> None:
    case = await intake.register()
    clock = await running(intake, case)
    assert (clock.step, clock.owner_kind, clock.owner) == ("registered", "role", "front_office")
    assert (clock.sla_class, clock.started_at) == ("verification", BEGINS)
    assert clock.due_at == wib(2026, 7, 6, 16)
    (stored,) = await intake.rows("SELECT policy_version FROM cases WHERE case_id = %(id)s", id=case["case_id"])
    assert clock.policy_version == stored.policy_version == "00:1,12.74:1"


async def test_what_is_urgent_has_a_working_day(intake: Any) -> None:
    urgent = [{"need_code": "PBI-JK", "person_ref": 0, "urgent": True}]
    clock = await running(intake, await intake.register(needs=urgent))
    assert (clock.sla_class, clock.due_at) == ("urgent", wib(2026, 7, 2, 16))


async def test_each_step_stops_the_clock_before_and_has_its_own(intake: Any) -> None:
    case = await intake.register()
    for version, (verb, step, owner) in enumerate(
        (
            ("screen", "screening", "back_office"),
            ("recommend", "in_handling", "coordinator"),
            ("decide", "decided", "back_office"),
        ),
        start=1,
    ):
        intake.clock.move(minutes=10)
        assert (await intake.step(case, verb, version)).status_code == 200
        clock = await running(intake, case)
        assert (clock.step, clock.owner, clock.started_at) == (step, owner, intake.clock.now())
    assert [each.state for each in await clocks(intake, case)] == ["stopped"] * 3 + ["running"]


async def test_no_edit_resets_a_clock(intake: Any) -> None:
    case = await intake.register()
    before = await running(intake, case)
    intake.clock.move(minutes=30)
    moved = {"village_code": "12.74.04.1001"}
    answer = await intake.post(f"/v1/cases/{case['case_id']}/transfer", moved, "manager", version=1)
    assert answer.status_code == 200, answer.text
    after = await running(intake, case)
    assert (after.started_at, after.due_at, after.step) == (before.started_at, before.due_at, before.step)
    assert (before.region, after.region) == ("12.74.03.1002", "12.74.04.1001")


async def test_in_another_zone_a_case_is_due_by_the_hours_there_and_that_is_told(intake: Any) -> None:
    case = await intake.register()
    before = await running(intake, case)
    intake.clock.move(minutes=30)
    path = f"/v1/cases/{case['case_id']}/transfer"
    answer = await intake.post(path, {"village_code": "51.71.01.1001"}, "manager", version=1)
    assert answer.status_code == 200, answer.text
    there = await running(intake, case)
    assert there.region == "51.71.01.1001"
    assert there.started_at == before.started_at
    assert there.due_at == before.due_at - timedelta(hours=1), "16.00 in Bali is an hour before 16.00 in Sumatra"
    back = {"village_code": "12.74.03.1002"}
    answer = await intake.post(path, back, "manager", version=2, region="51.71")
    assert answer.status_code == 200, answer.text
    assert (await running(intake, case)).due_at == before.due_at
    first, second = await told(intake, case, "case-clock-rescheduled")
    assert [(each["cause"], each["district_code"]) for each in (first, second)] == [
        ("calendar_changed", "51.71.01"),
        ("calendar_changed", "12.74.03"),
    ]
    assert (first["old_due_at"], first["due_at"]) == (second["due_at"], second["old_due_at"])
    numbers = await intake.rows("SELECT key_sequence FROM outbox WHERE partition_key = %(id)s", id=case["case_id"])
    assert [each.key_sequence for each in numbers] == [1, 2, 3, 4, 5]
    assert (await intake.step(case, "screen", 3)).status_code == 200, "what was told is no edit"


async def test_what_stands_is_due_by_the_hours_of_where_it_goes_and_stands_on(intake: Any) -> None:
    case = await intake.register()
    before = await running(intake, case)
    answer = await intake.post(
        f"/v1/cases/{case['case_id']}/clock/pauses", {"reason": "external_decision"}, "back_office", version=1
    )
    assert answer.status_code == 200, answer.text
    moved = {"village_code": "91.71.01.1001"}
    answer = await intake.post(f"/v1/cases/{case['case_id']}/transfer", moved, "manager", version=1)
    assert answer.status_code == 200, answer.text
    (there,) = [each for each in await clocks(intake, case) if each.state == "paused"]
    assert (there.due_at, there.next_at) == (before.due_at - timedelta(hours=2), None)


async def test_a_step_that_is_refused_leaves_the_clock_as_it_was(intake: Any) -> None:
    case = await intake.register()
    before = await clocks(intake, case)
    assert (await intake.step(case, "decide", 1)).status_code == 409
    assert (await intake.step(case, "screen", 7)).status_code == 412
    assert await clocks(intake, case) == before


async def test_when_everything_is_answered_the_time_is_the_residents(intake: Any) -> None:
    case = await intake.resolved()
    clock = await running(intake, case)
    assert (clock.step, clock.owner_kind, clock.sla_class) == ("resolved", "resident", "resident-reply")


async def test_an_answer_that_is_heard_twice_starts_one_clock(intake: Any, made: Any) -> None:
    case = await intake.decided()
    event = raw_event(made.completed(case, 0))
    assert await intake.outcomes.process(event) is Outcome.APPLIED
    assert await intake.outcomes.process(event) is not Outcome.APPLIED
    assert (await running(intake, case)).step == "resolved"
    assert [each.step for each in await clocks(intake, case)].count("resolved") == 1


async def test_whoever_is_late_is_reminded_and_then_those_above_hear_of_it(intake: Any) -> None:
    case = await intake.register()
    intake.clock.move(days=1)
    await intake.timers.once()
    assert await told(intake, case, "case-clock-reminded") == []
    intake.clock.move(seconds=(wib(2026, 7, 6, 15, 30) - intake.clock.now()).total_seconds())
    await intake.timers.once()
    (reminded,) = await told(intake, case, "case-clock-reminded")
    assert (reminded["owner"], reminded["offset"], reminded["sla_class"]) == ("front_office", "-20%", "verification")
    intake.clock.move(seconds=(wib(2026, 7, 6, 16, 1) - intake.clock.now()).total_seconds())
    await intake.timers.once()
    await intake.timers.once()
    (escalated,) = await told(intake, case, "case-clock-escalated")
    assert escalated["audience"] == ["owner", "supervisor"]
    # Whoever read the case before all that has missed nothing of it, and goes on.
    answer = await intake.step(case, "screen", 1)
    assert answer.status_code == 200, answer.text


async def test_a_reminder_in_the_middle_of_a_command_and_the_command_never_give_two_events_one_number(
    intake: Any,
) -> None:
    case = await intake.register()
    intake.clock.move(seconds=(wib(2026, 7, 6, 15, 30) - intake.clock.now()).total_seconds())
    async with intake.database.unit_of_work() as unit:
        store = intake.stores(unit)
        held = await store.get(case["case_id"])
        await intake.timers.once()
        held.screen(registry_status=RegistryStatus.LISTED, at=intake.clock.now())
        with pytest.raises(StaleVersionError):
            await store.save(held)


async def test_a_case_whose_resident_stays_silent_is_closed_after_ten_working_days(intake: Any, made: Any) -> None:
    case = await answered(intake, made)
    due = (await running(intake, case)).due_at
    assert due == wib(2026, 7, 15, 16)
    intake.clock.move(seconds=(due - intake.clock.now()).total_seconds() - 1)
    await intake.timers.once()
    assert await told(intake, case, "case-closed") == []
    intake.clock.move(seconds=2)
    await intake.timers.once()
    (closed,) = await told(intake, case, "case-closed")
    assert (closed["closed_by"], closed.get("satisfied")) == ("policy", None)
    assert {each.state for each in await clocks(intake, case)} == {"stopped"}
    await intake.timers.once()
    assert len(await told(intake, case, "case-closed")) == 1


async def test_a_resident_who_answers_in_time_stops_the_clock(intake: Any, made: Any) -> None:
    case = await answered(intake, made)
    body = {"ticket_number": case["ticket_number"], "phone_last4": "9901", "satisfied": True}
    headers = {"Idempotency-Key": case["case_id"]}
    answer = await intake.client.post("/v1/tracking/confirmation", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert {each.state for each in await clocks(intake, case)} == {"stopped"}


async def test_a_worker_whose_clock_is_two_hours_slow_ends_case_and_ledger_at_one_instant(
    intake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await intake.resolved()
    due = (await running(intake, case)).due_at

    async def time_of_the_database() -> datetime:
        return due + timedelta(seconds=5)

    monkeypatch.setattr(intake.timers, "_at", time_of_the_database)
    intake.clock.move(seconds=(due - timedelta(hours=2) - intake.clock.now()).total_seconds())
    assert await intake.timers.once() > 0
    ((closed_at, until),) = await intake.rows(
        "SELECT c.closed_at, max(h.until) FROM cases c JOIN holdings h ON h.held_id = c.case_id "
        "WHERE c.case_id = %(id)s GROUP BY 1",
        id=case["case_id"],
    )
    assert closed_at == until == due + timedelta(seconds=5)
