"""A projection's table is made anew from the topics: true afterwards, nothing true lost, nobody disturbed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.kit.tally import CONSUMER, TOLD, Tally, case_of, id_of, ids_of

from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import UnreadableError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.operate import log_reader, parked, projections
from slrt_kit.operate.console import RefusedError
from slrt_kit.operate.projections import kept
from slrt_kit.operate.replay import NotApplicableError, WritesElsewhereError

LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
async def one_partition(tally: Tally, new_topic: Any) -> Tally:
    """The same with a topic of one partition."""
    return replace(tally, topic=await new_topic(partitions=1))


# -- what it is afterwards ----------------------------------------------------------------------------------------


async def test_a_table_that_is_as_the_topics_say_has_the_digest_of_its_shadow_and_a_dry_run_touches_nothing(
    tally: Tally,
) -> None:
    await tally.tell_and_hear(30)
    before = tally.digest()
    found = await tally.rebuild(dry_run=True)
    compared = found.comparison
    assert (found.events, compared.old_rows, compared.new_rows) == (30, 30, 30)
    assert compared.equal
    assert compared.old_digest == compared.new_digest
    assert (compared.only_old, compared.only_new, compared.different, compared.ahead) == (0, 0, 0, 0)
    assert found.writers_waited is None
    assert (tally.digest(), tally.schemas()) == (before, [])


async def test_rows_that_were_removed_altered_or_invented_are_shown_and_then_as_the_topics_say(tally: Tally) -> None:
    raws = await tally.tell_and_hear(20)
    truth = tally.rows.all(TOLD)
    removed, altered = id_of(raws[0]), id_of(raws[1])
    tally.rows.run("DELETE FROM tally WHERE event_id = %s", removed)
    tally.rows.run("UPDATE tally SET urgent = true, times = 7 WHERE event_id = %s", altered)
    invented = [tally.invent(), tally.invent()]
    before = tally.digest()
    would = await tally.rebuild(dry_run=True)
    assert tally.digest() == before
    did = await tally.rebuild()
    for found in (would.comparison, did.comparison):
        assert (found.only_new, found.different, found.only_old) == (1, 1, len(invented))
        assert (found.old_rows, found.new_rows, found.equal) == (21, 20, False)
    assert tally.rows.all(TOLD) == truth
    assert tally.schemas() == []
    assert (await tally.rebuild(dry_run=True)).comparison.equal


async def test_what_is_on_a_topic_several_times_or_is_of_other_types_is_applied_once_or_not_at_all(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "_MOST_AT_ONCE", 3)
    raws = await tally.tell_and_hear(10)
    await tally.tell(*raws, *raws[3:5])
    foreign = [(name, value.replace(b"case-registered", b"case-exploded")) for name, value in raws[0].headers if value]
    await tally.tell(replace(raws[0], headers=foreign))
    found = await tally.rebuild()
    assert (found.events, found.unreadable, found.comparison.equal) == (10, 0, True)
    assert tally.times() == dict.fromkeys(ids_of(raws), 1)


async def test_a_row_that_the_projection_does_not_make_of_its_event_any_more_goes(tally: Tally) -> None:
    raws = await tally.tell_and_hear(5)
    tally.habits.pass_over = {case_of(raws[0])}
    found = await tally.rebuild()
    assert (found.events, found.comparison.only_old, found.carried.gone) == (5, 1, 0)
    assert set(tally.times()) == ids_of(raws[1:])


async def test_rows_of_the_services_own_events_are_kept_as_they_are(tally: Tally) -> None:
    await tally.tell_and_hear(5)
    own = [tally.own(), tally.own(at=LONG_AGO)]
    tally.rows.run("UPDATE tally SET times = 3 WHERE event_id = %s", own[0])
    found = await tally.rebuild()
    assert (found.carried.own, found.comparison.equal) == (2, True)
    assert [tally.times()[each] for each in own] == [3, 1]
    assert tally.rows.one("SELECT shown FROM tally WHERE event_id = %s", own[0]).endswith(" 3")


# -- what the topics can tell no more -----------------------------------------------------------------------------


async def test_rows_older_than_what_the_log_still_holds_are_kept_though_the_inbox_has_forgotten_them(
    one_partition: Tally,
) -> None:
    tally = one_partition
    old = await tally.tell_and_hear(6, at=LONG_AGO)
    await tally.tell_and_hear(6)
    before = tally.times()
    await tally.forget_until(6)
    with_inbox = await tally.rebuild()
    assert (with_inbox.carried.gone, with_inbox.carried.unjudged, with_inbox.events) == (6, 0, 6)
    tally.rows.run("DELETE FROM inbox WHERE event_id = ANY(%s)", list(ids_of(old)))
    # As old as those: nothing tells it from them.
    before[tally.invent(at=LONG_AGO)] = 1
    without = await tally.rebuild()
    assert (without.carried.gone, without.carried.unjudged) == (0, 7)
    assert tally.times() == before


async def test_an_old_event_that_was_sent_again_does_not_pass_for_the_beginning_of_the_log(
    one_partition: Tally,
) -> None:
    tally = one_partition
    first = await tally.tell_and_hear(1, at=LONG_AGO)
    between = await tally.tell_and_hear(3, at=LONG_AGO + timedelta(days=1))
    await tally.tell_and_hear(3)
    await tally.forget_until(4)
    await tally.tell(*first)
    before = tally.times()
    tally.rows.run("DELETE FROM inbox WHERE event_id = ANY(%s)", list(ids_of(between)))
    found = await tally.rebuild()
    assert (found.events, found.carried.unjudged) == (4, 3)
    assert tally.times() == before


async def test_a_topic_that_was_made_again_and_filled_from_a_younger_archive_drops_no_row(
    tally: Tally, new_topic: Any
) -> None:
    old, young = await tally.tell_and_hear(4, at=LONG_AGO), await tally.tell_and_hear(4, at=LONG_AGO)
    before = tally.times()
    again = replace(tally, topic=await new_topic())
    await again.tell(*[replace(raw, topic=again.topic) for raw in young])
    tally.rows.run("DELETE FROM inbox WHERE event_id = %s", id_of(old[0]))
    found = await again.rebuild()
    assert (found.events, found.carried.gone, found.carried.unjudged) == (4, 3, 1)
    assert tally.times() == before


async def test_a_broker_that_has_nothing_takes_no_row_away(tally: Tally, new_topic: Any) -> None:
    raws = await tally.tell_and_hear(4)
    tally.rows.run("DELETE FROM inbox WHERE event_id = %s", id_of(raws[0]))
    before = tally.times()
    for topic in (await new_topic(), "test.there.is.none"):
        found = await replace(tally, topic=topic).rebuild()
        assert (found.events, found.carried.gone, found.carried.unjudged) == (0, 3, 1)
        assert tally.times() == before


async def test_events_that_the_broker_lost_from_the_end_of_its_log_keep_their_rows(
    tally: Tally, new_topic: Any
) -> None:
    """Their relay will send them again; until then the consumer's inbox alone knows that they were there."""
    held = await tally.tell_and_hear(4, at=LONG_AGO)
    lost = await tally.tell_and_hear(3, at=datetime.now(UTC) + timedelta(minutes=1))
    before = tally.times()
    cut = replace(tally, topic=await new_topic())
    await cut.tell(*[replace(raw, topic=cut.topic) for raw in held])
    found = await cut.rebuild()
    assert (found.carried.gone, found.carried.unjudged) == (len(lost), 0)
    assert tally.times() == before


# -- between the topics and the consumer --------------------------------------------------------------------------


async def test_what_the_consumer_has_not_come_to_is_in_the_new_table_and_not_applied_again(tally: Tally) -> None:
    heard = await tally.tell_and_hear(5)
    waiting = tally.events(5)
    await tally.tell(*waiting)
    found = await tally.rebuild()
    assert (found.comparison.ahead, found.comparison.equal) == (5, True)
    assert tally.times() == dict.fromkeys(ids_of([*heard, *waiting]), 1)
    assert await tally.processor.process_batch([*heard, *waiting])
    assert tally.times() == dict.fromkeys(ids_of([*heard, *waiting]), 1)


async def test_a_dry_run_claims_nothing_for_the_consumer(tally: Tally) -> None:
    waiting = tally.events(3)
    await tally.tell(*waiting)
    await tally.rebuild(dry_run=True)
    assert tally.rows.one("SELECT count(*) FROM inbox") == 0
    assert await tally.processor.process_batch(waiting)
    assert len(tally.times()) == 3


async def test_a_consumer_that_is_far_behind_is_to_catch_up_first(
    tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "_MOST_WAITING", 2)
    await tally.tell_and_hear(2)
    await tally.tell(*tally.events(3))
    before = tally.digest()
    with pytest.raises(RefusedError, match="is 3 events behind"):
        await tally.rebuild()
    assert (tally.digest(), tally.schemas()) == (before, [])


async def _park_two(tally: Tally) -> list[RawEvent]:
    """Two events of a key on the topic, parked because the projection choked on the first."""
    raws = tally.events(2, key=case_of(tally.events(1)[0]))
    tally.habits.choke_on = {id_of(raws[0])}
    await tally.tell(*raws)
    assert [await tally.processor.process(raw) for raw in raws] == [Outcome.PARKED] * 2
    return raws


async def test_parked_events_that_can_be_applied_since_are_and_leave_the_parking_lot(tally: Tally) -> None:
    heard = await tally.tell_and_hear(3)
    stuck = await _park_two(tally)
    tally.habits.choke_on = set()
    found = await tally.rebuild()
    assert (found.events, found.left_out, found.comparison.ahead) == (5, 0, 2)
    assert tally.rows.one("SELECT count(*) FROM parked") == 0
    assert tally.times() == dict.fromkeys(ids_of([*heard, *stuck]), 1)
    assert [await tally.processor.process(raw) for raw in stuck] == [Outcome.DUPLICATE] * 2


async def test_parked_events_that_still_cannot_be_applied_stay_parked_with_those_behind_them(tally: Tally) -> None:
    heard = await tally.tell_and_hear(3)
    stuck = await _park_two(tally)
    found = await tally.rebuild()
    assert (found.left_out, found.comparison.equal) == (2, True)
    assert tally.times() == dict.fromkeys(ids_of(heard), 1)
    tally.habits.choke_on = set()
    await parked.retry(tally.database, parked.Selection())
    assert await tally.processor.retry_parked() == 2
    assert tally.times() == dict.fromkeys(ids_of([*heard, *stuck]), 1)


async def test_an_event_that_an_operator_let_go_of_holds_up_no_rebuild_and_nothing_behind_it(tally: Tally) -> None:
    heard = await tally.tell_and_hear(3)
    first, second = await _park_two(tally)
    assert await parked.skip(tally.database, consumer=CONSUMER, event_id=id_of(first))
    found = await tally.rebuild()
    assert (found.events, found.left_out) == (4, 1)
    assert tally.times() == dict.fromkeys(ids_of([*heard, second]), 1)
    assert tally.rows.one("SELECT count(*) FROM parked") == 0


async def test_a_projection_that_fails_with_what_it_once_applied_changes_nothing_and_names_the_event(
    tally: Tally,
) -> None:
    raws = await tally.tell_and_hear(6)
    before = tally.digest()
    tally.habits.choke_on = {case_of(raws[4])}
    with pytest.raises(NotApplicableError, match=str(id_of(raws[4]))):
        await tally.rebuild()
    assert (tally.digest(), tally.schemas()) == (before, [])


async def test_a_projection_that_fails_with_what_the_consumer_has_not_come_to_changes_nothing(tally: Tally) -> None:
    await tally.tell_and_hear(2)
    (coming,) = tally.events(1)
    await tally.tell(coming)
    tally.habits.choke_on = {case_of(coming)}
    with pytest.raises(NotApplicableError, match=str(id_of(coming))):
        await tally.rebuild()


async def test_unreadable_messages_are_passed_over_and_counted_and_the_row_of_one_that_was_read_once_is_kept(
    one_partition: Tally,
) -> None:
    tally = one_partition
    readable, once = await tally.tell_and_hear(2)
    # The same event as the second, in a form that this build cannot read; what could be read is deleted.
    await tally.forget_until(2)
    broken = replace(once, payload=b"{")
    await tally.tell(replace(once, headers=()), readable, broken)
    with pytest.raises(UnreadableError):
        await tally.processor.process(broken)
    found = await tally.rebuild()
    assert (found.events, found.unreadable, found.carried.gone) == (1, 2, 1)
    assert tally.times() == dict.fromkeys(ids_of([readable, once]), 1)


@pytest.mark.parametrize("at_the_end", [False, True])
async def test_a_projection_that_writes_to_another_table_is_refused_before_anything_is_written(
    tally: Tally, *, at_the_end: bool
) -> None:
    await tally.tell_and_hear(2)
    before = tally.digest()
    tally.habits.at_the_end = at_the_end
    tally.habits.also = "INSERT INTO effects (note) VALUES ('beside')"
    with pytest.raises(WritesElsewhereError, match="effects"):
        await tally.rebuild()
    assert tally.rows.one("SELECT count(*) FROM effects") == 0
    assert (tally.digest(), tally.schemas()) == (before, [])


# -- the list -----------------------------------------------------------------------------------------------------


async def test_the_list_has_each_projection_with_its_consumer_and_its_rows(tally: Tally) -> None:
    await tally.tell_and_hear(4)
    (found,) = await kept(tally.database, [tally.projection])
    assert (found.projection, found.consumer, found.topics, found.rows) == ("tally", CONSUMER, tally.topic, 4)


def test_a_consumer_that_names_no_table_has_no_projection_to_rebuild(make_processor: Callable[..., Any]) -> None:
    assert make_processor(None).projection is None
