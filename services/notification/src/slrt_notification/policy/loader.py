"""Read messages.yaml and refuse what is wrong with it, naming the entry."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from slrt_contracts.codes import NotificationChannel
from slrt_contracts.types import TemplateCode
from slrt_notification.policy import wording_rules
from slrt_notification.policy.model import (
    HEARD_EVENTS,
    RESIDENT_EVENTS,
    SUPERVISION_EVENTS,
    Condition,
    Language,
    Layout,
    Policy,
    Recipient,
    Rule,
    Template,
    Wording,
)

_OF_SUPERVISION = frozenset(event.TYPE for event in SUPERVISION_EVENTS)
_OF_CODES = frozenset(event.TYPE for event in RESIDENT_EVENTS)


class PolicyError(ValueError):
    """The file cannot be used; ``problems`` name each entry at fault."""

    def __init__(self, origin: str, problems: list[str]) -> None:
        super().__init__("\n".join([f"{origin} cannot be used:", *(f"  {problem}" for problem in problems)]))
        self.problems = tuple(problems)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _WordingEntry(_Entry):
    subject: str | None = None
    text: str


class _TemplateEntry(_Entry):
    layout: str
    to: Recipient = Recipient.RESIDENT
    stage: dict[Language, str]


class _RuleEntry(_Entry):
    event: str
    when: dict[str, Any] = Field(default_factory=dict)
    template: TemplateCode
    channels: Annotated[list[NotificationChannel], Field(min_length=1)]


class _File(_Entry):
    version: Literal[1]
    expires_after_hours: Annotated[int, Field(ge=1, le=24 * 365)]
    layouts: dict[str, dict[NotificationChannel, dict[Language, _WordingEntry]]]
    templates: dict[TemplateCode, _TemplateEntry]
    rules: list[_RuleEntry]


def load_policy(path: Path | None = None) -> Policy:
    """The policy of the given file, or the one that comes with the service.

    Raises:
        PolicyError: naming every entry that is wrong.
        OSError: the given file cannot be read.
    """
    if path is None:
        packaged = resources.files("slrt_notification.policy").joinpath("messages.yaml")
        return parse_policy(packaged.read_text(encoding="utf-8"), origin="messages.yaml")
    return parse_policy(path.read_text(encoding="utf-8"), origin=str(path))


def parse_policy(text: str, *, origin: str) -> Policy:
    """The policy that the YAML text says; ``origin`` names it in errors.

    Raises:
        PolicyError: naming every entry that is wrong.
    """
    try:
        file = _File.model_validate(yaml.load(text, Loader=_UniqueKeyLoader))  # noqa: S506 — a SafeLoader, see below
    except yaml.YAMLError as error:
        raise PolicyError(origin, [f"not YAML: {error}"]) from error
    except ValidationError as error:
        raise PolicyError(origin, [_shape_problem(problem) for problem in error.errors()]) from error
    problems = [*_layout_problems(file), *_template_problems(file), *_rule_problems(file)]
    if problems:
        raise PolicyError(origin, problems)
    return _policy(file)


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, which YAML would let win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def _shape_problem(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    return f"{place or 'the file'}: {problem['msg']}"


def _layout_problems(file: _File) -> Iterator[str]:
    for name, channels in file.layouts.items():
        with_code = _brings_code(channels)
        for channel in NotificationChannel:
            for language in Language:
                place = f"layouts.{name}.{channel}.{language}"
                entry = channels.get(channel, {}).get(language)
                if entry is None:
                    yield f"{place}: is missing"
                    continue
                yield from wording_rules.text_problems(f"{place}.text", entry.text, with_code=with_code)
                if channel is NotificationChannel.EMAIL:
                    yield from wording_rules.subject_problems(f"{place}.subject", entry.subject)
                elif entry.subject is not None:
                    yield f"{place}.subject: {channel} has no subject"


def _brings_code(layout: Mapping[NotificationChannel, Mapping[Language, _WordingEntry]]) -> bool:
    return any(wording_rules.brings_code(entry.text) for entries in layout.values() for entry in entries.values())


def _template_problems(file: _File) -> Iterator[str]:
    for code, template in file.templates.items():
        place = f"templates.{code}"
        if template.layout not in file.layouts:
            yield f"{place}.layout: unknown layout {template.layout!r}; known: {', '.join(file.layouts)}"
        for language in Language:
            if language not in template.stage:
                yield f"{place}.stage.{language}: is missing"
            else:
                yield from wording_rules.stage_problems(f"{place}.stage.{language}", template.stage[language])


def _rule_problems(file: _File) -> Iterator[str]:
    settled: set[str] = set()
    for index, rule in enumerate(file.rules):
        place = f"rules.{index} ({rule.event})"
        if rule.event not in HEARD_EVENTS:
            yield f"{place}: unknown event; known: {', '.join(HEARD_EVENTS)}"
            continue
        if rule.event in settled:
            yield f"{place}: never reached, an earlier rule without condition takes every such event"
        if not rule.when:
            settled.add(rule.event)
        if rule.template not in file.templates:
            yield f"{place}: unknown template {rule.template!r}"
        elif (file.templates[rule.template].to is Recipient.SUPERVISOR) != (rule.event in _OF_SUPERVISION):
            yield f"{place}: template {rule.template!r} is for the {file.templates[rule.template].to}"
        elif file.templates[rule.template].layout in file.layouts and (
            _brings_code(file.layouts[file.templates[rule.template].layout]) != (rule.event in _OF_CODES)
        ):
            yield f"{place}: template {rule.template!r} has no place for the code, or one where none is sent"
        if len(set(rule.channels)) != len(rule.channels):
            yield f"{place}: a channel stands twice"
        for path, wanted in rule.when.items():
            try:
                _condition(rule.event, path, wanted)
            except ValueError as error:
                yield f"{place}.when.{path}: {error}"


def _condition(event_type: str, path: str, wanted: Any) -> Condition:
    """Raises ValueError in words: no such field, or a value that the field cannot have."""
    steps = tuple(path.split("."))
    model: type[BaseModel] = HEARD_EVENTS[event_type]
    for step in steps[:-1]:
        model = _member_model(model, step)
    field = model.model_fields.get(steps[-1])
    if field is None:
        raise ValueError(f"{model.__name__} has no field {steps[-1]!r}")
    adapter = TypeAdapter[Any](field.rebuild_annotation())
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values:
        raise ValueError("names no value")
    try:
        return Condition(steps, tuple(adapter.validate_python(value) for value in values))
    except ValidationError as error:
        raise ValueError(f"{steps[-1]} cannot be {wanted!r}") from error


def _member_model(model: type[BaseModel], name: str) -> type[BaseModel]:
    field = model.model_fields.get(name)
    members = [part for part in getattr(field.annotation, "__args__", ()) if part is not ...] if field else []
    if len(members) != 1 or not (isinstance(members[0], type) and issubclass(members[0], BaseModel)):
        raise ValueError(f"{model.__name__} has no list {name!r}")
    return members[0]


def _policy(file: _File) -> Policy:
    layouts: Mapping[str, Layout] = {
        name: {
            channel: {language: Wording(entry.subject, entry.text) for language, entry in languages.items()}
            for channel, languages in channels.items()
        }
        for name, channels in file.layouts.items()
    }
    return Policy(
        rules=tuple(
            Rule(
                event_type=rule.event,
                conditions=tuple(_condition(rule.event, path, wanted) for path, wanted in rule.when.items()),
                template=rule.template,
                channels=tuple(rule.channels),
            )
            for rule in file.rules
        ),
        templates={
            code: Template(
                layouts[template.layout],
                template.stage,
                template.to,
                brings_code=_brings_code(file.layouts[template.layout]),
            )
            for code, template in file.templates.items()
        },
        expires_after=timedelta(hours=file.expires_after_hours),
    )
