"""The malware scanner is asked by clamd's protocol, and no verdict is never taken for a good one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.unit.files.pictures import EICAR

from slrt_kit.files.problems import MalwareFoundError, ScannerUnavailableError
from slrt_kit.files.scanning import ClamdScanner, NoScanner


class PlayedClamd:
    """Reads what clamd reads, to the byte, and answers what it would; ``answer`` may say something else."""

    def __init__(self, answer: bytes | None = None, *, max_bytes: int = 10**9, silent: bool = False) -> None:
        self.answer = answer
        self.max_bytes = max_bytes
        self.silent = silent
        self.received: list[bytes] = []
        self.faults: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._verdict(reader))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.faults.append("it broke off")
        finally:
            writer.close()

    async def _verdict(self, reader: asyncio.StreamReader) -> bytes:
        if await reader.readexactly(10) != b"zINSTREAM\0":
            return b"UNKNOWN COMMAND\0"
        content = b""
        while length := int.from_bytes(await reader.readexactly(4)):
            content += await reader.readexactly(length)
            if len(content) > self.max_bytes:
                return b"INSTREAM size limit exceeded. ERROR\0"
        self.received.append(content)
        if self.silent:
            await asyncio.sleep(60)
        if self.answer is not None:
            return self.answer
        return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"


@asynccontextmanager
async def over_tcp(clamd: PlayedClamd) -> AsyncIterator[str]:
    server = await asyncio.start_server(clamd.serve, "127.0.0.1", 0)
    async with server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    async def given() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return given()


@pytest.mark.parametrize(
    "address",
    ["", "localhost:3310", "tcp://localhost", "tcp://:3310", "unix://", "http://localhost:3310", "tcp://localhost:x"],
)
def test_an_address_that_is_none_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match=r"scanner's address|Port"):
        ClamdScanner(address)


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0", b"stream: \0", b"INSTREAM size limit exceeded. ERROR\0", b"UNKNOWN COMMAND\0", b"OK", b"a" * 100_000],
    ids=["nothing", "empty", "half", "error", "unknown", "no end", "endless"],
)
async def test_an_answer_that_is_no_verdict_is_no_good_verdict(answer: bytes) -> None:
    async with over_tcp(PlayedClamd(answer)) as address:
        with pytest.raises(ScannerUnavailableError):
            await ClamdScanner(address).check(pieces_of(b"a picture"))


async def test_a_scanner_that_is_away_or_silent_gives_no_verdict() -> None:
    with pytest.raises(ScannerUnavailableError) as caught:
        await ClamdScanner("tcp://127.0.0.1:9").check(pieces_of(b"a"))
    assert caught.value.headers["Retry-After"]
    async with over_tcp(PlayedClamd(silent=True)) as address:
        with pytest.raises(ScannerUnavailableError):
            await ClamdScanner(address, answer_within=0.2).check(pieces_of(b"a"))
    with pytest.raises(ScannerUnavailableError):
        await ClamdScanner("unix:///nowhere/clamd.sock").check(pieces_of(b"a"))


async def test_a_file_over_the_scanners_own_limit_has_no_verdict() -> None:
    async with over_tcp(PlayedClamd(max_bytes=100)) as address:
        with pytest.raises(ScannerUnavailableError):
            await ClamdScanner(address).check(pieces_of(*[bytes(1000)] * 500))


@pytest.mark.parametrize("cut", [1, 7, len(EICAR)])
async def test_the_test_string_of_all_scanners_is_found_however_it_comes(cut: int) -> None:
    clamd = PlayedClamd()
    async with over_tcp(clamd) as address:
        with pytest.raises(MalwareFoundError):
            await ClamdScanner(address).check(pieces_of(*[EICAR[at : at + cut] for at in range(0, len(EICAR), cut)]))
    assert clamd.received == [EICAR]


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
async def test_what_is_harmless_comes_through_whole(size: int) -> None:
    clamd = PlayedClamd()
    content = bytes(range(256)) * (size // 256 + 1)
    async with over_tcp(clamd) as address:
        await ClamdScanner(address).check(
            pieces_of(*[content[at : min(at + 65_536, size)] for at in range(0, size, 65_536)])
        )
    assert clamd.received == [content[:size]]
    assert clamd.faults == []


async def test_it_is_asked_over_a_socket_of_the_machine_as_well(tmp_path: Path) -> None:
    clamd = PlayedClamd()
    server = await asyncio.start_unix_server(clamd.serve, tmp_path / "clamd.sock")
    async with server:
        await ClamdScanner(f"unix://{tmp_path}/clamd.sock").check(pieces_of(b"harmless"))
    assert clamd.received == [b"harmless"]


async def test_where_there_is_none_nothing_is_asked() -> None:
    asked: Callable[[], AsyncIterator[bytes]] = lambda: pieces_of(EICAR)  # noqa: E731
    await NoScanner().check(asked())
