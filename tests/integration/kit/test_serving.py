"""The server around an application: it ends what is in hand, and refuses what is too large on the wire too."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
from alembic.script import ScriptDirectory
from fastapi import APIRouter, FastAPI

from slrt_kit import migrations, schema
from slrt_kit.db import Database
from slrt_kit.http.app import build_app
from slrt_kit.http.bodies import Body
from slrt_kit.http.context import MAX_BODY_BYTES
from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.runtime import serve
from slrt_kit.testing import TestIssuer, api_client, eventually, running


class Note(Body):
    name: str


class Gate:
    """Holds a request inside the application."""

    def __init__(self) -> None:
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()
        self.holds_hot_ones = False


def application(database: Database, issuer: TestIssuer, gate: Gate) -> FastAPI:
    router = APIRouter()

    @router.post("/notes")
    async def take(note: Note) -> dict[str, str]:
        return {"name": note.name}

    @router.post("/hot")
    async def hot(note: Note) -> Note:
        if gate.holds_hot_ones:
            gate.entered.set()
            await gate.go_on.wait()
        return note

    @router.get("/slow")
    async def slow() -> str:
        gate.entered.set()
        await gate.go_on.wait()
        return "done"

    verifier = TokenVerifier(issuer=issuer.issuer, audience="slrt", jwks_url=issuer.jwks_url, client=issuer.client())
    return build_app(
        title="Test",
        description="",
        version="1",
        package="slrt_intake",
        routers=[router],
        fast={hot: 1},
        database=database,
        verifier=verifier,
    )


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def app(database: Database, token_issuer: TestIssuer, gate: Gate) -> FastAPI:
    return application(database, token_issuer, gate)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        chosen: int = probe.getsockname()[1]
        return chosen


async def answers(port: int) -> Any:
    async def alive() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
        except httpx.TransportError:
            return False

    return await eventually(alive, what="the server answers")


async def test_a_request_in_hand_is_finished_when_the_role_is_asked_to_stop(
    app: FastAPI, gate: Gate, port: int
) -> None:
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        running(lambda stop: serve(app, host="127.0.0.1", port=port, stop=stop)) as stop,
    ):
        await answers(port)
        slow = asyncio.create_task(client.get("/v1/slow"))
        await gate.entered.wait()
        stop.set()
        gate.go_on.set()
        assert (await slow).json() == "done"
    with pytest.raises(httpx.TransportError):
        async with httpx.AsyncClient() as late:
            await late.get(f"http://127.0.0.1:{port}/livez")


async def test_what_there_is_no_room_for_is_refused_unread_and_the_connection_goes_on(
    app: FastAPI, gate: Gate, port: int
) -> None:
    url = f"http://127.0.0.1:{port}"
    async with (
        running(lambda stop: serve(app, host="127.0.0.1", port=port, stop=stop)),
        httpx.AsyncClient(base_url=url) as first,
        httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=1)) as client,
    ):
        await answers(port)
        for _ in range(3):
            gate.holds_hot_ones = True
            held = asyncio.create_task(first.post("/v1/hot", json={"name": "held"}))
            await gate.entered.wait()
            own = 'mine"\\1'
            answer = await client.post("/v1/hot", json={"name": "x" * 20_000}, headers={"X-Request-Id": own})
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:slrt:problem:service-unavailable")
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert (int(answer.headers["Retry-After"]) > 0, answer.headers["Content-Language"]) == (True, "id")
            assert (answer.headers["X-Request-Id"], answer.json()["request_id"]) == (own, own)
            unread = b"not even JSON, and no token"
            refused = await client.post("/v1/hot", content=unread, headers={"Accept-Language": "en"})
            assert (refused.status_code, refused.headers["Content-Language"]) == (503, "en")
            assert (await client.post("/v1/notes", json={"name": "of another route"})).status_code == 200
            gate.go_on.set()
            assert (await held).json() == {"name": "held"}
            gate.holds_hot_ones = False
            gate.entered.clear()
            gate.go_on.clear()
            answer = await client.post("/v1/hot", json={"name": "x" * 20_000})
            assert (answer.status_code, len(answer.json()["name"])) == (200, 20_000)
            assert (await client.post("/v1/hot", content=unread)).status_code == 422


async def test_who_takes_long_to_send_his_body_takes_nobodys_place(app: FastAPI, port: int) -> None:
    going_on = asyncio.Event()

    async def slowly() -> Any:
        yield b'{"name": '
        await going_on.wait()
        yield b'"late"}'

    url, as_json = f"http://127.0.0.1:{port}", {"Content-Type": "application/json"}
    async with (
        running(lambda stop: serve(app, host="127.0.0.1", port=port, stop=stop)),
        httpx.AsyncClient(base_url=url) as phone,
        httpx.AsyncClient(base_url=url) as client,
    ):
        await answers(port)
        slow = asyncio.create_task(phone.post("/v1/hot", content=slowly(), headers=as_json))
        for _ in range(3):
            assert (await client.post("/v1/hot", json={"name": "quick"})).status_code == 200
        going_on.set()
        assert (await slow).json() == {"name": "late"}


async def test_a_caller_who_leaves_in_the_middle_frees_his_place(app: FastAPI, gate: Gate, port: int) -> None:
    gate.holds_hot_ones = True
    url = f"http://127.0.0.1:{port}"
    async with (
        running(lambda stop: serve(app, host="127.0.0.1", port=port, stop=stop)),
        httpx.AsyncClient(base_url=url) as client,
    ):
        await answers(port)
        leaving = asyncio.create_task(client.post("/v1/hot", json={"name": "leaves"}))
        await gate.entered.wait()
        leaving.cancel()
        await asyncio.wait([leaving])
        gate.holds_hot_ones = False
        gate.go_on.set()

        async def taken() -> bool:
            return (await client.post("/v1/hot", json={"name": "next"})).status_code == 200

        await eventually(taken, what="the place is free")


async def test_a_chunked_body_over_the_limit_is_a_problem_on_the_wire(app: FastAPI, port: int) -> None:
    async def endless() -> Any:
        for _ in range(MAX_BODY_BYTES // 1024 + 2):
            yield b" " * 1024

    async with running(lambda stop: serve(app, host="127.0.0.1", port=port, stop=stop)):
        await answers(port)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            response = await client.post("/v1/notes", content=endless(), headers={"Content-Type": "application/json"})
            assert response.status_code == 413
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["x-request-id"] == response.json()["request_id"]
            assert "server" not in response.headers
            assert (await client.post("/v1/notes", json={"name": "x"})).status_code == 200


@pytest.mark.parametrize("service", ["intake", "referral", "registry", "notification"])
def test_the_newest_migration_by_its_file_is_the_one_that_alembic_ends_at(service: str) -> None:
    package = f"slrt_{service}"
    found = ScriptDirectory.from_config(migrations._config(package, "postgresql://none")).get_heads()
    assert found == [schema.head(package)]


async def test_readiness_follows_the_schema_of_the_database(
    service_database: Any, token_issuer: TestIssuer, gate: Gate
) -> None:
    async def ready(url: str) -> tuple[int, str]:
        database = Database(url)
        async with api_client(application(database, token_issuer, gate)) as client:
            response = await client.get("/readyz")
        await database.close()
        return response.status_code, response.text

    empty = service_database.empty()
    assert (await ready(empty))[0] == 503
    await asyncio.gather(*[migrations.upgrade_async("slrt_intake", empty) for _ in range(3)])
    assert await ready(empty) == (200, "ready")
    migrated = service_database("intake")
    database = Database(migrated)
    async with database.unit_of_work() as work:
        await work.connection.run("UPDATE alembic_version SET version_num = '0000'")
        await work.commit()
    await database.close()
    assert await ready(migrated) == (503, "migrations pending")
