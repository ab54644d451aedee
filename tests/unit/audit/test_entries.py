"""An entry holds ids and codes, says the same in the same bytes, and takes nobody's number."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slrt_kit.audit.entries import Actor, Look, code_of, entry_text, look_text

AT = datetime(2026, 7, 1, 8, tzinfo=UTC)
CASE = UUID("01997c40-5a00-7001-8000-000000000001")


@pytest.mark.parametrize(
    "given_text",
    [
        "1274035203879001",
        "registry-1274035203879001",
        "12.74.05.140590.9001",
        "1274-0352-0387-9001",
        "081200009901",
        "+6281200009901",
        "Siti Aminah",
        "rumah tanpa listrik",
        "budi@example.org",
        "",
        "a\x00b",
        "\ud800",
        "x" * 101,
    ],
)
def test_what_a_caller_writes_freely_is_kept_only_as_a_code(given_text: str) -> None:
    assert code_of(given_text) == "(not-a-code)"


@pytest.mark.parametrize(
    "code", [str(CASE), CASE.hex, "request-9", "case-handling", "slrt.registry.cases", "a1b2c3", "12345678"]
)
def test_ids_and_codes_are_kept(code: str) -> None:
    assert code_of(code) == code


def test_an_entry_is_canonical() -> None:
    actor = Actor(subject="officer-1", roles=("front_office",), office="12.74.DINSOS", region="12.74", request_id="r-1")
    text = look_text("intake", actor, Look("read", "case", CASE, ("needs",)), at=AT)
    assert text == (
        '{"action":"read","at":"2026-07-01T08:00:00.000000Z","fields":["needs"],'
        f'"object_id":"{CASE}","object_type":"case","office":"12.74.DINSOS","region":"12.74","request_id":"r-1",'
        '"result":"ok","roles":["front_office"],"service":"intake","subject":"officer-1","v":1}'
    )


def test_times_of_other_zones_are_those_of_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=7)))
    of = {"action": "read", "object_type": "case", "object_id": None}
    assert entry_text("intake", Actor(subject="s"), at=there, **of) == entry_text(
        "intake", Actor(subject="s"), at=AT, **of
    )


@given(
    subject=st.text(max_size=200),
    code=st.text(max_size=200),
    flags=st.tuples(st.booleans(), st.integers(0, 9)),
    ids=st.tuples(st.none() | st.uuids(), st.none() | st.uuids(), st.none() | st.uuids()),
    cases=st.lists(st.uuids(), max_size=3),
)
def test_whatever_comes_the_entry_is_json_in_order_of_names_that_postgresql_takes(
    subject: str,
    code: str,
    flags: tuple[bool, int],
    ids: tuple[UUID | None, UUID | None, UUID | None],
    cases: list[UUID],
) -> None:
    actor = Actor(subject=subject, roles=(code,), office=code, region=code, purpose=code, request_id=code)
    text = entry_text(
        "intake",
        actor,
        at=AT,
        action="read",
        object_type="case",
        object_id=ids[0],
        case_id=ids[1],
        event_id=ids[2],
        near=flags[0],
        times=flags[1],
        cases=cases,
        reason="forbidden",
        fields=("a",),
    )
    entry = orjson.loads(text)
    assert list(entry) == sorted(entry)
    assert entry.get("times", 1) == flags[1]
    assert entry.get("cases", []) == [str(each) for each in cases]
    assert text == orjson.dumps(entry, option=orjson.OPT_SORT_KEYS).decode()
    assert "\\" not in text
    assert "\n" not in text
