"""Try every route as every caller on every thing, and say where what came of it is not what the table says."""

import asyncio
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import orjson
from tests.access.expected import Caller, Kept, Verdict, callers, purpose_of, verdict
from tests.access.probes import PROBES, Probe
from tests.access.world import Thing, World

_AT_ONCE = 8
PUBLIC = "public"
_MACHINES = ("service",)
_VERDICTS = {401: None, 403: Verdict.FORBIDDEN, 404: Verdict.HIDDEN}
_CODES = {"need_code": "ADMINDUK"}
"""What is nobody's and stands in a path all the same."""
# Of every thing that a probe names: what a caller has nothing of is asked for by an id that nothing has.
_NAMES = sorted(
    set(re.findall(r"\{(\w+)\}", " ".join(f"{door} {probe.query} {probe.body}" for door, probe in PROBES.items())))
)


@dataclass(frozen=True)
class Case:
    """One try."""

    caller: Caller
    operation: str
    probe: Probe
    permission: str
    thing: Thing


@dataclass
class Findings:
    """What was found: how many tries, what leaked, how long an answer took by what came of it."""

    tried: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    seconds: dict[Verdict | str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def timing(self) -> str:
        """Medians in milliseconds: what is not the caller's, and what there is not."""
        medians = {name: statistics.median(times) * 1000 for name, times in self.seconds.items() if times}
        return ", ".join(f"{name} {median:.1f} ms" for name, median in sorted(medians.items()))


def permissions(document: dict[str, Any]) -> dict[str, str]:
    """The permission of each operation of the gateway's document that demands one.

    Raises:
        LookupError: an operation does not say, or demands one and is tried by no probe, or a probe is for none.
    """
    said = {
        f"{method.upper()} {path}": operation["x-slrt-permission"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    demanding = {operation: permission for operation, permission in said.items() if permission != PUBLIC}
    if demanding.keys() != PROBES.keys():
        raise LookupError(f"routes and probes differ: {sorted(demanding.keys() ^ PROBES.keys())}")
    return demanding


def cases(world: World, demanded: dict[str, str], *, sample: float, seed: int) -> list[Case]:
    """All tries in a random order, or a share of them."""
    all_of_them = [
        Case(caller, operation, probe, demanded[operation], thing)
        for caller in callers()
        for operation, probe in PROBES.items()
        for thing in world.things
        if "access_id" in thing.ids or "access_id" not in f"{operation} {probe.lists}"
    ]
    chosen = random.Random(seed)  # noqa: S311 — a repeatable order, no secret
    chosen.shuffle(all_of_them)
    return all_of_them[: max(1, int(len(all_of_them) * sample))]


async def try_all(world: World, http: httpx.AsyncClient, tries: list[Case]) -> Findings:
    """Try them, some at a time."""
    findings = Findings()
    waiting = list(reversed(tries))
    nowhere = {name: str(uuid4()) for name in _NAMES}

    async def one_after_the_other() -> None:
        while waiting:
            case = waiting.pop()
            findings.leaks += [
                f"{case.caller.role} ({case.caller.place}) {case.operation} on {case.thing.kept}: {leak}"
                for leak in await _try(world, http, case, findings, nowhere)
            ]
            findings.tried += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(one_after_the_other())
    return findings


async def _try(
    world: World, http: httpx.AsyncClient, case: Case, findings: Findings, nowhere: dict[str, str]
) -> list[str]:
    expected = verdict(case.caller, case.permission, case.probe.reach, case.thing.kept)
    # A search may be answered by 404 or with nothing in it; a list is the caller's whatever stands in it.
    listed = case.probe.lists
    answer, seconds = await _call(world, http, case, {**nowhere, "nik": case.thing.personal[0], **case.thing.ids})
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return [f"answered {answer.status_code}"]
    found = _VERDICTS.get(answer.status_code, Verdict.ALLOWED)
    shown = answer.text
    if listed is not None and found is Verdict.ALLOWED:
        found = Verdict.ALLOWED if case.thing.ids[listed] in shown else Verdict.HIDDEN
    findings.verdicts[expected] += 1
    findings.seconds[expected].append(seconds)
    leaks = []
    if found is not expected:
        leaks.append(f"expected {expected}, answered {answer.status_code} {'' if found is None else found}")
    if expected is not Verdict.ALLOWED:
        asked = orjson.dumps(case.probe.body).decode()
        known = {value for name, value in case.thing.ids.items() if f"{{{name}}}" in asked}
        leaks += [
            f"the answer holds {secret!r}" for secret in case.thing.secrets if secret in shown and secret not in known
        ]
    if case.thing.kept is Kept.SECRET_REPORTER and case.caller.role not in _MACHINES:
        leaks += [f"the answer holds the reporter's {secret!r}" for secret in case.thing.contact if secret in shown]
    if expected is Verdict.HIDDEN and listed is None:
        missing, took = await _call(world, http, case, nowhere)
        findings.seconds["nothing there"].append(took)
        if _without_request(missing) != _without_request(answer):
            leaks.append("what is not the caller's is answered otherwise than what there is not")
    return leaks


async def _call(world: World, http: httpx.AsyncClient, case: Case, ids: dict[str, str]) -> tuple[httpx.Response, float]:
    method, path = f"{case.operation}{case.probe.query}".split(" ")
    for name, value in (ids | _CODES).items():
        path = path.replace(f"{{{name}}}", value)
    client, purpose = purpose_of(case.caller.role, case.probe.looks_at or "")
    headers = world.headers(case.caller, client=client) | case.probe.headers
    if case.probe.looks_at is not None:
        headers["Purpose"] = purpose
    body = None
    if case.probe.body is not None:
        text = orjson.dumps(case.probe.body).decode()
        for name, value in ids.items():
            text = text.replace(f"{{{name}}}", value)
        body, headers["Content-Type"] = text.encode(), "application/json"
    started = time.perf_counter()
    if case.probe.streams:
        async with http.stream(method, path, headers=headers, content=body) as answer:
            if not answer.is_success:
                await answer.aread()
            else:
                answer._content = b""
    else:
        answer = await http.request(method, path, headers=headers, content=body)
    return answer, time.perf_counter() - started


def _without_request(answer: httpx.Response) -> tuple[int, Any, set[str]]:
    body = answer.json() if answer.content else {}
    return answer.status_code, {**body, "request_id": ""}, set(answer.headers) - {"date", "content-length"}
