"""What an event must say for a message to be about it: fields and their values, checked against the event's model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from slrt_contracts.events.base import Event
from slrt_kit.policy.messages.events import HEARD_EVENTS


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of an event, by its path, must have one of the values; in a list any member may."""

    path: tuple[str, ...]
    values: tuple[Any, ...]

    def holds(self, event: Event) -> bool:
        """Whether the event fulfils it."""
        return any(value in self.values for value in _values_at([event], self.path))

    def excludes(self, other: "Condition") -> bool:
        """Whether no event can fulfil both: it is one value of one field, and no value is in both."""
        return (
            self.path == other.path and len(self.path) == 1 and not any(value in other.values for value in self.values)
        )


def _values_at(parts: Iterable[Any], path: Sequence[str]) -> Iterable[Any]:
    for part in parts:
        value = getattr(part, path[0])
        members = value if isinstance(value, tuple) else (value,)
        yield from _values_at(members, path[1:]) if len(path) > 1 else members


def read_condition(event_type: str, path: str, wanted: Any) -> Condition:
    """The condition that a policy states for an event of `HEARD_EVENTS`: a value, or a list of them.

    Raises:
        ValueError: in words: no such field, or a value that the field cannot have.
    """
    steps = tuple(path.split("."))
    model: type[BaseModel] = HEARD_EVENTS[event_type]
    for step in steps[:-1]:
        model = _member_model(model, step)
    adapter = _adapter(model, steps[-1])
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values:
        raise ValueError("names no value")
    try:
        return Condition(steps, tuple(adapter.validate_python(value) for value in values))
    except ValidationError as error:
        raise ValueError(f"{steps[-1]} cannot be {wanted!r}") from error


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = model.model_fields.get(name)
    if field is None:
        raise ValueError(f"{model.__name__} has no field {name!r}")
    return TypeAdapter[Any](field.rebuild_annotation())


def _member_model(model: type[BaseModel], name: str) -> type[BaseModel]:
    field = model.model_fields.get(name)
    members = [part for part in getattr(field.annotation, "__args__", ()) if part is not ...] if field else []
    if len(members) != 1 or not (isinstance(members[0], type) and issubclass(members[0], BaseModel)):
        raise ValueError(f"{model.__name__} has no list {name!r}")
    return members[0]
