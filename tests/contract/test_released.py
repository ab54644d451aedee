"""Releases are written once, every event of theirs is still read whole, and a break stops `make lint` in words."""

import hashlib
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from contracts.codegen.golden import lost, opened, unread, unreadable
from contracts.codegen.layout import Layout
from contracts.codegen.released import Release, ReleaseError, cut, read_releases
from contracts.codegen.schemas import event_schema
from contracts.generate import broken, contract_of_today
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.payloads import payloads

from slrt_contracts.codes import CODE_SHAPE
from slrt_contracts.events import EVENT_TYPES, Event
from slrt_contracts.types import EXTENSIBLE_KEY

CLOSED = "id.slrt.intake.case-closed.v1"
SENT = "id.slrt.referral.referral-sent.v1"
ANSWERED = "resident-says-it-helped"


@pytest.fixture(scope="session")
def newest(root: Path) -> Release:
    return read_releases(Layout(root).released)[-1]


@pytest.fixture
def folder(copy: Path, newest: Release) -> Path:
    """The newest release, free to be broken."""
    return Layout(copy).released / newest.contract.version


def _declare(copy: Path, version: str) -> None:
    """Give the package of a copy another version."""
    project = Layout(copy).project
    project.write_text(re.sub(r'(?m)^version = ".*"', f'version = "{version}"', project.read_text()))


def _generate(root: Path, *arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "contracts/generate.py"), "--root", str(at), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _edit(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    """Edit a released file and seal it anew, as if it had been released so."""
    path = folder / name
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


# -- a release is written once ------------------------------------------------------------------------------------
def test_a_released_file_that_was_edited_is_named(root: Path, copy: Path, folder: Path) -> None:
    path = folder / f"schemas/{SENT}.json"
    path.write_text(path.read_text().replace('"maxLength": 8', '"maxLength": 80'))
    done = _generate(root, "--check", at=copy)
    assert done.returncode == 2
    assert f"{folder.name}/schemas/{SENT}.json: was edited after its release" in done.stderr


def test_a_released_file_that_is_gone_and_one_that_came_later_are_named(folder: Path) -> None:
    (folder / "headers.json").unlink()
    (folder / "schemas" / "later.json").write_text("{}")
    with pytest.raises(ReleaseError) as refusal:
        read_releases(folder.parent)
    assert refusal.value.problems == (
        f"{folder.name}/headers.json: was released and is missing",
        f"{folder.name}/schemas/later.json: was not released",
    )


def test_a_folder_that_is_no_release_is_named(folder: Path) -> None:
    (folder.parent / "next").mkdir()
    (folder / "manifest.json").unlink()
    with pytest.raises(ReleaseError) as refusal:
        read_releases(folder.parent)
    assert set(refusal.value.problems) == {
        "next: is no version",
        "next: has no manifest.json",
        f"{folder.name}: has no manifest.json",
    }


def test_a_version_is_released_once(root: Path, copy: Path, newest: Release) -> None:
    _declare(copy, newest.contract.version)
    assert _generate(root, at=copy).returncode == 0
    before = {path: path.read_bytes() for path in Layout(copy).released.rglob("*.json")}
    done = _generate(root, "--release", at=copy)
    assert done.returncode == 2
    assert f"{newest.contract.version}: was released; raise the version in contracts/pyproject.toml" in done.stderr
    assert {path: path.read_bytes() for path in Layout(copy).released.rglob("*.json")} == before


def test_the_next_version_is_kept_beside_the_others(root: Path, copy: Path) -> None:
    others = read_releases(Layout(copy).released)
    _declare(copy, "99.0.0")
    assert "have drifted" in _generate(root, "--release", at=copy).stderr
    assert _generate(root, at=copy).returncode == 0
    done = _generate(root, "--release", at=copy)
    assert done.returncode == 0, done.stderr
    *before, added = read_releases(Layout(copy).released)
    assert tuple(before) == others
    assert added.contract.version == "99.0.0"
    assert set(added.contract.schemas) == set(added.examples) == set(added.messages) == set(EVENT_TYPES)
    assert f"compatible with {len(others) + 1} releases" in _generate(root, "--check", at=copy).stdout


@pytest.mark.parametrize(
    ("version", "message"),
    [("0.0.9", r"0\.0\.9: .* was released already"), ("1.0", r"1\.0: is no version of the form 1\.2\.3")],
)
def test_a_version_that_is_not_the_next_one_is_refused(root: Path, copy: Path, version: str, message: str) -> None:
    before = sorted(Layout(copy).released.iterdir())
    contract = replace(contract_of_today(Layout(root)), version=version)
    with pytest.raises(ReleaseError, match=message):
        cut(Layout(copy).released, contract, {})
    assert sorted(Layout(copy).released.iterdir()) == before


# -- two lenses -----------------------------------------------------------------------------------------------------
def test_no_release_is_broken(root: Path) -> None:
    assert broken(Layout(root)) == []


def test_a_break_of_a_release_stops_the_check_with_what_whom_and_what_to_do(
    root: Path, copy: Path, folder: Path
) -> None:
    def with_a_field_that_is_gone(schema: Any) -> None:
        schema["properties"]["promised_on"] = {"type": "string", "format": "date"}
        schema["required"].append("promised_on")

    _edit(folder, f"schemas/{SENT}.json", with_a_field_that_is_gone)
    done = _generate(root, "--check", at=copy)
    assert done.returncode == 3
    assert "this breaks what was released" in done.stderr
    assert f"{SENT}: promised_on: the field is gone; it was required" in done.stderr
    assert f"breaks consumers not yet upgraded (released {folder.name}): intake.outcomes" in done.stderr
    assert "partners of slrt.referral.referral.v1" in done.stderr
    assert f"do: keep the field; or make a new type {SENT.removesuffix('1')}2" in done.stderr
    assert "good-civil-documents: payload is refused by the released schema" in done.stderr
    assert _generate(root, "--release", at=copy).returncode == 3


BAD_EXAMPLES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a field that today's model drops": (CLOSED, {"colour": "green"}, "loses colour"),
    "a value that today's model refuses": (CLOSED, {"closed_by": "weather"}, "is not read"),
    "a type that is gone": ("id.slrt.intake.case-frozen.v1", {}, "is not read: id.slrt.intake.case-frozen.v1"),
}


@pytest.mark.parametrize(("event_type", "changes", "message"), BAD_EXAMPLES.values(), ids=BAD_EXAMPLES.keys())
def test_a_released_example_that_is_not_read_whole_is_named(
    newest: Release, event_type: str, changes: dict[str, Any], message: str
) -> None:
    payload = newest.examples[CLOSED][ANSWERED] | changes
    (problem,) = unread(replace(newest, examples={event_type: {ANSWERED: payload}}, messages={}))
    assert problem.startswith(f"{newest.contract.version} {event_type} example {ANSWERED}: {message}")


BAD_MESSAGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a header that is gone": (lambda it: it["headers"].append(["ce_office", "PLN"]), "loses the headers ce_office"),
    "a header that is not read": (lambda it: it["headers"].pop(2), "its headers are not read: ce_id: is missing"),
    "another key": (lambda it: it.update(key="7"), "its key is not 7 any more"),
    "another type": (
        lambda it: it["headers"].__setitem__(3, ["ce_type", SENT]),
        f"its headers say {SENT}",
    ),
    "a value that is cut": (lambda it: it.update(value=it["value"][:-1]), "is not read"),
}


@pytest.mark.parametrize(("edit", "problem"), BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
def test_a_released_message_that_is_not_received_is_named(
    newest: Release, edit: Callable[[dict[str, Any]], object], problem: str
) -> None:
    message = json.loads(json.dumps(newest.messages[CLOSED][0]))
    edit(message)
    (found,) = unread(replace(newest, examples={}, messages={CLOSED: [message]}))
    assert found.startswith(f"{newest.contract.version} {CLOSED} message {message['name']}: {problem}")


def test_an_example_of_today_that_yesterdays_reader_refuses_is_named_and_one_with_more_is_not(
    newest: Release,
) -> None:
    payload = newest.examples[CLOSED][ANSWERED]
    examples = {
        CLOSED: [
            ("more", payload | {"colour": "green"}),
            ("less", {"case_id": payload["case_id"]}),
            ("other", payload | {"closed_by": "weather"}),
        ]
    }
    assert unreadable(newest, examples) == [
        f"{newest.contract.version} {CLOSED} good-less: payload is refused by the released schema",
        f"{newest.contract.version} {CLOSED} good-other: closed_by is refused by the released schema",
    ]


def test_what_is_lost_is_found_at_every_depth_and_null_says_nothing() -> None:
    said = {"a": [{"b": 1, "c": None}], "d": [1, 2], "e": {"f": "x"}, "g": None}
    read = {"a": [{"b": 2}], "d": [1], "e": None}
    assert list(lost(said, read)) == ["a[0].b", "d", "e"]
    assert list(lost(said, said | {"h": 1})) == []


def _of_tomorrow(payload: Any, schema: dict[str, Any], chance: random.Random) -> Any:
    """Put unknown fields and unknown codes where a newer producer may: anywhere."""
    parts = schema.get("$defs", {})

    def change(node: Any, at: dict[str, Any]) -> Any:
        if "$ref" in at:
            at = parts[at["$ref"].rpartition("/")[2]]
        if "anyOf" in at:
            return node if node is None else change(node, at["anyOf"][0])
        if isinstance(node, dict):
            told = {name: change(value, at["properties"][name]) for name, value in node.items()}
            return told | ({"of_tomorrow": {"x": [1]}} if chance.random() < 0.5 else {})
        if isinstance(node, list):
            return [change(item, at["items"]) for item in node]
        return "New-code_1" if at.get(EXTENSIBLE_KEY) and chance.random() < 0.5 else node

    return change(payload, schema)


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.__name__)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data(), chance=st.randoms(use_true_random=False))
def test_the_opened_schema_takes_tomorrows_events_and_so_does_decode(
    event: type[Event], data: st.DataObject, chance: random.Random
) -> None:
    schema = event_schema(event)
    payload = _of_tomorrow(data.draw(payloads(schema)), schema, chance)
    validator = jsonschema_rs.Draft202012Validator(opened(schema, unknown_code=CODE_SHAPE), validate_formats=True)
    validator.validate(payload)
    assert event.decode(json.dumps(payload)).partition_key == payload[event.KEY]
