"""One function per command about exports: ask, decide, fetch."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from slrt_intake.domain.export import Export, ExportFilter, ExportPurpose, ExportState
from slrt_intake.domain.export_columns import ExportColumn
from slrt_intake.domain.problems import OutsideYourAreaError, UnmaskingNotAllowedError
from slrt_intake.ports import Exports
from slrt_kit.access import Principal, Scope
from slrt_kit.clock import NewId
from slrt_kit.problems import NotFoundError

_UNMASK = "registry.person.unmask"
"""Who may see a number in full when looking at one person may ask for numbers of many."""


async def request(
    *,
    purpose: ExportPurpose,
    reason: str,
    filters: ExportFilter,
    columns: Sequence[ExportColumn],
    unmasked: Sequence[ExportColumn],
    exports: Exports,
    principal: Principal,
    at: datetime,
    new_id: NewId,
) -> Export:
    """Ask for rows.

    Raises:
        OutsideYourAreaError: the requester works in no region. UnmaskingNotAllowedError.
    """
    if principal.region is None:
        raise OutsideYourAreaError
    check_unmasking(unmasked, principal)
    export = Export.request(
        export_id=new_id(),
        region=principal.region,
        purpose=purpose,
        reason=reason,
        filters=filters,
        columns=columns,
        unmasked=unmasked,
        by=principal.subject,
        at=at,
    )
    await exports.add(export)
    return export


def check_unmasking(unmasked: Sequence[ExportColumn], principal: Principal) -> None:
    """Raises UnmaskingNotAllowedError: columns are asked for in full by one who sees no single number in full."""
    if unmasked and principal.scope(_UNMASK) is None:
        raise UnmaskingNotAllowedError


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


async def fetch(export_id: UUID, *, exports: Exports, principal: Principal, at: datetime) -> Export:
    """Count a download; see `Export.fetch` for what it raises, and `load_own`."""
    export = await load_own(export_id, exports=exports, subject=principal.subject)
    check_unmasking(export.unmasked, principal)
    export.fetch(at=at)
    await exports.save(export)
    return export
