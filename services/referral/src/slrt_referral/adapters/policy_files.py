"""Read `00/routing.yaml` and `offices.yaml` into a routing policy, or say which entry is wrong and why."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from slrt_contracts.codes import FunctionCode, NeedCode, ProgrammeCode
from slrt_contracts.types import OfficeCode, PolicyLabel, RuleId
from slrt_kit.policy.entries import NATION, RegionPolicy
from slrt_kit.policy.entries import Entry as LayerEntry
from slrt_kit.policy.findings import Place
from slrt_kit.policy.findings import PolicyError as FindingsError
from slrt_kit.policy.routing import KIND, RoutingRule, check, read_queues, read_rules, routing_context
from slrt_kit.regions import Regions
from slrt_referral.adapters.layer_file import read_layer
from slrt_referral.adapters.yaml_text import YamlError, read_yaml
from slrt_referral.domain.offices import NATIONAL_REGION, Office, OfficeLevel, Offices
from slrt_referral.domain.policy import ManagerQueue, PolicyError, RoutingPolicy, Rule, office_problems

ROUTING_FILE = "00/routing.yaml"
OFFICES_FILE = "offices.yaml"

Model = TypeVar("Model", bound="_Entry")
Item = TypeVar("Item")

_PolicyLabel = TypeAdapter(PolicyLabel)
_RuleIds = TypeAdapter(list[RuleId])


def _listed(value: Any) -> Any:
    """One value may stand without the brackets of a list."""
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[tuple[Item, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Entry(BaseModel):
    # A misspelt key must fail: one that is silently ignored sends people to the wrong office.
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    version, rules = _routing_entries(folder / ROUTING_FILE, problems)
    office_header = _header(folder / OFFICES_FILE, _OfficesHeader, problems)
    if rules is None or office_header is None:
        raise PolicyError(problems)
    office_entries = [
        _entry(_Office, raw, n, f"{OFFICES_FILE}: office", "code", problems)
        for n, raw in enumerate(office_header.offices)
    ]
    offices = [entry.office() for entry in office_entries if entry is not None]
    problems += _unknown_regions(offices, partial(_is_known, regions))
    if problems:
        raise PolicyError(problems)
    kinds: dict[str, Mapping[str, LayerEntry]] = {
        KIND: rules,
        "offices": {office.code: _as_entry(office) for office in offices},
    }
    policy = RegionPolicy(region=NATION, version=version, kinds=kinds)
    problems = [*office_problems(offices), *(finding.line() for finding in check(policy))]
    if problems:
        raise PolicyError(problems)
    return routing_policy(policy, Offices(offices), regions)


def routing_policy(policy: RegionPolicy, offices: Offices, regions: Regions) -> RoutingPolicy:
    """The routing policy of entries in which `slrt_kit.policy.routing.check` found nothing."""
    rules, _ = read_rules(policy, routing_context(regions))
    queue = read_queues(policy)[0]
    return RoutingPolicy(
        version=PolicyLabel(policy.version),
        rules=tuple(_rule(rule) for rule in rules),
        queue=ManagerQueue(
            rule_id=RuleId(queue.key),
            function=FunctionCode(queue.function),
            levels=tuple(OfficeLevel(level) for level in queue.levels),
        ),
        reroutes_before_queue=queue.reroutes_before_queue,
        offices=offices,
    )


def _rule(rule: RoutingRule) -> Rule:
    return Rule(
        rule_id=RuleId(rule.key),
        need=NeedCode(rule.need),
        when=rule.when,
        function=FunctionCode(rule.function),
        level=OfficeLevel(rule.level),
        programme=None if rule.programme is None else ProgrammeCode(rule.programme),
        priority=rule.priority,
        after=tuple(NeedCode(need) for need in rule.after),
    )


def _routing_entries(path: Path, problems: list[str]) -> tuple[str, Mapping[str, LayerEntry] | None]:
    try:
        version, entries = read_layer(path, KIND)
    except FindingsError as error:
        problems += [finding.line() for finding in error.findings]
        return "", None
    problems += [f"{path.name}: {line}" for line in _wrong_names(version, entries)]
    return version, entries


def _wrong_names(version: str, entries: Mapping[str, LayerEntry]) -> list[str]:
    try:
        _PolicyLabel.validate_python(version)
        _RuleIds.validate_python(list(entries))
    except ValidationError as error:
        return _lines(error)
    return []


def _as_entry(office: Office) -> LayerEntry:
    fields = {"functions": list(office.functions), "valid_to": office.valid_to}
    return LayerEntry(office.code, fields, {(): Place(OFFICES_FILE)})


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


def _unknown_regions(offices: Sequence[Office], known: Callable[[str], bool]) -> list[str]:
    return [
        f"{OFFICES_FILE}: office {office.code}: {office.region} is not in the region table"
        for office in offices
        if not known(office.region)
    ]
