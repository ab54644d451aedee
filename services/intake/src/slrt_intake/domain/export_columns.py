"""The columns that an export may have, and how those about people are masked."""

from enum import StrEnum
from typing import Final

from slrt_kit.privacy.masking import MARK, mask_number

_MASK: Final = MARK * 3


class ExportColumn(StrEnum):
    """A column. Those from ``NAME`` on are about people: of the case's client, and how they are reached."""

    CASE_ID = "case_id"
    TICKET_NUMBER = "ticket_number"
    STATUS = "status"
    CHANNEL = "channel"
    VILLAGE_CODE = "village_code"
    URGENT = "urgent"
    REGISTERED_AT = "registered_at"
    REGISTRY_STATUS = "registry_status"
    RESOLVED_AT = "resolved_at"
    CLOSED_AT = "closed_at"
    SATISFIED = "satisfied"
    NEEDS = "needs"
    OUTCOMES = "outcomes"
    NAME = "name"
    NIK = "nik"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    KK_NUMBER = "kk_number"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"

    @property
    def is_personal(self) -> bool:
        """Whether it says something of a person."""
        return self in PERSONAL


PERSONAL: Final = frozenset(
    (
        *(ExportColumn.NAME, ExportColumn.NIK, ExportColumn.BIRTH_DATE, ExportColumn.SEX),
        *(ExportColumn.KK_NUMBER, ExportColumn.PHONE, ExportColumn.EMAIL, ExportColumn.ADDRESS),
    )
)


def masked(column: ExportColumn, value: str) -> str:
    """A personal value as it is shown unless more was asked for and approved; nothing stays nothing."""
    if not value:
        return value
    match column:
        case ExportColumn.NIK | ExportColumn.KK_NUMBER | ExportColumn.PHONE:
            return mask_number(value) or ""
        case ExportColumn.NAME:
            return " ".join(word[0] + _MASK for word in value.split())
        case ExportColumn.BIRTH_DATE:
            return value[:4]
        case _:
            return _MASK
