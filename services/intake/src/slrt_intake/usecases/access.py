"""One function per command about who may know of a case: assign, transfer, seal, open in an emergency, review."""

from datetime import datetime

from slrt_contracts.types import AccessId, CaseId
from slrt_intake.domain import ticket
from slrt_intake.domain.case import Case
from slrt_intake.domain.emergency import EmergencyAccess
from slrt_intake.domain.problems import (
    AccessNotNeededError,
    NotAssignedError,
    TooManyOfficersError,
    UnknownRegionError,
)
from slrt_intake.domain.transitions import SealReason
from slrt_intake.ports import CasesToAssign, Emergencies, Officers, RegionTable
from slrt_kit.access import Scope
from slrt_kit.clock import NewId
from slrt_kit.problems import NotFoundError

MOST_OFFICERS = 20


async def load_to_assign(case_id: CaseId, *, cases: CasesToAssign, scope: Scope) -> Case:
    """A case of the caller's region, also one that the caller may not read.

    Raises:
        NotFoundError: there is none.
    """
    case = await cases.get_to_assign(case_id, scope)
    if case is None:
        raise NotFoundError
    return case


async def assign(
    case: Case, officer: str, *, cases: CasesToAssign, officers: Officers, by: str, at: datetime
) -> list[str]:
    """Put an officer in charge; returns all who are.

    Raises:
        SeparationOfDutiesError: nobody assigns himself. TooManyOfficersError.
    """
    in_charge = list(await officers.of(case.case_id))
    if officer not in in_charge:
        if len(in_charge) >= MOST_OFFICERS:
            raise TooManyOfficersError
        in_charge.append(officer)
    case.assign(officer, by=by, at=at)
    officers.add(case.case_id, officer, by=by)
    await cases.save(case)
    return in_charge


async def unassign(case: Case, officer: str, *, cases: CasesToAssign, officers: Officers, at: datetime) -> list[str]:
    """End an officer's charge; returns those who are left.

    Raises:
        NotAssignedError: the officer is not in charge.
    """
    in_charge = list(await officers.of(case.case_id))
    if officer not in in_charge:
        raise NotAssignedError
    in_charge.remove(officer)
    case.unassign(at=at)
    officers.remove(case.case_id, officer)
    await cases.save(case)
    return in_charge


async def transfer(
    case: Case, village_code: str, *, cases: CasesToAssign, officers: Officers, regions: RegionTable, at: datetime
) -> None:
    """Give a case to another region; whoever was in charge no longer is.

    Raises:
        UnknownRegionError: the village is not in the table. TransitionRefusedError: it is there, or closed.
    """
    region = regions.get(village_code)
    if region is None:
        raise UnknownRegionError
    case.transfer(region.code, at=at)
    officers.let_go_of(case.case_id)
    await cases.save(case)


async def seal(case: Case, reason: SealReason, *, cases: CasesToAssign, by: str, at: datetime) -> None:
    """Close a case to everybody."""
    case.seal(reason, by=by, at=at)
    await cases.save(case)


async def unseal(case: Case, *, cases: CasesToAssign, at: datetime) -> None:
    """Lift a seal."""
    case.unseal(at=at)
    await cases.save(case)


async def open_in_emergency(
    case_id: CaseId | None,
    written_ticket: str | None,
    *,
    reason: str,
    cases: CasesToAssign,
    emergencies: Emergencies,
    scope: Scope,
    by: str,
    at: datetime,
    new_id: NewId,
) -> EmergencyAccess:
    """Open a case of the caller's region that is kept from the caller.

    Raises:
        NotFoundError: there is no such case in the region. AccessNotNeededError: it is open to the caller.
    """
    if case_id is None:
        number = ticket.normalise_ticket(written_ticket or "")
        case_id = None if number is None else await cases.id_of_ticket(number)
        if case_id is None:
            raise NotFoundError
    case = await load_to_assign(case_id, cases=cases, scope=scope)
    if await cases.get_to_look(case_id, scope) is not None:
        raise AccessNotNeededError
    access = EmergencyAccess.open(
        access_id=new_id(), case_id=case_id, district_code=case.district_code, by=by, reason=reason, at=at
    )
    await emergencies.add(access)
    return access


async def load_emergency(access_id: AccessId, *, emergencies: Emergencies, scope: Scope) -> EmergencyAccess:
    """An emergency access to a case of the caller's region.

    Raises:
        NotFoundError: there is none.
    """
    access = await emergencies.get_within(access_id, scope)
    if access is None:
        raise NotFoundError
    return access


async def review(access: EmergencyAccess, *, justified: bool, emergencies: Emergencies, by: str, at: datetime) -> None:
    """Note what the review found.

    Raises:
        SeparationOfDutiesError, ReviewedAlreadyError.
    """
    access.review(justified=justified, by=by, at=at)
    await emergencies.save(access)
