"""What was open before there were clocks gets the clock of its step, from when it came to it; once."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from slrt_intake.cli import main
from slrt_intake.store.stalls import CLOCKLESS
from slrt_kit.clocks.starting import start_missing
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.testing import TestIssuer, environment_of, packaged_deadlines

BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def _nothing_is_open(intake: Any) -> None:
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())
    await intake.rows_changed("TRUNCATE cases, needs, clocks, timeline, office_needs CASCADE")


async def start(intake: Any, **how: Any) -> tuple[int, int]:
    done = await start_missing(intake.database, packaged_deadlines("intake"), CLOCKLESS, **how)
    return done.started, done.from_now


async def clocks(intake: Any) -> list[tuple[str, datetime, datetime]]:
    rows = await intake.rows("SELECT step, started_at, due_at FROM clocks WHERE state <> 'stopped' ORDER BY started_at")
    return [(row.step, row.started_at, row.due_at) for row in rows]


async def test_a_clock_that_is_missing_is_started_from_when_its_case_came_to_the_step(intake: Any, made: Any) -> None:
    for verbs in range(4):
        case = await intake.register()
        for version, verb in enumerate(("screen", "recommend", "decide")[:verbs], start=1):
            intake.clock.move(minutes=5)
            assert (await intake.step(case, verb, version)).status_code == 200
    intake.clock.move(minutes=5)
    await intake.hear(made.completed(await intake.decided()), at=intake.clock.now())
    before = await clocks(intake)
    await intake.rows_changed("DELETE FROM clocks")
    intake.clock.move(minutes=60)
    assert await start(intake, dry_run=True) == (5, 0)
    assert await clocks(intake) == []
    assert await start(intake) == (5, 0)
    assert await clocks(intake) == before
    assert await start(intake) == (0, 0)


async def test_nobody_knows_since_when_so_it_starts_now(intake: Any) -> None:
    case = await intake.register()
    assert (await intake.step(case, "screen", 1)).status_code == 200
    await intake.rows_changed("TRUNCATE clocks, timeline CASCADE")
    intake.clock.move(minutes=60)
    assert await start(intake) == (1, 1)
    ((step, began, _),) = await clocks(intake)
    assert (step, began) == ("screening", intake.clock.now())


async def test_what_is_older_than_the_calendar_starts_now(intake: Any) -> None:
    await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    await intake.rows_changed("UPDATE cases SET registered_at = '1987-01-01'")
    assert await start(intake) == (1, 1)


async def test_missing_clocks_are_started_page_by_page(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    monkeypatch.setattr("slrt_kit.clocks.starting.PAGE", 2)
    assert await start(intake) == (5, 0)


async def test_the_operator_starts_them_by_the_policy_in_force(
    intake: Any, token_issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of("intake", database_url=intake.url, issuer=token_issuer).items():
        monkeypatch.setenv(name, value)
    rules = intake.runtime.policy_rules
    await bring_in(intake.database, rules, packaged_documents("slrt_intake", rules))
    await intake.register()
    await intake.rows_changed("DELETE FROM clocks")
    answer = await asyncio.to_thread(CliRunner().invoke, main, ["clocks", "start-missing"])
    assert (answer.exit_code, answer.output.split()) == (0, ["started", "1", "from_now", "0"]), answer.output
    assert len(await clocks(intake)) == 1
