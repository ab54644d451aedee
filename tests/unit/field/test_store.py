"""The store of a device: what is recorded is there, whatever was killed, and says nothing to who has not the key."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_field import FieldStore, WrongKeyError, uuid7
from slrt_field.store import PIECE_BYTES

KEY = bytes(range(32))
START = datetime(2026, 7, 1, 8, tzinfo=UTC)


class Clock:
    """The clock of a device, which anybody may set."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FieldStore:
    return FieldStore.open(tmp_path / "field.db", key=KEY, now=clock)


def receipt(item: Any, status: str = "committed") -> dict[str, Any]:
    return {"item_id": str(item.item_id), "status": status, "receipt_id": "r", "sequence": item.sequence}


def exchange(upto: int, order: str = "none") -> dict[str, Any]:
    return {"committed_up_to": upto, "order": order}


def test_another_key_opens_nothing(tmp_path: Path, store: FieldStore) -> None:
    store.record("note", {"text": "rahasia warga"})
    store.close()
    with pytest.raises(WrongKeyError):
        FieldStore.open(tmp_path / "field.db", key=bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        FieldStore.open(tmp_path / "field.db", key=b"short")


def test_nothing_that_was_said_is_readable_in_the_file(tmp_path: Path, store: FieldStore) -> None:
    store.record("note", {"text": "rahasia warga"})
    store.record_photo(b"gambar rumah" * 10_000, file_class="house", place={"case_id": "x"})
    visit = {"visit_id": "v", "case_id": "c", "facts": [], "address": "Jalan Contoh 9"}
    store.keep_assignments({"full": True, "assignments": [visit], "held": ["v"], "cursor": "1"})
    store.close()
    found = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    for said in (b"rahasia", b"gambar", b"Contoh"):
        assert said not in found


def test_a_value_that_was_put_into_another_row_is_noticed(tmp_path: Path, store: FieldStore) -> None:
    first, second = store.record("note", {"text": "satu"}), store.record("note", {"text": "dua"})
    with sqlite3.connect(tmp_path / "field.db") as link:
        link.execute(
            "UPDATE items SET sealed = (SELECT sealed FROM items WHERE item_id = ?) WHERE item_id = ?",
            (str(first.item_id), str(second.item_id)),
        )
    with pytest.raises(WrongKeyError):
        store.items()


def test_items_count_from_one_without_a_gap_and_survive_the_process(tmp_path: Path, store: FieldStore) -> None:
    recorded = [store.record("note", {"text": str(n)}) for n in range(3)]
    store.close()
    again = FieldStore.open(tmp_path / "field.db", key=KEY)
    assert [each.sequence for each in again.pending(10)] == [1, 2, 3]
    assert [each.item_id for each in again.items()] == [each.item_id for each in recorded]
    assert again.record("note", {"text": "3"}).sequence == 4


def test_what_has_a_receipt_is_handed_in_no_more_and_goes_days_later(store: FieldStore, clock: Clock) -> None:
    done, refused, parked, left = (store.record("note", {"text": str(n)}) for n in range(4))
    store.settle([receipt(done), receipt(refused, "rejected_with_reason"), receipt(parked, "waiting_for")])
    assert [each.item_id for each in store.pending(10)] == [left.item_id]
    clock.at += timedelta(days=8)
    assert store.purge(days=7) == 1
    assert [each.item_id for each in store.items()] == [refused.item_id, parked.item_id, left.item_id]
    assert [each.item_id for each in store.rejected()] == [refused.item_id]


def test_a_clock_that_was_set_back_purges_nothing_early(store: FieldStore, clock: Clock) -> None:
    item = store.record("note", {"text": "x"})
    store.settle([receipt(item)])
    clock.at -= timedelta(days=700)
    assert store.purge(days=7) == 0


def test_what_a_restored_server_has_forgotten_is_handed_in_again(store: FieldStore) -> None:
    items = [store.record("note", {"text": str(n)}) for n in range(3)]
    store.note_exchange(exchange(3))
    store.settle([receipt(each) for each in items])
    assert store.pending(10) == []
    store.note_exchange(exchange(1))
    assert [each.sequence for each in store.pending(10)] == [2, 3]


def test_a_restored_device_goes_on_where_the_server_stands(store: FieldStore) -> None:
    store.note_exchange(exchange(40))
    assert store.record("note", {"text": "x"}).sequence == 41


def test_after_the_order_to_wipe_nothing_is_recorded_and_nothing_is_left(tmp_path: Path, store: FieldStore) -> None:
    store.record("note", {"text": "rahasia warga"})
    store.record_photo(b"gambar", file_class="house", place={})
    store.note_exchange(exchange(0, "wipe"))
    store.note_exchange(exchange(0, "none"))
    assert store.must_wipe, "an order is not taken back"
    with pytest.raises(ValueError, match="revoked"):
        store.record("note", {"text": "x"})
    with pytest.raises(ValueError, match="revoked"):
        store.record_photo(b"x", file_class="house", place={})
    store.wipe()
    store.wipe()
    assert (store.items(), store.visits(), store.photos()) == ([], [], [])


def test_visits_that_are_not_held_any_more_are_forgotten(store: FieldStore, clock: Clock) -> None:
    def visit(name: str) -> dict[str, Any]:
        return {"visit_id": name, "case_id": f"case-{name}", "facts": [{"fact_id": f"fact-{name}"}]}

    store.keep_assignments({"full": True, "assignments": [visit("a"), visit("b")], "held": ["a", "b"], "cursor": "1"})
    assert store.known_facts("case-a") == ["fact-a"]
    store.keep_assignments({"full": False, "assignments": [], "held": ["b"], "cursor": "2"})
    assert ([each["visit_id"] for each in store.visits()], store.cursor) == (["b"], "2")
    clock.at += timedelta(days=1)
    assert store.cursor is None, "once a day everything is fetched anew"


@pytest.mark.parametrize("size", [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_a_picture_comes_out_as_it_went_in_from_any_offset(store: FieldStore, size: int) -> None:
    content = bytes(n % 251 for n in range(size))
    photo_id = store.record_photo(content, file_class="house", place={"case_id": "x"})
    offset, found = 0, b""
    while piece := store.photo_piece(photo_id, offset):
        part = piece[: max(1, len(piece) // 2)]
        found, offset = found + part, offset + len(part)
    assert found == content
    with pytest.raises(ValueError, match="empty"):
        store.record_photo(b"", file_class="house", place={})


@given(st.integers(min_value=0, max_value=2**48 - 1))
def test_ids_are_of_version_7_and_tell_the_time(milliseconds: int) -> None:
    made = uuid7(milliseconds)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == milliseconds
