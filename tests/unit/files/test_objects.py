"""An object is there whole or not at all; what nobody can open is swept, and never much at once."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.unit.files.pictures import encoded

from slrt_kit.files.cleaner import Cleaner
from slrt_kit.files.kinds import MediaType
from slrt_kit.files.objects import FileObjects, ObjectGoneError
from slrt_kit.files.problems import FileDamagedError, FilesBusyError, StorageFullError, StorageUnavailableError
from slrt_kit.files.scanning import NoScanner
from slrt_kit.files.sweep import MOST_REMOVED, OLDER_S, Sweep
from slrt_kit.files.uploads import Uploads

NOW = 1_800_000_000.0


async def pieces(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


async def content(objects: FileObjects, object_id: UUID) -> bytes:
    return b"".join([piece async for piece in objects.read(object_id)])


def files_in(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


async def test_an_object_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path)
    with pytest.raises(ConnectionError):
        await objects.put(uuid4(), pieces(b"half of it", ConnectionError()))
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("fault", "raised"),
    [(errno.ENOSPC, StorageFullError), (errno.EDQUOT, StorageFullError), (errno.EIO, StorageUnavailableError)],
)
@pytest.mark.parametrize("where", ["write", "fsync"])
async def test_a_disk_that_is_full_or_broken_is_said_and_leaves_nothing(
    where: str, fault: int, raised: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, where, refuse)
    with pytest.raises(raised):
        await FileObjects(tmp_path).put(uuid4(), pieces(b"content"))
    monkeypatch.undo()
    assert files_in(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageUnavailableError):
        await FileObjects(tmp_path / "file").put(uuid4(), pieces(b"content"))


async def test_an_object_is_never_written_over(tmp_path: Path) -> None:
    objects, object_id = FileObjects(tmp_path), uuid4()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / str(object_id)).write_bytes(b"somebody is at it")
    with pytest.raises(StorageUnavailableError):
        await objects.put(object_id, pieces(b"mine"))


async def test_what_was_put_is_read_and_gone_when_deleted(tmp_path: Path) -> None:
    objects, object_id = FileObjects(tmp_path), uuid4()
    with pytest.raises(ObjectGoneError):
        await content(objects, object_id)
    await objects.put(object_id, pieces(b"a" * 70_000, b"", b"b"))
    assert await content(objects, object_id) == b"a" * 70_000 + b"b"
    (file,) = files_in(tmp_path)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    await objects.delete(object_id)
    await objects.delete(object_id)
    with pytest.raises(ObjectGoneError):
        await content(objects, object_id)


# -- the sweep -------------------------------------------------------------------------------------------------------


class Swept:
    """A sweep over a folder; ``named`` are the objects that are on record."""

    def __init__(self, folder: Path) -> None:
        self.objects = FileObjects(folder)
        self.folder = folder
        self.named: set[UUID] = set()
        cleaner = Cleaner(max_pixels=10_000, max_pages=2)
        uploads = Uploads(
            self.objects, folder / "arriving", scanner=NoScanner(), cleaner=cleaner, max_bytes=10_000, max_seconds=5
        )
        self.sweep = Sweep(uploads, self._named, now=lambda: NOW)

    async def _named(self, asked: Collection[UUID]) -> set[UUID]:
        return self.named & set(asked)

    async def put(self, *, age: float, named: bool) -> UUID:
        object_id = uuid4()
        await self.objects.put(object_id, pieces(b"sealed"))
        (file,) = (each for each in files_in(self.folder) if each.name == str(object_id))
        os.utime(file, (NOW - age, NOW - age))
        if named:
            self.named.add(object_id)
        return object_id

    def left(self) -> set[UUID]:
        return {UUID(file.name) for file in files_in(self.folder) if file.parent.name not in ("unfinished", "arriving")}


async def test_only_what_is_old_and_on_no_record_is_removed(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    old = await swept.put(age=OLDER_S + 1, named=False)
    kept = {await swept.put(age=OLDER_S - 1, named=False), await swept.put(age=10 * OLDER_S, named=True)}
    for folder in ("unfinished", "arriving"):
        for name, age in (("old", OLDER_S + 1), ("new", 0.0)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_bytes(b"noise")
            os.utime(tmp_path / folder / name, (NOW - age, NOW - age))
    assert await swept.sweep.once() == 1
    assert old not in swept.left()
    assert swept.left() == kept
    assert [each.name for each in files_in(tmp_path) if len(each.name) == 3] == ["new", "new"]


async def test_where_many_are_on_no_record_none_is_removed(tmp_path: Path) -> None:
    """It is the database that is the wrong one."""
    swept = Swept(tmp_path)
    for _ in range(MOST_REMOVED + 1):
        await swept.put(age=OLDER_S + 1, named=False)
    assert await swept.sweep.once() == 0
    assert len(swept.left()) == MOST_REMOVED + 1


async def test_a_little_at_a_time_all_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slrt_kit.files.sweep.AT_ONCE", 3)
    swept = Swept(tmp_path)
    for number in range(10):
        await swept.put(age=OLDER_S + 1, named=number % 2 == 0)
    assert sum([await swept.sweep.once() for _ in range(4)]) == 5
    assert swept.left() == swept.named


async def test_a_storage_that_is_away_puts_the_sweep_off_and_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept, stop = Swept(tmp_path), asyncio.Event()
    asked = 0

    async def away(*_: Any, **__: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        if asked == 2:
            stop.set()
        raise StorageUnavailableError

    monkeypatch.setattr(swept.objects, "look", away)
    monkeypatch.setattr("slrt_kit.files.sweep.EVERY_S", 0.0)
    await swept.sweep.run(stop)
    assert asked == 2


# -- the process that cleans ----------------------------------------------------------------------------------------


async def test_a_process_that_dies_or_hangs_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slrt_kit.files.cleaner.sys.executable", "/bin/false")
    with pytest.raises(FileDamagedError):
        async with Cleaner(max_pixels=10_000, max_pages=2).cleaned(pieces(encoded()), MediaType.JPEG):
            pass
    monkeypatch.undo()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b""
            await asyncio.sleep(0.01)

    with pytest.raises(FileDamagedError):
        async with Cleaner(max_pixels=10_000, max_pages=2, within=0.3).cleaned(endless(), MediaType.JPEG):
            pass


async def test_more_files_than_are_cleaned_at_once_wait_and_are_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slrt_kit.files.cleaner._WAIT_S", 0.05)
    cleaner = Cleaner(max_pixels=10_000, max_pages=2, at_once=1)
    async with cleaner.cleaned(pieces(encoded()), MediaType.JPEG) as cleaned:
        with pytest.raises(FilesBusyError):
            async with cleaner.cleaned(pieces(encoded()), MediaType.JPEG):
                pass
        assert len(b"".join([piece async for piece in cleaned.pieces])) == cleaned.size
    async with cleaner.cleaned(pieces(encoded()), MediaType.JPEG):
        pass
