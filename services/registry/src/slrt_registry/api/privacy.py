"""What is done about a person's data: shown whole for a purpose, held, erased for good; all of it on record."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.types import PersonId
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, command
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.privacy.retention import retention_classes
from slrt_kit.problems import ErasedError
from slrt_registry.api.parts import ForCase, Parts, on_person
from slrt_registry.api.schemas import (
    ErasureBody,
    ErasureReceipt,
    LegalHoldBody,
    LegalHoldView,
    UnmaskBody,
    UnmaskedView,
    UnmaskField,
)
from slrt_registry.domain.person import Person
from slrt_registry.domain.problems import NotOfThePurposeError
from slrt_registry.usecases import erasure, people

router = APIRouter(prefix="/persons", tags=["privacy"])


@router.post("/{person_id}/unmask")
async def unmask_person(
    person_id: UUID,
    body: UnmaskBody,
    request: Request,
    response: Response,
    authorized: Annotated[Authorized, require("registry.person.unmask")],
    parts: Parts,
    purpose: PurposeHeader = None,
    case_id: ForCase = None,
) -> UnmaskedView:
    """Numbers and the birth date whole, of a person of the caller's area. It changes nothing; each field is on record.

    410 for a person who was erased, 403 for what the stated purpose does not show.
    """
    wanted = sorted(set(body.fields))
    asked = stated(purpose, authorized.principal, "person")
    clear = asked.shows["person"].clear
    if not clear.issuperset(wanted):
        raise NotOfThePurposeError(fields=sorted(clear))
    async with parts.database.unit_of_work() as work:
        registry = parts.registry(work)
        person = await people.load_person(PersonId(person_id), registry=registry, scope=authorized.scope)
        if person.erased:
            raise ErasedError
        kk_number = None
        if UnmaskField.KK_NUMBER in wanted and person.family_id is not None:
            family = await registry.family(person.family_id)
            kk_number = None if family is None else family.kk_number
    known = {
        UnmaskField.NIK: person.nik,
        UnmaskField.BIRTH_DATE: person.birth_date,
        UnmaskField.KK_NUMBER: kk_number,
    }
    look = Look("unmask", "person", person.person_id, wanted, case_id=case_id)
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    response.headers["Cache-Control"] = "no-store"
    return UnmaskedView.model_validate({"person_id": person_id} | {field: known[field] for field in wanted})


@router.post("/{person_id}/erasure", response_model=ErasureReceipt)
async def erase_person(
    person_id: UUID,
    body: ErasureBody,
    request: Annotated[Command, command("registry.person.erase")],
    parts: Parts,
) -> Response:
    """Erase a person in every service, for good. 409 names what keeps the data, and until when."""

    async def step(person: Person, unit: UnitOfWork) -> Answer:
        at = unit.clock.now()
        count = await erasure.erase_person(
            person, body.reason_code, registry=parts.registry(unit), classes=retention_classes(), at=at
        )
        return Answer(ErasureReceipt(person_id=person_id, erased_at=at, case_count=count), version=person.version)

    return await on_person(person_id, request, parts, step)


@router.post("/{person_id}/legal-hold", response_model=LegalHoldView)
async def hold_person(
    person_id: UUID,
    body: LegalHoldBody,
    request: Annotated[Command, command("registry.person.erase")],
    parts: Parts,
) -> Response:
    """Hold a person's data for an inquiry or a dispute, or let them go: while they are held nobody erases them."""

    async def step(person: Person, unit: UnitOfWork) -> Answer:
        await erasure.set_legal_hold(person, body.hold, registry=parts.registry(unit))
        # It raises no event: nobody but the auditor is to know.
        held = Look("release" if body.hold is None else "hold", "person", person.person_id, ("legal-hold",))
        record_looks(unit, "registry", request.actor, [held])
        return Answer(LegalHoldView(person_id=person_id, hold=body.hold), version=person.version)

    return await on_person(person_id, request, parts, step)
