"""Read your own writes: a read that carries a position waits until the event has been applied here."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from slrt_contracts.events import CaseClosed, CaseRegistered, Event
from slrt_kit.db import Database
from slrt_kit.http.app import build_app
from slrt_kit.http.auth import Authorized, TokenVerifier, require
from slrt_kit.http.positions import Position
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import IgnoredError, RejectedError
from slrt_kit.messaging.handlers import Handlers
from slrt_kit.messaging.processor import Outcome, Processor, envelope_of
from slrt_kit.testing import TestIssuer, api_client, case_registered, eventually, raw_event

GROUP = "slrt.test.kit"


class Count(BaseModel):
    effects: int


def routes_on(database: Database) -> APIRouter:
    router = APIRouter()

    @router.get("/effects")
    async def effects(_: Annotated[Authorized, require("intake.case.read")]) -> Count:
        async with database.read() as session:
            return Count(effects=await session.value("SELECT count(*) FROM effects"))

    return router


@pytest.fixture(params=["by FastAPI", "by the fast lane"])
async def client(
    request: pytest.FixtureRequest, database: Database, token_issuer: TestIssuer
) -> AsyncIterator[httpx.AsyncClient]:
    """A service whose reads show what the group has applied of registered cases."""
    handlers = Handlers[Any]()

    @handlers.on(CaseRegistered)
    async def applied(*_: Any) -> None:
        raise AssertionError("the processor of the test applies")

    router = routes_on(database)
    app = build_app(
        title="Effects",
        description="",
        version="1",
        package="slrt_intake",
        routers=[router],
        fast={router.routes[0].endpoint: None} if request.param == "by the fast lane" else {},  # type: ignore[attr-defined]
        database=database,
        verifier=TokenVerifier(
            issuer=token_issuer.issuer,
            audience="slrt",
            jwks_url=token_issuer.jwks_url,
            client=token_issuer.client(),
        ),
        consumers={GROUP: handlers},
    )
    async with api_client(app, **token_issuer.headers("facilitator", region="12.74", sub="first")) as opened:
        yield opened


def position_of(raw: RawEvent, event: type[Event] = CaseRegistered) -> str:
    return Position.of([(envelope_of(raw).id, event.TYPE)]).encode()


@pytest.fixture
def raw() -> RawEvent:
    return raw_event(case_registered())


async def read(client: httpx.AsyncClient, position: str, **headers: str) -> httpx.Response:
    return await client.get("/v1/effects", headers={"Slrt-Position": position, **headers})


async def test_what_is_no_position_is_refused(client: httpx.AsyncClient) -> None:
    answer = await read(client, "42")
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:slrt:problem:position-malformed"
    assert (await read(client, "x" * 9000)).status_code == 422


async def test_nobody_waits_before_he_has_said_who_he_is(client: httpx.AsyncClient, raw: RawEvent) -> None:
    answer = await read(client, position_of(raw), Authorization="Bearer x")
    assert answer.status_code == 401


async def test_a_read_waits_until_the_event_has_been_applied(
    client: httpx.AsyncClient, raw: RawEvent, processor: Processor[Any]
) -> None:
    assert (await client.get("/v1/effects")).json() == {"effects": 0}
    reading = asyncio.create_task(read(client, position_of(raw), Prefer="wait=10"))
    await asyncio.sleep(0.1)
    assert not reading.done()
    await processor.process(raw)
    answer = await reading
    assert (answer.status_code, answer.json()) == (200, {"effects": 1})
    assert (await read(client, position_of(raw), Prefer="wait=0")).status_code == 200, "at once from now on"


async def test_a_read_that_waited_in_vain_is_told_when_to_come_again(client: httpx.AsyncClient, raw: RawEvent) -> None:
    answer = await read(client, position_of(raw), Prefer="respond-async, wait=1")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:slrt:problem:not-arrived-yet"
    assert answer.headers["Retry-After"] == "1"


async def test_an_event_that_is_parked_here_is_not_waited_for(
    client: httpx.AsyncClient, raw: RawEvent, processor: Processor[Any], script: Any
) -> None:
    script.before = raising(RejectedError("not yet"))
    assert await processor.process(raw) is Outcome.PARKED
    answer = await read(client, position_of(raw), Prefer="wait=10")
    assert answer.status_code == 409
    assert "held up" in (await read(client, position_of(raw), **{"Accept-Language": "en"})).json()["title"]
    assert int(answer.headers["Retry-After"]) > 1


async def test_an_event_that_this_service_lets_go_of_has_arrived(
    client: httpx.AsyncClient, raw: RawEvent, processor: Processor[Any], script: Any
) -> None:
    script.before = raising(IgnoredError())
    assert await processor.process(raw) is Outcome.IGNORED
    assert (await read(client, position_of(raw), Prefer="wait=0")).status_code == 200
    script.before = None
    assert await processor.process(raw) is Outcome.DUPLICATE


async def test_what_nobody_here_takes_is_not_waited_for(client: httpx.AsyncClient, raw: RawEvent) -> None:
    for token in (position_of(raw, CaseClosed), "intake.case-sung.v7~" + "A" * 22):
        assert (await read(client, token, Prefer="wait=0")).status_code == 200


async def test_all_of_several_positions_must_have_arrived(
    client: httpx.AsyncClient, raw: RawEvent, processor: Processor[Any]
) -> None:
    other = raw_event(case_registered())
    both = f"{position_of(raw)}, {position_of(other)}"
    await processor.process(raw)
    assert (await read(client, both, Prefer="wait=0")).status_code == 409
    await processor.process(other)
    assert (await read(client, both, Prefer="wait=0")).status_code == 200


async def test_the_database_away_is_said_and_the_next_read_waits_again(
    client: httpx.AsyncClient, raw: RawEvent, processor: Processor[Any], rows: Any
) -> None:
    reading = asyncio.create_task(read(client, position_of(raw), Prefer="wait=10"))
    await asyncio.sleep(0.05)
    rows.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    await processor.process(raw)
    assert (await reading).status_code in (200, 503)

    async def there() -> bool:
        return (await read(client, position_of(raw))).status_code == 200

    await eventually(there)


def raising(error: Exception) -> Callable[..., Any]:
    async def before(*_: Any) -> None:
        raise error

    return before
