"""Look at a person and search for one, for a stated purpose, on record, inside the caller's area; transfer one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.types import PersonId
from slrt_kit.audit.entries import Look
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, command, etag
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_registry.api.parts import ForCase, Parts, on_person, person_look
from slrt_registry.api.schemas import PersonView, SearchBody, SearchResult, TransferBody, TransferView
from slrt_registry.domain.person import Person
from slrt_registry.usecases import people

router = APIRouter(prefix="/persons", tags=["persons"])


@router.get("/{person_id}")
async def get_person(
    person_id: UUID,
    request: Request,
    response: Response,
    authorized: Annotated[Authorized, require("registry.person.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
    case_id: ForCase = None,
) -> PersonView:
    """A person, with numbers masked. Each look is on record."""
    asked = stated(purpose, authorized.principal, "person")
    async with parts.database.unit_of_work() as work:
        person = await people.load_person(PersonId(person_id), registry=parts.registry(work), scope=authorized.scope)
        look = person_look("read", person, authorized.principal, case_id)
    await put_on_record(request, authorized.principal, [look], purpose=asked.code)
    response.headers["ETag"] = etag(person.version)
    return PersonView.of(person)


@router.post("/search")
async def search_persons(
    body: SearchBody,
    request: Request,
    authorized: Annotated[Authorized, require("registry.person.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
    case_id: ForCase = None,
) -> SearchResult:
    """Search by exact NIK, or by name and birth date. POST, so that nothing of it stands in an address.

    It changes nothing and takes no Idempotency-Key. Each search is on record, and so is each person it showed.
    """
    asked = stated(purpose, authorized.principal, "person")
    async with parts.database.unit_of_work() as work:
        registry = parts.registry(work)
        if body.name is not None and body.birth_date is not None:
            search = Look("search", "person-search", work.new_id(), ("name", "birth-date"), case_id=case_id)
            found = await people.find_by_name(body.name, body.birth_date, registry=registry, scope=authorized.scope)
        else:
            search = Look("search", "person-search", work.new_id(), ("nik",), case_id=case_id)
            found = await people.find_by_nik(body.nik or "", registry=registry, scope=authorized.scope)
        shown = [person_look("find", person, authorized.principal, case_id) for person in found]
    await put_on_record(request, authorized.principal, [search, *shown], purpose=asked.code)
    return SearchResult(persons=[PersonView.of(person) for person in found])


@router.post("/{person_id}/transfer", response_model=TransferView)
async def transfer_person(
    person_id: UUID, body: TransferBody, request: Annotated[Command, command("registry.person.transfer")], parts: Parts
) -> Response:
    """The person lives in another village: seen there from now on, and no longer here."""
    village = parts.village(body.village_code)

    async def step(person: Person, unit: UnitOfWork) -> Answer:
        await people.transfer_person(person, village, registry=parts.registry(unit), at=unit.clock.now())
        return Answer(TransferView(village_code=person.village_code), version=person.version)

    return await on_person(person_id, request, parts, step)
