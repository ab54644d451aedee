"""Tell what the registry made of a case: ids, codes and dates only."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from slrt_contracts.types import CaseId
from slrt_kit.http.auth import Authorized, require
from slrt_registry.api.parts import Parts
from slrt_registry.api.schemas import CaseRecordsView
from slrt_registry.usecases import recording

router = APIRouter(prefix="/cases", tags=["cases"])


@router.get("/{case_id}/records")
async def get_case_records(
    case_id: UUID, authorized: Annotated[Authorized, require("registry.family.read")], parts: Parts
) -> CaseRecordsView:
    """Persons, family, needs and participations of a case; 404 until the registry has heard of the case."""
    async with parts.database.unit_of_work() as work:
        registry = parts.registry(work)
        case = await recording.load_case(CaseId(case_id), registry=registry, scope=authorized.scope)
        entries = await registry.case_entries(case.case_id)
    return CaseRecordsView.of(case, entries)
