"""See to the devices of an area: revoke one that was lost, hear of silence, read what was not taken."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from slrt_intake.api.field_schemas import (
    DeviceView,
    ReceiptView,
    RejectedContentView,
    RejectedView,
    SyncAgesView,
    SyncAgeView,
)
from slrt_intake.api.parts import Parts
from slrt_intake.store import devices
from slrt_intake.store.rejected_items import rejected_content, rejected_items
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clock import day_of
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.problems import NotFoundError

router = APIRouter(prefix="/field", tags=["field work"])

MayOversee = Annotated[Authorized, require("intake.field.oversee")]


@router.get("/devices")
async def list_devices(
    authorized: MayOversee, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> Page[DeviceView]:
    """The devices of officers of the caller's area, with when each was last in touch."""
    after = None if cursor is None else decode_position(cursor, str, UUID)
    async with parts.database.read() as session:
        found = await devices.list_devices(session, authorized.scope, after=after, limit=limit + 1)
    return page_of(found, limit, DeviceView.of, lambda each: (each.area_code, each.device_id))


@router.post("/devices/{device_id}/revoke", response_model=DeviceView)
async def revoke_device(
    device_id: UUID, request: Annotated[Command, command("intake.field.oversee")], parts: Parts
) -> Response:
    """A device was lost, or its officer left: at its next contact it is told to forget everything.

    What it handed in stays; what it hands in from now on is kept for the supervisor and not applied.
    """

    async def work(unit: UnitOfWork) -> Answer:
        device = await devices.get_device(unit.connection, device_id, locked=True)
        if device is None or not request.scope.covers(region=device.area_code):
            raise NotFoundError
        check_version(request.expected_version, device.version)
        if device.revoked_at is None:
            device.revoked_at, device.revoked_by = unit.clock.now(), request.principal.subject
            await devices.save_device(unit.connection, device)
            record_looks(unit, parts.outbox.service, request.actor, [Look("revoke", "field-device", device_id, ())])
        return Answer(DeviceView.of(device), version=device.version)

    return await request.run(work)


@router.get("/sync-ages")
async def list_sync_ages(
    authorized: MayOversee, parts: Parts, days: Annotated[int, Query(ge=0, le=3650)] = 7, limit: Limit = 200
) -> SyncAgesView:
    """The areas from which nobody was in touch for so many days: silent longest first, never heard of before all."""
    now = parts.database.clock.now()
    async with parts.database.read() as session:
        found = await devices.sync_ages(
            session, authorized.scope, before=now - timedelta(days=days), today=day_of(now), limit=limit
        )
    return SyncAgesView(days=days, areas=[SyncAgeView.of(each, now=now) for each in found])


@router.get("/rejected-items")
async def list_rejected_items(
    authorized: MayOversee, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> Page[RejectedView]:
    """What devices of the caller's area handed in and was not taken, oldest first: why, and nothing of what it says."""
    after = None if cursor is None else decode_position(cursor, datetime, UUID)
    async with parts.database.read() as session:
        found = await rejected_items(
            session, authorized.scope, sensitive_too=_assigns(authorized), after=after, limit=limit + 1
        )
    return page_of(found, limit, RejectedView.of_rejected, lambda each: (each.received_at, each.receipt_id))


@router.get("/rejected-items/{receipt_id}")
async def get_rejected_item(
    receipt_id: UUID, request: Request, authorized: MayOversee, parts: Parts, purpose: PurposeHeader = None
) -> RejectedContentView:
    """What a rejected item says: nothing of it is lost. Each look is on record."""
    asked = stated(purpose, authorized.principal, "visit")
    async with parts.database.read() as session:
        found = await rejected_content(
            session, parts.vault, receipt_id, authorized.scope, sensitive_too=_assigns(authorized)
        )
    if found is None:
        raise NotFoundError
    receipt, content = found
    look = Look("read", "field-item", receipt_id, ("content",), case_id=receipt.case_id)
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    return RejectedContentView(
        receipt=ReceiptView.of(receipt), officer=receipt.officer, device_id=receipt.device_id, content=content
    )


def _assigns(authorized: Authorized) -> bool:
    """Whether the caller puts officers in charge of cases that few may know of."""
    return authorized.principal.scope("intake.restricted.list") is not None
