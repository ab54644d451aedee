"""The routes that carry the load answer as FastAPI would have answered, whatever comes."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slrt_kit.http.fast import FastLane
from slrt_kit.testing import api_client

PATHS = {
    ("POST", "/v1/cases"),
    ("POST", "/v1/parties/search"),
    ("POST", "/v1/contacts/search"),
}
_IDS = re.compile(
    r"(?<=~)[\w-]{22}|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}|(?<=\"slip_code\":\")[0-9]{4}"
)


def _lane(app: Any) -> Any:
    return next(each for each in app.user_middleware if each.cls is FastLane)


@pytest.fixture
async def ordinary(intake: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The same application without the fast lane."""
    app = intake.client._transport.app
    lane = _lane(app)
    at = app.user_middleware.index(lane)
    del app.user_middleware[at]
    stack, app.middleware_stack = app.middleware_stack, app.build_middleware_stack()
    slow, app.middleware_stack = app.middleware_stack, stack
    app.user_middleware.insert(at, lane)

    async def without(scope: Any, receive: Any, send: Any) -> None:
        scope["app"] = app
        await slow(scope, receive, send)

    async with api_client(without) as client:  # type: ignore[arg-type]
        yield client


def _said(answer: httpx.Response) -> tuple[Any, ...]:
    """An answer without what is new each time."""
    headers = {name: _IDS.sub("*", value) for name, value in answer.headers.items()}
    for name in ("x-request-id", "content-length"):
        headers.pop(name, None)
    return answer.status_code, headers, json.loads(_IDS.sub("*", answer.text)) if answer.content else None


async def _both(intake: Any, ordinary: httpx.AsyncClient, **request: Any) -> httpx.Response:
    """Ask both ways with a key of their own each, unless one is given; returns the fast one's answer."""
    answers = []
    for client in (intake.client, ordinary):
        headers = dict(request["headers"])
        if headers.get("Idempotency-Key") == "own":
            headers["Idempotency-Key"] = uuid4().hex
        answers.append(await client.request(**{**request, "headers": headers}))
    assert _said(answers[0]) == _said(answers[1])
    return answers[0]


def test_the_routes_that_carry_the_load_are_in_the_lane_and_no_other(intake: Any) -> None:
    lane = _lane(intake.client._transport.app)
    found = {(*route.route.methods, f"/v1{route.route.path}") for route in lane.kwargs["routes"]}
    assert found == PATHS


async def test_what_is_as_it_should_be_never_reaches_the_ordinary_way(
    intake: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any) -> Any:
        raise AssertionError("went the ordinary way")

    case = await intake.register()
    monkeypatch.setattr(intake.client._transport.app.router, "__class__", type("Closed", (), {"__call__": slow}))
    assert (await intake.post("/v1/cases", made.registration())).status_code == 201
    body = {"cases": [{"case_id": case["case_id"]}]}
    for what in ("contacts", "parties"):
        path, headers = f"/v1/{what}/search", intake.asking("service", what, region=None)
        assert (await intake.client.post(path, json=body, headers=headers)).status_code == 200
    assert (await intake.get("/v1/cases")).status_code == 500, "the ordinary way is closed"


async def test_a_header_that_comes_twice_is_read_alike(intake: Any, ordinary: Any) -> None:
    case = await intake.register()
    body, token = {"cases": [{"case_id": case["case_id"]}]}, intake.token("service", region=None)
    for purposes in (["good", "Bad!"], ["Bad!", "good"], ["good", "better"]):
        headers = [*token.items(), *(("Purpose", purpose) for purpose in purposes)]
        answers = [
            _said(await client.post("/v1/contacts/search", json=body, headers=headers))
            for client in (intake.client, ordinary)
        ]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b"null", b'"x"', b"\xff", b'{"village_code": NaN}', b"{}" * 2])
@pytest.mark.parametrize("path", ["/v1/cases", "/v1/parties/search"])
async def test_a_body_that_is_no_json_of_ours(path: str, body: bytes, intake: Any, ordinary: Any) -> None:
    headers = intake.token("service", region=None) | intake.token() if path == "/v1/cases" else intake.token("service")
    headers |= {"Idempotency-Key": "own", "Purpose": "registry-record", "Content-Type": "application/json"}
    answer = await _both(intake, ordinary, method="POST", url=path, content=body, headers=headers)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Basic eDp4"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer a.b.c"},
        {"Idempotency-Key": ""},
        {"Slrt-Position": "42"},
        {"Slrt-Position": "intake.case-decided.v1~" + "A" * 22},
        {"Slrt-Position": "x" * 9000},
        {"Idempotency-Key": "x" * 201},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "application/merge-patch+json"},
        {"Content-Type": ""},
        {"Accept-Language": "en"},
        {"If-Match": '"7"'},
    ],
)
async def test_headers_that_are_wrong_missing_or_unusual(
    headers: dict[str, str], intake: Any, ordinary: Any, made: Any
) -> None:
    given = intake.token() | {"Idempotency-Key": "own", "Content-Type": "application/json"} | headers
    for name, value in headers.items():
        if not value:
            del given[name]
    body = json.dumps(made.registration()).encode()
    await _both(intake, ordinary, method="POST", url="/v1/cases", content=body, headers=given)


@pytest.mark.parametrize(
    ("role", "region"), [("resident", "12.74"), ("front_office", "32.01"), ("facilitator", None), ("opd_officer", "12")]
)
async def test_callers_who_may_not(role: str, region: str | None, intake: Any, ordinary: Any, made: Any) -> None:
    headers = intake.token(role, region=region) | {"Idempotency-Key": "own"}
    answer = await _both(intake, ordinary, method="POST", url="/v1/cases", json=made.registration(), headers=headers)
    assert answer.status_code == 403


async def test_a_body_that_is_too_large_is_refused_alike(intake: Any, ordinary: Any) -> None:
    headers = intake.token() | {"Idempotency-Key": "own", "Content-Type": "application/json"}
    answer = await _both(
        intake, ordinary, method="POST", url="/v1/cases", content=b'{"x":"' + b"x" * 300_000 + b'"}', headers=headers
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/v1/cases/", "/v1//cases", "/v1/parties/search/", "/v1/parties%2Fsearch"])
async def test_addresses_that_are_nearly_right(path: str, intake: Any, ordinary: Any) -> None:
    headers = intake.asking("service", "contact", region=None)
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
        await _both(intake, ordinary, method=method, url=path, headers=headers | {"Idempotency-Key": "own"})


@pytest.mark.parametrize("what", ["contacts", "parties"])
async def test_contacts_and_people_are_shown_alike(what: str, intake: Any, ordinary: Any) -> None:
    case = await intake.register()
    body = {"cases": [{"case_id": case["case_id"]}, {"case_id": str(uuid4())}]}
    ask = {"method": "POST", "url": f"/v1/{what}/search", "json": body}
    good = intake.asking("service", what, region=None)
    answer = await _both(intake, ordinary, **ask, headers=good)
    assert len(answer.json()[what]) == 1
    token = {"Authorization": good["Authorization"]}
    refused = [
        (await _both(intake, ordinary, **ask, headers=token | purpose)).status_code
        for purpose in ({}, {"Purpose": "Ngintip!"}, {"Purpose": "curiosity"}, {"Purpose": "case-handling"})
    ]
    assert refused == [400, 422, 422, 403]


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["12.74.03.1002", "PIP", "0812-0000-9901", "1985-08-17", "yes", "P", "client", "\ud800"]),
)
_PARTS = {
    "channel": _VALUES,
    "village_code": _VALUES | st.just("12.74.03.1002"),
    "visit_date": _VALUES,
    "persons": st.lists(
        st.dictionaries(st.sampled_from(["relation", "name", "nik", "birth_date", "sex", "x"]), _VALUES), max_size=2
    ),
    "contact": st.dictionaries(st.sampled_from(["phone", "email", "language", "kk_number", "address"]), _VALUES),
    "needs": st.lists(
        st.dictionaries(st.sampled_from(["need_code", "person_ref", "urgent", "description", "attributes"]), _VALUES),
        max_size=2,
    ),
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.fixed_dictionaries({}, optional=_PARTS))
async def test_any_body_is_answered_alike(changes: dict[str, Any], intake: Any, ordinary: Any, made: Any) -> None:
    body = json.dumps(made.registration(**changes)).encode()
    headers = intake.token() | {"Idempotency-Key": "own", "Content-Type": "application/json"}
    await _both(intake, ordinary, method="POST", url="/v1/cases", content=body, headers=headers)
