"""Nothing stops without a sound: what is open and could not go on is found by one look, told, and over by itself."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from slrt_contracts.codes import DutyRole
from slrt_intake.api.own_case import STEPS
from slrt_intake.app import build_chores
from slrt_intake.store.stalls import OPENED
from slrt_kit.clock import new_uuid7
from slrt_kit.stalls.checker import StallCheck
from slrt_kit.stalls.store import GROUPS, PLANS
from slrt_kit.testing import eventually, running

BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)
DISTRICT = "12.74.03"
PLACES = {
    DutyRole.FACILITATOR: "12.74.03",
    DutyRole.FRONT_OFFICE: "12.74",
    DutyRole.BACK_OFFICE: "12.74",
    DutyRole.COORDINATOR: "12.74.03",
    DutyRole.SUPERVISOR: "12.74",
    DutyRole.MANAGER: "12.74",
    DutyRole.HEAD_OF_OFFICE: "12.74",
    DutyRole.PROVINCE_DESK: "12",
}


@pytest.fixture(autouse=True)
async def _healthy(intake: Any) -> None:
    """Everybody is on duty, and nothing is open."""
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())
    await intake.rows_changed("TRUNCATE cases, needs, clocks, stalls, timeline, office_needs, duties, outbox CASCADE")
    for role in PLACES:
        await on_duty(intake, role)


async def on_duty(intake: Any, role: str, **changes: Any) -> None:
    values = {
        "duty_id": new_uuid7(),
        "officer": f"{role}-1",
        "role": role,
        "area_code": PLACES.get(DutyRole(role), "00"),
        "office_code": None,
        "first_day": date(2026, 1, 1),
        "last_day": None,
        "ended_at": None,
    } | changes
    await intake.rows_changed(
        "INSERT INTO duties (duty_id, version, event_sequence, officer, officer_id, role, area_code, office_code, "
        "first_day, last_day, ended_at, made_by, made_at) VALUES (%(duty_id)s, 1, 1, %(officer)s, %(duty_id)s, "
        "%(role)s, %(area_code)s, %(office_code)s, %(first_day)s, %(last_day)s, %(ended_at)s, 'admin-1', now())",
        **values,
    )


async def off_duty(intake: Any, *roles: str) -> None:
    await intake.rows_changed("DELETE FROM duties WHERE role = ANY(%(roles)s)", roles=list(roles))


async def held_up(intake: Any) -> list[tuple[str, str]]:
    """What lasts: kind and what it is of."""
    rows = await intake.rows("SELECT kind, subject_kind FROM stalls WHERE ended_at IS NULL ORDER BY kind, subject_kind")
    return [(row.kind, row.subject_kind) for row in rows]


async def told(intake: Any, fact: str) -> list[dict[str, Any]]:
    """What was told of that kind, in order."""
    rows = await intake.rows("SELECT headers, payload FROM outbox ORDER BY seq")
    return [orjson.loads(row.payload) for row in rows if f".{fact}." in dict(row.headers)["ce_type"]]


async def test_where_all_is_well_nothing_is_held_up(intake: Any) -> None:
    for verbs in range(4):
        case = await intake.register()
        for version, verb in enumerate(("screen", "recommend", "decide")[:verbs], start=1):
            assert (await intake.step(case, verb, version)).status_code == 200
    await intake.resolved()
    assert await intake.stalls.once() == 0
    assert await held_up(intake) == []


async def test_a_case_whose_role_nobody_has_is_told_until_somebody_is_there(intake: Any) -> None:
    case = await intake.register()
    await off_duty(intake, "front_office", "coordinator", "supervisor", "manager")
    await intake.stalls.once()
    assert ("no_owner", "case") in await held_up(intake)
    (said, *_) = [each for each in await told(intake, "case-stalled") if each["kind"] == "no_owner"]
    assert (said["case_id"], said["step"], said["owner"]) == (case["case_id"], "registered", "front_office")
    assert said["district_code"] == DISTRICT
    for role in ("front_office", "coordinator", "supervisor", "manager"):
        await on_duty(intake, role)
    await intake.stalls.once()
    assert await held_up(intake) == []
    ended = await told(intake, "case-stall-ended")
    assert said["stall_id"] in {each["stall_id"] for each in ended}


async def test_a_case_without_its_clock_is_found(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("DELETE FROM clocks WHERE case_id = %(id)s", id=case["case_id"])
    await intake.stalls.once()
    assert await held_up(intake) == [("no_clock", "case")]


async def test_a_case_that_nobody_may_move_on_is_found(intake: Any) -> None:
    await intake.register()
    await off_duty(intake, "front_office", "back_office")
    await intake.stalls.once()
    assert await held_up(intake) == [("no_next_action", "case")]
    (said,) = await intake.rows("SELECT lacks FROM stalls WHERE ended_at IS NULL")
    assert said.lacks == ["front_office", "back_office"]


async def test_a_case_in_a_step_that_its_policy_does_not_have_is_found(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("UPDATE cases SET status = 'screened' WHERE case_id = %(id)s", id=case["case_id"])
    await intake.stalls.once()
    assert await held_up(intake) == [("no_next_action", "case")]
    await intake.rows_changed("UPDATE cases SET status = 'registered' WHERE case_id = %(id)s", id=case["case_id"])
    await intake.stalls.once()
    assert await held_up(intake) == []


async def test_a_pause_whose_end_nobody_would_hear_of_is_found(intake: Any) -> None:
    case = await intake.register()
    paused = '[{"since": "2026-07-01T08:00:00Z", "until": null, "reason": "the_moon"}]'
    await intake.rows_changed(
        "UPDATE clocks SET state = 'paused', next_at = NULL, wake_at = NULL, pauses = CAST(%(p)s AS jsonb) "
        "WHERE case_id = %(id)s",
        p=paused,
        id=case["case_id"],
    )
    await intake.stalls.once()
    assert await held_up(intake) == [("endless_pause", "case")]
    await intake.rows_changed(
        "UPDATE clocks SET pauses = CAST(replace(%(p)s, 'the_moon', 'waiting_for_resident') AS jsonb)", p=paused
    )
    await intake.stalls.once()
    assert await held_up(intake) == []


async def test_a_need_that_came_to_no_office_is_found_once_it_had_the_time_to(intake: Any, made: Any) -> None:
    case = await intake.decided()
    await intake.stalls.once()
    assert await held_up(intake) == []
    intake.clock.move(minutes=16)
    await intake.stalls.once()
    assert await held_up(intake) == [("not_on_its_way", "need")]
    (said,) = await told(intake, "case-stalled")
    assert (said["case_id"], said["need_id"]) == (case["case_id"], case["needs"][0]["need_id"])
    await intake.answered(case)
    await intake.stalls.once()
    assert await held_up(intake) == []


async def test_a_case_of_which_nobody_above_would_hear_is_found(intake: Any) -> None:
    await intake.register()
    await off_duty(intake, "province_desk")
    await intake.stalls.once()
    assert await held_up(intake) == [("no_escalation", "case")]
    (said,) = await intake.rows("SELECT lacks FROM stalls WHERE ended_at IS NULL")
    assert said.lacks == ["next_level"]
    await on_duty(intake, DutyRole.CENTRE_DESK)
    await intake.stalls.once()
    assert await held_up(intake) == []


async def test_an_effect_that_fails_for_good_is_found(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("UPDATE clocks SET attempts = 5 WHERE case_id = %(id)s", id=case["case_id"])
    await intake.stalls.once()
    assert await held_up(intake) == [("effect_failing", "case")]
    await intake.rows_changed("UPDATE clocks SET attempts = 0")
    await intake.stalls.once()
    assert await held_up(intake) == []


async def test_a_regency_without_a_roster_is_told_once_and_not_case_by_case(intake: Any) -> None:
    for _ in range(3):
        await intake.register()
    await intake.rows_changed("DELETE FROM duties")
    await intake.stalls.once()
    assert await held_up(intake) == [("no_roster", "region")]
    assert await told(intake, "case-stalled") == []
    (missing,) = await told(intake, "roster-missing")
    assert missing["area_code"] == "12.74"
    for role in PLACES:
        await on_duty(intake, role)
    await intake.stalls.once()
    assert await held_up(intake) == []
    assert await told(intake, "roster-filled") == [missing]
    rows = await intake.rows("SELECT key_sequence FROM outbox WHERE partition_key = %(id)s", id=missing["stall_id"])
    assert [each.key_sequence for each in rows] == [1, 2]


async def test_what_is_closed_is_held_up_no_longer(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    await intake.stalls.once()
    await intake.rows_changed("UPDATE cases SET status = 'closed' WHERE case_id = %(id)s", id=case["case_id"])
    await intake.stalls.once()
    assert await held_up(intake) == []


async def test_a_stall_that_lasts_is_told_once(intake: Any) -> None:
    await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    assert [await intake.stalls.once() for _ in range(3)] == [1, 0, 0]
    assert len(await told(intake, "case-stalled")) == 1


async def test_a_stall_that_lasts_says_what_is_missing_by_now_and_since_when_anything_was(intake: Any) -> None:
    case = await intake.register()
    await off_duty(intake, "manager")
    await intake.stalls.once()
    query = "SELECT stall_id, kind, lacks, step, owner, found_at FROM stalls WHERE ended_at IS NULL"
    (before,) = await intake.rows(query)
    assert (before.kind, before.lacks) == ("no_escalation", ["manager"])
    intake.clock.move(seconds=3600)
    await on_duty(intake, "manager")
    await off_duty(intake, "supervisor")
    assert (await intake.step(case, "screen", 1)).status_code == 200
    assert await intake.stalls.once() == 1
    (after,) = await intake.rows(query)
    assert (after.lacks, after.step, after.owner) == (["supervisor"], "screening", "back_office")
    assert (after.stall_id, after.found_at) == (before.stall_id, before.found_at)
    assert await intake.stalls.once() == 0
    assert len(await told(intake, "case-stalled")) == 1


async def test_a_case_that_somebody_works_on_is_told_at_the_next_look(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    async with intake.database.unit_of_work() as work:
        await work.connection.rows("SELECT FROM cases WHERE case_id = %(id)s FOR UPDATE", {"id": case["case_id"]})
        assert await intake.stalls.once() == 0
    assert await intake.stalls.once() == 1


async def test_of_two_that_look_at_once_one_does(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    other: list[int] = []
    write = StallCheck._write

    async def beside(self: StallCheck, rows: Any) -> int:
        """What another replica has found at the same time is written first."""
        if not other:
            other.append(0)
            other[0] = await write(self, rows)
        return await write(self, rows)

    monkeypatch.setattr(StallCheck, "_write", beside)
    assert await intake.stalls.once() == 0
    assert other == [1]
    assert len(await told(intake, "case-stalled")) == 1
    assert len(await held_up(intake)) == 1


async def test_many_are_told_in_several_transactions(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    monkeypatch.setattr("slrt_kit.stalls.checker.BATCH", 2)
    assert await intake.stalls.once() == 5
    assert len(await told(intake, "case-stalled")) == 5


async def rows_read(intake: Any) -> int:
    """How many rows of tables one look at all that is open touches, also those that it passes over."""
    await intake.rows_changed("ANALYZE cases, needs, clocks, office_needs, timeline")
    now = intake.clock.now()
    async with intake.database.snapshot() as session:
        for setting in PLANS:
            await session.run(setting)
        plans = [
            (await session.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {GROUPS.format(opened=query)}", {"at": now}))[0]
            for query in OPENED.values()
        ]

    def touched(node: dict[str, Any]) -> float:
        own = 0.0
        if "Scan" in node["Node Type"] and "Relation Name" in node:
            own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        return own * node["Actual Loops"] + sum(touched(each) for each in node.get("Plans", ()))

    return int(sum(touched(each["Plan"]) for each in plans))


async def test_what_is_closed_is_never_read(intake: Any) -> None:
    for _ in range(3):
        await intake.decided()
    before = await rows_read(intake)
    for _ in range(20):
        case = await intake.decided()
        await intake.answered(case)
        await intake.rows_changed(
            "UPDATE cases SET status = 'closed', closed_at = now() WHERE case_id = %(id)s", id=case["case_id"]
        )
        await intake.rows_changed(
            "UPDATE clocks SET state = 'stopped', stopped_at = now(), next_at = NULL, wake_at = NULL "
            "WHERE case_id = %(id)s",
            id=case["case_id"],
        )
    assert 0 < await rows_read(intake) <= before


# -- the list -------------------------------------------------------------------------------------------------------


async def stalls(intake: Any, role: str = "manager", query: str = "", **claims: Any) -> Any:
    answer = await intake.get(f"/v1/stalls{query}", role, **claims)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_those_above_read_what_is_held_up_with_the_remedy_oldest_first(intake: Any) -> None:
    cases = []
    for _ in range(3):
        cases.append((await intake.register())["case_id"])
        await intake.rows_changed("DELETE FROM clocks")
        await intake.stalls.once()
        intake.clock.move(minutes=1)
    first = await stalls(intake, query="?limit=2")
    assert [each["case_id"] for each in first["items"]] == cases[:2]
    assert {"kind", "says", "remedy"} <= set(first["items"][0])
    assert set(first["items"][0]["remedy"]) == {"id", "en"}
    rest = await stalls(intake, query=f"?limit=2&cursor={first['next']}")
    assert ([each["case_id"] for each in rest["items"]], rest["next"]) == (cases[2:], None)
    assert (await stalls(intake, query="?kind=no_owner"))["items"] == []
    assert (await stalls(intake, query="?district=12.74.05"))["items"] == []
    assert len((await stalls(intake, query=f"?district={DISTRICT}&kind=no_clock"))["items"]) == 3


@pytest.mark.parametrize("query", ["?kind=late", "?district=12.74", "?cursor=x", "?limit=0"])
async def test_what_cannot_be_asked_for_is_refused(intake: Any, query: str) -> None:
    assert (await intake.get(f"/v1/stalls{query}", "manager")).status_code in (400, 422)


async def test_another_region_and_the_desk_read_nothing_of_it(intake: Any) -> None:
    await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    await intake.stalls.once()
    assert (await stalls(intake, "manager", region="12.71"))["items"] == []
    assert (await intake.get("/v1/stalls", "front_office")).status_code == 403


async def test_a_restricted_case_is_on_the_list_of_those_alone_who_may_know_of_it(intake: Any) -> None:
    await intake.register(needs=[{"need_code": "KEKERASAN", "person_ref": 0}])
    await intake.rows_changed("DELETE FROM clocks")
    await intake.stalls.once()
    assert len((await stalls(intake, "manager"))["items"]) == 1
    assert (await stalls(intake, "supervisor"))["items"] == []


async def test_a_regency_without_a_roster_stands_on_its_managers_list(intake: Any) -> None:
    await intake.register()
    await intake.rows_changed("DELETE FROM duties")
    await intake.stalls.once()
    (item,) = (await stalls(intake))["items"]
    assert (item["kind"], item["region"], item["case_id"]) == ("no_roster", "12.74", None)
    assert UUID(item["subject_id"]).version == 5


# -- the parts around it ----------------------------------------------------------------------------------------------


async def test_an_effect_that_has_failed_five_times_is_told_at_once(
    intake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise ValueError("the text of a template is broken")

    case = await intake.register()
    monkeypatch.setattr(intake.timers, "_effects", {"remind": fail, "escalate": fail})
    for failures in range(1, 6):
        assert await held_up(intake) == []
        intake.clock.move(days=30)
        await intake.timers.once()
        assert [row.attempts for row in await intake.rows("SELECT attempts FROM clocks")] == [failures]
    assert await held_up(intake) == [("effect_failing", "case")]
    (said,) = await told(intake, "case-stalled")
    assert (said["case_id"], said["kind"]) == (case["case_id"], "effect_failing")
    await intake.stalls.once()
    assert len(await told(intake, "case-stalled")) == 1


async def test_a_worker_looks_by_itself(intake: Any) -> None:
    await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    (check,) = [
        each.__self__
        for each in build_chores(intake.runtime)
        if isinstance(getattr(each, "__self__", None), StallCheck)
    ]
    async with running(check.run):
        assert await eventually(lambda: held_up(intake)) == [("no_clock", "case")]
    (age,) = await intake.rows("SELECT now() - ended_at AS age FROM stall_round")
    assert age.age < timedelta(minutes=1)


async def test_a_resident_reads_that_the_report_is_held_up_and_goes_on(intake: Any) -> None:
    case = await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    await intake.stalls.once()
    await intake.rows_changed("UPDATE cases SET status = 'closed'")
    await intake.stalls.once()
    rows = await intake.rows(
        "SELECT event_type FROM timeline WHERE case_id = %(id)s ORDER BY position", id=case["case_id"]
    )
    assert [STEPS[row.event_type].en for row in rows if "stall" in row.event_type] == [
        "The report is held up; the officers were told",
        "The report goes on",
    ]
