"""Look at a family, who belongs to it and what it needs, for a stated purpose, on record; transfer it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.types import FamilyId
from slrt_kit.audit.entries import Look
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_registry.api.parts import ForCase, Parts, person_look
from slrt_registry.api.schemas import FamilyView, TransferBody, TransferView
from slrt_registry.usecases import people

router = APIRouter(prefix="/families", tags=["families"])


@router.get("/{family_id}")
async def get_family(
    family_id: UUID,
    request: Request,
    response: Response,
    authorized: Annotated[Authorized, require("registry.family.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
    case_id: ForCase = None,
) -> FamilyView:
    """A family with its present members, open needs and participations. Each look is on record."""
    asked = stated(purpose, authorized.principal, "family")
    async with parts.database.unit_of_work() as work:
        registry = parts.registry(work)
        family = await people.load_family(FamilyId(family_id), registry=registry, scope=authorized.scope)
        # Whoever has moved out of the area is not the caller's to see any more.
        of_family = await registry.persons(family.present)
        members = [each for each in of_family if authorized.scope.covers(region=each.village_code)]
        cases = {need.case_id for need in family.needs} | {each.case_id for each in family.participations}
        hidden = await registry.kept_from_most(cases)
        shown = ("kk-masked", "needs", "participations")
        looks = [Look("read", "family", family.family_id, shown, case_id=case_id)]
        looks += [person_look("read", member, authorized.principal, case_id) for member in members]
    await put_on_record(request, authorized.principal, looks, purpose=asked.code)
    response.headers["ETag"] = etag(family.version)
    return FamilyView.of(family, list(members), hidden=hidden)


@router.post("/{family_id}/transfer", response_model=TransferView)
async def transfer_family(
    family_id: UUID, body: TransferBody, request: Annotated[Command, command("registry.person.transfer")], parts: Parts
) -> Response:
    """The family lives in another village, with all who belong to it: seen there from now on, and no longer here."""
    expected, village = request.expected_version, parts.village(body.village_code)

    async def work(unit: UnitOfWork) -> Answer:
        registry = parts.registry(unit)
        family = await people.load_family(FamilyId(family_id), registry=registry, scope=request.scope)
        check_version(expected, family.version)
        await people.transfer_family(family, village, registry=registry, at=unit.clock.now())
        return Answer(TransferView(village_code=family.village_code), version=family.version)

    return await request.run(work)
