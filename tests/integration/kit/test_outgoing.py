"""Asking other servers: the real client over loopback, and the played one that other tests use, by the same class."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slrt_kit.http import outgoing
from slrt_kit.http.outgoing import HttpClient, UnreachableError
from slrt_kit.runtime import serve
from slrt_kit.testing import PlayedHttp, eventually, running

asked: list[str] = []


async def echo(request: Request) -> Response:
    asked.append(request.url.path)
    body = (await request.body()).decode()
    said = {"method": request.method, "query": request.url.query, "body": body, "headers": dict(request.headers)}
    return JSONResponse(
        said, status_code=int(request.headers.get("answer", "200")), headers={"Set-Cookie": "session=1; Path=/"}
    )


async def elsewhere(_: Request) -> Response:
    return Response(b"<html>", status_code=302, headers={"Location": "/echo"})


SERVER = Starlette(routes=[Route("/echo", echo, methods=["GET", "POST"]), Route("/elsewhere", elsewhere)])


@pytest.fixture
def nobody() -> str:
    """An address that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


class TestEveryClient:
    """What both keep."""

    @pytest.fixture(params=["real", "played"])
    async def at(self, request: pytest.FixtureRequest, http: HttpClient, nobody: str) -> AsyncIterator[str]:
        """Where the server is; ``self.http`` reaches it."""
        asked.clear()
        if request.param == "played":
            self.http: HttpClient = PlayedHttp(httpx.ASGITransport(SERVER))
            yield "http://played.test"
            return
        self.http = http
        port = int(nobody.rpartition(":")[2])
        async with running(lambda stop: serve(SERVER, host="127.0.0.1", port=port, stop=stop)):
            await eventually(lambda: _answers(port), what="the server answers")
            yield nobody

    async def test_method_query_headers_and_body_arrive_as_given(self, at: str) -> None:
        reply = await self.http.request("POST", f"{at}/echo?a=%20b", headers={"Purpose": "a-test"}, content=b'{"a":1}')
        said = reply.json()
        assert (reply.status, said["method"], said["query"], said["body"]) == (200, "POST", "a=%20b", '{"a":1}')
        assert said["headers"]["purpose"] == "a-test"
        said = (await self.http.request("GET", f"{at}/echo")).json()
        assert (said["method"], said["body"]) == ("GET", "")

    @pytest.mark.parametrize("status", [200, 204, 299, 300, 400, 404, 500, 503, 599])
    async def test_every_status_is_an_answer(self, at: str, status: int) -> None:
        reply = await self.http.request("GET", f"{at}/echo", headers={"answer": str(status)})
        assert reply.status == status
        assert (reply.is_success, reply.is_server_error) == (200 <= status < 300, status >= 500)

    async def test_no_redirect_is_followed_and_what_is_no_json_is_said_so(self, at: str) -> None:
        reply = await self.http.request("GET", f"{at}/elsewhere")
        assert (reply.status, asked) == (302, [])
        with pytest.raises(ValueError, match="unexpected"):
            reply.json()

    async def test_no_cookie_is_kept(self, at: str) -> None:
        for _ in range(2):
            reply = await self.http.request("GET", f"{at}/echo")
        assert "cookie" not in reply.json()["headers"]

    async def test_a_body_that_nobody_wants_is_not_read_and_the_next_request_goes(self, at: str) -> None:
        for _ in range(3):
            reply = await self.http.request("POST", f"{at}/echo", content=b"x", reads_body=False)
            assert (reply.status, reply.body) == (200, b"")
        assert len(asked) == 3


async def test_a_played_server_that_is_away_is_unreachable() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away", request=request)

    with pytest.raises(UnreachableError, match="ConnectError"):
        await PlayedHttp(httpx.MockTransport(away)).request("GET", "http://played.test/")


async def test_where_nobody_listens_is_unreachable(http: HttpClient, nobody: str) -> None:
    with pytest.raises(UnreachableError, match="ClientConnectorError"):
        await http.request("GET", nobody)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def says_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def says_something_else(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.test ESMTP\r\n")
    await writer.drain()


async def cuts_the_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()


async def is_slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    await writer.drain()


async def has_no_end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"400\r\n" + b" " * 1024 + b"\r\n")
        await writer.drain()


async def _at(talk: Talk) -> tuple[asyncio.Server, str]:
    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("talk", [says_nothing, says_something_else, cuts_the_body, is_slow, has_no_end])
async def test_an_answer_that_is_not_whole_is_none(
    http: HttpClient, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "_LARGEST_REPLY", 64 * 1024)
    server, url = await _at(talk)
    async with server:
        with pytest.raises(UnreachableError):
            await http.request("POST", url, content=b"{}", timeout=0.5 if talk is is_slow else 30)
        await http.close()


@pytest.mark.parametrize("talk", [is_slow, has_no_end, cuts_the_body])
async def test_whoever_wants_the_status_alone_does_not_wait_for_the_rest(http: HttpClient, talk: Talk) -> None:
    server, url = await _at(talk)
    async with server:
        reply = await http.request("POST", url, content=b"{}", reads_body=False)
        assert reply.status == 200
        await http.close()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True
