"""Have a file cleaned in a process of its own: what a decoder does there can reach no key, no other file, no caller."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import orjson

from slrt_kit import metrics
from slrt_kit.files.kinds import MediaType
from slrt_kit.files.problems import (
    FileActiveError,
    FileDamagedError,
    FileEncryptedError,
    FilesBusyError,
    FileTooLargeError,
    FileTypeMismatchError,
    ImageAnimatedError,
    ImageTooLargeError,
)
from slrt_kit.logs import get_logger
from slrt_kit.problems import ProblemError

log = get_logger(__name__)

_WITHIN_S = 60.0
_WAIT_S = 10.0
_PIECE = 64 * 1024
_PROBLEMS: Final[dict[str, type[ProblemError]]] = {
    problem.slug: problem
    for problem in (
        FileActiveError,
        FileDamagedError,
        FileEncryptedError,
        FileTooLargeError,
        FileTypeMismatchError,
        ImageAnimatedError,
        ImageTooLargeError,
    )
}


@dataclass(frozen=True, slots=True)
class CleanFile:
    """What the process gives: ``size`` bytes in all, piece by piece."""

    size: int
    pieces: AsyncIterator[bytes]


class Cleaner:
    """Cleans at most ``at_once`` files at a time; more wait a moment."""

    def __init__(self, *, max_pixels: int, max_pages: int, at_once: int = 2, within: float = _WITHIN_S) -> None:
        self._bounds = (str(max_pixels), str(max_pages))
        self._free = asyncio.Semaphore(at_once)
        self._within = within

    @asynccontextmanager
    async def cleaned(self, pieces: AsyncIterator[bytes], media_type: MediaType) -> AsyncIterator[CleanFile]:
        """The file made anew; it must be read inside the block.

        Raises:
            FilesBusyError: too many at once (503). FileDamagedError and the like: the file is refused (4xx).
        """
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            metrics.REFUSALS.labels("queue").inc()
            raise FilesBusyError from error
        try:
            async with asyncio.timeout(self._within), _child(media_type, *self._bounds) as child:
                yield await _exchange(child, pieces)
        except TimeoutError as error:
            log.warning("a file took too long to clean", media_type=media_type)
            raise FileDamagedError from error
        finally:
            self._free.release()


@asynccontextmanager
async def _child(media_type: MediaType, *bounds: str) -> AsyncIterator[asyncio.subprocess.Process]:
    # -I and no environment: neither a setting nor a module that lies about changes what runs.
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", "slrt_kit.files.cleaning", media_type, *bounds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _exchange(child: asyncio.subprocess.Process, pieces: AsyncIterator[bytes]) -> CleanFile:
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("the process has no pipes")
    # It ends early where it has seen enough, or died of what it saw; its answer says which.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for piece in pieces:
            child.stdin.write(piece)
            await child.stdin.drain()
        child.stdin.close()
    line = await child.stdout.readline()
    if not line.endswith(b"\n"):
        log.warning("the cleaning of a file ended without an answer", status=await child.wait())
        raise FileDamagedError
    said = orjson.loads(line)
    if "refused" in said:
        raise _PROBLEMS[said["refused"]]
    return CleanFile(said["size"], _pieces(child.stdout, said["size"]))


async def _pieces(answer: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    left = size
    while left:
        piece = await answer.read(min(_PIECE, left))
        if not piece:
            raise FileDamagedError
        left -= len(piece)
        yield piece
