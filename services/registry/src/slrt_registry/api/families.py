"""Look at a family: who belongs to it, what it needs and takes part in; for a stated purpose, on record."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.types import CaseId, FamilyId
from slrt_kit.audit import Look
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import etag
from slrt_registry import usecases
from slrt_registry.api.parts import Parts, Purpose, put_on_record
from slrt_registry.api.schemas import SHOWN_FIELDS, FamilyView

router = APIRouter(prefix="/families", tags=["families"])


@router.get("/{family_id}")
async def get_family(
    family_id: UUID,
    request: Request,
    response: Response,
    authorized: Annotated[Authorized, require("registry.family.read")],
    purpose: Purpose,
    parts: Parts,
) -> FamilyView:
    """A family with its present members, open needs and participations. Each look is on record."""
    async with parts.database.unit_of_work() as work:
        registry = parts.registry(work)
        family = await usecases.load_family(FamilyId(family_id), registry=registry, scope=authorized.scope)
        members = await registry.persons(family.present)
        hidden = frozenset[CaseId]()
        if not authorized.scope.everywhere:
            cases = {need.case_id for need in family.needs} | {each.case_id for each in family.participations}
            hidden = await registry.kept_from_most(cases)
        looks = [Look("read", "family", family.family_id, ("kk-masked", "needs", "participations"))]
        looks += [Look("read", "person", member.person_id, SHOWN_FIELDS) for member in members]
    await put_on_record(parts, authorized, looks, purpose=purpose, request=request)
    response.headers["ETag"] = etag(family.version)
    return FamilyView.of(family, list(members), hidden=hidden)
