"""What the routes of exports take and give over HTTP."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from slrt_contracts.codes import NeedCode
from slrt_intake.api.access_schemas import Reason
from slrt_intake.api.registration_schemas import VillageCode
from slrt_intake.domain.export import MOST_FETCHES, OPEN_FOR, Export, ExportFilter, ExportState
from slrt_intake.domain.export_columns import ExportColumn
from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.http.bodies import Body, Day

_WHAT_FOR = "a purpose that shows `export`, such as reporting: see docs/reference/purposes.md"
RecentDay = Annotated[Day, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class ExportFilterBody(Body):
    """Which cases; without anything all that the requester may see. Days in UTC, both included."""

    statuses: list[CaseStatus] = Field(default_factory=list, max_length=10)
    need_codes: list[NeedCode] = Field(default_factory=list, max_length=40)
    village_code: VillageCode | None = None
    registered_from: RecentDay | None = None
    registered_to: RecentDay | None = None

    def filter(self) -> ExportFilter:
        """As the domain has it."""
        return ExportFilter(
            statuses=self.statuses,
            need_codes=self.need_codes,
            village_code=self.village_code,
            registered_from=_begin(self.registered_from),
            registered_before=None if self.registered_to is None else _begin(self.registered_to + timedelta(days=1)),
        )


def _begin(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


class ExportBody(Body):
    """Rows of which cases, which columns, what for, and why: whoever approves it reads the reason."""

    purpose: Annotated[str, Field(max_length=100, pattern="^[a-z0-9-]+$", description=_WHAT_FOR)]
    reason: Reason
    filters: ExportFilterBody = Field(default_factory=ExportFilterBody)
    columns: Annotated[list[ExportColumn], Field(min_length=1, max_length=len(ExportColumn))]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("kolom disebut dua kali / a column is named twice")
        return self


class ExportReceipt(BaseModel):
    """A request for rows, without its reason."""

    export_id: UUID
    version: int = Field(description="for If-Match")
    state: ExportState
    purpose: str
    columns: list[ExportColumn]
    unmasked: list[ExportColumn] = Field(description="the personal columns that come in full for that purpose")
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    open_until: datetime | None
    fetches_left: int

    @classmethod
    def of(cls, export: Export) -> Self:
        return cls(**_facts(export))


class ExportView(ExportReceipt):
    """The same for whoever decides it."""

    reason: str | None
    region_code: str
    statuses: list[CaseStatus]
    need_codes: list[NeedCode]
    village_code: str | None
    registered_from: datetime | None
    registered_before: datetime | None

    @classmethod
    def of(cls, export: Export) -> Self:
        wanted = export.filters
        return cls(
            **_facts(export),
            reason=export.reason,
            region_code=export.region,
            statuses=list(wanted.statuses),
            need_codes=list(wanted.need_codes),
            village_code=wanted.village_code,
            registered_from=wanted.registered_from,
            registered_before=wanted.registered_before,
        )


def _facts(export: Export) -> dict[str, object]:
    approved = export.state is ExportState.APPROVED and export.decided_at is not None
    return {
        "export_id": export.export_id,
        "version": export.version,
        "state": export.state,
        "purpose": export.purpose,
        "columns": list(export.columns),
        "unmasked": list(export.unmasked),
        "requested_by": export.requested_by,
        "requested_at": export.requested_at,
        "decided_by": export.decided_by,
        "decided_at": export.decided_at,
        "open_until": export.decided_at + OPEN_FOR if approved and export.decided_at else None,
        "fetches_left": MOST_FETCHES - export.fetches if approved else 0,
    }
