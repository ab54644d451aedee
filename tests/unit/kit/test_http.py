"""The HTTP face of every service: each failure is a problem of its own, in the caller's language, without values."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import Field

from slrt_kit.db import Database
from slrt_kit.http.app import build_app
from slrt_kit.http.auth import Authorized, TokenVerifier, require
from slrt_kit.http.bodies import Body
from slrt_kit.http.commands import Command, command
from slrt_kit.http.context import MAX_BODY_BYTES
from slrt_kit.problems import ProblemError, Text
from slrt_kit.testing import TestIssuer, api_client

NIK = "1274050101909001"


class Note(Body):
    name: Annotated[str, Field(max_length=20)]
    count: int = 0


class TeapotError(ProblemError):
    slug, status = "teapot", 418
    title = Text("Ini teko", "This is a teapot")


router = APIRouter()


@router.post("/notes")
async def take(note: Note, _: Annotated[Authorized, require("intake.case.register")]) -> dict[str, str]:
    return {"name": note.name}


@router.post("/commands")
async def order(note: Note, request: Annotated[Command, command("intake.case.register")]) -> dict[str, str]:
    return {"key": request.key, "name": note.name}


@router.get("/teapot")
async def teapot() -> None:
    raise TeapotError(Text("Bukan kopi", "No coffee"), size=3)


@router.get("/crash")
async def crash() -> None:
    raise ZeroDivisionError(NIK)


@router.get("/stored")
async def stored(authorized: Annotated[Authorized, require("intake.case.read")]) -> None:
    async with app_database.read():
        raise AssertionError("nothing answers here")


app_database = Database("postgresql://nobody:secret-word@127.0.0.1:9/none")


@pytest.fixture(scope="module")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture(scope="module")
def app(issuer: TestIssuer) -> FastAPI:
    verifier = TokenVerifier(issuer=issuer.issuer, audience="slrt", jwks_url=issuer.jwks_url, client=issuer.client())
    return build_app(
        title="Test",
        description="",
        version="1",
        package="slrt_intake",
        routers=[router],
        database=app_database,
        verifier=verifier,
    )


@pytest.fixture
async def client(app: FastAPI, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app, **issuer.headers("facilitator", region="12.74")) as opened:
        yield opened


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:slrt:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


async def test_no_token_a_bad_one_an_expired_one_and_a_wrong_role_are_four_problems(
    app: FastAPI, issuer: TestIssuer
) -> None:
    async def ask(**headers: str) -> httpx.Response:
        async with api_client(app, **headers) as client:
            return await client.post("/v1/notes", json={"name": "x"})

    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        response = await ask(**headers)
        problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")
    problem(await ask(Authorization="Bearer nonsense"), 401, "token-invalid")
    problem(await ask(**issuer.headers("facilitator", ttl=-5)), 401, "token-expired")
    problem(await ask(**issuer.headers("opd_officer", office="12.74.PUPR")), 403, "forbidden")
    assert (await ask(**issuer.headers("facilitator"))).status_code == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"name": "x"', b"name=x", b"\xff\xfe{}", b"[" * 100_000, b'{"name": ' + b"9" * 5000 + b"}"],
    ids=["empty", "brace", "cut", "form", "no text", "deep", "long number"],
)
async def test_what_is_no_json_is_told_apart_from_what_does_not_fit(client: httpx.AsyncClient, content: bytes) -> None:
    response = await client.post("/v1/notes", content=content, headers={"Content-Type": "application/json"})
    if content:
        problem(response, 400, "malformed-json")
    else:
        problem(response, 422, "invalid-request")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/body/name"),
        ([], "/body"),
        ("x", "/body"),
        (None, "/body"),
        ({"name": 5}, "/body/name"),
        ({"name": None}, "/body/name"),
        ({"name": NIK * 2}, "/body/name"),
        ({"name": "x\x00"}, "/body/name"),
        ({"name": "x", "count": NIK + "x"}, "/body/count"),
        ({"name": "x", "nik": NIK}, "/body/nik"),
    ],
    ids=str,
)
async def test_a_request_that_does_not_fit_names_the_place_and_never_the_value(
    client: httpx.AsyncClient, body: Any, pointer: str
) -> None:
    response = await client.post("/v1/notes", content=json.dumps(body), headers={"Content-Type": "application/json"})
    found = problem(response, 422, "invalid-request")
    assert pointer in [error["pointer"] for error in found["errors"]]
    assert NIK not in response.text


async def test_a_lone_surrogate_is_refused_and_not_stored(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/notes", content=rb'{"name": "\ud800"}', headers={"Content-Type": "application/json"}
    )
    problem(response, 422, "invalid-request")


async def test_the_language_of_a_problem_is_the_callers(client: httpx.AsyncClient) -> None:
    for asked, language, title, detail in (
        ("id", "id", "Ini teko", "Bukan kopi"),
        ("id-ID,en;q=0.5", "id", "Ini teko", "Bukan kopi"),
        ("en", "en", "This is a teapot", "No coffee"),
        ("en-GB,id;q=0.8", "en", "This is a teapot", "No coffee"),
        ("", "id", "Ini teko", "Bukan kopi"),
        ("fr, *", "id", "Ini teko", "Bukan kopi"),
        ("enough", "id", "Ini teko", "Bukan kopi"),
        ("en;q=0, id", "id", "Ini teko", "Bukan kopi"),
        ("id;q=0.3, en;q=0.9", "en", "This is a teapot", "No coffee"),
    ):
        response = await client.get("/v1/teapot", headers={"Accept-Language": asked})
        body = problem(response, 418, "teapot")
        assert (body["title"], body["detail"], body["size"]) == (title, detail, 3), asked
        assert response.headers["content-language"] == language


async def test_an_unknown_address_and_a_wrong_method_are_problems_too(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/nothing"), 404, "not-found")
    problem(await client.get("/nothing"), 404, "not-found")
    response = await client.get("/v1/notes")
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


async def test_a_body_over_the_limit_is_refused_whether_announced_or_not(client: httpx.AsyncClient) -> None:
    fitting = json.dumps({"name": "x"}).encode()
    large = fitting + b" " * MAX_BODY_BYTES

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 10_000):
            yield large[start : start + 10_000]

    for content in (large, chunks()):
        response = await client.post("/v1/notes", content=content, headers={"Content-Type": "application/json"})
        problem(response, 413, "body-too-large")
    almost = fitting + b" " * (MAX_BODY_BYTES - len(fitting))
    response = await client.post("/v1/notes", content=almost, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


async def test_a_crash_tells_the_caller_nothing_but_an_id_to_ask_about(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/crash", headers={"X-Request-Id": "ask-me"})
    body = problem(response, 500, "internal-error")
    assert body["request_id"] == "ask-me"
    assert NIK not in response.text
    assert "ZeroDivision" not in response.text


async def test_a_database_that_is_away_is_503_with_retry_after(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/stored")
    problem(response, 503, "service-unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "secret-word" not in response.text


async def test_health_without_a_database_is_alive_and_not_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez")).status_code == 200
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "2")
    metrics = await client.get("/metrics")
    assert 'slrt_http_request_seconds_count{method="GET",route="/crash",status="5xx"}' in metrics.text
    assert "slrt_database_up 0.0" in metrics.text
    assert "slrt_outbox_oldest_seconds NaN" in metrics.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [(b"abc-123", True), (b"x" * 200, False), (b"", False), (b"a\tb", False), (b"\xe9", False)],
)
async def test_a_request_id_is_kept_when_it_is_fit_to_be_written_down(
    client: httpx.AsyncClient, given: bytes, kept: bool
) -> None:
    response = await client.get("/livez", headers={b"X-Request-Id": given})
    back = response.headers["x-request-id"]
    assert back.isascii()
    assert back.isprintable()
    assert 0 < len(back) <= 100
    assert (back.encode() == given) == kept


@pytest.mark.parametrize("key", [None, "", "k" * 201])
async def test_a_command_needs_an_idempotency_key_of_a_fitting_length(
    client: httpx.AsyncClient, key: str | None
) -> None:
    headers = {} if key is None else {"Idempotency-Key": key}
    response = await client.post("/v1/commands", json={"name": "x"}, headers=headers)
    if key is not None and key:
        problem(response, 422, "invalid-request")
    else:
        problem(response, 400, "idempotency-key-required")


async def test_a_command_is_refused_before_its_body_is_looked_at_when_the_caller_may_not(
    app: FastAPI, issuer: TestIssuer
) -> None:
    async with api_client(app, **issuer.headers("resident")) as client:
        response = await client.post("/v1/commands", json={"wrong": 1}, headers={"Idempotency-Key": "k"})
        problem(response, 403, "forbidden")
    async with api_client(app) as client:
        problem(await client.post("/v1/commands", json={"wrong": 1}), 401, "unauthenticated")


async def test_the_document_says_which_problems_may_come(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    responses = document["paths"]["/v1/notes"]["post"]["responses"]
    assert "application/problem+json" in responses["422"]["content"]
    assert "application/problem+json" in responses["503"]["content"]
    assert document["paths"]["/v1/notes"]["post"]["security"]
