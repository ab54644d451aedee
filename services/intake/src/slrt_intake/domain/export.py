"""The export: rows of many cases for one person, who asks for them, and another, who answers for it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from slrt_contracts.codes import NeedCode
from slrt_intake.domain.export_columns import ExportColumn
from slrt_intake.domain.problems import (
    ExportDecidedError,
    ExportNotApprovedError,
    ExportSpentError,
)
from slrt_intake.domain.transitions import CaseStatus
from slrt_kit.problems import SeparationOfDutiesError

OPEN_FOR: Final = timedelta(hours=24)
MOST_FETCHES: Final = 3
"""A download may break off; who needs it more often asks again."""


class ExportState(StrEnum):
    """Where a request for rows stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """Which cases, of those that the requester may see: none given means all. Days in UTC, the last one included."""

    statuses: Sequence[CaseStatus] = ()
    need_codes: Sequence[NeedCode] = ()
    village_code: str | None = None
    registered_from: datetime | None = None
    registered_before: datetime | None = None


@dataclass(kw_only=True)
class Export:
    """One request. ``region`` is the requester's at that time; ``purpose`` the code of one of purposes.yaml, and
    ``unmasked`` are the columns that come in full for it."""

    version: int = 0
    export_id: UUID
    requested_by: str
    region: str
    purpose: str
    reason: str | None
    filters: ExportFilter
    columns: Sequence[ExportColumn]
    unmasked: Sequence[ExportColumn]
    requested_at: datetime
    state: ExportState = ExportState.REQUESTED
    decided_by: str | None = None
    decided_at: datetime | None = None
    fetches: int = 0
    key_id: int | None = field(default=None, compare=False)

    @classmethod
    def request(
        cls,
        *,
        export_id: UUID,
        region: str,
        purpose: str,
        reason: str,
        filters: ExportFilter,
        columns: Sequence[ExportColumn],
        unmasked: Sequence[ExportColumn],
        by: str,
        at: datetime,
    ) -> Self:
        """A new one, which somebody else has to approve."""
        return cls(
            export_id=export_id,
            requested_by=by,
            region=region,
            purpose=purpose,
            reason=reason,
            filters=filters,
            columns=columns,
            unmasked=unmasked,
            requested_at=at,
        )

    def decide(self, state: ExportState, *, by: str, at: datetime) -> None:
        """Approve or refuse it.

        Raises:
            SeparationOfDutiesError: nobody decides what he asked for. ExportDecidedError: it was decided.
        """
        if by == self.requested_by:
            raise SeparationOfDutiesError
        if self.state is not ExportState.REQUESTED:
            raise ExportDecidedError
        self.state, self.decided_by, self.decided_at = state, by, at

    def fetch(self, unmasked: Collection[ExportColumn], *, at: datetime) -> None:
        """Count a download; of the columns that were approved in full those stay so that still may be.

        Raises:
            ExportNotApprovedError: nobody approved it. ExportSpentError: too late, or too often.
        """
        if self.state is not ExportState.APPROVED or self.decided_at is None:
            raise ExportNotApprovedError
        if at >= self.decided_at + OPEN_FOR or self.fetches >= MOST_FETCHES:
            raise ExportSpentError
        self.fetches += 1
        self.unmasked = [column for column in self.unmasked if column in unmasked]

    @property
    def shown_fields(self) -> list[str]:
        """The columns as the audit log names them: a personal one says whether it was masked."""
        return [
            f"{column}:masked" if column.is_personal and column not in self.unmasked else column.value
            for column in self.columns
        ]
