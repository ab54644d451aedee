"""What a device in the field hands in, item by item, and the receipt of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from slrt_kit.problems import ProblemError, Text

MOST_ITEMS: Final = 200
"""Items of one upload: a day's work of a facilitator is some 120."""


class ItemKind(StrEnum):
    """What an item is."""

    CASE = "case"
    FACTS = "facts"
    VISIT_RESULT = "visit_result"
    NOTE = "note"


class ItemStatus(StrEnum):
    """What became of an item. Each of these is durable: the device need not keep the item."""

    COMMITTED = "committed"
    CONFLICT = "conflict_kept_both"
    REJECTED = "rejected_with_reason"
    WAITING = "waiting_for"


class Reason(StrEnum):
    """Why an item was rejected. What a command would be refused for is said by its slug (``outside_your_area``)."""

    UNREADABLE = "unreadable"
    UNKNOWN_KIND = "unknown_kind"
    SEQUENCE_REUSED = "sequence_reused"
    ITEM_ID_REUSED = "item_id_reused"
    DEVICE_REVOKED = "device_revoked"
    NOT_ALLOWED = "not_allowed"
    CASE_NOT_FOUND = "case_not_found"
    VISIT_NOT_FOUND = "visit_not_found"
    PERSON_NOT_FOUND = "person_not_found"
    REFERS_TO_REJECTED = "refers_to_rejected"
    ERASED = "erased"
    FAULT = "fault"


SAYS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        Reason.UNREADABLE: Text("Isi butir ini tidak sesuai", "The item does not fit"),
        Reason.UNKNOWN_KIND: Text(
            "Jenis butir ini tidak dikenal; perbarui aplikasi", "No such kind of item; update the app"
        ),
        Reason.SEQUENCE_REUSED: Text(
            "Nomor urut ini sudah dipakai butir lain dari perangkat yang sama",
            "The device has used that sequence number for another item",
        ),
        Reason.ITEM_ID_REUSED: Text("Id ini sudah dipakai butir lain", "Another item has that id"),
        Reason.DEVICE_REVOKED: Text(
            "Perangkat ini sudah dicabut; isi butir disimpan untuk diperiksa supervisor",
            "The device was revoked; what the item says is kept for the supervisor",
        ),
        Reason.NOT_ALLOWED: Text("Bukan kewenangan Anda", "That is not yours to do"),
        Reason.CASE_NOT_FOUND: Text(
            "Kasus tidak ditemukan atau bukan di wilayah tugas Anda", "No such case, or it is not yours to work on"
        ),
        Reason.VISIT_NOT_FOUND: Text("Kunjungan tidak ditemukan", "No such visit"),
        Reason.PERSON_NOT_FOUND: Text("Orang itu bukan bagian dari kasus ini", "That person is not of this case"),
        Reason.REFERS_TO_REJECTED: Text(
            "Butir yang ditunjuk ditolak; perbaiki dan kirim keduanya sebagai butir baru",
            "The item that it refers to was rejected; correct it and send both as new items",
        ),
        Reason.ERASED: Text("Data pribadi ini sudah dihapus", "This personal data has been erased"),
        Reason.FAULT: Text(
            "Kesalahan di sistem; isi butir disimpan dan akan diperiksa",
            "A fault of ours; what the item says is kept and will be looked at",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawItem:
    """An item as it came. ``content`` is the item itself, ready for JSON; ``fingerprint`` tells two contents apart.

    ``kind`` and ``made_at`` are None where they could not be read; ``unreadable`` says what is wrong, without values.
    """

    position: int
    item_id: UUID
    sequence: int
    kind: str | None
    made_at: datetime | None
    content: Any
    fingerprint: bytes
    unreadable: Sequence[Mapping[str, str]] = ()
    is_placed: bool = True
    """Whether it has an id and a sequence number of its own."""


@dataclass(slots=True, kw_only=True)
class Receipt:
    """What became of an item, kept for ever as it was said; of one that waits, until it is applied.

    ``area_code`` is where the device works, ``reach_code`` the region whose cases its officer might record things about
    when the item came; None for one who is put in charge case by case.
    ``case_id`` is also the case that a rejected item names, where there is one: whoever may not know of that case reads
    nothing of the item. ``is_sensitive``: it would have made, or speaks of, a case that few may know of.
    ``is_first``: no other item had its id or its sequence number before. ``errors`` are places and codes.
    """

    receipt_id: UUID
    device_id: UUID
    item_id: UUID
    sequence: int
    is_first: bool
    kind: str | None
    fingerprint: bytes
    officer: str
    area_code: str
    reach_code: str | None
    made_at: datetime | None
    corrected_at: datetime | None
    clock_is_off: bool
    received_at: datetime
    status: ItemStatus
    reason: str | None = None
    says: Text | None = None
    errors: Sequence[Mapping[str, Any]] = ()
    waiting_for: UUID | None = None
    case_id: UUID | None = None
    visit_id: UUID | None = None
    is_sensitive: bool = False
    result: dict[str, Any] = field(default_factory=dict)

    def reject(self, reason: str, *, says: Text | None = None, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        """It is not taken; what it says is kept all the same."""
        self.status, self.reason, self.errors = ItemStatus.REJECTED, reason, errors
        self.says = says or SAYS[reason]
        self.waiting_for = None

    def refuse(self, problem: ProblemError) -> None:
        """Reject it for the reason that a command would be refused for."""
        self.reject(
            problem.slug.replace("-", "_"),
            says=problem.detail or problem.title,
            errors=problem.extra.get("errors", ()),
        )


@dataclass(slots=True)
class Taken:
    """An item with its receipt. ``content`` is kept sealed beside the receipt unless it stands elsewhere by now."""

    raw: RawItem
    receipt: Receipt
    is_repeated: bool = False
    has_waited: bool = False
    """It was here before, and waited for another one that has come now."""
