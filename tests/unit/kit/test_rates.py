"""How often one person may ask: the burst, the rate, whom it does not meet, and that a request counts once."""

from datetime import UTC, datetime
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request

from slrt_kit import metrics
from slrt_kit.access import Principal
from slrt_kit.http.auth import authenticate
from slrt_kit.http.context import RequestContext
from slrt_kit.http.fast import FastLane, FastRoute
from slrt_kit.http.problems import install_problem_handlers
from slrt_kit.http.rates import PersonLimit, TooManyRequestsError
from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.testing import TestIssuer, api_client


class Watch:
    """A settable stopwatch."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def caller(subject: str, role: str = "facilitator") -> Principal:
    return Principal(subject, frozenset({role}), None, None, datetime.now(UTC))


def request() -> Request:
    return Request({"type": "http", "headers": []})


def taken(limit: PersonLimit, principal: Principal, count: int) -> int:
    """How many of so many requests at once are taken."""
    done = 0
    for _ in range(count):
        try:
            limit.count(request(), principal)
        except TooManyRequestsError:
            continue
        done += 1
    return done


def test_above_the_burst_a_person_waits_and_is_told_how_long() -> None:
    watch = Watch()
    limit = PersonLimit(per_second=0.5, burst=3, monotonic=watch)
    refusals = metrics.PERSON_LIMIT_REFUSALS._value.get()
    assert taken(limit, caller("a"), 3) == 3
    with pytest.raises(TooManyRequestsError) as refusal:
        limit.count(request(), caller("a"))
    assert (refusal.value.status, refusal.value.headers["Retry-After"]) == (429, "2")
    assert metrics.PERSON_LIMIT_REFUSALS._value.get() == refusals + 1
    watch.seconds += 2
    assert taken(limit, caller("a"), 3) == 1
    watch.seconds += 1000
    assert taken(limit, caller("a"), 10) == 3


def test_nobody_pays_for_another_and_refused_requests_cost_nothing() -> None:
    watch = Watch()
    limit = PersonLimit(per_second=1, burst=2, monotonic=watch)
    assert taken(limit, caller("a"), 50) == 2
    assert taken(limit, caller("b"), 2) == 2
    watch.seconds += 1
    assert taken(limit, caller("a"), 5) == 1


def test_the_rate_holds_on_the_long_run() -> None:
    watch = Watch()
    limit = PersonLimit(per_second=50, burst=100, monotonic=watch)
    done = 0
    for _ in range(1000):
        watch.seconds += 0.01
        done += taken(limit, caller("a"), 1)
    assert 500 + 95 <= done <= 500 + 101


def test_services_and_whoever_turned_it_off_are_not_met() -> None:
    assert taken(PersonLimit(per_second=1, burst=1), caller("s", "service"), 100) == 100
    assert taken(PersonLimit(per_second=0, burst=1), caller("a"), 100) == 100


def test_the_memory_of_people_is_bounded() -> None:
    limit = PersonLimit(per_second=1, burst=1, monotonic=Watch())
    for number in range(10_200):
        limit.count(request(), caller(str(number)))
    assert len(limit._full_at) == 10_000


class Asked(BaseModel):
    name: str


def application(issuer: TestIssuer) -> FastAPI:
    """One route on both ways, for one person of two requests."""
    router = APIRouter()

    @router.post("/names")
    async def name(principal: Annotated[Principal, Depends(authenticate)], asked: Asked) -> Asked:
        return asked

    app = FastAPI()
    app.state.person_limit = PersonLimit(per_second=0.001, burst=2)
    app.state.verifier = TokenVerifier(
        issuer=issuer.issuer, audience="slrt", jwks_url=issuer.jwks_url, client=issuer.client()
    )
    install_problem_handlers(app)
    app.include_router(router)
    (route,) = [each for each in router.routes if isinstance(each, APIRoute)]
    app.add_middleware(FastLane, routes=[FastRoute("/names", route)])
    app.add_middleware(RequestContext)
    return app


async def test_on_the_fast_lane_too_a_request_counts_once_and_a_refusal_is_a_problem() -> None:
    issuer = TestIssuer()
    async with api_client(application(issuer), **issuer.headers("facilitator")) as client:
        # It does not fit: the fast lane hands it on after it was counted.
        assert (await client.post("/names", json={})).status_code == 422
        assert (await client.post("/names", json={"name": "a"})).status_code == 200
        refused = await client.post("/names", json={"name": "a"})
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:slrt:problem:too-many-requests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 1
