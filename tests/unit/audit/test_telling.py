"""Whatever stands in the log, its looks are told once, in order, in batches that are bounded."""

import asyncio
from datetime import UTC, datetime
from unittest.mock import patch
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import LookAction
from slrt_kit.audit import telling
from slrt_kit.audit.entries import MANY, Actor, Look, look_text

AT = datetime(2026, 7, 1, 8, tzinfo=UTC)
DESK = Actor(subject="depan.1274", roles=("front_office",), region="12.74", purpose="case-handling")
EXPORT = UUID("01997c40-5a00-7001-8000-000000000001")
MOST = 9
# What is in the log, as the cases of each entry: of an export several, of a look one, of what is no look none.
LOG = st.lists(st.lists(st.uuids(), max_size=6), max_size=40)


def _entry(cases: list[UUID], *, one_by_one: bool) -> str:
    if not cases:
        look = Look("request", "export", EXPORT, ("status",))
    elif len(cases) == 1 and one_by_one:
        look = Look("read", "case-parties", cases[0], ("name",))
    else:
        look = Look("export", "case-parties", EXPORT, ("name:masked",), cases=cases, times=len(cases))
    return look_text("intake", DESK, look, at=AT)


@given(log=LOG, one_by_one=st.booleans())
def test_each_is_told_once_and_in_order_and_a_batch_ends_in_time(log: list[list[UUID]], one_by_one: bool) -> None:
    entries = list(enumerate((_entry(cases, one_by_one=one_by_one) for cases in log), start=1))
    told: list[tuple[int, UUID]] = []
    with patch.object(telling, "_MOST_AT_ONCE", MOST):
        while entries:
            looks, read = asyncio.run(telling._first_looks(entries))
            assert read > 0, "every batch goes on"
            assert len(looks) < MOST + 6
            assert read == len(entries) or len(looks) >= MOST
            told += [(look.position, look.object_id) for look in looks]
            entries = entries[read:]
    assert told == [(position, case) for position, cases in enumerate(log, start=1) for case in cases]


def test_what_looks_at_many_begins_as_the_index_of_the_log_expects() -> None:
    text = look_text("intake", DESK, Look(LookAction.EXPORT, "case", EXPORT, (), cases=[EXPORT]), at=AT)
    assert text.startswith(MANY)
