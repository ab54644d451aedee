"""The columns that an export may have, and how those about people are masked."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from slrt_intake.domain.problems import ColumnsNotShownError
from slrt_kit.privacy.masking import MARK, mask_name, mask_number
from slrt_kit.purposes import Shown

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


def columns_in_full(columns: Sequence[ExportColumn], shows: Shown) -> list[ExportColumn]:
    """Of the columns those that come in full where a purpose shows these fields; other personal ones are masked.

    Raises:
        ColumnsNotShownError: some are of people, and not shown at all.
    """
    hidden = [column for column in columns if column.is_personal and column not in shows.fields]
    if hidden:
        raise ColumnsNotShownError.of(hidden)
    return [column for column in columns if column in shows.clear]


def masked(column: ExportColumn, value: str) -> str:
    """A personal value as it is shown where the purpose gives it in part; nothing stays nothing."""
    if not value:
        return value
    match column:
        case ExportColumn.NIK | ExportColumn.KK_NUMBER | ExportColumn.PHONE:
            return mask_number(value) or ""
        case ExportColumn.NAME:
            return mask_name(value) or ""
        case ExportColumn.BIRTH_DATE:
            return value[:4]
        case _:
            return _MASK
