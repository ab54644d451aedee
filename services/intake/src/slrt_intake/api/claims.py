"""Claim checks: who may fetch the personal data that no event carries, for a stated purpose, on record."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request

from slrt_contracts.types import CaseId, ConsentId, OfficeCode, ReceiptId
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
from slrt_intake.domain.claim import Parties, limited, shown
from slrt_intake.domain.problems import ConsentMissingError
from slrt_intake.store import people
from slrt_intake.store.consents import CoveredPerson, covered_persons
from slrt_intake.store.residents import living_codes
from slrt_intake.store.sharings import Sharing, deliver
from slrt_kit.audit.entries import Look
from slrt_kit.http.audited import actor_of, put_on_record
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.purposes import PurposeHeader, stated
from slrt_kit.problems import NotFoundError
from slrt_kit.purposes import Purpose, Recipient, purpose_table

router = APIRouter(tags=["claim checks"])

_MAY_UNMASK = "intake.party.unmask"


@router.get("/cases/{case_id}/parties")
async def get_parties(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.party.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> PartiesView:
    """The people of a case. An office gets those whose needs were referred to it, and a receipt.

    What the stated purpose does not show is null; each look is on record.
    """
    asked = stated(purpose, authorized.principal, "case-parties")
    found = await _parties({case_id: None}, request, authorized, parts, purpose=asked)
    if not found.shown:
        raise ConsentMissingError if found.without_consent else NotFoundError
    return found.shown[0]


@router.post("/parties/search")
async def search_parties(
    body: ClaimsBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.party.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> PartiesList:
    """The people of several cases, as of one; a case that is not the caller's to see, or whose resident has not agreed
    where the purpose rests on that, is left out.

    It changes nothing that is shown and takes no Idempotency-Key.
    """
    asked = stated(purpose, authorized.principal, "case-parties")
    wanted = {case.case_id: case.event_id for case in body.cases}
    return PartiesList(parties=(await _parties(wanted, request, authorized, parts, purpose=asked)).shown)


class _Found(NamedTuple):
    shown: list[PartiesView]
    without_consent: bool
    """Something was kept back because nobody agreed to it."""


async def _parties(
    wanted: Mapping[UUID, UUID | None],
    request: Request,
    authorized: Authorized,
    parts: IntakeParts,
    *,
    purpose: Purpose,
) -> _Found:
    """What the caller may see of the cases for a purpose; each is named with the event that made the caller ask."""
    principal, scope, now = authorized.principal, authorized.scope, parts.database.clock.now()
    case_ids = [CaseId(case_id) for case_id in wanted]
    covered = None
    async with parts.database.read() as session:
        found = await people.parties_of(session, parts.vault, case_ids, scope, at=now)
        if purpose.needs_consent:
            office = None if scope.office is None else OfficeCode(scope.office)
            covered = await covered_persons(session, case_ids, purpose.code, office, at=now)
    unmask = principal.scope(_MAY_UNMASK) is not None
    agreed = None if covered is None else {each.person_id for each in covered}
    seen = [
        (limited(view, purpose.shows["case-parties"], unmask=unmask), each)
        for each in found
        if (
            view := shown(
                each.parties,
                to=purpose.recipient,
                within=each.within,
                referred=set(each.referred.values()),
                covered=agreed,
            )
        )
        is not None
    ]
    if purpose.recipient is Recipient.OFFICE:
        receipts = await _share(seen, wanted, covered or (), request, authorized, parts, purpose=purpose)
        looks = []
    else:
        receipts = {}
        looks = [Look("read", "case-parties", view.case_id, view.fields, wanted[view.case_id]) for view, _ in seen]
    views = [
        PartiesView.of(view, receipts.get(view.case_id))
        for view, _ in seen
        if purpose.recipient is not Recipient.OFFICE or view.case_id in receipts
    ]
    looks += _left_out("case-parties", wanted, [view.case_id for view in views])
    await put_on_record(request, principal, looks, purpose=purpose.code)
    referred = sum(1 for each in found if each.referred)
    return _Found(views, without_consent=purpose.needs_consent and referred > len(views))


async def _share(
    seen: Sequence[tuple[Parties, people.FoundParties]],
    wanted: Mapping[UUID, UUID | None],
    covered: Collection[CoveredPerson],
    request: Request,
    authorized: Authorized,
    parts: IntakeParts,
    *,
    purpose: Purpose,
) -> dict[CaseId, ReceiptId]:
    """Write a receipt for each case; gives those of the cases that may be shown."""
    office, now = authorized.scope.office, parts.database.clock.now()
    if office is None or not seen:
        return {}
    sharings = [
        Sharing(
            receipt_id=ReceiptId(parts.database.new_id()),
            case_id=view.case_id,
            office_code=OfficeCode(office),
            subject=authorized.principal.subject,
            purpose=purpose.code,
            purposes_version=purpose_table().version,
            basis=purpose.basis,
            fields=view.fields,
            person_ids=[person.person_id for person in view.persons],
            consent_ids=_consents_of(view, covered),
            referral_ids=[referral for referral, need in each_found.referred.items() if need in view.need_persons],
            event_id=wanted[view.case_id],
            shared_at=now,
        )
        for view, each_found in seen
    ]
    actor = actor_of(request, authorized.principal, purpose=purpose.code)
    delivered = await deliver(parts.database, parts.outbox.service, actor, sharings)
    return {sharing.case_id: sharing.receipt_id for sharing in sharings if sharing.receipt_id in delivered}


def _consents_of(view: Parties, covered: Collection[CoveredPerson]) -> list[ConsentId]:
    shown_persons = {person.person_id for person in view.persons}
    return [each.consent_id for each in covered if each.person_id in shown_persons]


@router.get("/cases/{case_id}/contact")
async def get_contact(
    case_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("intake.contact.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> ContactView:
    """How the resident of a case is reached; each look is on record."""
    asked = stated(purpose, authorized.principal, "case-contact")
    found = await _contacts({case_id: None}, request, authorized, parts, purpose=asked)
    if not found:
        raise NotFoundError
    return ContactView(**found[0].model_dump(exclude={"case_id"}))


@router.post("/contacts/search")
async def search_contacts(
    body: ClaimsBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.contact.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> ContactList:
    """How the residents of several cases are reached; a case that is not the caller's to see is left out.

    It changes nothing and takes no Idempotency-Key.
    """
    asked = stated(purpose, authorized.principal, "case-contact")
    wanted = {case.case_id: case.event_id for case in body.cases}
    return ContactList(contacts=await _contacts(wanted, request, authorized, parts, purpose=asked))


async def _contacts(
    wanted: Mapping[UUID, UUID | None],
    request: Request,
    authorized: Authorized,
    parts: IntakeParts,
    *,
    purpose: Purpose,
) -> list[ContactOfCase]:
    """The contacts that the caller may see; each case is named with the event that made the caller ask."""
    async with parts.database.read() as session:
        seen = await people.reach_of(session, parts.vault, [CaseId(case_id) for case_id in wanted], authorized.scope)
    clear = purpose.shows["case-contact"].clear
    fields = [field for field in ("phone", "email") if field in clear]
    looks = [Look("read", "case-contact", reach.case_id, fields, wanted[reach.case_id]) for reach in seen]
    looks += _left_out("case-contact", wanted, [reach.case_id for reach in seen])
    await put_on_record(request, authorized.principal, looks, purpose=purpose.code)
    return [
        ContactOfCase(
            case_id=reach.case_id,
            ticket_number=reach.ticket_number,
            language=reach.language,
            phone=reach.phone if "phone" in clear else None,
            email=reach.email if "email" in clear else None,
        )
        for reach in seen
    ]


@router.post("/codes/search")
async def search_codes(
    body: ClaimsBody,
    request: Request,
    authorized: Annotated[Authorized, require("intake.code.read")],
    parts: Parts,
    purpose: PurposeHeader = None,
) -> CodeList:
    """The one-time codes that open those cases now, for the service that sends them; of most cases there is none.

    It changes nothing and takes no Idempotency-Key. Its only purpose is resident-code.
    """
    asked = stated(purpose, authorized.principal, "resident-code")
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
    await put_on_record(request, authorized.principal, looks, purpose=asked.code)
    return CodeList(codes=[CodeOfCase(**each._asdict()) for each in found])


def _left_out(what: str, wanted: Mapping[UUID, UUID | None], seen: Sequence[UUID]) -> list[Look]:
    """Of several cases those that are not the caller's to see, for the audit log; of a single one the 404 tells it."""
    if len(wanted) == 1 and None in wanted.values():
        return []
    refused = [case_id for case_id in wanted if case_id not in set(seen)]
    return [Look("read", what, case_id, (), wanted[case_id], result="refused") for case_id in refused]
