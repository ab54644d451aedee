"""Nobody who follows a case skips what is committed late, and the events of a key come in their order, also anew."""

import asyncio
from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration.intake.streams import WITHIN_S, hear, id_of, others

from slrt_contracts.envelope import Envelope
from slrt_intake.store import timeline as store
from slrt_intake.store.following import Following
from slrt_intake.store.timeline import TimelineEntry, add_to_timeline, entry_of, place_after
from slrt_kit.db import Connection
from slrt_kit.inbox import RawEvent
from slrt_kit.testing import eventually, raw_event

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()"


def _entry(raw: RawEvent) -> TimelineEntry:
    envelope = Envelope.from_headers(raw.headers)
    return entry_of(envelope, raw.payload or b"")


async def _write(connection: Connection, raw: RawEvent) -> None:
    add_to_timeline(connection, [_entry(raw)])
    await connection.run("SELECT")


class Reader:
    """One who reads what is there, and comes back again and again with the last id."""

    def __init__(self, intake: Any, case_id: str, *, last: str | None = None) -> None:
        self._intake, self._case_id, self._last = intake, UUID(case_id), last
        self.ids: list[str] = []

    async def go_on(self) -> list[str]:
        """Read what comes after what it has seen; returns all that it has read so far."""
        last = self.ids[-1] if self.ids else self._last
        place = await place_after(self._intake.database, self._case_id, UUID(last) if last else None)
        async with self._intake.database.read() as session:
            _, page = await store.entries_after(session, {self._case_id: place.after})
        self.ids += [str(entry.event_id) for _, entry in page]
        return self.ids


async def _one_commits_late(intake: Any) -> tuple[list[str], list[str]]:
    """Two write about one case; the first commits last. What was written, and what a reader saw who came back twice."""
    case = await intake.register()
    reader = Reader(intake, case["case_id"])
    await reader.go_on()
    early, late = others(case["case_id"], 1)[0], others(case["case_id"], 1)[0]

    async def write_early() -> None:
        async with intake.database.unit_of_work() as work:
            await _write(work.connection, early)
            await work.commit()

    async def is_over_or_waits() -> bool:
        return writing.done() or (await intake.rows(WAITING))[0][0] > 0

    async with intake.database.unit_of_work() as work:
        await _write(work.connection, late)
        writing = asyncio.create_task(write_early())
        await eventually(is_over_or_waits)
        await reader.go_on()
        await work.commit()
    await writing
    return [id_of(late), id_of(early)], (await reader.go_on())[1:]


async def test_what_is_committed_late_is_skipped_by_nobody(intake: Any) -> None:
    written, seen = await _one_commits_late(intake)
    assert seen == written


async def test_without_the_lock_it_would_be_skipped(intake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_LOCK_CASES", "SELECT CAST(%(buckets)s AS integer[])")
    written, seen = await _one_commits_late(intake)
    assert seen == written[1:]


def test_locks_are_taken_once_and_in_one_order() -> None:
    sent: list[Any] = []

    class Deferring:
        def defer(self, _statement: str, values: Any) -> None:
            sent.append(values)

    cases = [UUID(int=number) for number in (5, 3, store._BUCKETS + 3, 9)]
    add_to_timeline(Deferring(), [_entry(others(case, 1)[0]) for case in cases])
    assert sent[0] == {"buckets": [3, 5, 9]}


async def test_two_cases_of_one_lock_are_written_one_after_the_other_and_all_others_at_once(intake: Any) -> None:
    first, second = uuid4(), UUID(int=uuid4().int // store._BUCKETS * store._BUCKETS)
    same, other = UUID(int=first.int - store._BUCKETS), UUID(int=second.int + (first.int + 1) % store._BUCKETS)
    async with intake.database.unit_of_work() as work:
        await _write(work.connection, others(first, 1)[0])
        async with intake.database.unit_of_work() as beside:
            await _write(beside.connection, others(other, 1)[0])
            await beside.commit()

        async def write_same() -> None:
            async with intake.database.unit_of_work() as beside:
                await _write(beside.connection, others(same, 1)[0])
                await beside.commit()

        writing = asyncio.create_task(write_same())

        async def waits() -> bool:
            return (await intake.rows(WAITING))[0][0] > 0

        await eventually(waits)
        await work.commit()
    await writing


async def test_many_who_write_at_once_are_told_without_a_gap_and_in_the_order_of_their_keys(intake: Any) -> None:
    case = await intake.register()
    case_id = UUID(case["case_id"])
    keys = [others(case_id, 12) for _ in range(6)]
    pauses = [[(place * 7 + number * 5) % 11 / 1000 for number in range(12)] for place in range(6)]

    async def write(raws: list[RawEvent], waits: list[float]) -> None:
        for raw, pause in zip(raws, waits, strict=True):
            async with intake.database.unit_of_work() as work:
                await _write(work.connection, raw)
                await asyncio.sleep(pause)
                await work.commit()

    around = Following(intake.database)
    total = 1 + sum(len(raws) for raws in keys)

    async def follow_whole() -> list[TimelineEntry]:
        entries = around.entries(case_id, await place_after(intake.database, case_id, None))
        found = [await anext(entries) for _ in range(total)]
        await entries.aclose()
        return found

    async def follow_in_pieces() -> list[TimelineEntry]:
        found: list[TimelineEntry] = []
        while len(found) < total:
            last = found[-1].event_id if found else None
            entries = around.entries(case_id, await place_after(intake.database, case_id, last))
            found += [await anext(entries) for _ in range(min(3, total - len(found)))]
            await entries.aclose()
        return found

    async with asyncio.timeout(WITHIN_S):
        whole, pieces, *_ = await asyncio.gather(
            follow_whole(),
            follow_in_pieces(),
            *(write(raws, waits) for raws, waits in zip(keys, pauses, strict=True)),
        )
    assert whole == pieces
    assert {str(entry.event_id) for entry in whole[1:]} == {id_of(raw) for raws in keys for raw in raws}
    by_key = defaultdict(list)
    for entry in whole[1:]:
        by_key[entry.told()[0].subject].append(entry.key_sequence)
    assert list(by_key.values()) == [list(range(1, 13))] * 6


async def test_batches_about_the_same_cases_never_wait_in_a_circle(intake: Any, made: Any) -> None:
    cases = [await intake.decided() for _ in range(48)]

    async def answer() -> None:
        for first in range(0, len(cases), 8):
            raws = [raw_event(made.completed(case)) for case in cases[first : first + 8]]
            # Each is one transaction, and is taken apart when it fails.
            assert await intake.outcomes.process_batch(raws)

    async def tell() -> None:
        for _ in range(10):
            assert await intake.timeline.process_batch([raw for case in cases for raw in others(case["case_id"], 1)])

    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(answer(), tell(), tell())
    counts = await intake.rows(
        "SELECT count(*) FROM timeline WHERE case_id = ANY(%(ids)s) GROUP BY case_id",
        ids=[UUID(case["case_id"]) for case in cases],
    )
    # Registered, screened, recommended, decided, outcome, resolved; and what the batches told.
    assert [count for (count,) in counts] == [6 + 20] * len(cases)


# -- when the table is made anew -------------------------------------------------------------------------------------

SHADOW = "rebuild_timeline"


async def _rebuild(intake: Any, raws: list[RawEvent]) -> None:
    """Put another table in the place of the timeline, with own events as they were and all others told anew."""
    async with intake.database.unit_of_work() as work:
        run = work.connection.run
        await run(f"CREATE SCHEMA {SHADOW}")
        await run(f"CREATE TABLE {SHADOW}.timeline (LIKE public.timeline INCLUDING ALL)")
        await run(f"SET LOCAL search_path = {SHADOW}, public")
        add_to_timeline(work.connection, [_entry(raw) for raw in raws])
        assert await work.connection.value(HELD) == 0
        await run(
            "INSERT INTO timeline SELECT * FROM public.timeline o "
            "WHERE NOT EXISTS (SELECT FROM timeline s WHERE s.event_id = o.event_id)"
        )
        await run("DROP TABLE public.timeline")
        await run(f"ALTER TABLE {SHADOW}.timeline SET SCHEMA public")
        await run(f"DROP SCHEMA {SHADOW}")
        await work.commit()


async def test_across_a_rebuild_things_may_be_told_twice_and_are_never_skipped(intake: Any) -> None:
    case = await intake.decided()
    case_id = UUID(case["case_id"])
    lost, kept = others(case_id, 3), others(case_id, 3)
    await hear(intake, [*lost[:1], *kept])
    around = Following(intake.database)
    open_stream = around.entries(case_id, await place_after(intake.database, case_id, None))
    before = [str((await anext(open_stream)).event_id) for _ in range(4 + 1 + 3)]
    waiting = asyncio.create_task(anext(open_stream, None))
    await eventually(lambda: around._followers)
    # The topics tell two events more, and another order.
    await _rebuild(intake, [*lost, *kept])
    assert await waiting is None
    in_order = [id_of(raw) for raw in lost]
    everything = {*before, *in_order}
    for last in before:
        told = await Reader(intake, case["case_id"], last=last).go_on()
        assert set(told) == everything
        assert [each for each in told if each in in_order] == in_order
    # What comes now is where it will stay.
    later = await hear(intake, others(case_id, 3))
    assert (await Reader(intake, case["case_id"]).go_on())[-3:] == later
    assert await Reader(intake, case["case_id"], last=later[0]).go_on() == later[1:]
    await open_stream.aclose()
