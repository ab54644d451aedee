"""The doorbell: the relay hears from other processes that there is something to publish."""

from collections.abc import Callable
from typing import Any

from tests.integration.kit.test_relay import HOLDERS, MakeRelay, NewTopic, Record, empty

from slrt_kit.db import Database
from slrt_kit.doorbell import Doorbell
from slrt_kit.testing import case_registered, eventually, running

#: So far apart that a relay which only polls would publish nothing within any test.
HOURS = {"idle_poll_min": 7200.0, "idle_poll_max": 7200.0}
CONNECTED = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'slrt-doorbell' AND datname = current_database() "
    "AND query ~ '^LISTEN'"
)


def counting() -> tuple[list[None], Callable[[], None]]:
    heard: list[None] = []
    return heard, lambda: heard.append(None)


async def test_a_relay_that_sleeps_for_hours_publishes_what_another_process_commits(
    record: Record,
    make_relay: MakeRelay,
    new_topic: NewTopic,
    rows: Any,
    database: Database,
    database_url: str,
) -> None:
    topic = await new_topic()
    relay, here, there = make_relay(**HOURS), Doorbell(database_url), Doorbell(database_url)
    database.when_events_committed.append(there.ring)
    async with running(relay.run) as stop, running(lambda end: here.hear(end, nudge=relay.nudge)), running(there.send):
        await eventually(lambda: rows.all(HOLDERS) and rows.all(CONNECTED), what="the relay is active and listens")
        for start in range(1, 4):
            await record(case_registered(), start=start, topic=topic)
            await empty(rows)
        stop.set()
        relay.nudge()


async def test_what_is_committed_while_nobody_listens_is_heard_of_with_the_first_look(database_url: str) -> None:
    heard, nudge = counting()
    doorbell = Doorbell(database_url)
    async with running(lambda end: doorbell.hear(end, nudge=nudge)):
        await eventually(lambda: heard, what="a nudge without anybody ringing")


async def test_ringing_is_heard_again_after_the_database_has_cut_everybody_off(database_url: str, rows: Any) -> None:
    heard, nudge = counting()
    here, there = Doorbell(database_url), Doorbell(database_url)
    async with running(lambda end: here.hear(end, nudge=nudge)), running(there.send):
        await eventually(lambda: rows.all(CONNECTED), what="somebody listens")
        rows.all("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'slrt-doorbell'")
        await eventually(lambda: rows.all(CONNECTED), what="somebody listens again", seconds=30)
        before = len(heard)

        def rung_and_heard() -> bool:
            there.ring()  # the first one may find the connection that is gone
            return len(heard) > before + 1

        await eventually(rung_and_heard, what="what is rung is heard", seconds=30)


async def test_many_commits_at_once_ring_few_times(database_url: str, rows: Any) -> None:
    heard, nudge = counting()
    here, there = Doorbell(database_url), Doorbell(database_url)
    async with running(lambda end: here.hear(end, nudge=nudge)), running(there.send):
        await eventually(lambda: rows.all(CONNECTED), what="somebody listens")
        before = len(heard)
        for _ in range(10_000):
            there.ring()
        await eventually(lambda: len(heard) > before, what="it is heard")
        there.ring()
        await eventually(lambda: len(heard) > before + 1, what="and heard again")
        assert len(heard) == before + 2
