"""One function per command about exports: ask, decide, fetch."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from slrt_intake.domain.export import Export, ExportFilter, ExportState
from slrt_intake.domain.export_columns import ExportColumn, columns_in_full
from slrt_intake.domain.problems import OutsideYourAreaError
from slrt_intake.ports import Exports
from slrt_kit.access import Principal, Scope
from slrt_kit.clock import NewId
from slrt_kit.problems import NotFoundError
from slrt_kit.purposes import Purpose

_UNMASK = "intake.party.unmask"
"""Who may see a number in full when looking at one person may have numbers of many."""


async def request(
    *,
    purpose: Purpose,
    reason: str,
    filters: ExportFilter,
    columns: Sequence[ExportColumn],
    exports: Exports,
    principal: Principal,
    at: datetime,
    new_id: NewId,
) -> Export:
    """Ask for rows, for a purpose that the requester may state for exports.

    Raises:
        OutsideYourAreaError: the requester works in no region. ColumnsNotShownError: not for that purpose.
    """
    if principal.region is None:
        raise OutsideYourAreaError
    export = Export.request(
        export_id=new_id(),
        region=principal.region,
        purpose=purpose.code,
        reason=reason,
        filters=filters,
        columns=columns,
        unmasked=_in_full(columns, purpose, principal),
        by=principal.subject,
        at=at,
    )
    await exports.add(export)
    return export


def _in_full(columns: Sequence[ExportColumn], purpose: Purpose, principal: Principal) -> list[ExportColumn]:
    shows = purpose.shows["export"]
    return columns_in_full(columns, shows if principal.scope(_UNMASK) is not None else shows.numbers_masked())


async def load_to_decide(export_id: UUID, *, exports: Exports, scope: Scope) -> Export:
    """What was asked for in the caller's area.

    Raises:
        NotFoundError: there is none.
    """
    export = await exports.get_within(export_id, scope)
    if export is None:
        raise NotFoundError
    return export


async def decide(export: Export, state: ExportState, *, exports: Exports, by: str, at: datetime) -> None:
    """Approve or refuse it; see `Export.decide` for what it raises."""
    export.decide(state, by=by, at=at)
    await exports.save(export)


async def load_own(export_id: UUID, *, exports: Exports, subject: str) -> Export:
    """What the caller asked for.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    export = await exports.get_own(export_id, subject)
    if export is None:
        raise NotFoundError
    return export


async def fetch(export: Export, purpose: Purpose, *, exports: Exports, principal: Principal, at: datetime) -> None:
    """Count a download, for the export's purpose as it is today; see `Export.fetch` for what it raises.

    Raises:
        ColumnsNotShownError: the purpose shows less since.
    """
    export.fetch(_in_full(export.columns, purpose, principal), at=at)
    await exports.save(export)
