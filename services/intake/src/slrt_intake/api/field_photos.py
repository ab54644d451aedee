"""Pictures from the field, piece by piece: one that stopped half-way goes on there, whoever was restarted."""

import contextlib
from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from psycopg.errors import UniqueViolation
from pydantic import BaseModel, Field

from slrt_contracts.codes import FileClass
from slrt_contracts.types import CaseId
from slrt_intake.api.attachment_schemas import media_type_code
from slrt_intake.api.field import own_device
from slrt_intake.api.field_items import PlaceBody
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.photo import MOST_ARRIVING, Photo, PhotoState
from slrt_intake.domain.problems import (
    PhotoHashError,
    PhotoIdTakenError,
    PhotoOffsetError,
    PhotoWaitsError,
    TooManyPhotosError,
)
from slrt_intake.store import field_photos as store
from slrt_intake.store.attachments import AttachmentStore, place_of_file
from slrt_intake.store.visibility import within_visits
from slrt_intake.usecases import attachments
from slrt_kit.access import Scope
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.files.problems import FileTooLargeError
from slrt_kit.files.uploads import Arrived
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.bodies import Count
from slrt_kit.http.commands import Answer, Command, Upload, check_version, command, upload
from slrt_kit.http.context import MAX_BODY_BYTES
from slrt_kit.problems import NotFoundError, ProblemError

router = APIRouter(prefix="/field/devices/{device_id}/photos", tags=["field work"])

MOST_PIECE: Final = MAX_BODY_BYTES
"""Bytes of one piece."""
_SERVER_ERROR: Final = 500
_BODY = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


class PhotoBody(PlaceBody):
    """A picture that will come: its bytes and their SHA-256 as lower hexadecimal digits, and what it belongs to."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: Count = Field(ge=1)
    file_class: FileClass
    person_id: UUID | None = None


class PhotoView(BaseModel):
    """Where a picture stands. Go on from ``offset``; all before it is durable here."""

    photo_id: UUID
    size: int
    offset: int
    state: PhotoState
    reason: str | None
    says: dict[str, str] | None
    case_id: UUID | None
    attachment_id: UUID | None

    @classmethod
    def of(cls, photo: Photo) -> Self:
        return cls(
            photo_id=photo.photo_id,
            size=photo.size,
            offset=photo.received,
            state=photo.state,
            reason=photo.reason,
            says=None if photo.says is None else dict(photo.says),
            case_id=photo.case_id,
            attachment_id=photo.attachment_id,
        )


@router.put("/{photo_id}", status_code=201, response_model=PhotoView)
async def announce_photo(
    device_id: UUID,
    photo_id: UUID,
    body: PhotoBody,
    request: Annotated[Command, command("intake.field.sync")],
    parts: Parts,
) -> Response:
    """Announce a picture under an id that the device has made; 200 where it is known, with how far it has come."""
    if body.size > parts.uploads.max_bytes:
        raise FileTooLargeError
    photo = Photo(
        photo_id=photo_id,
        device_id=device_id,
        officer=request.principal.subject,
        file_class=body.file_class,
        size=body.size,
        received=0,
        state=PhotoState.ARRIVING,
        fingerprint=parts.vault.blind.of("field photo", body.model_dump_json()),
        created_at=parts.database.clock.now(),
        sha256=body.sha256,
        in_case=body.case_id,
        in_item=body.case_item,
        in_visit=body.visit_id,
        person_id=body.person_id,
    )

    async def work(unit: UnitOfWork) -> Answer:
        device = await own_device(unit.connection, device_id, request.principal.subject)
        found = await store.get_photo(unit.connection, parts.vault, photo_id)
        if found is not None:
            if (found[0].device_id, found[0].fingerprint) != (device_id, photo.fingerprint):
                raise PhotoIdTakenError
            return Answer(PhotoView.of(found[0]))
        if request.if_match is not None:
            check_version(request.expected_version, 0)
        if device.must_wipe or await store.arriving(unit.connection, device_id) >= MOST_ARRIVING:
            raise TooManyPhotosError(most=MOST_ARRIVING)
        await store.add_photo(unit.connection, parts.vault, photo)
        return Answer(PhotoView.of(photo), status=201)

    try:
        return await request.run(work)
    except UniqueViolation:
        return await request.run(work)


@router.get("/{photo_id}")
async def get_photo(
    device_id: UUID, photo_id: UUID, authorized: Annotated[Authorized, require("intake.field.sync")], parts: Parts
) -> PhotoView:
    """How far a picture has come."""
    async with parts.database.read() as session:
        await own_device(session, device_id, authorized.principal.subject)
        found = await store.get_photo(session, parts.vault, photo_id)
    if found is None or found[0].device_id != device_id:
        raise NotFoundError
    return PhotoView.of(found[0])


@router.post("/{photo_id}/pieces", response_model=PhotoView, openapi_extra=_BODY)
async def add_piece(
    device_id: UUID,
    photo_id: UUID,
    asked: Annotated[Upload, upload("intake.field.sync")],
    parts: Parts,
    offset: Annotated[int, Query(ge=0, le=2**40, description="where in the picture the piece begins")],
) -> PhotoView:
    """The next piece. With the last one the picture is checked, cleaned and becomes a file of its case.

    A piece that comes again is absorbed. Where the last step could not be taken yet, an empty piece takes it again.
    """
    piece = await asked.request.body()
    photo, key_id = await _taken(parts, asked, device_id, photo_id, offset, piece)
    if photo.is_whole and photo.state is PhotoState.ARRIVING:
        await _Completing(parts, asked, photo).run(key_id)
    return PhotoView.of(photo)


async def _taken(
    parts: IntakeParts, asked: Upload, device_id: UUID, photo_id: UUID, offset: int, piece: bytes
) -> tuple[Photo, int]:
    async with parts.database.unit_of_work() as unit:
        await own_device(unit.connection, device_id, asked.principal.subject)
        found = await store.get_photo(unit.connection, parts.vault, photo_id, locked=True)
        if found is None or found[0].device_id != device_id:
            raise NotFoundError
        photo, key_id = found
        if photo.state is PhotoState.ARRIVING:
            new = photo.take(offset, piece)
            if new:
                await store.add_part(unit.connection, parts.vault, photo, key_id, new, now=parts.database.clock.now())
                await unit.commit()
    return photo, key_id


class _Completing:
    """A picture that is whole, on its way to its case."""

    def __init__(self, parts: IntakeParts, asked: Upload, photo: Photo) -> None:
        self._parts = parts
        self._asked = asked
        self._photo = photo
        self._scope = asked.principal.scope("intake.attachment.add") or Scope()

    async def run(self, key_id: int) -> None:
        """Check, clean, store, put on record; what cannot be kept is rejected, and its pieces go.

        Raises:
            PhotoWaitsError: its case is not there yet. ProblemError: a part of ours is away; it may be tried again.
        """
        photo, parts = self._photo, self._parts
        async with parts.database.read() as session:
            case_id = await store.case_of(session, photo)
        if case_id is None:
            raise PhotoWaitsError
        pieces = store.pieces_of(parts.database, parts.vault, photo, key_id)
        try:
            async with parts.uploads.arrived(pieces, stated=None, length=photo.size) as arrived:
                if arrived.sha256 != photo.sha256:
                    raise PhotoHashError
                await self._attach(CaseId(case_id), arrived)
        except ProblemError as problem:
            if problem.status >= _SERVER_ERROR:
                raise
            photo.reject(problem)
            async with parts.database.unit_of_work() as unit:
                store.end_photo(unit.connection, photo)
                await unit.commit()

    async def _attach(self, case_id: CaseId, arrived: Arrived) -> None:
        uploads, object_id = self._parts.uploads, self._parts.database.new_id()
        async with self._parts.database.unit_of_work() as unit:
            # Before anything is stored: whether the case is theirs, and whether it has this very picture.
            _, same = await attachments.find_place(
                case_id, self._photo.person_id, sha256=arrived.sha256, attachments=self._store(unit), scope=self._scope
            )
        kept = None if same is not None else await uploads.keep(arrived, object_id, place_of_file(object_id))
        used = False
        try:
            async with self._parts.database.unit_of_work() as unit:
                unit.actor = actor_of(self._asked.request, self._asked.principal)
                added = same
                if kept is not None:
                    added = await attachments.add(
                        case_id,
                        self._photo.person_id,
                        attachment_id=object_id,
                        file_class=self._photo.file_class,
                        media_type=media_type_code(arrived.media_type),
                        size=kept.size,
                        file_key=kept.key,
                        name=None,
                        sha256=arrived.sha256,
                        attachments=self._store(unit),
                        scope=self._scope,
                        by=self._photo.officer,
                        at=unit.clock.now(),
                    )
                    used = added.attachment_id == object_id
                if added is None:
                    raise PhotoOffsetError(offset=self._photo.received)
                self._photo.end(case_id=case_id, attachment_id=added.attachment_id)
                store.end_photo(unit.connection, self._photo)
                look = Look("sync", "field-photo", self._photo.photo_id, (), case_id=case_id)
                record_looks(unit, self._parts.outbox.service, unit.actor, [look])
                await unit.commit()
        finally:
            if kept is not None and not used:
                with contextlib.suppress(ProblemError):  # the storage is away: the sweep does it
                    await uploads.objects.delete(object_id)

    def _store(self, unit: UnitOfWork) -> AttachmentStore:
        return AttachmentStore(unit, self._parts.outbox, self._parts.vault, reach=within_visits)
