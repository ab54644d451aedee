"""The fault proxy itself: what each fault does to either side of a connection, open or new."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from slrt_kit.testing import FaultProxy, eventually
from slrt_local.net import free_port


@dataclass
class Echo:
    """A server that repeats what it hears and notes how connections end."""

    heard: list[bytes] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.heard.append(data)
                writer.write(data)
                await writer.drain()
            self.ends.append("in good order")
        except ConnectionError as error:
            self.ends.append(type(error).__name__)
        finally:
            writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, FaultProxy(f"127.0.0.1:{port}", port=free_port()) as made:
        yield made


@asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = proxy.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, size: int) -> bytes:
    async with asyncio.timeout(10):
        return await reader.readexactly(size)


async def is_silent(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.2):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_without_a_fault_everything_comes_through_and_an_end_is_told(proxy: FaultProxy, echo: Echo) -> None:
    much = bytes(range(256)) * 40_000
    async with connected(proxy) as (reader, writer):
        writer.write(much)
        assert await answer(reader, len(much)) == much
        writer.write_eof()
        assert await reader.read() == b""
    await eventually(lambda: echo.ends == ["in good order"])


async def test_with_latency_everything_comes_later_and_in_order(proxy: FaultProxy) -> None:
    async with connected(proxy) as (reader, writer):
        await proxy.latency(0.5)
        for each in (b"1", b"2", b"3"):
            writer.write(each)
            await asyncio.sleep(0.01)
        assert await is_silent(reader)
        assert await answer(reader, 3) == b"123"
    assert proxy.counts.delayed


async def test_a_black_hole_swallows_both_directions_until_it_is_healed(proxy: FaultProxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"before")
        assert await answer(reader, 6) == b"before"
        await proxy.black_hole()
        writer.write(b"during")
        async with connected(proxy) as (new_reader, new_writer):
            new_writer.write(b"new one")
            assert await is_silent(reader)
            assert await is_silent(new_reader)
            assert echo.heard == [b"before"]
            await proxy.heal()
            assert await answer(reader, 6) == b"during"
            assert await answer(new_reader, 7) == b"new one"
    assert proxy.counts.held


async def test_what_was_sent_before_the_sender_left_arrives_when_a_black_hole_is_healed(
    proxy: FaultProxy, echo: Echo
) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"before")
        assert await answer(reader, 6) == b"before"
        await proxy.black_hole()
        writer.write(b"last words")
        await writer.drain()
    await asyncio.sleep(0.2)
    assert echo.heard == [b"before"]
    assert echo.ends == []
    await proxy.heal()
    await eventually(lambda: b"".join(echo.heard) == b"beforelast words", what="the last words")
    await eventually(lambda: len(echo.ends) == 1, what="the end")


async def test_half_open_lets_requests_through_and_neither_answers_nor_ends(proxy: FaultProxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        await proxy.half_open()
        writer.write(b"question")
        await eventually(lambda: echo.heard == [b"question"], what="the question")
        assert await is_silent(reader)
    await asyncio.sleep(0.2)
    assert echo.ends == []
    await proxy.heal()
    await eventually(lambda: len(echo.ends) == 1, what="the end")


async def test_a_reset_ends_open_and_new_connections_at_both_sides(proxy: FaultProxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await answer(reader, 5) == b"hello"
        await proxy.reset()
        with pytest.raises(ConnectionResetError):
            await answer(reader, 1)
    await eventually(lambda: echo.ends == ["ConnectionResetError"])
    with pytest.raises(ConnectionResetError):
        async with connected(proxy) as (reader, _):
            await answer(reader, 1)
    assert proxy.counts.reset == 2
    await proxy.heal()
    async with connected(proxy) as (reader, writer):
        writer.write(b"again")
        assert await answer(reader, 5) == b"again"


async def test_refusing_ends_open_connections_in_good_order_and_lets_nobody_in(proxy: FaultProxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await answer(reader, 5) == b"hello"
        await proxy.refuse()
        assert await reader.read() == b""
    await eventually(lambda: echo.ends == ["in good order"])
    assert proxy.counts.ended == 1
    with pytest.raises(ConnectionRefusedError):
        async with connected(proxy):
            pass
    await proxy.heal()
    async with connected(proxy) as (reader, writer):
        writer.write(b"again")
        assert await answer(reader, 5) == b"again"
