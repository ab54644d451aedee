"""A draft of intake is tried on the deadlines of cases: pauses count, and a resident who says nothing is not late."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from slrt_contracts.codes import ClockPauseReason
from slrt_kit.clocks.store import ClockStore
from slrt_kit.messaging.processor import Outcome
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.policy.rules import PolicyRules

RULES = PolicyRules.of("intake")
PACKAGED = packaged_documents("slrt_intake", RULES)
NATION = PACKAGED["00"]
# A Wednesday, 15.00 in Tanjungbalai.
BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def _policy(intake: Any) -> Any:
    """The packaged policy in the database too, and a Wednesday."""
    with psycopg.connect(intake.database.url) as connection:
        connection.execute("TRUNCATE policy_layers CASCADE")
        connection.execute("DELETE FROM clocks")
    await bring_in(intake.database, RULES, PACKAGED)
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())
    yield
    with psycopg.connect(intake.database.url) as connection:
        connection.execute("TRUNCATE policy_layers CASCADE")
        connection.execute("DELETE FROM clocks")


def with_length(sla_class: str, count: int) -> dict[str, str]:
    """The classes of the nation, one of them with so many working days."""
    lines, seen = NATION["sla"].split("\n"), False
    for number, line in enumerate(lines):
        seen = seen or line.startswith(f"  {sla_class}:")
        if seen and "length:" in line:
            lines[number] = f"    length: {{working_days: {count}}}"
            break
    return NATION | {"sla": "\n".join(lines)}


async def deadlines(intake: Any, draft: dict[str, str]) -> dict[str, Any]:
    """What the draft would have done to the deadlines of the city, by class."""
    headers = intake.issuer.headers("centre_desk") | {"Accept-Language": "en"}
    answer = await intake.client.post("/v1/policy/what-if/search", json={"layers": {"00": draft}}, headers=headers)
    assert answer.status_code == 200, answer.text
    (region,) = answer.json()["regions"]
    assert (region["region"], region["routes"], region["offices"]) == ("12.74", [], [])
    return {each["sla_class"]: each for each in region["deadlines"]}


async def test_a_case_that_is_still_open_is_late_by_a_shorter_time(intake: Any) -> None:
    await intake.register()
    urgent = [{"need_code": "PBI-JK", "person_ref": 0, "urgent": True}]
    await intake.register(needs=urgent)
    intake.clock.move(days=2)  # Friday 15.00
    found = await deadlines(intake, with_length("verification", 1))
    assert set(found) == {"verification", "urgent"}
    verification = found["verification"]
    assert (verification["late_before"], verification["late_after"], verification["still_open"]) == (0, 1, 1)
    assert verification["shift_minutes"] == {"least": -900, "median": -900, "most": -900}
    assert (found["urgent"]["moved"], found["urgent"]["late_before"], found["urgent"]["late_after"]) == (0, 1, 1)


async def test_time_that_was_paused_is_no_ones_lateness_by_either_policy(intake: Any) -> None:
    case = await intake.register()
    intake.clock.move(minutes=60)
    async with intake.database.unit_of_work() as work:
        ClockStore(work.connection).pause(case["case_id"], ClockPauseReason.WAITING_FOR_RESIDENT, at=intake.clock.now())
        await work.commit()
    intake.clock.move(days=30)
    verification = (await deadlines(intake, with_length("verification", 1)))["verification"]
    assert (verification["moved"], verification["late_before"], verification["late_after"]) == (1, 0, 0)


async def test_a_resident_who_says_nothing_is_not_late(intake: Any, made: Any) -> None:
    case = await intake.decided()
    assert (await intake.hear(made.completed(case, 0), at=intake.clock.now()))[0] is Outcome.APPLIED
    intake.clock.move(days=60)
    reply = (await deadlines(intake, with_length("resident-reply", 2)))["resident-reply"]
    assert (reply["count"], reply["moved"], reply["late_before"], reply["late_after"]) == (1, 1, 0, 0)


async def test_a_step_that_loses_its_deadline_is_told(intake: Any, made: Any) -> None:
    case = await intake.decided()
    assert (await intake.hear(made.completed(case, 0), at=intake.clock.now()))[0] is Outcome.APPLIED
    waits = "    owner: resident\n    clock: resident-reply\n"
    assert waits in NATION["workflow"]
    draft = NATION | {"workflow": NATION["workflow"].replace(waits, "    clock: none\n")}
    assert (await deadlines(intake, draft))["resident-reply"]["becomes"] is None


async def test_a_step_of_another_class_is_told_with_both(intake: Any) -> None:
    await intake.register()
    workflow = NATION["workflow"].replace("    clock: verification\n", "    clock: light\n")
    verification = (await deadlines(intake, NATION | {"workflow": workflow}))["verification"]
    assert (verification["becomes"], verification["shift_minutes"]["median"]) == ("light", -450)
