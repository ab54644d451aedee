"""Since when a topic holds all that was told on it, judged by what is read of its partitions."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from slrt_kit.operate.log_reader import HeldLog

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ONE, TWO = TopicPartition("t", 0), TopicPartition("t", 1)


def record(offset: int, *, minute: int) -> ConsumerRecord[Any, Any]:
    at = int((NOON + timedelta(minutes=minute)).timestamp() * 1000)
    return ConsumerRecord("t", 0, offset, at, 0, b"", b"", None, 0, 0, ())


def since(log: HeldLog) -> int | None:
    """In minutes after noon; the seconds by which clocks may differ are left out."""
    found = log.holds_all_since("t")
    return None if found is None else (found - NOON) // timedelta(minutes=1)


def test_a_log_holds_all_since_its_first_record_was_published() -> None:
    log = HeldLog({ONE: 0})
    log.note(ONE, [record(0, minute=1), record(1, minute=5)])
    assert since(log) == 1
    found = log.holds_all_since("t")
    assert found is not None
    assert NOON + timedelta(minutes=1) < found < NOON + timedelta(minutes=2), "clocks may differ a little"


def test_the_same_is_true_of_one_that_lost_its_beginning() -> None:
    log = HeldLog({ONE: 40})
    log.note(ONE, [record(40, minute=7), record(41, minute=8)])
    assert since(log) == 7


def test_of_partitions_that_lost_their_beginnings_the_youngest_counts() -> None:
    log = HeldLog({ONE: 40, TWO: 3})
    log.note(ONE, [record(40, minute=7)])
    log.note(TWO, [record(3, minute=9)])
    assert since(log) == 9


def test_partitions_that_lost_nothing_were_all_there_when_the_first_record_came_to_any() -> None:
    log = HeldLog({ONE: 0, TWO: 0, TopicPartition("t", 2): 0})
    log.note(ONE, [record(0, minute=1)])
    log.note(TWO, [record(0, minute=9)])
    assert since(log) == 1


def test_nothing_is_known_of_a_partition_that_has_gone_whole() -> None:
    log = HeldLog({ONE: 0, TWO: 12})
    log.note(ONE, [record(0, minute=1)])
    assert since(log) is None


def test_nothing_is_known_where_something_is_missing_in_the_midst() -> None:
    for offsets in ([1, 2], [0, 2]):
        log = HeldLog({ONE: 0})
        log.note(ONE, [record(offset, minute=offset) for offset in offsets])
        assert since(log) is None


def test_nothing_is_known_where_the_end_of_a_batch_was_compacted_away() -> None:
    log = HeldLog({ONE: 0})
    log.note(ONE, [record(0, minute=1)])
    log.note_position(ONE, 1)
    assert since(log) == 1
    log.note_position(ONE, 5)
    assert since(log) is None


def test_nothing_is_known_of_an_empty_topic_or_of_another_one() -> None:
    log = HeldLog({ONE: 0})
    assert since(log) is None
    log.note(ONE, [record(0, minute=1)])
    assert log.holds_all_since("another") is None


def test_what_is_left_is_counted_up_to_the_ends_and_never_below_nothing() -> None:
    log = HeldLog({ONE: 2, TWO: 0})
    log.note(ONE, [record(2, minute=1)])
    assert log.left({ONE: 10, TWO: 4}) == 7 + 4
    assert log.left({ONE: 1, TWO: 0}) == 0
