"""Claim checks: who may fetch the personal data that no event carries, for a stated purpose, on record."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request

from slrt_contracts.types import CaseId
from slrt_intake import usecases
from slrt_intake.api.parts import Parts
from slrt_intake.api.schemas import ContactView, PartiesView, PersonView
from slrt_intake.domain.party import Contact
from slrt_intake.domain.problems import PurposeRequiredError
from slrt_intake.store import people
from slrt_kit.audit import record_access
from slrt_kit.http.auth import Authorized, require
from slrt_kit.problems import NotFoundError

router = APIRouter(tags=["claim checks"])

Purpose = Annotated[
    str | None,
    Header(max_length=100, pattern="^[a-z0-9-]+$", description="what the data is for, such as registry-record"),
]

_PLACE_FIELDS = ("address", "phone")
_FIELDS = ("name", "nik", "kk_number", "birth_date", "sex", *_PLACE_FIELDS)


@router.get("/cases/{case_id}/parties")
async def get_parties(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.party.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> PartiesView:
    """The people of a case. An office gets those whose needs were referred to it; each look is on record."""
    stated = _stated(purpose)
    scope = authorized.scope
    async with parts.database.unit_of_work() as work:
        case = await parts.cases(work).get(CaseId(case_id))
        if case is None:
            raise NotFoundError
        needs = {need.need_id: need.person_id for need in case.needs}
        whole = scope.covers(region=case.village_code)
        if not whole:
            held = await people.needs_of_office(work.connection, case.case_id, scope.office) if scope.office else set()
            if not held:
                raise NotFoundError
            needs = {need_id: person_id for need_id, person_id in needs.items() if need_id in held}
        persons = await people.persons_of(work.connection, case.case_id)
        contact = await people.contact_of(work.connection, case.case_id)
        if not whole:
            persons = [person for person in persons if person.person_id in needs.values()]
        # An office with a need of the place (a road) learns where it is and whom to call, and not which family asked.
        named = whole or bool(persons)
        record_access(
            work,
            authorized.principal,
            purpose=stated,
            action="read",
            object_type="case-parties",
            object_id=case.case_id,
            fields=_FIELDS if named else _PLACE_FIELDS,
            request_id=request.state.request_id,
        )
        await work.commit()
    contact = contact or _nobody()
    return PartiesView(
        case_id=case.case_id,
        village_code=case.village_code,
        kk_number=contact.kk_number if named else None,
        address=contact.address,
        phone=contact.phone,
        persons=[
            PersonView(
                person_id=person.person_id,
                relation=person.relation,
                name=person.name,
                nik=person.nik,
                birth_date=person.birth_date,
                sex=person.sex,
            )
            for person in persons
        ],
        need_persons={need_id: person_id for need_id, person_id in needs.items() if person_id is not None},
    )


@router.get("/cases/{case_id}/contact")
async def get_contact(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.contact.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> ContactView:
    """How the resident of a case is reached; each look is on record."""
    stated = _stated(purpose)
    async with parts.database.unit_of_work() as work:
        case = await usecases.load_case(CaseId(case_id), cases=parts.cases(work), scope=authorized.scope)
        contact = await people.contact_of(work.connection, case.case_id)
        record_access(
            work,
            authorized.principal,
            purpose=stated,
            action="read",
            object_type="case-contact",
            object_id=case.case_id,
            fields=("phone", "email"),
            request_id=request.state.request_id,
        )
        await work.commit()
    contact = contact or _nobody()
    return ContactView(
        ticket_number=case.ticket_number, language=contact.language, phone=contact.phone, email=contact.email
    )


def _stated(purpose: str | None) -> str:
    if purpose is None:
        raise PurposeRequiredError
    return purpose


def _nobody() -> Contact:
    return Contact(phone=None, email=None, language="id", kk_number=None, address=None, proxy_name=None)
