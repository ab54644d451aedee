"""Ask a malware scanner about a file, by the protocol of ClamAV's daemon: INSTREAM over TCP or a Unix socket.

``zINSTREAM\\0``, then pieces that each have their length before them in four bytes (network order), then a length of
zero; the answer is ``stream: OK`` or ``stream: NAME FOUND`` (clamd(8), COMMANDS).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, Protocol
from urllib.parse import urlsplit

from slrt_kit import metrics
from slrt_kit.files.problems import MalwareFoundError, ScannerUnavailableError
from slrt_kit.logs import get_logger

log = get_logger(__name__)

CONNECT_WITHIN_S: Final = 3.0
ANSWER_WITHIN_S: Final = 60.0
_LONGEST_ANSWER = 4096


class Scanner(Protocol):
    """Says whether a file is known to be malicious."""

    async def check(self, pieces: AsyncIterator[bytes]) -> None:
        """Returns when nothing was found.

        Raises:
            MalwareFoundError: something was (422). ScannerUnavailableError: nobody knows (503).
        """


class NoScanner:
    """Of an installation that has none (keeps the promises of `Scanner`): nothing is ever found."""

    async def check(self, pieces: AsyncIterator[bytes]) -> None:
        """Nothing is looked at."""


class ClamdScanner:
    """A clamd (keeps the promises of `Scanner`)."""

    def __init__(
        self, address: str, *, connect_within: float = CONNECT_WITHIN_S, answer_within: float = ANSWER_WITHIN_S
    ) -> None:
        """``address`` is ``tcp://host:port`` or ``unix:///path``.

        Raises:
            ValueError: it is neither.
        """
        parts = urlsplit(address)
        self._path = parts.path if parts.scheme == "unix" else None
        self._host, self._port = parts.hostname, parts.port
        if not (self._path if parts.scheme == "unix" else parts.scheme == "tcp" and self._host and self._port):
            raise ValueError("the scanner's address is tcp://host:port or unix:///path")
        self._connect_within, self._answer_within = connect_within, answer_within

    async def check(self, pieces: AsyncIterator[bytes]) -> None:
        """See `Scanner`. What clamd says of a file that it cannot scan counts as no answer."""
        try:
            answer = await self._ask(pieces)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _unavailable(type(error).__name__) from error
        if answer.endswith(" OK"):
            metrics.FILE_SCANS.labels("clean").inc()
        elif answer.endswith(" FOUND"):
            metrics.FILE_SCANS.labels("found").inc()
            # The signature's name is the scanner's own and tells nothing of the file's owner.
            log.warning("malware found", signature=answer.removeprefix("stream: ").removesuffix(" FOUND")[:100])
            raise MalwareFoundError
        else:
            raise _unavailable("answer")

    async def _ask(self, pieces: AsyncIterator[bytes]) -> str:
        async with asyncio.timeout(self._connect_within):
            if self._path is not None:
                reader, writer = await asyncio.open_unix_connection(self._path)
            else:
                reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.timeout(self._answer_within):
                # clamd answers and hangs up in the middle of a file that is over its own limit.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    writer.write(b"zINSTREAM\0")
                    async for piece in pieces:
                        writer.write(len(piece).to_bytes(4) + piece)
                        await writer.drain()
                    writer.write(bytes(4))
                    await writer.drain()
                answer = await reader.readuntil(b"\0")
        finally:
            writer.close()
        return answer[:_LONGEST_ANSWER].rstrip(b"\0\n").decode("utf-8", "replace")


def _unavailable(why: str) -> ScannerUnavailableError:
    metrics.FILE_SCANS.labels("unavailable").inc()
    log.warning("malware scanner gave no verdict", error=why)
    return ScannerUnavailableError()
