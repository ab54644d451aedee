"""What devices in the field get: receipts, assignments. docs/reference/sync-protocol.md has the rules."""

from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, Field

from slrt_intake.api.field_items import MOST_SEQUENCE
from slrt_intake.domain.device import Device
from slrt_intake.domain.field_item import ItemKind, ItemStatus, Receipt, Taken
from slrt_intake.store.devices import SyncAge

UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["device_now", "items"],
                    "properties": {
                        "device_now": {"type": "string", "format": "date-time"},
                        "items": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "description": "see docs/reference/sync-protocol.md; one that does not fit is answered "
                                "with a receipt that says so, and holds up no other",
                                "properties": {
                                    "id": {"type": "string", "format": "uuid", "description": "made on the device"},
                                    "sequence": {"type": "integer", "minimum": 1, "maximum": MOST_SEQUENCE},
                                    "kind": {"type": "string", "examples": [kind.value for kind in ItemKind]},
                                    "made_at": {"type": "string", "format": "date-time"},
                                    "payload": {"type": "object"},
                                },
                            },
                        },
                    },
                }
            }
        },
    }
}


class ReceiptView(BaseModel):
    """What became of an item. Whatever the status, it is durable here: the device may forget the item."""

    position: int | None = Field(default=None, description="of the item in the upload, from 0")
    receipt_id: UUID
    item_id: UUID
    sequence: int
    kind: str | None
    status: str = Field(
        description="committed, already_committed, conflict_kept_both, rejected_with_reason or waiting_for"
    )
    repeated: bool = Field(description="the item was here before; this is what was said then")
    reason: str | None
    says: dict[str, str] | None = Field(description="the reason in words, `id` and `en`")
    errors: list[dict[str, Any]]
    waiting_for: UUID | None = Field(description="the item that is awaited")
    made_at: datetime | None = Field(description="as the device says")
    corrected_at: datetime | None = Field(description="by how far its clock was off")
    clock_is_off: bool
    received_at: datetime
    case_id: UUID | None
    visit_id: UUID | None
    result: dict[str, Any] = Field(description="ticket_number and warnings of a case; conflicts and warnings of facts")

    @classmethod
    def of(cls, receipt: Receipt, *, position: int | None = None, repeated: bool = False) -> Self:
        status = str(receipt.status)
        taken = receipt.status is not ItemStatus.REJECTED
        if repeated and receipt.status is ItemStatus.COMMITTED:
            status = "already_committed"
        return cls(
            position=position,
            receipt_id=receipt.receipt_id,
            item_id=receipt.item_id,
            sequence=receipt.sequence,
            kind=receipt.kind,
            status=status,
            repeated=repeated,
            reason=receipt.reason,
            says=None if receipt.says is None else receipt.says._asdict(),
            errors=[dict(each) for each in receipt.errors],
            waiting_for=receipt.waiting_for,
            made_at=receipt.made_at,
            corrected_at=receipt.corrected_at,
            clock_is_off=receipt.clock_is_off,
            received_at=receipt.received_at,
            # Of what was rejected it says no more than the device did: whether there is such a case is not for it.
            case_id=receipt.case_id if taken else None,
            visit_id=receipt.visit_id if taken else None,
            result=receipt.result if taken else {},
        )

    @classmethod
    def of_taken(cls, taken: Taken) -> Self:
        return cls.of(taken.receipt, position=taken.raw.position, repeated=taken.is_repeated)


class ExchangeView(BaseModel):
    """What every exchange with a device says beside its subject."""

    server_now: datetime
    clock_offset_seconds: float | None = Field(description="the server's clock minus the device's")
    order: str = Field(description="none; or wipe: hand in what is left, forget everything, and say so")
    committed_up_to: int = Field(description="everything up to this sequence number is durable here")


class UploadView(ExchangeView):
    """The receipts of an upload, in the order of its items."""

    receipts: list[ReceiptView]


class ReceiptsView(ExchangeView):
    """Receipts of a device, by sequence number."""

    receipts: list[ReceiptView]
    more: bool


class KnownPerson(BaseModel):
    """Somebody of the household, as a visitor needs to know."""

    person_id: UUID
    relation: str
    name: str | None
    sex: str | None


class KnownFact(BaseModel):
    """What is known already; name it in ``replaces`` when it is observed anew."""

    fact_id: UUID
    person_id: UUID | None
    code: str
    value: Any
    observed_at: datetime


class AssignmentView(BaseModel):
    """A visit to make, with what is needed on the way."""

    visit_id: UUID
    version: int
    case_id: UUID
    ticket_number: str
    village_code: str
    leased_until: datetime
    due_on: date | None
    checklists: list[str]
    need_codes: list[str]
    address: str | None
    phone: str | None
    persons: list[KnownPerson]
    facts: list[KnownFact]


class AssignmentsView(ExchangeView):
    """The visits that the officer holds."""

    full: bool = Field(description="assignments are all that are held, and not only what has changed")
    assignments: list[AssignmentView]
    held: list[UUID] = Field(description="every visit that is held: the device forgets all others")
    cursor: str = Field(description="ask with it next time")


class DeviceView(BaseModel):
    """A device in the field."""

    device_id: UUID
    version: int
    officer: str
    area_code: str
    registered_at: datetime
    last_sync_at: datetime | None
    clock_offset_seconds: float | None
    committed_up_to: int
    revoked_at: datetime | None
    wiped_at: datetime | None

    @classmethod
    def of(cls, device: Device) -> Self:
        return cls(
            device_id=device.device_id,
            version=device.version,
            officer=device.officer,
            area_code=device.area_code,
            registered_at=device.registered_at,
            last_sync_at=device.last_sync_at,
            clock_offset_seconds=device.clock_offset_s,
            committed_up_to=device.committed_up_to,
            revoked_at=device.revoked_at,
            wiped_at=device.wiped_at,
        )


class SyncAgeView(BaseModel):
    """When anybody who works in an area was last in touch; null: never."""

    area_code: str
    officers: int
    devices: int
    last_sync_at: datetime | None
    age_days: float | None

    @classmethod
    def of(cls, age: SyncAge, *, now: datetime) -> Self:
        days = None if age.last_sync_at is None else (now - age.last_sync_at).total_seconds() / 86_400
        return cls(
            area_code=age.area_code,
            officers=age.officers,
            devices=age.devices,
            last_sync_at=age.last_sync_at,
            age_days=None if days is None else round(days, 2),
        )


class SyncAgesView(BaseModel):
    """Silent areas, silent longest first."""

    days: int
    areas: list[SyncAgeView]


class RejectedContentView(BaseModel):
    """What was rejected, in full."""

    receipt: ReceiptView
    officer: str
    device_id: UUID
    content: Any = Field(description="the item as it came; null once it is gone")


class RejectedView(ReceiptView):
    """What was rejected, and whose it was."""

    officer: str
    device_id: UUID

    @classmethod
    def of_rejected(cls, receipt: Receipt) -> Self:
        shown = ReceiptView.of(receipt)
        return cls(**shown.model_dump(), officer=receipt.officer, device_id=receipt.device_id)
