"""What an operator sees and does: parked events, dead letters, lag, rewinding, the outbox, sending again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from typer.testing import CliRunner, Result

from slrt_contracts.envelope import Envelope
from slrt_contracts.topics import dead_letter_topic
from slrt_intake.cli import main as intake
from slrt_kit.archive import Chosen, count_archived, put_back
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.inbox import Inbox, RawEvent
from slrt_kit.messaging.errors import RejectedError
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.operate import dead_letters, groups, outbox, parked
from slrt_kit.operate.dead_letters import NotReplayableError
from slrt_kit.outbox_queue import connect
from slrt_kit.testing import TestIssuer, case_registered, environment_of, eventually, raw_event, read_topic, running
from slrt_kit.testing.kafka import send_raw

CONSUMER = "slrt.test.kit"
Record = Callable[..., Awaitable[list[UUID]]]


def id_of(raw: RawEvent) -> UUID:
    return Envelope.from_headers(raw.headers).id


# -- parked events ------------------------------------------------------------------------------------------------


@pytest.fixture
async def queue(processor: Processor[Any], script: Any) -> list[RawEvent]:
    """Three parked events of one key, the first of which was rejected; the handler would take them now."""

    async def reject(_: Any) -> None:
        raise RejectedError("not now")

    script.before = reject
    key = new_uuid7()
    raws = [raw_event(case_registered(key), key_sequence=number) for number in (1, 2, 3)]
    assert [await processor.process(raw) for raw in raws] == [Outcome.PARKED] * 3
    script.before = None
    return raws


async def listed(database: Database, **chosen: Any) -> list[parked.Parked]:
    async with database.read() as session:
        return await parked.parked(session, parked.Selection(**chosen))


async def test_parked_events_are_listed_with_what_they_wait_for(database: Database, queue: list[RawEvent]) -> None:
    found = await listed(database)
    assert [(each.event_id, each.behind) for each in found] == [(id_of(raw), at) for at, raw in enumerate(queue)]
    assert found[0].reason == "not now"
    assert found[0].event_type == "id.slrt.intake.case-registered.v1"
    assert await listed(database, key=queue[0].key, consumer=CONSUMER, event_id=id_of(queue[2])) == [found[2]]
    for nothing in ({"key": "another"}, {"consumer": "another"}, {"event_id": uuid4()}):
        assert await listed(database, **nothing) == []
    async with database.read() as session:
        (whole,) = await parked.whole(session, parked.Selection(event_id=id_of(queue[0])))
    assert whole["headers"]["ce_id"] == str(id_of(queue[0]))
    assert orjson.loads(whole["payload"])["case_id"] == queue[0].key


async def test_an_event_that_is_retried_does_not_rest_any_longer(
    database: Database, processor: Processor[Any], queue: list[RawEvent], rows: Any
) -> None:
    rows.run("UPDATE parked SET next_attempt_at = now() + interval '1 hour'")
    assert await processor.retry_parked() == 0
    assert await parked.retry(database, parked.Selection(key="another")) == 0
    assert await parked.retry(database, parked.Selection(key=queue[0].key)) == 3
    assert await processor.retry_parked() == 3
    assert rows.sequences(queue[0].key) == [1, 2, 3]


async def test_a_retry_does_not_take_an_event_from_the_worker_that_has_it(
    database: Database, queue: list[RawEvent], rows: Any
) -> None:
    rows.run("UPDATE parked SET next_attempt_at = now()")
    now = database.clock.now() + timedelta(seconds=1)
    inbox = Inbox(CONSUMER)

    async def take(at: datetime) -> Any:
        async with database.unit_of_work() as work:
            found = await inbox.take_due(work.connection, at, until=at + timedelta(seconds=60))
            await work.commit()
        return found

    assert (await take(now)).event_id == id_of(queue[0])
    await parked.retry(database, parked.Selection())
    assert await take(now) is None
    assert (await take(now + timedelta(seconds=61))).event_id == id_of(queue[0]), "its worker has died"


async def test_one_that_is_skipped_is_never_applied_and_those_behind_it_go_on(
    database: Database, processor: Processor[Any], queue: list[RawEvent], rows: Any
) -> None:
    assert not await parked.skip(database, consumer=CONSUMER, event_id=uuid4())
    assert not await parked.skip(database, consumer="another", event_id=id_of(queue[0]))
    assert await parked.skip(database, consumer=CONSUMER, event_id=id_of(queue[0]))
    await parked.retry(database, parked.Selection())
    assert await processor.retry_parked() == 2
    assert rows.sequences(queue[0].key) == [2, 3]
    assert await processor.process(queue[0]) is Outcome.DUPLICATE


# -- dead letters -------------------------------------------------------------------------------------------------


def letter_of(raw: RawEvent, *, consumer: str = CONSUMER) -> RawEvent:
    """As a consumer puts it into the dead letters."""
    origin = {"reason": "a bug", "consumer": consumer, "topic": raw.topic, "partition": "1", "offset": "7"}
    headers = [*raw.headers, *((f"dlq-{name}", value.encode()) for name, value in origin.items())]
    return RawEvent(dead_letter_topic("registry"), raw.key, headers, raw.payload)


async def test_dead_letters_are_listed_and_shown_as_they_came(registry_topics: Any) -> None:
    raw = raw_event(case_registered())
    broken = RawEvent(raw.topic, "\x00", [("ce_id", b"\xff")], b"\xfe{")
    await send_raw(registry_topics.bootstrap, letter_of(raw), letter_of(broken))
    found = await dead_letters.dead_letters(registry_topics.bootstrap, "registry")
    (letter,) = [each for each in found if each.event_id == str(id_of(raw))]
    assert (letter.consumer, letter.reason, letter.origin) == (CONSUMER, "a bug", f"{raw.topic}:1:7")
    assert (letter.raw.topic, letter.raw.key, letter.raw.payload) == (raw.topic, raw.key, raw.payload)
    assert letter.raw.headers == tuple(raw.headers)
    assert await dead_letters.dead_letters(registry_topics.bootstrap, "registry", place=letter.place) == [letter]
    assert [each for each in found if each.raw.payload == b"\xfe{"][-1].raw.readable()["payload"] == "\ufffd{"


async def test_a_dead_letter_is_given_to_its_consumer_alone_and_once(
    database: Database, processor: Processor[Any], rows: Any
) -> None:
    raw = raw_event(case_registered())
    letter = _letter(raw)
    assert await dead_letters.replay(database, "test", letter, dry_run=True) == "readable"
    assert rows.one("SELECT count(*) FROM parked") == 0
    for _ in range(2):
        assert await dead_letters.replay(database, "test", letter) == "parked"
    assert await processor.retry_parked() == 1
    assert rows.sequences(raw.key) == [1]
    assert await dead_letters.replay(database, "test", letter) == "handled"
    assert rows.one("SELECT count(*) FROM parked") == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"consumer": "slrt.registry.cases"}, "not by a consumer of test"),
        ({"consumer": ""}, "by nobody"),
        ({"payload": b"{"}, "still unreadable"),
        ({"payload": None}, "still unreadable"),
        ({"key": "another"}, "still unreadable"),
        ({"headers": ()}, "still unreadable"),
    ],
)
async def test_what_cannot_be_given_again_is_refused_and_nothing_is_parked(
    database: Database, rows: Any, change: dict[str, Any], says: str
) -> None:
    letter = _letter(raw_event(case_registered()))
    letter = replace(letter, **change if "consumer" in change else {"raw": replace(letter.raw, **change)})
    with pytest.raises(NotReplayableError, match=says):
        await dead_letters.replay(database, "test", letter)
    assert rows.one("SELECT count(*) FROM parked") == 0


def _letter(raw: RawEvent) -> dead_letters.DeadLetter:
    return dead_letters.DeadLetter(
        place="0:0",
        at=datetime(2026, 7, 1, tzinfo=UTC),
        consumer=CONSUMER,
        reason="a bug",
        origin="t:0:0",
        event_type="",
        event_id="",
        raw=raw,
    )


# -- consumer groups ----------------------------------------------------------------------------------------------


async def test_lag_is_told_and_a_group_reads_again_what_it_is_taken_back_to_without_doubling_it(
    make_consumer: Any, new_topic: Any, kafka_server: Any, rows: Any
) -> None:
    topic = await new_topic(partitions=1)
    bootstrap = kafka_server.bootstrap
    key = new_uuid7()
    events = [raw_event(case_registered(key), key_sequence=number, topic=topic) for number in range(1, 11)]
    consumer = make_consumer(topic)
    group = consumer._settings.group
    await send_raw(bootstrap, *events[:6])
    async with running(consumer.run):
        await eventually(lambda: len(rows.effects()) == 6)
        with pytest.raises(groups.GroupInUseError):
            await groups.rewind(bootstrap, group, since=None, dry_run=False)
    between = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await send_raw(bootstrap, *events[6:])
    assert group in await groups.groups_of(bootstrap, "test")
    (behind,) = await groups.lag(bootstrap, [group], now=datetime.now(UTC))
    assert (behind.position, behind.end, behind.lag, behind.members) == (6, 10, 4, 0)
    assert behind.oldest_at is not None
    assert between < behind.oldest_at
    async with running(make_consumer(topic).run):
        await eventually(lambda: len(rows.effects()) == 10)

    async def position() -> int:
        (found,) = await groups.lag(bootstrap, [group], now=datetime.now(UTC))
        return found.position

    (would,) = await groups.rewind(bootstrap, group, since=between, dry_run=True)
    assert (would.position, would.new_position, would.again) == (10, 6, 4)
    assert await position() == 10
    assert await groups.rewind(bootstrap, group, since=between, dry_run=False) == [would]
    assert await position() == 6
    (all_of_it,) = await groups.rewind(bootstrap, group, since=None, dry_run=False)
    assert all_of_it.new_position == 0
    assert await groups.rewind(bootstrap, group, since=datetime.now(UTC), dry_run=False) == [], "never forward"
    async with running(make_consumer(topic).run):
        await eventually(position_is(position, 10))
    assert rows.sequences(key) == list(range(1, 11))


async def test_a_group_that_never_read_anything_has_no_lag_and_nothing_to_read_again(kafka_server: Any) -> None:
    group = f"slrt.test.{uuid4().hex[:8]}"
    assert await groups.lag(kafka_server.bootstrap, [group], now=datetime.now(UTC)) == []
    assert await groups.rewind(kafka_server.bootstrap, group, since=None, dry_run=False) == []


def position_is(position: Callable[[], Awaitable[int]], wanted: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return await position() == wanted

    return there


# -- outbox and archive -------------------------------------------------------------------------------------------


async def test_the_outbox_tells_what_everything_waits_behind_and_whether_a_relay_works(
    record: Record, make_relay: Any, new_topic: Any, database_url: str, rows: Any
) -> None:
    topic = await new_topic(partitions=1)
    async with await connect(database_url, name="test") as connection:
        assert (await outbox.outbox_status(connection)).pending == 0
        key = new_uuid7()
        await record(case_registered(key), case_registered(key), topic=topic)
        waiting = await outbox.outbox_status(connection)
        assert (waiting.pending, waiting.next_topic, waiting.next_key) == (2, topic, str(key))
        assert waiting.oldest_seconds is not None
        assert not waiting.relay_is_active
        async with running(make_relay().run):
            await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0)
            done = await outbox.outbox_status(connection)
        assert (done.pending, done.archived, done.next_seq, done.relay_is_active) == (0, 2, None, True)
        assert done.last_published_at is not None


async def test_archived_events_are_sent_again_in_order_before_what_waits_and_archived_once(
    record: Record, make_relay: Any, new_topic: Any, database_url: str, rows: Any, kafka_server: Any
) -> None:
    topic, other = await new_topic(partitions=1), await new_topic(partitions=1)
    one, two = new_uuid7(), new_uuid7()
    async with running(make_relay().run):
        for key in (one, two):
            await record(*[case_registered(key) for _ in range(3)], topic=topic)
        await record(case_registered(), topic=other)
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0)
    await record(case_registered(one), start=4, topic=topic)
    async with await connect(database_url, name="test") as connection:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        assert await count_archived(connection, Chosen()) == 7
        assert await put_back(connection, Chosen(until=past)) == 0
        chosen = Chosen(topics=[topic], key=str(one), since=past)
        assert await count_archived(connection, chosen) == 3
        assert await put_back(connection, chosen) == 3
    async with running(make_relay().run):
        await eventually(lambda: rows.one("SELECT count(*) FROM outbox") == 0)
    sent = [
        (message.key, message.header("ce_keysequence")) for message in await read_topic(kafka_server.bootstrap, topic)
    ]
    assert sent[6:] == [(str(one), number) for number in ("1", "2", "3", "4")]
    assert rows.one("SELECT count(*) FROM outbox_archive") == 8
    assert rows.one("SELECT count(DISTINCT event_id) FROM outbox_archive") == 8


# -- the commands -------------------------------------------------------------------------------------------------


@pytest.fixture
def run(
    service_database: Callable[[str], str], kafka_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """``run("parked", "list")`` as an operator of intake would type it."""
    url = service_database("intake")
    settings = environment_of("intake", database_url=url, issuer=TestIssuer(), kafka_bootstrap=kafka_server.bootstrap)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(intake, list(arguments))


def test_on_a_quiet_service_every_list_says_that_there_is_nothing(run: Callable[..., Result]) -> None:
    for arguments, says in (
        (("parked", "list"), "nothing is parked"),
        (("events", "republish", "--all", "--dry-run"), "would send 0 events again"),
        (("events", "republish", "--since", "2026-07-01"), "0 events are sent again"),
        (("parked", "retry", "--all"), "0 events are tried now"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.output.strip()) == (0, says)
    assert orjson.loads(run("parked", "list", "--json").output) == []
    status = orjson.loads(run("outbox", "status", "--json").output)
    assert (status["pending"], status["relay_is_active"]) == (0, False)
    assert "relay_is_active   False" in run("outbox", "status").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("parked", "retry"), "say which"),
        (("parked", "show", str(UUID(int=0))), "is not parked"),
        (("parked", "skip", str(UUID(int=0)), "--consumer", "c", "--reason", "test"), "has not parked"),
        (("events", "republish"), "say which"),
        (("consumer", "rewind", "slrt.intake.timeline"), "say from when"),
        (("consumer", "rewind", "slrt.intake.timeline", "--earliest", "--since", "2026-07-01"), "say from when"),
        (("consumer", "rewind", "slrt.registry.cases", "--earliest"), "no group of intake"),
        (("dlq", "show", "99:99"), "no message at 99:99"),
    ],
)
def test_what_is_not_said_clearly_or_is_not_there_is_refused_in_words(
    run: Callable[..., Result], registry_topics: Any, arguments: tuple[str, ...], says: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert says in result.output


def test_a_part_that_is_away_is_said_in_words(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLRT_INTAKE_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("SLRT_INTAKE_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    for arguments, says in (
        (("parked", "list"), "the database does not answer"),
        (("outbox", "status"), "the database does not answer"),
        (("consumer", "lag"), "the broker does not answer"),
        (("dlq", "list"), "the broker does not answer"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert says in result.output
