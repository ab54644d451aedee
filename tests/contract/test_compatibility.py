"""The judge of changes gives each change its verdict, and every verdict is proved on events by the code that reads."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from contracts.codegen.compatibility import Contract, breaks_between, schema_breaks, told
from contracts.codegen.containment import Lens
from contracts.codegen.golden import lost
from contracts.codegen.layout import Layout
from contracts.codegen.schemas import event_schema
from contracts.generate import contract_of_today
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.changes import AN_ID, CHANGES, NOBODY, Change, Thing
from tests.contract.payloads import payloads

from slrt_contracts.codes import CODE_SHAPE
from slrt_contracts.events import UndecodableEventError

each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())


def verdict(old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[Lens]:
    return frozenset().union(*schema_breaks(old, new, unknown_code=CODE_SHAPE).values())


def understood(payload: Mapping[str, Any], *, writer: type[Thing], reader: type[Thing], lens: Lens) -> bool:
    """Whether the reader's own `decode` gives what the writer meant."""
    text = json.dumps(payload)
    try:
        read = json.loads(reader.decode(text).encode())
    except UndecodableEventError:
        return False
    meant = json.loads(writer.decode(text).encode())
    if lens is Lens.OLD_EVENTS:
        # Today's model must know what it keeps: the strict form takes no unknown code and no unknown field.
        closed = jsonschema_rs.Draft202012Validator(event_schema(reader), validate_formats=True)
        return closed.is_valid(payload) and not list(lost(payload, read)) and _agree(meant, read)
    return _agree(meant, read) and not _taken_for_told(meant, read)


def _agree(one: Any, other: Any) -> bool:
    """Whether what both know is the same, null included."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_agree(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_agree, one, other))
    return bool(one == other)


def _taken_for_told(meant: Any, read: Any) -> bool:
    """Whether an old reader holds something that the writer has no word for."""
    if isinstance(meant, dict) and isinstance(read, dict):
        return any(
            _taken_for_told(meant[name], value) if name in meant else value is not None for name, value in read.items()
        )
    if isinstance(meant, list) and isinstance(read, list):
        return any(map(_taken_for_told, meant, read))
    return False


def _sides(change: Change, lens: Lens) -> dict[str, Any]:
    before, after = change.models()
    writer, reader = (before, after) if lens is Lens.OLD_EVENTS else (after, before)
    return {"writer": writer, "reader": reader, "lens": lens}


def test_the_table_has_every_verdict_and_enough_rows() -> None:
    assert len(CHANGES) >= 40
    assert {change.breaks for change in CHANGES.values()} == {
        NOBODY,
        frozenset((Lens.OLD_EVENTS,)),
        frozenset((Lens.OLD_READERS,)),
        frozenset(Lens),
    }


@each_change
def test_a_change_gets_its_verdict(change: Change) -> None:
    before, after = change.models()
    found = schema_breaks(event_schema(before), event_schema(after), unknown_code=CODE_SHAPE)
    assert frozenset().union(*found.values()) == change.breaks, found


@each_change
def test_whom_a_change_breaks_is_shown_by_an_event_that_is_not_understood(change: Change) -> None:
    for lens in change.breaks:
        sides = _sides(change, lens)
        payload = {"thing_id": AN_ID, **(change.old_event if lens is Lens.OLD_EVENTS else change.new_event)}
        schema = event_schema(sides["writer"])
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(payload)
        sides["writer"].model_validate_json(json.dumps(payload))
        assert not understood(payload, **sides)


@each_change
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_whom_a_change_does_not_break_understands_every_event(change: Change, data: st.DataObject) -> None:
    for lens in set(Lens) - change.breaks:
        sides = _sides(change, lens)
        assert understood(data.draw(payloads(event_schema(sides["writer"]))), **sides)


# -- words of JSON Schema that our models do not say today, but could tomorrow ------------------------------------
def _field(**body: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": body}, "required": ["a"], "additionalProperties": False}


def _open(*, allowed: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": allowed}


COUNT = {"type": "integer", "minimum": 0, "maximum": 9}
SCHEMA_CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], frozenset[Lens]]] = {
    "a part inlined": (
        {**_field(**{"$ref": "#/$defs/A"}), "$defs": {"A": COUNT}},
        _field(**COUNT),
        NOBODY,
    ),
    "const told as a list of one": (_field(const="x"), _field(type="string", enum=["x"]), NOBODY),
    "const changed": (_field(const="x"), _field(const="y"), frozenset(Lens)),
    "types as a list": (
        _field(anyOf=[COUNT, {"type": "null"}]),
        _field(type=["integer", "null"], minimum=0, maximum=9),
        NOBODY,
    ),
    "oneOf instead of anyOf": (
        _field(anyOf=[COUNT, {"type": "null"}]),
        _field(oneOf=[COUNT, {"type": "null"}]),
        NOBODY,
    ),
    "no item twice": (
        _field(type="array", items=COUNT),
        _field(type="array", items=COUNT, uniqueItems=True),
        frozenset((Lens.OLD_EVENTS,)),
    ),
    "items of any kind": (
        _field(type="array", items=COUNT),
        _field(type="array"),
        frozenset((Lens.OLD_READERS,)),
    ),
    "any value": (_field(**COUNT), _field(), frozenset((Lens.OLD_READERS,))),
    "even numbers only": (_field(**COUNT), _field(**COUNT, multipleOf=2), frozenset((Lens.OLD_EVENTS,))),
    "always true": (
        _field(type="boolean"),
        _field(type="boolean", enum=[True]),
        frozenset((Lens.OLD_EVENTS,)),
    ),
    "a fixed number instead of a range": (_field(**COUNT), _field(const=7), frozenset((Lens.OLD_EVENTS,))),
    "an end excluded": (
        _field(type="number", minimum=0),
        _field(type="number", exclusiveMinimum=0),
        frozenset((Lens.OLD_EVENTS,)),
    ),
    "object opened": (_open(allowed=False), _open(allowed=True), NOBODY),
    "object closed": (_open(allowed=True), _open(allowed=False), frozenset((Lens.OLD_EVENTS,))),
    "field named in an open object": (
        _open(allowed=True),
        {**_open(allowed=True), "properties": {"a": COUNT}},
        frozenset((Lens.OLD_EVENTS,)),
    ),
    "other fields of one kind": (_open(allowed=False), _open(allowed=COUNT), frozenset(Lens)),
    "a word that nobody compares": (
        _field(**COUNT),
        _field(**COUNT, **{"not": {"const": 4}}),
        frozenset(Lens),
    ),
    "a format that nobody compares": (
        _field(type="string", format="email"),
        _field(type="string"),
        frozenset(Lens),
    ),
    "a pattern open at an end": (
        _field(type="string", pattern="^a"),
        _field(type="string", pattern="^ab"),
        frozenset(Lens),
    ),
    "a list without its type": (
        _field(enum=["x", 1]),
        _field(type="string", enum=["x"]),
        frozenset((Lens.OLD_EVENTS,)),
    ),
}


@pytest.mark.parametrize(("old", "new", "breaks"), SCHEMA_CHANGES.values(), ids=SCHEMA_CHANGES.keys())
def test_a_change_of_schema_words_gets_its_verdict(
    old: dict[str, Any], new: dict[str, Any], breaks: frozenset[Lens]
) -> None:
    assert verdict(old, new) == breaks


def test_an_event_that_holds_itself_is_refused() -> None:
    schema = {"$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}}, "$ref": "#/$defs/A"}
    with pytest.raises(ValueError, match="A holds itself"):
        verdict(schema, schema)


# -- topics, types and headers -----------------------------------------------------------------------------------
SENT, CLOSED = "id.slrt.referral.referral-sent.v1", "id.slrt.intake.case-closed.v1"
REFERRALS = "slrt.referral.referral.v1"


@pytest.fixture(scope="session")
def now(root: Path) -> Contract:
    return contract_of_today(Layout(root))


def _with_topic(contract: Contract, topic: str, **changes: Any) -> Contract:
    return replace(
        contract, topics=tuple(dict(one) | changes if one["name"] == topic else one for one in contract.topics)
    )


def _without_type(contract: Contract, event_type: str) -> Contract:
    schemas = {name: schema for name, schema in contract.schemas.items() if name != event_type}
    topics = tuple(
        dict(one) | {"types": [name for name in one["types"] if name != event_type]} for one in contract.topics
    )
    return replace(contract, schemas=schemas, topics=topics)


def _with_header(contract: Contract, name: str, body: Any, *, required: bool) -> Contract:
    headers = copy.deepcopy(dict(contract.headers))
    headers["properties"][name] = body
    headers["required"] = [*(one for one in headers["required"] if one != name), *([name] if required else [])]
    return replace(contract, headers=headers)


def _with_schema(contract: Contract, event_type: str, **changes: Any) -> Contract:
    return replace(contract, schemas={**contract.schemas, event_type: dict(contract.schemas[event_type]) | changes})


A_TEXT = {"type": "string"}
CONTRACT_CHANGES: dict[str, tuple[Callable[[Contract], Contract], frozenset[Lens]]] = {
    "nothing": (lambda was: was, NOBODY),
    "more partitions": (lambda was: _with_topic(was, REFERRALS, partitions=12), NOBODY),
    "a consumer gone": (lambda was: _with_topic(was, REFERRALS, consumers=[]), NOBODY),
    "a wider audience": (lambda was: _with_topic(was, REFERRALS, audience="public"), NOBODY),
    "a header added": (lambda was: _with_header(was, "ce_office", A_TEXT, required=False), NOBODY),
    "a smaller audience": (
        lambda was: _with_topic(was, REFERRALS, audience="internal"),
        frozenset((Lens.OLD_READERS,)),
    ),
    "another name of a schema": (
        lambda was: _with_schema(was, SENT, **{"$id": "urn:other"}),
        frozenset((Lens.OLD_READERS,)),
    ),
    "a header that may be missing": (
        lambda was: _with_header(was, "ce_source", was.headers["properties"]["ce_source"], required=False),
        frozenset((Lens.OLD_READERS,)),
    ),
    "a required header added": (
        lambda was: _with_header(was, "ce_office", A_TEXT, required=True),
        frozenset((Lens.OLD_EVENTS,)),
    ),
    "a topic that keeps the last event of each key only": (
        lambda was: _with_topic(was, REFERRALS, compacted=True),
        frozenset((Lens.OLD_EVENTS,)),
    ),
    "an event type gone": (lambda was: _without_type(was, SENT), frozenset(Lens)),
    "another topic": (lambda was: _with_topic(was, REFERRALS, name="slrt.referral.notice.v1"), frozenset(Lens)),
    "another key": (lambda was: _with_topic(was, REFERRALS, key="case_id"), frozenset(Lens)),
    "a header in another form": (
        lambda was: _with_header(was, "ce_id", A_TEXT | {"pattern": "^[0-9]{6}$"}, required=True),
        frozenset(Lens),
    ),
}


@pytest.mark.parametrize(("change", "breaks"), CONTRACT_CHANGES.values(), ids=CONTRACT_CHANGES.keys())
def test_a_change_of_topics_types_or_headers_gets_its_verdict(
    now: Contract, change: Callable[[Contract], Contract], breaks: frozenset[Lens]
) -> None:
    found = breaks_between(now, change(now))
    assert frozenset().union(*(one.breaks for one in found)) == breaks, found


def test_a_new_event_type_breaks_nobody(now: Contract) -> None:
    assert breaks_between(_without_type(now, SENT), now) == []


def test_the_message_says_what_changed_whom_it_breaks_and_what_to_do(now: Contract) -> None:
    schema = copy.deepcopy(dict(now.schemas[SENT]))
    schema["properties"]["colour"] = {"type": "boolean"}
    schema["required"] = ["colour", *(name for name in schema["required"] if name != "district_code")]
    del schema["properties"]["programme_code"]
    changed = _with_schema(now, SENT, **schema)
    now, later = replace(now, version="0.1.0"), replace(now, version="0.2.0")
    assert told([*breaks_between(now, changed), *breaks_between(later, changed)]) == [
        f"{SENT}: colour: the field is required; old events may lack it",
        "    breaks readers of old events (released 0.1.0, 0.2.0): intake.outcomes, intake.timeline, "
        "notification.referrals, partners of slrt.referral.referral.v1, referral.connector",
        "    do: make it optional, with a default; or make a new type id.slrt.referral.referral-sent.v2 and tell both "
        "until the announced end of the old one",
        f"{SENT}: programme_code: the field is gone; what old events say in it would be dropped",
        "    breaks readers of old events (released 0.1.0, 0.2.0): intake.outcomes, intake.timeline, "
        "notification.referrals, partners of slrt.referral.referral.v1, referral.connector",
        "    do: keep the field, under its name; or make a new type id.slrt.referral.referral-sent.v2 and tell both "
        "until the announced end of the old one",
        f"{SENT}: district_code: the field may be missing now; it was required",
        "    breaks consumers not yet upgraded (released 0.1.0, 0.2.0): intake.outcomes, intake.timeline, "
        "notification.referrals, partners of slrt.referral.referral.v1, referral.connector",
        "    do: keep the field required; or make a new type id.slrt.referral.referral-sent.v2 and tell both until the "
        "announced end of the old one",
    ]


def test_who_hears_a_type_is_named_and_nobody_else(now: Contract) -> None:
    (found,) = breaks_between(now, _without_type(now, CLOSED))
    assert found.hearers == ("notification.cases", "referral.cases", "registry.cases")
