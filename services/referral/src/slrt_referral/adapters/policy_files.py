"""Read `routing.yaml` and `offices.yaml` into a routing policy, or say which entry is wrong and why."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from slrt_contracts.catalogue import ATTRIBUTES
from slrt_contracts.codes import AttributeName, AttributeValue, FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import OfficeCode, PolicyVersion, RuleId
from slrt_kit.regions import Regions
from slrt_referral.adapters.yaml_text import YamlError, read_yaml
from slrt_referral.domain.offices import NATIONAL_REGION, Office, OfficeLevel, Offices
from slrt_referral.domain.policy import Condition, ManagerQueue, PolicyError, RoutingPolicy, Rule, checked

ROUTING_FILE = "routing.yaml"
OFFICES_FILE = "offices.yaml"

Model = TypeVar("Model", bound="_Entry")
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


class _OfficesHeader(_Entry):
    offices: list[Any] = Field(min_length=1)


class _Office(_Entry):
    code: OfficeCode
    functions: OneOrMore[FunctionCode]
    name: str = Field(min_length=3, max_length=200)
    aliases: OneOrMore[str] | tuple[()] = ()
    valid_from: date
    valid_to: date | None = None

    def office(self) -> Office:
        return Office(
            code=self.code,
            functions=self.functions,
            name=self.name,
            aliases=self.aliases,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


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
    header = _header(folder / ROUTING_FILE, _Header, problems)
    office_header = _header(folder / OFFICES_FILE, _OfficesHeader, problems)
    if header is None or office_header is None:
        raise PolicyError(problems)
    entries = [_entry(_Rule, raw, n, f"{ROUTING_FILE}: rule", "id", problems) for n, raw in enumerate(header.rules)]
    office_entries = [
        _entry(_Office, raw, n, f"{OFFICES_FILE}: office", "code", problems)
        for n, raw in enumerate(office_header.offices)
    ]
    rules = [entry.rule() for entry in entries if entry is not None]
    offices = [entry.office() for entry in office_entries if entry is not None]
    known = partial(_is_known, regions)
    problems += _unknown_regions(rules, offices, known)
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
            offices=Offices(offices),
        )
    )


def _header(path: Path, model: type[Model], problems: list[str]) -> Model | None:
    try:
        return model.model_validate(read_yaml(path))
    except YamlError as error:
        problems.append(str(error))
    except ValidationError as error:
        problems += [f"{path.name}: {line}" for line in _lines(error)]
    return None


def _entry(model: type[Model], raw: Any, number: int, kind: str, name_key: str, problems: list[str]) -> Model | None:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        name = raw.get(name_key) if isinstance(raw, Mapping) else None
        problems += [f"{kind} {name or f'number {number + 1}'}: {line}" for line in _lines(error)]
    return None


def _lines(error: ValidationError) -> list[str]:
    found = error.errors(include_url=False)
    return [f"{'.'.join(str(part) for part in e['loc']) or 'entry'}: {e['msg']}: {e['input']!r:.80}" for e in found]


def _is_known(regions: Regions, code: str) -> bool:
    return code == NATIONAL_REGION or regions.get(code) is not None


def _unknown_regions(rules: Sequence[Rule], offices: Sequence[Office], known: Callable[[str], bool]) -> list[str]:
    wrong = [
        f"{ROUTING_FILE}: rule {rule.rule_id}: when.region: {rule.when.region} is not in the region table"
        for rule in rules
        if rule.when.region is not None and not known(rule.when.region)
    ]
    return wrong + [
        f"{OFFICES_FILE}: office {office.code}: {office.region} is not in the region table"
        for office in offices
        if not known(office.region)
    ]
