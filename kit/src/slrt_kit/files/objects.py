"""Keep sealed files as objects by id: the port, and the adapter for a directory.

An object is written once, under an id that nobody else has, and is there whole or not at all. What is in it, only who
has its key can read; so a store needs no more trust than a disk does.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from slrt_kit import metrics
from slrt_kit.files.problems import StorageFullError, StorageUnavailableError
from slrt_kit.logs import get_logger

log = get_logger(__name__)

PIECE: Final = 64 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_UNFINISHED = "unfinished"


class ObjectGoneError(Exception):
    """There is no object of that id."""


class StoredObject(NamedTuple):
    """An object in a list. ``place`` is where it stands in the store's order, ``written_at`` in seconds since 1970."""

    object_id: UUID
    place: str
    written_at: float


class ObjectStore(Protocol):
    """Objects by id. Every method raises StorageUnavailableError (503) when the store does not answer."""

    async def put(self, object_id: UUID, pieces: AsyncIterator[bytes]) -> None:
        """Write an object; durable on return, and not there at all when it raises.

        Raises:
            StorageFullError: there is no room (507). Whatever ``pieces`` raises.
        """

    def read(self, object_id: UUID) -> AsyncIterator[bytes]:
        """The object in pieces.

        Raises:
            ObjectGoneError: there is none.
        """

    async def delete(self, object_id: UUID) -> None:
        """Remove the object; nothing when there is none."""

    async def look(self, *, after: str, most: int) -> list[StoredObject]:
        """At most so many objects behind a place, in order; ``""`` is before all."""

    async def forget_unfinished(self, moment: float) -> None:
        """Remove what was begun before the moment (seconds since 1970) and never became an object."""


@contextlib.contextmanager
def storage_faults() -> Iterator[None]:
    """What the file system says, as a problem with a name."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        full = error.errno in _FULL
        metrics.STORAGE_FAILURES.labels("full" if full else "unavailable").inc()
        log.error("storage of files failed", error=errno.errorcode.get(error.errno or 0, "unknown"))  # noqa: TRY400
        raise (StorageFullError if full else StorageUnavailableError) from error


class FileObjects:
    """Objects in a directory (keeps the promises of `ObjectStore`): written beside, flushed, renamed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, object_id: UUID, pieces: AsyncIterator[bytes]) -> None:
        """See `ObjectStore`."""
        unfinished = self._root / _UNFINISHED / str(object_id)
        try:
            await write_file(unfinished, pieces, durable=True)
            with storage_faults():
                await asyncio.to_thread(_move, unfinished, self._path(object_id))
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    async def read(self, object_id: UUID) -> AsyncIterator[bytes]:
        """See `ObjectStore`."""
        try:
            async for piece in read_file(self._path(object_id)):
                yield piece
        except FileNotFoundError as error:
            raise ObjectGoneError from error

    async def delete(self, object_id: UUID) -> None:
        """See `ObjectStore`."""
        with storage_faults():
            await asyncio.to_thread(self._path(object_id).unlink, missing_ok=True)

    async def look(self, *, after: str, most: int) -> list[StoredObject]:
        """See `ObjectStore`."""
        with storage_faults():
            return await asyncio.to_thread(self._look, after, most)

    async def forget_unfinished(self, moment: float) -> None:
        """See `ObjectStore`."""
        with storage_faults():
            await asyncio.to_thread(remove_older, self._root / _UNFINISHED, moment)

    def _look(self, after: str, most: int) -> list[StoredObject]:
        found: list[StoredObject] = []
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            if folder.name < after[:2]:
                continue
            for file in _files(folder):
                place = f"{folder.name}/{file.name}"
                if place > after:
                    with contextlib.suppress(FileNotFoundError, ValueError):
                        found.append(StoredObject(UUID(file.name), place, file.stat().st_mtime))
                if len(found) >= most:
                    return found
        return found

    def _path(self, object_id: UUID) -> Path:
        # By the last digits: the first of an id are its time, and all of a month would be in one folder.
        name = str(object_id)
        return self._root / name[-2:] / name


async def write_file(path: Path, pieces: AsyncIterator[bytes], *, durable: bool) -> None:
    """Write a file of our own; it must be new. Raises StorageFullError, StorageUnavailableError."""
    with storage_faults():
        descriptor = await asyncio.to_thread(_create, path)
    try:
        async for piece in pieces:
            with storage_faults():
                await asyncio.to_thread(_write_all, descriptor, piece)
        if durable:
            with storage_faults():
                await asyncio.to_thread(os.fsync, descriptor)
    finally:
        os.close(descriptor)


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """A file in pieces. Raises FileNotFoundError, StorageUnavailableError."""
    with storage_faults():
        file = await asyncio.to_thread(path.open, "rb", buffering=0)
    try:
        while True:
            with storage_faults():
                piece = await asyncio.to_thread(file.read, PIECE)
            if not piece:
                return
            yield piece
    finally:
        file.close()


def remove_older(folder: Path, moment: float) -> None:
    """Remove the files of a folder that were written before the moment (seconds since 1970)."""
    for file in _files(folder):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < moment:
                file.unlink()


def _create(path: Path) -> int:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _write_all(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.rename(target)
    for folder in (target.parent, target.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from sorted(each for each in folder.iterdir() if each.is_file())
