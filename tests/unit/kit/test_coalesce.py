"""Doing things together: nobody is answered before they are done, and nobody is failed by a neighbour."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from slrt_kit import metrics
from slrt_kit.coalesce import MOST_TOGETHER, MOST_WAITING, WORKERS, Coalescer
from slrt_kit.db import DATABASE_DOWN
from slrt_kit.problems import ServiceUnavailableError


class Writer:
    """Writes numbers; refuses negative ones; waits for ``gate`` before it commits."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.durable: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> list[str]:
        self.groups.append(list(items))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if any(item < 0 for item in items):
            raise psycopg.DataError("one of them is bad")
        self.durable.extend(items)
        return [f"wrote {item}" for item in items]


async def test_a_bad_item_fails_alone_and_its_neighbours_are_written() -> None:
    writer = Writer()
    group = Coalescer(writer, common=DATABASE_DOWN)
    writer.gate.clear()
    asked = [asyncio.create_task(group.add(item)) for item in (1, 2, 3, -4, 5, -6, 7)]
    await asyncio.sleep(0)
    writer.gate.set()
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert [item for item in said if isinstance(item, str)] == [f"wrote {n}" for n in (1, 2, 3, 5, 7)]
    assert [type(item) for item in said if not isinstance(item, str)] == [psycopg.DataError] * 2
    assert sorted(writer.durable) == [1, 2, 3, 5, 7]


async def test_when_the_database_is_away_all_of_the_group_hear_it_at_once_and_nobody_is_tried_again() -> None:
    writer = Writer()
    writer.failure = psycopg.OperationalError("away")
    group = Coalescer(writer, common=DATABASE_DOWN)
    said = await asyncio.gather(*(group.add(item) for item in range(20)), return_exceptions=True)
    assert {type(item) for item in said} == {psycopg.OperationalError}
    assert sorted(item for items in writer.groups for item in items) == list(range(20))
    writer.failure = None
    assert await group.add(20) == "wrote 20"


async def test_more_than_may_wait_are_told_so_and_the_others_are_written() -> None:
    writer = Writer()
    writer.gate.clear()
    group = Coalescer(writer, common=DATABASE_DOWN)
    most = MOST_WAITING + WORKERS * MOST_TOGETHER
    refusals = metrics.REFUSALS.labels("queue")._value
    before = refusals.get()
    asked = [asyncio.create_task(group.add(item)) for item in range(MOST_WAITING)]
    await asyncio.sleep(0.01)
    asked += [asyncio.create_task(group.add(item)) for item in range(MOST_WAITING, most + 5)]
    await asyncio.sleep(0.01)
    refused = [task for task in asked if task.done()]
    assert refused
    assert {type(task.exception()) for task in refused} == {ServiceUnavailableError}
    assert refusals.get() == before + len(refused)
    writer.gate.set()
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert len([item for item in said if isinstance(item, str)]) == len(asked) - len(refused) == len(writer.durable)


async def test_nobody_is_answered_before_the_write_has_returned() -> None:
    writer = Writer()
    writer.gate.clear()
    group = Coalescer(writer, common=DATABASE_DOWN)
    asked = [asyncio.create_task(group.add(item)) for item in range(200)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(task.done() for task in asked)
    writer.gate.set()
    assert await asyncio.gather(*asked) == [f"wrote {item}" for item in range(200)]


async def test_those_who_come_while_a_group_is_written_go_together() -> None:
    writer = Writer()
    writer.gate.clear()
    group = Coalescer(writer, common=DATABASE_DOWN)
    asked = []
    for item in range(MOST_TOGETHER * 2 + WORKERS):
        asked.append(asyncio.create_task(group.add(item)))
        await asyncio.sleep(0)
    writer.gate.set()
    await asyncio.gather(*asked)
    assert len(writer.groups) < 10
    assert max(len(items) for items in writer.groups) <= MOST_TOGETHER
    assert sorted(writer.durable) == list(range(len(asked)))


async def test_somebody_who_comes_the_moment_the_last_writer_ends_is_served() -> None:
    group = Coalescer(Writer(), common=DATABASE_DOWN)
    # Each is added in the very step of the loop in which the one before was answered.
    for item in range(2_000):
        async with asyncio.timeout(5):
            assert await group.add(item) == f"wrote {item}"


async def test_a_caller_who_leaves_takes_nobody_along() -> None:
    writer = Writer()
    writer.gate.clear()
    group = Coalescer(writer, common=DATABASE_DOWN)
    asked = [asyncio.create_task(group.add(item)) for item in range(6)]
    await asyncio.sleep(0.01)
    asked[1].cancel()
    asked[4].cancel()
    writer.gate.set()
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert [item for item in said if isinstance(item, str)] == [f"wrote {n}" for n in (0, 2, 3, 5)]


@pytest.mark.parametrize("crowd", [1, 7, 63, 64, 65, 400])
async def test_every_caller_gets_the_answer_to_its_own_item(crowd: int) -> None:
    group = Coalescer(Writer(), common=DATABASE_DOWN)
    assert await asyncio.gather(*(group.add(item) for item in range(crowd))) == [f"wrote {n}" for n in range(crowd)]


async def test_with_one_worker_all_who_come_meanwhile_go_together() -> None:
    writer = Writer()
    group = Coalescer(writer, common=DATABASE_DOWN, workers=1)
    writer.gate.clear()
    asked = [asyncio.create_task(group.add(1))]
    await asyncio.sleep(0.01)
    for item in (2, 3, 4):
        asked.append(asyncio.create_task(group.add(item)))
        await asyncio.sleep(0)
    assert writer.groups == [[1]]
    writer.gate.set()
    await asyncio.gather(*asked)
    assert writer.groups == [[1], [2, 3, 4]]
