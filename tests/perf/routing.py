"""What a routing decision over 500 rules costs with its explanation, and what it costs to compile them."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from tests.perf.stack import Bench

from slrt_contracts.catalogue import ATTRIBUTES, NEEDS
from slrt_contracts.codes import NeedCode
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Place
from slrt_kit.policy.routing import KIND, routing_context
from slrt_kit.regions import Regions
from slrt_referral.adapters.routing_book import routing_policy
from slrt_referral.domain.explaining import Explainer
from slrt_referral.domain.policy import AskedNeed
from slrt_referral.testing import packaged_routing

RULES, GOAL_US = 500, 200.0
_DAY = date(2026, 11, 20)
_REGENCIES = ("12.74", "18.04", "34.04", "36.04", "32.03")
_ASKED_PER_NEED, _ROUNDS = 20, 5


def measure(bench: Bench) -> None:
    """Microseconds of processor time for one decision with its explanation, in the best of several rounds."""
    compiling, routing, explaining = bench.measured(_measure)
    bench.add(
        "routing-explained",
        explaining,
        "µs",
        anchor=("the decision alone", routing),
        goal=f"< {GOAL_US:.0f} µs",
        met=explaining < GOAL_US,
    )
    bench.add("rules-compiled", compiling, "ms", anchor=("rules", RULES), goal="", met=None)


def _measure() -> tuple[float, float, float]:
    chance, regions = random.Random(500), Regions.load()  # noqa: S311 — the same rules each time
    offices = packaged_routing().offices
    entries = RegionPolicy("00", "00:1", {KIND: {key: _entry(key, f) for key, f in _rules(chance).items()}})
    began = time.thread_time()
    policy = routing_policy(entries, offices, routing_context(regions))
    compiling = (time.thread_time() - began) * 1e3
    explainer = Explainer(policy)
    asked = [_asked(chance, need) for need in NEEDS for _ in range(_ASKED_PER_NEED)]
    routing = _microseconds(lambda need, place: policy.route(need, district_code=place, on=_DAY), asked)
    explaining = _microseconds(lambda need, place: explainer.explain(need, district_code=place, on=_DAY), asked)
    return compiling, routing, explaining


def _rules(chance: random.Random) -> dict[str, dict[str, Any]]:
    """Some sixteen rules for each need, on one to three facts, some of them for a regency alone."""
    rules: dict[str, dict[str, Any]] = {
        "manager-queue": {"function": "SLRT", "levels": ["regency", "national"], "reroutes_before_queue": 2}
    }
    needs = list(NEEDS)
    for number in range(RULES):
        one, two = chance.sample(sorted(ATTRIBUTES), 2)
        first, second = chance.choice(sorted(ATTRIBUTES[one])), chance.choice(sorted(ATTRIBUTES[two]))
        when = (
            f"need.{one} == '{first}' && need.{two} in ['{second}', 'unknown']"
            f" && regency == '{chance.choice(_REGENCIES)}'"
            if number % 2
            else f"need.{one} != '{first}' && (urgent || need.{two} == '{second}')"
        )
        rules[f"rule-{number}"] = {
            "need": needs[number % len(needs)],
            "when": when,
            "to": {"function": "SOSIAL", "level": "regency"},
            "priority": RULES - number,
        }
    return rules


def _entry(key: str, fields: dict[str, Any]) -> Entry:
    return Entry(key, fields, {(): Place("bench")})


def _asked(chance: random.Random, need: str) -> tuple[AskedNeed, str]:
    names = chance.sample(sorted(ATTRIBUTES), 3)
    attributes = {str(name): str(chance.choice(sorted(ATTRIBUTES[name]))) for name in names}
    urgent = chance.random() < 0.3
    asked = AskedNeed(need_code=NeedCode(need), programme_code=None, urgent=urgent, attributes=attributes)
    return asked, f"{chance.choice(_REGENCIES)}.01"


def _microseconds(do: Callable[[AskedNeed, str], object], asked: Sequence[tuple[AskedNeed, str]]) -> float:
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.thread_time()
        for need, place in asked:
            do(need, place)
        best = min(best, (time.thread_time() - began) / len(asked))
    return best * 1e6
