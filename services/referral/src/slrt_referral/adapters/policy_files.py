"""Read `routing.yaml` and the layers' offices into a routing policy, or say which entry is wrong and why."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import AttributeName, AttributeValue, FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import PolicyVersion, RuleId
from slrt_kit.regions import Regions
from slrt_referral.adapters.office_book import folder_offices
from slrt_referral.adapters.yaml_text import YamlError, read_yaml
from slrt_referral.domain.offices import NATIONAL_REGION, OfficeLevel
from slrt_referral.domain.policy import Condition, ManagerQueue, PolicyError, RoutingPolicy, Rule, checked

ROUTING_FILE = "routing.yaml"

Item = TypeVar("Item")


def _listed(value: Any) -> Any:
    """One value may stand without the brackets of a list."""
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[tuple[Item, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Entry(BaseModel):
    # A misspelt key must fail: one that is silently ignored sends people to the wrong office.
    model_config = ConfigDict(extra="forbid", frozen=True)


class _When(_Entry):
    need: NeedCode
    attributes: dict[AttributeName, OneOrMore[AttributeValue]] = {}
    urgent: bool | None = None
    region: str | None = None

    @model_validator(mode="after")
    def _values_belong_to_names(self) -> "_When":
        for name, values in self.attributes.items():
            foreign = sorted(set(values) - ATTRIBUTES[name])
            if foreign:
                raise ValueError(f"{name} cannot be {', '.join(foreign)}")
        return self


class _To(_Entry):
    function: FunctionCode
    level: OfficeLevel


class _Rule(_Entry):
    id: RuleId
    when: _When
    to: _To
    programme: ProgrammeCode | None = None
    priority: int = Field(default=0, ge=0, le=1000)
    after: OneOrMore[NeedCode] | tuple[()] = ()

    def rule(self) -> Rule:
        condition = Condition(
            need=self.when.need,
            attributes={name: frozenset(values) for name, values in self.when.attributes.items()},
            urgent=self.when.urgent,
            region=self.when.region,
        )
        return Rule(
            rule_id=self.id,
            when=condition,
            function=self.to.function,
            level=self.to.level,
            programme=self.programme,
            priority=self.priority,
            after=self.after,
        )


class _Queue(_Entry):
    id: RuleId
    function: FunctionCode
    levels: OneOrMore[OfficeLevel]


class _Header(_Entry):
    version: PolicyVersion
    reroutes_before_queue: int = Field(ge=0, le=10)
    rules: list[Any] = Field(min_length=1)
    default: _Queue


def packaged_policy_dir() -> Path:
    """The folder of the policy that comes with the service."""
    return Path(str(resources.files("slrt_referral.policy")))


def load_policy(folder: Path | None, regions: Regions) -> RoutingPolicy:
    """The policy of a folder (the packaged one for None), checked as a whole.

    Raises:
        PolicyError: with every problem that was found, each naming its file and entry.
    """
    folder = folder or packaged_policy_dir()
    problems: list[str] = []
    header = _header(folder / ROUTING_FILE, problems)
    if header is None:
        raise PolicyError(problems)
    entries = [_entry(raw, n, problems) for n, raw in enumerate(header.rules)]
    rules = [entry.rule() for entry in entries if entry is not None]
    try:
        offices = folder_offices(folder, regions)
    except PolicyError as error:
        raise PolicyError([*problems, *error.problems]) from error
    known = partial(_is_known, regions)
    problems += _unknown_regions(rules, known)
    if problems:
        raise PolicyError(problems)
    return checked(
        RoutingPolicy(
            version=header.version,
            rules=tuple(rules),
            queue=ManagerQueue(
                rule_id=header.default.id, function=header.default.function, levels=header.default.levels
            ),
            reroutes_before_queue=header.reroutes_before_queue,
            offices=offices,
        )
    )


def _header(path: Path, problems: list[str]) -> _Header | None:
    try:
        return _Header.model_validate(read_yaml(path))
    except YamlError as error:
        problems.append(str(error))
    except ValidationError as error:
        problems += [f"{path.name}: {line}" for line in _lines(error)]
    return None


def _entry(raw: Any, number: int, problems: list[str]) -> _Rule | None:
    try:
        return _Rule.model_validate(raw)
    except ValidationError as error:
        name = raw.get("id") if isinstance(raw, Mapping) else None
        problems += [f"{ROUTING_FILE}: rule {name or f'number {number + 1}'}: {line}" for line in _lines(error)]
    return None


def _lines(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False)
    return [f"{'.'.join(str(part) for part in e['loc']) or 'entry'}: {e['msg']}: {e['input']!r:.80}" for e in found]


def _is_known(regions: Regions, code: str) -> bool:
    return code == NATIONAL_REGION or regions.get(code) is not None


def _unknown_regions(rules: Sequence[Rule], known: Callable[[str], bool]) -> list[str]:
    return [
        f"{ROUTING_FILE}: rule {rule.rule_id}: when.region: {rule.when.region} is not in the region table"
        for rule in rules
        if rule.when.region is not None and not known(rule.when.region)
    ]
