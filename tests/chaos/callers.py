"""People at work while processes die under them: each command is repeated under its own key until it is answered."""

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from tests.perf.load import body_of

from slrt_local.identity import account_for
from slrt_local.signing import Signer
from slrt_local.state import State

_REGION = "12.74"
_PAUSE_S = 0.3
# A part that is killed over and over may be away for minutes on a busy machine; who waits has lost nothing.
_PATIENCE_S = 600.0
# What passes: nobody there, a part is away, asked too often. Everything else is an answer.
_AGAIN = frozenset({429, 502, 503, 504})
_CUT_OFF = 500
_FULL_LIFE_EVERY = 3


def _passes(answer: httpx.Response) -> bool:
    """Also a 500 of the gateway itself, which is how it calls an answer that was cut off in the middle."""
    of_a_service = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.status_code in _AGAIN or (answer.status_code == _CUT_OFF and not of_a_service)


class RefusedError(Exception):
    """A command was refused that should have been taken."""


@dataclass
class History:
    """What callers were told: of each case the highest version that was acknowledged; and how much was asked for."""

    asked: int = 0
    acknowledged: dict[UUID, int] = field(default_factory=dict)
    commands: int = 0
    repeated: int = 0


class Callers:
    """Several people who register cases one after the other; every third case is taken as far as the offices."""

    def __init__(self, state: State, *, gateway: str, issuer: str, seed: int) -> None:
        signer = Signer.of(state, issuer)
        now = datetime.now(UTC)
        self._tokens = {
            role: signer.mint(account_for(role, region=_REGION, office=None, subject=None), now=now, ttl=24 * 3600)
            for role in ("facilitator", "front_office", "back_office", "coordinator")
        }
        self._gateway = gateway
        self._random = random.Random(seed)  # noqa: S311 — a repeatable load, no secret
        self._numbers = itertools.count(seed * 1_000_003 % 900_000)
        self.history = History()

    async def work(self, people: int, stop: asyncio.Event) -> None:
        """Until ``stop``; whoever has begun a case ends what he does with it.

        Raises:
            RefusedError: the first command that was refused, or not answered in `_PATIENCE_S` seconds.
        """
        async with httpx.AsyncClient(base_url=self._gateway, timeout=10) as http, asyncio.TaskGroup() as group:
            for _ in range(people):
                group.create_task(self._person(http, stop))

    async def _person(self, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            number = next(self._numbers)
            self.history.asked += 1
            case = await self._command(http, "facilitator", "/intake/v1/cases", body_of(number), f"chaos-{number}")
            if number % _FULL_LIFE_EVERY == 0:
                await self._take_further(http, case, number)
            await asyncio.sleep(self._random.uniform(0.02, 0.2))

    async def _take_further(self, http: httpx.AsyncClient, case: dict[str, Any], number: int) -> None:
        needs = [need["need_id"] for need in case["needs"]]
        steps = (
            ("front_office", "screen", {"registry_status": "not_listed"}),
            ("back_office", "recommend", {"needs": [{"need_id": each, "recommendation": "refer"} for each in needs]}),
            ("coordinator", "decide", {"needs": [{"need_id": each, "decision": "refer"} for each in needs]}),
        )
        for role, verb, body in steps:
            path = f"/intake/v1/cases/{case['case_id']}/{verb}"
            case = await self._command(http, role, path, body, f"chaos-{number}-{verb}", version=case["version"])

    async def _command(
        self, http: httpx.AsyncClient, role: str, path: str, body: Any, key: str, *, version: int | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._tokens[role]}", "Idempotency-Key": key}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        content = {"content": body, "headers": headers | {"Content-Type": "application/json"}}
        if not isinstance(body, bytes):
            content = {"json": body, "headers": headers}
        self.history.commands += 1
        said = "nothing"
        give_up_at = asyncio.get_running_loop().time() + _PATIENCE_S
        while asyncio.get_running_loop().time() < give_up_at:
            try:
                answer = await http.post(path, **content)
            except httpx.TransportError as error:
                said = type(error).__name__
            else:
                said = f"{answer.status_code} {answer.text[:300]}"
                if answer.is_success:
                    return self._note(answer)
                if not _passes(answer):
                    break
            self.history.repeated += 1
            await asyncio.sleep(_PAUSE_S)
        raise RefusedError(f"{path} of {key}: {said}")

    def _note(self, answer: httpx.Response) -> dict[str, Any]:
        case: dict[str, Any] = answer.json()
        case["version"] = int(answer.headers["ETag"].strip('W/"'))
        case_id = UUID(case["case_id"])
        told = self.history.acknowledged
        told[case_id] = max(told.get(case_id, 0), case["version"])
        return case
