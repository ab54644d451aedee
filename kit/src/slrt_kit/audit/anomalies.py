"""Find what is worth a second pair of eyes: the rules of `anomalies.yaml` over the entries that are being sealed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import orjson
import yaml

_ABSENT = "null"
MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How an entry writes its time."""


class RuleError(ValueError):
    """A rule cannot mean anything; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """More than ``more_than`` matching entries of one subject ``within`` a time open a review."""

    id: str
    because: str
    match: Mapping[str, frozenset[object]]
    without: Mapping[str, frozenset[object]]
    within: timedelta
    more_than: int

    def fits(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry counts."""
        for name, values in self.match.items():
            if not _has(entry, name, values):
                return False
        return all(not _has(entry, name, values) for name, values in self.without.items())


def _has(entry: Mapping[str, Any], name: str, values: frozenset[object]) -> bool:
    found = entry.get(name, _ABSENT)
    return found in values if not isinstance(found, list) else not values.isdisjoint(found)


FIELDS = frozenset(
    """
    action at case_id cases event_id fields near object_id object_type office purpose reason region request_id result
    roles service subject times v
    """.split()  # noqa: SIM905 — as in an entry
)
_WORDS = frozenset({"id", "because", "match", "without", "within_minutes", "more_than"})


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules of a YAML document.

    Raises:
        RuleError: a rule matches everything or nothing, looks at a field that no entry has, or lacks a word.
    """
    found = yaml.safe_load(text)
    return tuple(_rule(given) for given in found["rules"])


def _rule(given: Mapping[str, Any]) -> Rule:
    name = given.get("id", "(no id)")
    try:
        match, without = given["match"], given.get("without", {})
        rule = Rule(
            id=given["id"],
            because=given["because"],
            match={field: frozenset(values) for field, values in match.items()},
            without={field: frozenset(values) for field, values in without.items()},
            within=timedelta(minutes=given["within_minutes"]),
            more_than=given["more_than"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise RuleError(f"rule {name}: {error}") from error
    if unknown := ({*match, *without} - FIELDS) | ({*given} - _WORDS):
        raise RuleError(f"rule {name}: no entry has {', '.join(sorted(unknown))}")
    if not rule.match or not rule.within or rule.more_than < 0:
        raise RuleError(f"rule {name}: matches everything, or never")
    return rule


@cache
def rules() -> tuple[Rule, ...]:
    """The rules, read once."""
    return rules_of(resources.files("slrt_kit.audit").joinpath("anomalies.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """Somebody whose entries up to ``position`` match a rule: it is asked how many there are within its time."""

    rule: Rule
    subject: str
    region: str | None
    position: int
    at: str

    @property
    def since(self) -> str:
        """From when on entries count, as entries write it."""
        return (datetime.strptime(self.at, MOMENT) - self.rule.within).strftime(MOMENT)  # noqa: DTZ007 — all in UTC


def suspects(entries: Iterable[tuple[int, str]], among: Sequence[Rule] | None = None) -> list[Suspect]:
    """Who has to be looked at after these entries (position, text): for each rule and subject the last that matches."""
    last: dict[tuple[str, str], Suspect] = {}
    for position, text in entries:
        entry = orjson.loads(text)
        for rule in rules() if among is None else among:
            if rule.fits(entry):
                subject = entry["subject"]
                last[rule.id, subject] = Suspect(
                    rule=rule, subject=subject, region=entry.get("region"), position=position, at=entry["at"]
                )
    return list(last.values())


def times(rule: Rule, texts: Iterable[str]) -> int:
    """How many of a subject's entries match; one that stands for several counts as so many."""
    found = (orjson.loads(text) for text in texts)
    return sum(entry.get("times", 1) for entry in found if rule.fits(entry))
