"""URLs that others have set, over real connections: the address that was judged is the one that is reached."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from slrt_kit.http import outgoing
from slrt_kit.http.destinations import Destinations, ForbiddenDestinationError
from slrt_kit.http.outgoing import HttpClient, UnreachableError

INSIDE, OUTSIDE = "127.0.0.1", "127.0.0.2"
"""Two addresses of this machine: the one that nothing may reach, and the office's."""


class OnlyOutside(Destinations):
    """As the product's, with `OUTSIDE` for a public address; a test reaches no real one."""

    def admits(self, address: str, **_: object) -> bool:
        """Only the office's address."""
        return address == OUTSIDE


class Rebinding(AbstractResolver):
    """Says the office's address first and the inner one from then on, to whoever asks again."""

    def __init__(self) -> None:
        self.asked = 0
        self._system = ThreadedResolver()

    async def resolve(
        self,
        host: str,  # noqa: ARG002 — its answer is the same for every name
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> list[ResolveResult]:
        self.asked += 1
        return await self._system.resolve(OUTSIDE if self.asked == 1 else INSIDE, port, family)

    async def close(self) -> None:
        await self._system.close()


class Place:
    """The same port on both addresses; who was reached is on record."""

    def __init__(self, answer: bytes = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n") -> None:
        self.reached: list[str] = []
        self.answer = answer
        self.port = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.append(str(writer.get_extra_info("sockname")[0]))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()

    async def open(self) -> list[asyncio.Server]:
        outside = await asyncio.start_server(self._talk, OUTSIDE, 0)
        self.port = outside.sockets[0].getsockname()[1]
        return [outside, await asyncio.start_server(self._talk, INSIDE, self.port)]


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    servers = await made.open()
    yield made
    for server in servers:
        server.close()


async def test_a_name_that_changes_its_address_after_it_was_judged_leads_nowhere_else(place: Place) -> None:
    resolver = Rebinding()
    origin = ("http", "office.test", place.port)
    client = HttpClient(OnlyOutside(origins=frozenset({origin})), resolver=resolver)
    url = f"http://office.test:{place.port}/notices"
    assert (await client.request("POST", url, content=b"{}")).status == 204
    assert resolver.asked == 1
    with pytest.raises(ForbiddenDestinationError):
        await client.request("POST", url, content=b"{}")
    await client.close()
    assert place.reached == [OUTSIDE]


@pytest.mark.parametrize("host", [INSIDE, "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_what_is_not_listed_is_not_reached_by_any_spelling(place: Place, host: str) -> None:
    client = HttpClient(Destinations())
    for scheme in ("http", "https"):
        with pytest.raises(ForbiddenDestinationError):
            await client.request("GET", f"{scheme}://{host}:{place.port}/")
    with pytest.raises(ForbiddenDestinationError):
        await client.request("GET", f"https://{host}/")
    await client.close()
    assert place.reached == []


async def test_a_redirect_to_the_inside_is_an_answer_and_no_address(place: Place) -> None:
    place.answer = (
        f"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{INSIDE}:{place.port}/\r\n".encode()
        + b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    client = HttpClient(Destinations.parse(f"http://{OUTSIDE}:{place.port}"))
    assert (await client.request("GET", f"http://{OUTSIDE}:{place.port}/")).status == 307
    await client.close()
    assert place.reached == [OUTSIDE]


async def test_an_answer_without_end_is_cut(place: Place) -> None:
    size = outgoing._LARGEST_FOREIGN_REPLY + 1
    place.answer = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + b" " * size
    client = HttpClient(Destinations.parse(f"http://{OUTSIDE}:{place.port}"))
    with pytest.raises(UnreachableError):
        await client.request("GET", f"http://{OUTSIDE}:{place.port}/")
    await client.close()


async def test_no_proxy_of_the_environment_is_asked_to_resolve_it_once_more(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{INSIDE}:{place.port}")
    client = HttpClient(Destinations.parse(f"http://{OUTSIDE}:{place.port}"))
    assert (await client.request("GET", f"http://{OUTSIDE}:{place.port}/")).status == 204
    await client.close()
    assert place.reached == [OUTSIDE]
