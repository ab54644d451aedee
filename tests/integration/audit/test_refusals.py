"""Refusals are on record with who asked for what; a flood is bounded, and a fault of the log fails no answer."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from tests.drills.chains import ACTOR, Chain

from slrt_kit import metrics
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_access
from slrt_kit.audit.refusals import ONE_BY_ONE, WINDOW_S, Refusal, Refusals
from slrt_kit.db import Database
from slrt_kit.testing import eventually


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refusal(subject: str = "officer-1") -> Refusal:
    return Refusal(Actor(subject=subject, region="12.74"), "get-case", "case", str(uuid4()), "outside-scope")


async def on_record(chain: Chain) -> list[dict[str, Any]]:
    await chain.seal()
    return await chain.entries()


async def test_a_refusal_is_on_record_before_it_is_answered(audited: Chain) -> None:
    asked = refusal()
    await Refusals(audited.database, "intake").note(asked)
    (entry,) = await on_record(audited)
    assert entry["object_id"] == asked.object_id
    assert (entry["result"], entry["reason"], entry["subject"]) == ("refused", "outside-scope", "officer-1")


async def test_a_flood_of_one_subject_becomes_a_bounded_number_of_entries_that_count_it_all(audited: Chain) -> None:
    time = Time()
    refusals = Refusals(audited.database, "intake", monotonic=time)
    for _ in range(500):
        await refusals.note(refusal())
    await refusals.note(refusal("officer-2"))
    time.now += WINDOW_S + 1
    await refusals.note(refusal("officer-3"))
    entries = await on_record(audited)
    assert len(entries) == ONE_BY_ONE + 3
    flooded = [entry for entry in entries if entry["subject"] == "officer-1"]
    assert sum(entry.get("times", 1) for entry in flooded) == 500


async def test_a_flood_that_ends_is_on_record_when_its_window_is_over(
    audited: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slrt_kit.audit.refusals.WINDOW_S", 0.5)
    refusals = Refusals(audited.database, "intake")
    for _ in range(ONE_BY_ONE + 9):
        await refusals.note(refusal())

    async def counted() -> bool:
        await audited.seal()
        return sum(entry.get("times", 1) for entry in await audited.entries()) == ONE_BY_ONE + 9

    await eventually(counted)


async def test_what_was_counted_is_written_when_the_process_ends(audited: Chain) -> None:
    refusals = Refusals(audited.database, "intake")
    for _ in range(ONE_BY_ONE + 5):
        await refusals.note(refusal())
    await refusals.flush()
    assert sum(entry.get("times", 1) for entry in await on_record(audited)) == ONE_BY_ONE + 5


async def test_subjects_without_end_take_no_memory_without_end(audited: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slrt_kit.audit.refusals.MOST_SUBJECTS", 10)
    refusals = Refusals(audited.database, "intake")
    for number in range(200):
        await refusals.note(refusal(f"officer-{number}"))
    await refusals.flush()
    entries = await on_record(audited)
    assert len(entries) == 10 + ONE_BY_ONE + 1
    assert sum(entry.get("times", 1) for entry in entries) == 200


async def test_a_refusal_that_cannot_be_written_is_counted_and_raises_nothing() -> None:
    away = Database("postgresql://nobody@127.0.0.1:9/nothing")
    before = metrics.AUDIT_REFUSALS_LOST._value.get()
    await Refusals(away, "intake").note(refusal())
    assert metrics.AUDIT_REFUSALS_LOST._value.get() == before + 1


async def test_somebody_who_is_refused_again_and_again_gets_a_review(audited: Chain) -> None:
    refusals = Refusals(audited.database, "intake")
    for _ in range(31):
        await refusals.note(refusal("officer-9"))
    await audited.seal()
    async with audited.database.read() as session:
        rows = await session.rows("SELECT rule, subject, times, region FROM audit_reviews")
    assert [tuple(row) for row in rows] == [("refused-again-and-again", "officer-9", 31, "12.74")]
    await audited.write(1, actor=ACTOR)
    await refusals.note(refusal("officer-9"))
    await audited.seal()
    async with audited.database.read() as session:
        assert await session.value("SELECT count(*) FROM audit_reviews") == 1, "one for the same hour"


async def test_rows_exported_count_truly_whatever_else_the_officer_did_that_day(audited: Chain) -> None:
    officer = replace(ACTOR, subject="officer-7")

    async def reviews() -> list[tuple[str, int]]:
        await audited.seal()
        async with audited.database.read() as session:
            rows = await session.rows("SELECT rule, times FROM audit_reviews WHERE rule = 'many-rows-exported'")
        return [tuple(row) for row in rows]

    async def fetches(*rows: int) -> None:
        looks = [Look("fetch", "export", uuid4(), ("status",), times=count) for count in rows]
        await record_access(audited.database, "intake", officer, looks)

    await fetches(4_999, *([0] * 50), 1)
    assert await reviews() == [], "fifty downloads without rows are none"
    # More of other kinds than a rule looks back on.
    await record_access(audited.database, "intake", officer, [Look("export", "case", uuid4(), ("status",))] * 2_500)
    assert await reviews() == []
    await fetches(1)
    assert await reviews() == [("many-rows-exported", 5_001)]
