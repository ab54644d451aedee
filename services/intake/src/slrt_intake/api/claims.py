"""Claim checks: who may fetch the personal data that no event carries, for a stated purpose, on record."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request

from slrt_contracts.codes import LookPurpose
from slrt_contracts.types import CaseId
from slrt_intake.api.claim_schemas import (
    ClaimsBody,
    CodeList,
    CodeOfCase,
    ContactList,
    ContactOfCase,
    ContactView,
    PartiesList,
    PartiesView,
)
from slrt_intake.api.parts import IntakeParts, Parts
from slrt_intake.domain.claim import Parties, shown
from slrt_intake.domain.problems import PurposeRequiredError
from slrt_intake.store import people
from slrt_intake.store.residents import living_codes
from slrt_kit.audit.entries import Look
from slrt_kit.http.audited import put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.problems import NotFoundError

router = APIRouter(tags=["claim checks"])

Purpose = Annotated[
    str | None,
    Header(max_length=100, pattern="^[a-z0-9-]+$", description="what the data is for, such as registry-record"),
]


@router.get("/cases/{case_id}/parties")
async def get_parties(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.party.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> PartiesView:
    """The people of a case. An office gets those whose needs were referred to it; each look is on record."""
    found = await _parties({case_id: None}, request, authorized, parts, purpose=stated(purpose))
    if not found:
        raise NotFoundError
    return PartiesView.of(found[0])


@router.post("/parties/search")
async def search_parties(
    body: ClaimsBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.party.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> PartiesList:
    """The people of several cases, as of one; a case that is not the caller's to see is left out.

    It changes nothing and takes no Idempotency-Key.
    """
    wanted = {case.case_id: case.event_id for case in body.cases}
    found = await _parties(wanted, request, authorized, parts, purpose=stated(purpose))
    return PartiesList(parties=[PartiesView.of(parties) for parties in found])


async def _parties(
    wanted: Mapping[UUID, UUID | None], request: Request, authorized: Authorized, parts: IntakeParts, *, purpose: str
) -> list[Parties]:
    """What the caller may see of the cases; each is named with the event that made the caller ask."""
    scope = authorized.scope
    case_ids = [CaseId(case_id) for case_id in wanted]
    async with parts.database.read() as session:
        found = await people.parties_of(session, parts.vault, case_ids, scope, at=parts.database.clock.now())
    seen = [
        view
        for parties, within, referred in found
        if (view := shown(parties, within=within, referred=referred, is_machine=scope.everywhere)) is not None
    ]
    looks = [Look("read", "case-parties", view.case_id, view.fields, wanted[view.case_id]) for view in seen]
    looks += _left_out("case-parties", wanted, [view.case_id for view in seen])
    await put_on_record(request, authorized.principal, looks, purpose=purpose)
    return seen


@router.get("/cases/{case_id}/contact")
async def get_contact(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.contact.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> ContactView:
    """How the resident of a case is reached; each look is on record."""
    found = await _contacts({case_id: None}, request, authorized, parts, purpose=stated(purpose))
    if not found:
        raise NotFoundError
    return ContactView(**found[0].model_dump(exclude={"case_id"}))


@router.post("/contacts/search")
async def search_contacts(
    body: ClaimsBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.contact.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> ContactList:
    """How the residents of several cases are reached; a case that is not the caller's to see is left out.

    It changes nothing and takes no Idempotency-Key.
    """
    wanted = {case.case_id: case.event_id for case in body.cases}
    return ContactList(contacts=await _contacts(wanted, request, authorized, parts, purpose=stated(purpose)))


async def _contacts(
    wanted: Mapping[UUID, UUID | None], request: Request, authorized: Authorized, parts: IntakeParts, *, purpose: str
) -> list[ContactOfCase]:
    """The contacts that the caller may see; each case is named with the event that made the caller ask."""
    async with parts.database.read() as session:
        seen = await people.reach_of(session, parts.vault, [CaseId(case_id) for case_id in wanted], authorized.scope)
    looks = [Look("read", "case-contact", reach.case_id, ("phone", "email"), wanted[reach.case_id]) for reach in seen]
    looks += _left_out("case-contact", wanted, [reach.case_id for reach in seen])
    await put_on_record(request, authorized.principal, looks, purpose=purpose)
    return [
        ContactOfCase(
            case_id=reach.case_id,
            ticket_number=reach.ticket_number,
            language=reach.language,
            phone=reach.phone,
            email=reach.email,
        )
        for reach in seen
    ]


@router.post("/codes/search")
async def search_codes(
    body: ClaimsBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.code.read")],
    parts: Parts,
    purpose: Purpose = None,
) -> CodeList:
    """The one-time codes that open those cases now, for the service that sends them; of most cases there is none.

    It changes nothing and takes no Idempotency-Key. Its only purpose is resident-code.
    """
    if purpose != LookPurpose.RESIDENT_CODE:
        raise PurposeRequiredError
    wanted = {case.case_id: case.event_id for case in body.cases}
    async with parts.database.read() as session:
        found = await living_codes(
            session,
            parts.vault,
            [CaseId(case_id) for case_id in wanted],
            guesses=parts.code_limits.guesses,
            at=parts.database.clock.now(),
        )
    looks = [Look("read", "resident-code", each.case_id, ("code",), wanted[each.case_id]) for each in found]
    await put_on_record(request, authorized.principal, looks, purpose=purpose)
    return CodeList(codes=[CodeOfCase(**each._asdict()) for each in found])


def _left_out(what: str, wanted: Mapping[UUID, UUID | None], seen: Sequence[UUID]) -> list[Look]:
    """Of several cases those that are not the caller's to see, for the audit log; of a single one the 404 tells it."""
    if len(wanted) == 1 and None in wanted.values():
        return []
    refused = [case_id for case_id in wanted if case_id not in set(seen)]
    return [Look("read", what, case_id, (), wanted[case_id], result="refused") for case_id in refused]


def stated(purpose: str | None) -> str:
    """The purpose that was stated. Raises PurposeRequiredError: none was (400)."""
    if purpose is None:
        raise PurposeRequiredError
    return purpose
