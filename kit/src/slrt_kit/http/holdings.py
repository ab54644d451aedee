"""What services show of their ledgers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel, Field

from slrt_kit.holdings.figures import HoldingTime
from slrt_kit.holdings.model import MONTH_PATTERN, HolderKind, Holding

MonthText = Annotated[
    str, Query(pattern=MONTH_PATTERN, description="A month of Western Indonesian Time, such as 2026-11.")
]


class HoldingView(BaseModel):
    """Who held it, from when to when."""

    holder: HolderKind
    district_code: str = Field(description="where it was held (kecamatan)")
    office_code: str | None = Field(description="of an office")
    reason: str | None = Field(description="of a pause")
    since: datetime
    until: datetime | None = Field(description="null while it lasts")
    seconds: float = Field(description="up to now while it lasts")
    happened_at: datetime | None = Field(
        description="what began it was told late and happened then; the time up to `since` stays with whom it was given"
    )
    reconstructed: bool = Field(description="written afterwards, from what else is on record")

    @classmethod
    def of(cls, holding: Holding, *, now: datetime) -> Self:
        return cls(
            holder=holding.holder.kind,
            district_code=holding.holder.district_code,
            office_code=holding.holder.office_code,
            reason=holding.holder.reason,
            since=holding.since,
            until=holding.until,
            seconds=holding.lasted(now).total_seconds(),
            happened_at=holding.happened_at,
            reconstructed=holding.reconstructed,
        )


class HoldingTimeView(BaseModel):
    """How long one kind of holder had things in the month; null where so few were held that it points at somebody."""

    cell: str
    minutes: int | None
    held: int | None = Field(description="how many were held by it at some time of the month")

    @classmethod
    def of_all(cls, times: Sequence[HoldingTime]) -> list[Self]:
        return [cls(cell=each.cell, minutes=each.minutes, held=each.held) for each in times]
