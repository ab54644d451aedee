"""The AsyncAPI document is what its specification says, checked offline; documents made wrong are refused first."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECIFICATION = ROOT / "contracts/asyncapi-3.0.0"
Document = dict[str, Any]


@cache
def _specification() -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(
        json.loads((SPECIFICATION / "schema.json").read_text(encoding="utf-8")), validate_formats=True
    )


def problems(document: Document) -> list[str]:
    """What is wrong with a document: by the specification's schema, and by what a schema cannot say."""
    found = [f"specification: {'.'.join(map(str, e.instance_path))}" for e in _specification().iter_errors(document)]
    found += [f"reference: {reference}" for reference in _references(document) if _at(document, reference) is None]
    if found:
        return found
    return [*_messages_elsewhere(document), *_examples_off_their_schema(document)]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _references(value)


def _at(document: Document, reference: str) -> Any:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict) and set(node) == {"$ref"}:
            node = _at(document, node["$ref"])
    return node


def _messages_elsewhere(document: Document) -> Iterator[str]:
    """Section "Operation Object": the messages of an operation are those of its channel."""
    for name, operation in document["operations"].items():
        for message in operation["messages"]:
            if not message["$ref"].startswith(f"{operation['channel']['$ref']}/messages/"):
                yield f"operation {name}: {message['$ref']}"


def _examples_off_their_schema(document: Document) -> Iterator[str]:
    for name, message in document["components"]["messages"].items():
        if "payload" not in message:
            continue
        schema = {"$ref": message["payload"]["$ref"], "components": document["components"]}
        validator = jsonschema_rs.Draft7Validator(schema, validate_formats=True)
        for example in message["examples"]:
            if not validator.is_valid(example["payload"]):
                yield f"example {name} {example['name']}"


CASES, REFERRALS = "slrt.intake.case.v1", "slrt.referral.referral.v1"


def _first(operations: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = next(iter(operations.values()))
    return first


BAD_DOCUMENTS: dict[str, tuple[Callable[[Document], object], str]] = {
    "no version": (lambda it: it.pop("asyncapi"), "specification: "),
    "another version": (lambda it: it.update(asyncapi="2.6.0"), "specification: asyncapi"),
    "no title": (lambda it: it["info"].pop("title"), "specification: info"),
    "a word that is not in the specification": (
        lambda it: it["channels"][CASES].update(adress=CASES),
        f"specification: channels.{CASES}",
    ),
    "an action that is none": (lambda it: _first(it["operations"]).update(action="shout"), "specification: operations"),
    "partitions in words": (
        lambda it: it["channels"][CASES]["bindings"]["kafka"].update(partitions="six"),
        f"specification: channels.{CASES}",
    ),
    "a binding of a version that is none": (
        lambda it: it["channels"][CASES]["bindings"]["kafka"].update(bindingVersion="9.9.9"),
        f"specification: channels.{CASES}",
    ),
    "a type of payload that is none": (
        lambda it: it["components"]["schemas"]["CaseClosed"].update(type="objekt"),
        "specification: components.schemas.CaseClosed",
    ),
    "a reference to nothing": (
        lambda it: it["channels"][CASES]["messages"]["CaseClosed"].update({"$ref": "#/components/messages/Nope"}),
        "reference: #/components/messages/Nope",
    ),
    "a message of another channel": (
        lambda it: _first(it["operations"]).update(
            messages=[{"$ref": f"#/channels/{REFERRALS}/messages/ReferralSent"}]
        ),
        "operation intake.tells.slrt.intake.access.v1",
    ),
    "an example that is no such event": (
        lambda it: it["components"]["messages"]["CaseClosed"]["examples"][0]["payload"].pop("case_id"),
        "example CaseClosed",
    ),
}


@pytest.fixture(scope="session")
def document(root: Path) -> Document:
    found: Document = json.loads((root / "contracts/asyncapi.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("edit", "message"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS.keys())
def test_a_document_made_wrong_is_refused(document: Document, edit: Callable[[Document], object], message: str) -> None:
    bad = copy.deepcopy(document)
    edit(bad)
    assert [problem for problem in problems(bad) if problem.startswith(message)], problems(bad)


def test_the_document_is_what_the_specification_says(document: Document) -> None:
    assert len(set(_references(document))) > 50
    assert problems(document) == []


def test_the_schema_of_the_specification_is_as_it_was_published() -> None:
    digest = hashlib.sha256((SPECIFICATION / "schema.json").read_bytes()).hexdigest()
    assert digest in (SPECIFICATION / "README.md").read_text(encoding="utf-8")
    assert "Apache License" in (SPECIFICATION / "LICENSE").read_text(encoding="utf-8")
