"""Commands over HTTP on a real database: repeated, concurrent, stale, failed, and while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response
from pydantic import BaseModel

from slrt_kit.db import Database, StaleVersionError, UnitOfWork
from slrt_kit.http.app import build_app
from slrt_kit.http.auth import Authorized, TokenVerifier, require
from slrt_kit.http.bodies import Body
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_kit.problems import NotFoundError, ProblemError, Text
from slrt_kit.testing import TestIssuer, api_client, eventually


class Wish(Body):
    note: str


class Thing(BaseModel):
    id: int
    note: str


class NotTodayError(ProblemError):
    slug, status = "not-today", 409
    title = Text("Tidak hari ini", "Not today")


class Hooks:
    """What a test hangs into the command: awaited between the effect and the commit."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.entered = asyncio.Event()
        self.go_on: asyncio.Event | None = None

    async def __call__(self) -> None:
        self.entered.set()
        if self.go_on is not None:
            await self.go_on.wait()
        if self.error is not None:
            raise self.error


def routes_with(hooks: Hooks) -> APIRouter:
    router = APIRouter()

    @router.post("/things", status_code=201)
    async def make(body: Wish, request: Annotated[Command, command("intake.case.register")]) -> Response:
        async def work(unit: UnitOfWork) -> Answer:
            made = await unit.connection.value(
                "INSERT INTO things (note) VALUES (%(note)s) RETURNING id", {"note": body.note}
            )
            await hooks()
            thing = Thing(id=int(made or 0), note=body.note)
            return Answer(thing, status=201, version=1, headers={"Location": f"/things/{made}"})

        return await request.run(work)

    @router.post("/things/{thing_id}/change")
    async def change(
        thing_id: int, body: Wish, request: Annotated[Command, command("intake.case.register")]
    ) -> Response:
        expected = request.expected_version

        async def work(unit: UnitOfWork) -> Answer:
            found = await unit.connection.value("SELECT version FROM things WHERE id = %(id)s", {"id": thing_id})
            if found is None:
                raise NotFoundError
            check_version(expected, found)
            await hooks()
            changed = await unit.connection.run(
                "UPDATE things SET note = %(note)s, version = version + 1 WHERE id = %(id)s AND version = %(version)s",
                {"note": body.note, "id": thing_id, "version": expected},
            )
            if changed != 1:
                raise StaleVersionError
            return Answer(Thing(id=thing_id, note=body.note), version=expected + 1)

        return await request.run(work)

    @router.get("/things/{thing_id}")
    async def get(thing_id: int, response: Response, _: Annotated[Authorized, require("intake.case.read")]) -> Thing:
        async with hooks_database(hooks).read() as session:
            row = await session.one("SELECT note, version FROM things WHERE id = %(id)s", {"id": thing_id})
        response.headers["ETag"] = etag(row.version)
        return Thing(id=thing_id, note=row.note)

    return router


def hooks_database(hooks: Hooks) -> Database:
    database: Database = hooks.database  # type: ignore[attr-defined]
    return database


@pytest.fixture
def hooks(database: Database) -> Hooks:
    made = Hooks()
    made.database = database  # type: ignore[attr-defined]
    return made


@pytest.fixture
def app(database: Database, hooks: Hooks, token_issuer: TestIssuer, rows: Any) -> FastAPI:
    rows.run(
        "CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL, "
        "version bigint NOT NULL DEFAULT 1)"
    )
    return build_app(
        title="Things",
        description="",
        version="1",
        package="slrt_intake",
        routers=[routes_with(hooks)],
        database=database,
        verifier=TokenVerifier(
            issuer=token_issuer.issuer,
            audience="slrt",
            jwks_url=token_issuer.jwks_url,
            client=token_issuer.client(),
        ),
    )


@pytest.fixture
async def client(app: FastAPI, token_issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app, **token_issuer.headers("facilitator", region="12.74", sub="first")) as opened:
        yield opened


async def make(client: httpx.AsyncClient, note: str = "a", *, key: str = "k1", **headers: str) -> httpx.Response:
    return await client.post("/v1/things", json={"note": note}, headers={"Idempotency-Key": key, **headers})


def slug(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json", response.text
    kind: str = response.json()["type"]
    return kind.removeprefix("urn:slrt:problem:")


def things(rows: Any) -> list[tuple[int, str, int]]:
    found: list[tuple[int, str, int]] = rows.all("SELECT id, note, version FROM things ORDER BY id")
    return found


async def test_a_repeated_command_gets_the_first_answer_again_with_its_headers(
    client: httpx.AsyncClient, rows: Any
) -> None:
    first = await make(client)
    again = await make(client)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("etag", "location", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["etag"] == '"1"'
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert things(rows) == [(1, "a", 1)]


async def test_the_same_key_with_another_body_address_or_version_is_refused(
    client: httpx.AsyncClient, rows: Any
) -> None:
    await make(client)
    assert slug(await make(client, "b")) == "idempotency-key-reused"
    other_address = await client.post(
        "/v1/things/1/change", json={"note": "a"}, headers={"Idempotency-Key": "k1", "If-Match": '"1"'}
    )
    assert (other_address.status_code, slug(other_address)) == (422, "idempotency-key-reused")
    other_query = await client.post("/v1/things?x=1", json={"note": "a"}, headers={"Idempotency-Key": "k1"})
    assert slug(other_query) == "idempotency-key-reused"
    assert slug(await make(client, **{"If-Match": '"1"'})) == "idempotency-key-reused"
    assert things(rows) == [(1, "a", 1)]


async def test_a_key_belongs_to_its_caller(
    app: FastAPI, client: httpx.AsyncClient, token_issuer: TestIssuer, rows: Any
) -> None:
    await make(client)
    async with api_client(app, **token_issuer.headers("facilitator", region="12.74", sub="second")) as other:
        answer = await make(other, "b")
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers
    assert [note for _, note, _ in things(rows)] == ["a", "b"]


async def test_two_equal_commands_at_once_have_one_effect_and_one_answer(
    client: httpx.AsyncClient, hooks: Hooks, rows: Any
) -> None:
    hooks.go_on = asyncio.Event()
    first = asyncio.create_task(make(client))
    await hooks.entered.wait()
    second = asyncio.create_task(make(client))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    await eventually(lambda: rows.one(waiting) == 1, what="the second waits for the first")
    assert not second.done()
    hooks.go_on.set()
    answers = [await first, await second]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert ["idempotency-replayed" in answer.headers for answer in answers] == [False, True]
    assert len(things(rows)) == 1


async def test_when_the_first_of_two_equal_commands_fails_the_second_is_carried_out(
    client: httpx.AsyncClient, hooks: Hooks, rows: Any
) -> None:
    hooks.go_on = asyncio.Event()
    hooks.error = NotTodayError()
    first = asyncio.create_task(make(client))
    await hooks.entered.wait()
    second = asyncio.create_task(make(client))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    await eventually(lambda: rows.one(waiting) == 1, what="the second waits for the first")
    hooks.go_on.set()
    assert slug(await first) == "not-today"
    assert slug(await second) == "not-today"
    hooks.error = None
    assert (await make(client)).status_code == 201
    assert len(things(rows)) == 1


@pytest.mark.parametrize("error", [NotTodayError(), ZeroDivisionError()], ids=lambda error: type(error).__name__)
async def test_a_failed_command_leaves_no_trace_and_may_be_repeated(
    client: httpx.AsyncClient, hooks: Hooks, rows: Any, error: Exception
) -> None:
    hooks.error = error
    assert (await make(client)).status_code in (409, 500)
    assert things(rows) == []
    assert rows.one("SELECT count(*) FROM idempotency") == 0
    hooks.error = None
    answer = await make(client)
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_a_command_on_a_thing_names_the_version_that_the_caller_has_read(
    client: httpx.AsyncClient, rows: Any
) -> None:
    await make(client)

    async def change(if_match: str | None, key: str) -> httpx.Response:
        headers = {"Idempotency-Key": key} | ({} if if_match is None else {"If-Match": if_match})
        return await client.post("/v1/things/1/change", json={"note": "b"}, headers=headers)

    missing = await change(None, "c1")
    assert (missing.status_code, slug(missing)) == (428, "precondition-required")
    for wrong in ('"0"', '"2"', '"x"', "*"):
        stale = await change(wrong, "c2")
        assert (stale.status_code, slug(stale)) == (412, "stale-version")
    assert things(rows) == [(1, "a", 1)]
    done = await change((await client.get("/v1/things/1")).headers["etag"], "c3")
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    repeated = await change('"1"', "c3")
    assert (repeated.status_code, repeated.headers["etag"]) == (200, '"2"'), "though the version has moved on"
    assert slug(await change('"1"', "c4")) == "stale-version"
    assert things(rows) == [(1, "b", 2)]


async def test_of_two_commands_on_the_same_version_at_once_one_is_stale(
    client: httpx.AsyncClient, hooks: Hooks, rows: Any
) -> None:
    await make(client)
    hooks.entered.clear()
    hooks.go_on = asyncio.Event()

    def change(key: str) -> asyncio.Task[httpx.Response]:
        headers = {"Idempotency-Key": key, "If-Match": '"1"'}
        return asyncio.create_task(client.post("/v1/things/1/change", json={"note": key}, headers=headers))

    both = [change("c1"), change("c2")]
    await hooks.entered.wait()
    hooks.go_on.set()
    answers = await asyncio.gather(*both)
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert things(rows)[0][2] == 2


async def test_while_the_database_is_away_nothing_is_promised_and_afterwards_the_same_command_works(
    client: httpx.AsyncClient, rows: Any, stoppable_postgres: Any
) -> None:
    await make(client)
    stoppable_postgres.stop()
    for _ in range(3):
        answer = await make(client, "b", key="k2")
        assert (answer.status_code, slug(answer)) == (503, "service-unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/livez")).status_code == 200
    stoppable_postgres.start()
    again = await make(client, "b", key="k2")
    assert (again.status_code, again.json()["note"]) == (201, "b")
    assert [note for _, note, _ in things(rows)] == ["a", "b"]


async def test_a_database_killed_in_the_middle_of_a_command_promises_nothing(
    client: httpx.AsyncClient, hooks: Hooks, rows: Any, stoppable_postgres: Any
) -> None:
    hooks.go_on = asyncio.Event()
    answer = asyncio.create_task(make(client))
    await hooks.entered.wait()
    stoppable_postgres.kill()
    hooks.go_on.set()
    assert slug(await answer) == "service-unavailable"
    stoppable_postgres.start()
    assert things(rows) == []
    assert (await make(client)).status_code == 201
    assert len(things(rows)) == 1


async def test_more_callers_than_connections_wait_their_turn_or_are_told_to_come_again(
    client: httpx.AsyncClient, hooks: Hooks, rows: Any
) -> None:
    answers = await asyncio.gather(*[make(client, str(number), key=f"k{number}") for number in range(40)])
    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert len(things(rows)) == len(made)
    assert made
