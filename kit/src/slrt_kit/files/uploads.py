"""Take a file in: bounded and sealed as it arrives, then scanned, cleaned and kept as an object."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

from slrt_kit import metrics
from slrt_kit.files.cleaner import Cleaner
from slrt_kit.files.kinds import HEAD_BYTES, MediaType, is_heif, media_type_of
from slrt_kit.files.objects import (
    FileObjects,
    ObjectGoneError,
    ObjectStore,
    read_file,
    remove_older,
    storage_faults,
    write_file,
)
from slrt_kit.files.problems import (
    FileEmptyError,
    FileMissingError,
    FileTooLargeError,
    FileTypeMismatchError,
    FileTypeRefusedError,
    HeicRefusedError,
    UploadTooSlowError,
)
from slrt_kit.files.scanning import ClamdScanner, NoScanner, Scanner
from slrt_kit.files.settings import FilesSettings
from slrt_kit.logs import get_logger
from slrt_kit.privacy.sealing import SealBrokenError
from slrt_kit.privacy.stream import new_file_key, open_stream, seal_stream

log = get_logger(__name__)

ARRIVING = "arriving"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file as it was sent, sealed under a key that only this process has: after a crash it is noise."""

    path: Path
    key: bytes
    size: int
    sha256: str
    media_type: MediaType

    def pieces(self) -> AsyncIterator[bytes]:
        """The file again."""
        return open_stream(read_file(self.path), self.key, ARRIVING.encode())


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A clean file in the store: its size in bytes, and the key that opens it."""

    size: int
    key: bytes


class Uploads:
    """Where files come in and lie."""

    def __init__(
        self,
        objects: ObjectStore,
        arriving: Path,
        *,
        scanner: Scanner,
        cleaner: Cleaner,
        max_bytes: int,
        max_seconds: float,
    ) -> None:
        """``arriving`` is a folder of this machine for files on their way."""
        self.objects = objects
        self._arriving = arriving
        self._scanner = scanner
        self._cleaner = cleaner
        self.max_bytes = max_bytes
        self._max_seconds = max_seconds

    @classmethod
    def of(cls, settings: FilesSettings) -> Self | None:
        """As the settings say; None where files are kept nowhere. Raises ValueError: the scanner's address is none."""
        if settings.objects_dir is None:
            return None
        address = settings.scan_address
        return cls(
            FileObjects(settings.objects_dir),
            settings.objects_dir / ARRIVING,
            scanner=NoScanner() if address is None else ClamdScanner(address),
            cleaner=Cleaner(
                max_pixels=settings.max_pixels, max_pages=settings.max_pages, at_once=settings.cleaned_at_once
            ),
            max_bytes=settings.max_file_bytes,
            max_seconds=settings.max_upload_seconds,
        )

    @asynccontextmanager
    async def arrived(
        self, pieces: AsyncIterator[bytes], *, stated: str | None, length: int | None
    ) -> AsyncGenerator[Arrived, None]:
        """The file, received; it is gone at the end of the block. ``stated`` is its type as the sender says.

        Raises:
            FileTooLargeError, FileEmptyError, FileTypeRefusedError, HeicRefusedError, FileTypeMismatchError,
            UploadTooSlowError: it is refused, as early as can be. StorageFullError, StorageUnavailableError.
        """
        if length is not None and length > self.max_bytes:
            raise FileTooLargeError
        path = self._arriving / str(uuid4())
        receiving = _Receiving(pieces, stated=stated, most=self.max_bytes)
        key = new_file_key()
        try:
            try:
                async with asyncio.timeout(self._max_seconds):
                    sealed = seal_stream(receiving.pieces(), key, ARRIVING.encode())
                    await write_file(path, sealed, durable=False)
            except TimeoutError as error:
                raise UploadTooSlowError from error
            yield receiving.arrived(path, key)
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    async def keep(self, arrived: Arrived, object_id: UUID, place: bytes) -> KeptFile:
        """Scan and clean it, and keep what is left as an object; durable on return.

        Raises:
            MalwareFoundError, ScannerUnavailableError; what `Cleaner.cleaned` and `ObjectStore.put` raise.
        """
        await self._scanner.check(arrived.pieces())
        key = new_file_key()
        async with self._cleaner.cleaned(arrived.pieces(), arrived.media_type) as cleaned:
            await self.objects.put(object_id, seal_stream(cleaned.pieces, key, place))
        return KeptFile(cleaned.size, key)

    async def content(self, object_id: UUID, key: bytes, place: bytes) -> AsyncIterator[bytes]:
        """A kept file in pieces.

        Raises:
            FileMissingError: its object is gone (503). SealBrokenError: it is not what was sealed; what came before
            was. StorageUnavailableError.
        """
        try:
            async for piece in open_stream(self.objects.read(object_id), key, place):
                yield piece
        except ObjectGoneError as error:
            metrics.STORAGE_FAILURES.labels("missing").inc()
            log.error("a file is missing in the storage", object_id=str(object_id))  # noqa: TRY400
            raise FileMissingError from error
        except SealBrokenError:
            metrics.SEALS_BROKEN.inc()
            raise

    async def forget_unfinished(self, moment: float) -> None:
        """Remove what arrived before the moment (seconds since 1970) and was never finished."""
        await self.objects.forget_unfinished(moment)
        with storage_faults():
            await asyncio.to_thread(remove_older, self._arriving, moment)


class _Receiving:
    """Looks at a file as it comes by."""

    def __init__(self, pieces: AsyncIterator[bytes], *, stated: str | None, most: int) -> None:
        self._pieces = pieces
        self._stated = stated
        self._most = most
        self._digest = hashlib.sha256()
        self._size = 0
        self._head = b""
        self._type: MediaType | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self._size += len(piece)
            if self._size > self._most:
                raise FileTooLargeError
            if len(self._head) < HEAD_BYTES:
                self._head += piece[: HEAD_BYTES - len(self._head)]
                if len(self._head) >= HEAD_BYTES:
                    self._type = self._found()
            self._digest.update(piece)
            yield piece
        if self._type is None:
            self._type = self._found()

    def _found(self) -> MediaType:
        if not self._head:
            raise FileEmptyError
        found = media_type_of(self._head)
        if found is None:
            raise HeicRefusedError if is_heif(self._head) else FileTypeRefusedError
        if self._stated is not None and self._stated.partition(";")[0].strip().lower() != found:
            raise FileTypeMismatchError
        return found

    def arrived(self, path: Path, key: bytes) -> Arrived:
        if self._type is None:
            raise RuntimeError("the file has not arrived")
        return Arrived(path, key, self._size, self._digest.hexdigest(), self._type)
