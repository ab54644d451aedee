"""Examples of every event: the good ones pass the committed schema and the model, the bad ones neither."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from contracts.codegen.layout import Layout
from pydantic import ValidationError

from slrt_contracts.events import EVENT_TYPES, decode_event

LAYOUT = Layout(Path(__file__).resolve().parents[2])
GOOD = sorted(LAYOUT.examples.glob("*/good-*.json"))
BAD = sorted(LAYOUT.examples.glob("*/bad-*.json"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _schema(event_type: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_load(LAYOUT.schemas / f"{event_type}.json"), validate_formats=True)


def test_every_event_has_good_and_bad_examples_and_every_example_has_an_event() -> None:
    assert {path.parent.name for path in GOOD} == set(EVENT_TYPES)
    assert {path.parent.name for path in BAD} == set(EVENT_TYPES)
    assert sorted([*GOOD, *BAD]) == sorted(path for path in LAYOUT.examples.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", GOOD, ids=_name)
def test_a_good_example_passes_the_schema_and_the_model(path: Path) -> None:
    payload, event_type = _load(path), path.parent.name
    _schema(event_type).validate(payload)
    written = EVENT_TYPES[event_type].model_validate_json(json.dumps(payload))
    assert decode_event(event_type, written.encode()) == written


@pytest.mark.parametrize("path", GOOD, ids=_name)
def test_what_the_model_writes_of_a_good_example_passes_the_schema(path: Path) -> None:
    event_type = path.parent.name
    _schema(event_type).validate(json.loads(decode_event(event_type, path.read_bytes()).encode()))


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_a_bad_example_is_refused_by_the_schema_and_by_the_model(path: Path) -> None:
    example, event_type = _load(path), path.parent.name
    assert set(example) == {"why", "payload"}
    assert len(example["why"]) > 15
    assert not _schema(event_type).is_valid(example["payload"])
    with pytest.raises(ValidationError):
        EVENT_TYPES[event_type].model_validate_json(json.dumps(example["payload"]))


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_the_refusal_of_a_bad_example_repeats_none_of_its_values(path: Path) -> None:
    example = _load(path)
    texts = [
        value for value in _texts(example["payload"]) if " " in value or value[:1] in "+0123456789" or "@" in value
    ]
    with pytest.raises(ValidationError) as refusal:
        EVENT_TYPES[path.parent.name].model_validate_json(json.dumps(example["payload"]))
    assert not [value for value in texts if value in str(refusal.value)]


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []
