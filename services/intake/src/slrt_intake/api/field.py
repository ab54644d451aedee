"""Field work offline: devices, what they fetch before they leave, and what they hand in when they are back."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from psycopg.errors import UniqueViolation

from slrt_intake.api.field_assignments import assignments_of
from slrt_intake.api.field_items import MOST_SEQUENCE, ItemReader, moment, raw_item
from slrt_intake.api.field_schemas import (
    UPLOAD_BODY,
    AssignmentsView,
    DeviceView,
    ReceiptsView,
    ReceiptView,
    UploadView,
)
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.device import Device
from slrt_intake.domain.field_item import MOST_ITEMS, RawItem, Reason, Taken
from slrt_intake.domain.problems import (
    DeviceAreaError,
    DeviceClockError,
    DeviceNotRevokedError,
    DeviceTakenError,
    EncodingNotAcceptedError,
    TooManyItemsError,
    UnknownDeviceError,
    UploadTooLargeError,
)
from slrt_intake.store import devices
from slrt_intake.store.field_uploads import FieldUploads, receipts_after
from slrt_intake.store.sealed import slip_code
from slrt_intake.usecases.field import Field
from slrt_intake.usecases.field import Upload as UploadOfItems
from slrt_kit import metrics
from slrt_kit.access import Scope
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import DATABASE_DOWN, Connection, StaleVersionError, UnitOfWork
from slrt_kit.http.audited import actor_of, put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, Upload, check_version, command, upload
from slrt_kit.http.context import MAX_BODY_BYTES, expect_large_body
from slrt_kit.http.pages import Cursor
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.logs import get_logger
from slrt_kit.problems import MalformedJsonError, ProblemError

log = get_logger(__name__)
router = APIRouter(prefix="/field", tags=["field work"])

MOST_BYTES: Final = 2 * 1024 * 1024
"""Of an upload. A registration is some 2 kB, a checklist less than one."""
_TRIES: Final = 4
_MOST_RECEIPTS: Final = 500

MaySync = Annotated[Authorized, require("intake.field.sync")]
MaySyncBy = Annotated[Command, command("intake.field.sync")]
DeviceNow = Annotated[str | None, Header(max_length=40, description="the device's clock, ISO 8601 with its offset")]


@router.put("/devices/{device_id}", status_code=201, response_model=DeviceView)
async def register_device(device_id: UUID, request: MaySyncBy, parts: Parts) -> Response:
    """Put a device in the caller's name under an id that the device has made. It stays theirs: 200 when it is there."""

    async def work(unit: UnitOfWork) -> Answer:
        now = unit.clock.now()
        found = await devices.get_device(unit.connection, device_id, locked=True)
        if found is not None:
            if found.officer != request.principal.subject:
                raise DeviceTakenError
            if request.if_match is not None:
                check_version(request.expected_version, found.version)
            return Answer(DeviceView.of(found), version=found.version)
        if request.if_match is not None:
            check_version(request.expected_version, 0)
        if request.principal.region is None:
            raise DeviceAreaError
        made = Device(
            device_id=device_id,
            officer=request.principal.subject,
            area_code=request.principal.region,
            registered_at=now,
            version=1,
        )
        await devices.add_device(unit.connection, made)
        record_looks(unit, parts.outbox.service, request.actor, [Look("register", "field-device", device_id, ())])
        return Answer(DeviceView.of(made), status=201, version=1)

    try:
        return await request.run(work)
    except UniqueViolation:
        return await request.run(work)


@router.post("/devices/{device_id}/wiped", response_model=DeviceView)
async def confirm_wipe(device_id: UUID, request: MaySyncBy, parts: Parts) -> Response:
    """The device has forgotten everything, as it was told to."""

    async def work(unit: UnitOfWork) -> Answer:
        device = await own_device(unit.connection, device_id, request.principal.subject, locked=True)
        if not device.must_wipe:
            raise DeviceNotRevokedError
        if device.wiped_at is None:
            device.wiped_at = unit.clock.now()
            await devices.save_device(unit.connection, device)
            record_looks(unit, parts.outbox.service, request.actor, [Look("wipe", "field-device", device_id, ())])
        return Answer(DeviceView.of(device), version=device.version)

    return await request.run(work)


@router.get("/devices/{device_id}/assignments")
async def get_assignments(
    device_id: UUID,
    request: Request,
    authorized: MaySync,
    parts: Parts,
    purpose: PurposeHeader = None,
    cursor: Cursor = None,
    device_now: DeviceNow = None,
) -> AssignmentsView:
    """The visits that the caller holds, with what is needed on the way; after ``cursor`` only what has changed.

    ``held`` always names them all. A device that is to be wiped gets nothing but the order.
    """
    asked = stated(purpose, authorized.principal, "visit")
    now = parts.database.clock.now()
    offset = _offset(device_now, now)
    async with parts.database.unit_of_work() as unit:
        device = await own_device(unit.connection, device_id, authorized.principal.subject)
        device.area_code = authorized.principal.region or device.area_code
        # A contact is one: also that of a device whose clock nobody knows.
        known = offset if offset is not None else device.clock_offset_s
        devices.touch(unit.connection, device, offset_s=known, now=now)
        await unit.commit()
    found = await assignments_of(parts, authorized.principal.subject, cursor=cursor, nothing=device.must_wipe)
    looks = [
        Look("read", "case-parties", each.case_id, ("name", "sex", "address", "phone"), case_id=each.case_id)
        for each in found.assignments
    ]
    await put_on_record(request, authorized.principal, looks, purpose=asked.code)
    return AssignmentsView(**_exchange(device, now, offset), **found._asdict())


@router.get("/devices/{device_id}/receipts")
async def get_receipts(
    device_id: UUID,
    authorized: MaySync,
    parts: Parts,
    after: Annotated[int, Query(ge=0, le=MOST_SEQUENCE)] = 0,
) -> ReceiptsView:
    """The receipts of a device's items after a sequence number: for one that has lost them, or that waits."""
    now = parts.database.clock.now()
    async with parts.database.read() as session:
        device = await own_device(session, device_id, authorized.principal.subject)
        found = await receipts_after(session, device_id, after=after, limit=_MOST_RECEIPTS + 1)
    receipts = [ReceiptView.of(each, repeated=True) for each in found[:_MOST_RECEIPTS]]
    return ReceiptsView(**_exchange(device, now, None), receipts=receipts, more=len(found) > _MOST_RECEIPTS)


@router.post("/devices/{device_id}/uploads", response_model=UploadView, openapi_extra=UPLOAD_BODY)
async def upload_items(device_id: UUID, asked: Annotated[Upload, upload("intake.field.sync")], parts: Parts) -> Any:
    """Hand in items, in any order and as often as one likes: each is applied once, and each gets its receipt.

    A receipt means that the item is durable here, whatever became of it. One that does not fit holds up no other.
    """
    said = await _said(asked.request)
    handing_in = _HandingIn(parts, asked, device_id, said)
    taken, device = await handing_in.run()
    for each in taken:
        if not each.is_repeated:
            metrics.FIELD_ITEMS.labels(str(each.receipt.status)).inc()
    return UploadView(
        **_exchange(device, handing_in.now, handing_in.offset_s),
        receipts=[ReceiptView.of_taken(each) for each in taken],
    )


class _HandingIn:
    """One upload on its way into the database."""

    def __init__(self, parts: IntakeParts, asked: Upload, device_id: UUID, said: dict[str, Any]) -> None:
        self._parts = parts
        self._asked = asked
        self._device_id = device_id
        device_now = moment(said.get("device_now"))
        items = said.get("items")
        if device_now is None:
            raise DeviceClockError
        if not isinstance(items, list):
            raise MalformedJsonError
        if len(items) > MOST_ITEMS:
            raise TooManyItemsError(most=MOST_ITEMS)
        fingerprint = asked.request.app.state.fingerprint
        self._device_now = device_now
        self._raws = [
            raw_item(place, item, device_id=device_id, fingerprint=fingerprint) for place, item in enumerate(items)
        ]
        self.now = parts.database.clock.now()
        self.offset_s = (self.now - device_now).total_seconds()

    async def run(self) -> tuple[list[Taken], Device]:
        """Take the items; each by itself where they cannot be taken together, so that a bad one holds up no other."""
        try:
            return await self._together(self._raws)
        except (ProblemError, *DATABASE_DOWN):
            raise
        except Exception as error:  # noqa: BLE001 — each is tried alone, and what fails then is told and kept
            log.warning("upload taken apart", items=len(self._raws), error=type(error).__name__)
        taken: list[Taken] = []
        for raw in self._raws:
            one, device = await self._alone(raw)
            taken += one
        return taken, device

    async def _alone(self, raw: RawItem) -> tuple[list[Taken], Device]:
        try:
            return await self._together([raw])
        except (ProblemError, *DATABASE_DOWN):
            raise
        except Exception as error:
            log.exception("an item cannot be applied", item_id=str(raw.item_id), error=type(error).__name__)
        return await self._together([raw], faulty=True)

    async def _together(self, raws: list[RawItem], *, faulty: bool = False) -> tuple[list[Taken], Device]:
        for again in range(_TRIES):
            try:
                return await self._once(raws, faulty=faulty)
            except (UniqueViolation, StaleVersionError):
                # Another device hands in the same item at this moment: what it wrote is found the next time.
                if again == _TRIES - 1:
                    raise
                await asyncio.sleep(0)
        raise AssertionError("unreachable")

    async def _once(self, raws: list[RawItem], *, faulty: bool) -> tuple[list[Taken], Device]:
        parts, principal = self._parts, self._asked.principal
        async with parts.database.unit_of_work() as unit:
            unit.actor = actor_of(self._asked.request, principal)
            device = await own_device(unit.connection, self._device_id, principal.subject, locked=True)
            device.area_code = principal.region or device.area_code
            store = FieldUploads(unit, parts.vault, device, offset_s=self.offset_s)
            reader = ItemReader(parts.database.new_id)
            applying = Field(
                cases=parts.cases(unit),
                regions=parts.regions,
                forms=lambda village: parts.forms.at(village, self.now).forms,
                checklists=lambda village: parts.checklists.at(village, self.now),
                slip_code=partial(slip_code, parts.vault),
                parse=(lambda _: Reason.FAULT) if faulty else reader,
                new_id=parts.database.new_id,
                now=unit.clock.now(),
                may_register=principal.scope("intake.case.register"),
                may_record=principal.scope("intake.visit.record") or Scope(),
            )
            taken = await UploadOfItems(device, store, applying, device_now=self._device_now).run(raws)
            await unit.commit()
        return taken, device


async def own_device(connection: Connection, device_id: UUID, subject: str, *, locked: bool = False) -> Device:
    """The caller's device.

    Raises:
        UnknownDeviceError: there is none, or it is somebody else's.
    """
    device = await devices.get_device(connection, device_id, locked=locked)
    if device is None or device.officer != subject:
        raise UnknownDeviceError
    return device


def _exchange(device: Device, now: datetime, offset_s: float | None) -> dict[str, Any]:
    return {
        "server_now": now,
        "clock_offset_seconds": offset_s,
        "order": "wipe" if device.must_wipe else "none",
        "committed_up_to": device.committed_up_to,
    }


def _offset(device_now: str | None, now: datetime) -> float | None:
    at = moment(device_now)
    return None if at is None else (now - at).total_seconds()


async def _said(request: Request) -> dict[str, Any]:
    """The body, bounded; nothing that is compressed, so that a small one cannot become a large one.

    Raises:
        EncodingNotAcceptedError, UploadTooLargeError, MalformedJsonError.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise EncodingNotAcceptedError
    expect_large_body(request.scope, MOST_BYTES + MAX_BODY_BYTES)
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > MOST_BYTES:
            raise UploadTooLargeError(most=MOST_BYTES)
    try:
        said = orjson.loads(received)
    except ValueError as error:
        raise MalformedJsonError from error
    if not isinstance(said, dict):
        raise MalformedJsonError
    return said
