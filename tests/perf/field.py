"""What the sync of one facilitator's day costs the server: forty visits taken along, 120 items handed in."""

import base64
import json
import statistics
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from tests.perf.stack import Bench

from slrt_field import uuid7

VISITS = 40
_ROUNDS = 3
_GOAL_MS = 1000.0
_VILLAGE = "12.74.03.1002"
_HOUSING = {
    "floor_area_per_person": 6.5,
    "walls": "bamboo",
    "leaking_roof": True,
    "earth_floor": True,
    "unsafe_water": False,
    "toilet": "shared",
    "lighting": "borrowed",
    "ownership": "own",
}
_SOCIO_ECONOMIC = {
    "income_below_minimum": True,
    "monthly_income": 750000,
    "spends_on_staples": True,
    "informal_work": True,
    "vulnerable_head": False,
    "school_children": 2,
    "no_savings": True,
    "went_hungry": False,
    "no_own_insurance": True,
    "welfare_status": "poor",
}


def measure(bench: Bench) -> None:
    """Milliseconds from the first byte asked to the last receipt, over loopback HTTP, beside a stack at rest."""
    days: list[tuple[float, float]] = bench.measured(lambda: [_day(bench) for _ in range(_ROUNDS)])
    taken, handed_in = (statistics.median(each) for each in zip(*days, strict=True))
    total = taken + handed_in
    bench.add("sync-day", total, "ms", anchor=("limit", _GOAL_MS), goal="< 1000 ms", met=total < _GOAL_MS)
    bench.add("sync-day-handed-in", handed_in, "ms", anchor=("the whole day", total))


class _Caller:
    """Somebody who calls intake."""

    def __init__(self, bench: Bench, role: str) -> None:
        token = bench.slrt("token", "--role", role, "--region", "12.74")
        claims = token.split(".")[1]
        self.subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{bench.state.port('http-intake')}/v1", timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Purpose": "case-handling"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        headers = self._headers | {"Idempotency-Key": uuid4().hex}
        answer = self._http.request(method, path, json=body, headers=headers)
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.text}")
        return answer.json()


def _day(bench: Bench) -> tuple[float, float]:
    facilitator, desk = _Caller(bench, "facilitator"), _Caller(bench, "back_office")
    device = f"/field/devices/{uuid7()}"
    facilitator("PUT", device)
    visits = [_planned(facilitator, desk) for _ in range(VISITS)]
    began = time.perf_counter()
    held = facilitator("GET", f"{device}/assignments")
    took = time.perf_counter() - began
    if not {visit["visit_id"] for visit in visits} <= set(held["held"]):
        raise RuntimeError("not all visits were given")
    now = datetime.now(UTC).isoformat()
    items = []
    for visit in visits:
        place = {"visit_id": visit["visit_id"]}
        for kind, payload in (
            ("facts", {"checklist": "housing", "answers": _HOUSING}),
            ("facts", {"checklist": "socio_economic", "answers": _SOCIO_ECONOMIC}),
            ("visit_result", {"result": "done"}),
        ):
            items.append(
                {
                    "id": str(uuid7()),
                    "sequence": len(items) + 1,
                    "kind": kind,
                    "made_at": now,
                    "payload": place | payload,
                }
            )
    began = time.perf_counter()
    answer = facilitator("POST", f"{device}/uploads", {"device_now": now, "items": items})
    handed_in = time.perf_counter() - began
    statuses = {each["status"] for each in answer["receipts"]}
    if statuses != {"committed"} or len(answer["receipts"]) != 3 * VISITS:
        raise RuntimeError(f"the day was answered {statuses}")
    return took * 1000, handed_in * 1000


def _planned(facilitator: _Caller, desk: _Caller) -> Any:
    person = {"relation": "client", "name": "Mawar Karangan", "sex": "P"}
    body = {"village_code": _VILLAGE, "persons": [person], "needs": [{"need_code": "PIP", "person_ref": 0}]}
    case = facilitator("POST", "/cases", body)
    said = {"case_id": case["case_id"], "checklists": ["housing", "socio_economic"], "officer": facilitator.subject}
    return desk("POST", "/visits", said)
