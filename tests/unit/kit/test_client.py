"""Claim checks: what will pass is transient, what is a refusal is rejected, and the token is our own."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from slrt_kit.clock import new_uuid7
from slrt_kit.http.client import ServiceClient
from slrt_kit.messaging.errors import RejectedError, TransientError
from slrt_kit.testing import PlayedHttp

EVENT = new_uuid7()
Answer = httpx.Response | Exception


class Owner:
    """The other service and the issuer, as one transport; ``answers`` are given in turn, the last one for ever."""

    def __init__(self, *answers: Answer, token: Callable[[], Answer] | None = None) -> None:
        self.answers = list(answers) or [httpx.Response(200, json={"ok": True})]
        self.token = token or (lambda: httpx.Response(200, json={"access_token": "t", "expires_in": 300}))
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path == "/token":
            return self._give(self.token())
        return self._give(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    @staticmethod
    def _give(answer: Answer) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]


def client_of(owner: Owner) -> ServiceClient:
    return ServiceClient(
        base_url="http://owner.test/",
        token_url="http://issuer.test/token",
        client_id="slrt-registry",
        client_secret=SecretStr("hush"),
        client=PlayedHttp(httpx.MockTransport(owner)),
    )


async def get(client: ServiceClient, event_id: UUID = EVENT) -> Any:
    return await client.get("/v1/cases/1/parties", purpose="registry-record", event_id=event_id)


async def test_a_claim_check_says_who_asks_what_for_and_because_of_which_event() -> None:
    owner = Owner()
    assert await get(client_of(owner)) == {"ok": True}
    token, asked = owner.asked
    assert b"grant_type=client_credentials" in token.content
    assert str(asked.url) == "http://owner.test/v1/cases/1/parties"
    assert asked.headers["authorization"] == "Bearer t"
    assert asked.headers["purpose"] == "registry-record"
    assert asked.headers["x-request-id"] == str(EVENT)


@pytest.mark.parametrize(
    "answer",
    [
        *[httpx.Response(status) for status in (408, 425, 429, 500, 502, 503, 504)],
        httpx.ConnectError("away"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(200, text="<html>a proxy's page</html>"),
        httpx.Response(200, content=b""),
    ],
    ids=repr,
)
async def test_what_will_pass_is_transient(answer: Answer) -> None:
    with pytest.raises(TransientError):
        await get(client_of(Owner(answer)))


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410, 422])
async def test_a_refusal_is_a_rejection_without_what_was_said(status: int) -> None:
    with pytest.raises(RejectedError) as caught:
        await get(client_of(Owner(httpx.Response(status, text="Siti Uji"))))
    assert caught.value.reason == f"claim check answered {status}"


@pytest.mark.parametrize(
    "token",
    [
        httpx.ConnectError("away"),
        httpx.Response(503),
        httpx.Response(401),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"access_token": "t", "expires_in": "soon"}),
    ],
    ids=repr,
)
async def test_an_issuer_that_gives_no_token_is_transient(token: Answer) -> None:
    with pytest.raises(TransientError):
        await get(client_of(Owner(token=lambda: token)))


async def test_a_token_is_fetched_once_also_when_many_ask_at_once() -> None:
    owner = Owner()
    client = client_of(owner)
    await asyncio.gather(*[get(client) for _ in range(10)])
    assert owner.paths().count("/token") == 1


async def test_a_refused_token_is_renewed_once_and_then_it_is_a_fault_that_passes() -> None:
    owner = Owner(httpx.Response(401), httpx.Response(200, json={"ok": True}))
    assert await get(client_of(owner)) == {"ok": True}
    assert owner.paths() == ["/token", "/v1/cases/1/parties"] * 2

    stubborn = Owner(httpx.Response(401))
    with pytest.raises(TransientError):
        await get(client_of(stubborn))
    assert len(stubborn.asked) == 4


async def test_a_token_that_is_about_to_end_is_renewed() -> None:
    owner = Owner(token=lambda: httpx.Response(200, json={"access_token": "t", "expires_in": 10}))
    client = client_of(owner)
    for _ in range(2):
        await get(client)
    assert owner.paths().count("/token") == 2
