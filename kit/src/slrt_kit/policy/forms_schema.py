"""The JSON Schema of the answers to a form, for frontends that check before they send; it takes what the form takes."""

from collections.abc import Iterable, Mapping
from typing import Any

from slrt_kit.policy.expressions.boxes import Box
from slrt_kit.policy.forms import Field, Form, form_context
from slrt_kit.policy.routing.context import UNKNOWN

_NEED = "need."


def schema_of_answers(form: Form) -> dict[str, Any]:
    """JSON Schema 2020-12 of a need's ``attributes``. Attributes that the form does not have are let through."""
    always = [str(field.attribute) for field in form.fields if field.required and field.shown_if is None]
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": form.need,
        "type": "object",
        "properties": {str(field.attribute): _property(field) for field in form.fields},
    }
    if always:
        schema["required"] = always
    conditions = [_when(field, field.shown_if.holds) for field in form.fields if field.shown_if is not None]
    if conditions:
        schema["allOf"] = conditions
    return schema


def _property(field: Field) -> dict[str, Any]:
    return {"title": field.label.id, "enum": [str(option) for option in field.options]}


def _when(field: Field, boxes: Iterable[Box]) -> dict[str, Any]:
    name = str(field.attribute)
    said: dict[str, Any] = {"if": {"anyOf": [_box(box) for box in boxes]}, "else": {"properties": {name: False}}}
    if field.required:
        said["then"] = {"required": [name]}
    return said


def _box(box: Box) -> Mapping[str, Any]:
    facts = form_context().facts
    allowed = {
        name.removeprefix(_NEED): [str(value) for value in facts[name].values if value in values]
        for name, values in box.items()
    }
    # What nobody has answered counts as unknown.
    required = [name for name, values in allowed.items() if UNKNOWN not in values]
    said: dict[str, Any] = {"properties": {name: {"enum": values} for name, values in allowed.items()}}
    return said | {"required": required} if required else said
