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
from slrt_kit.purposes import Recipient, purpose_table

router = APIRouter(tags=["claim checks"])

_MAY_UNMASK = "intake.party.unmask"


class _Claim:
    """Who asks for what of one case or several, and for what purpose.

    ``wanted`` names each case with the event that made the caller ask. Making one raises what `stated` does.
    """

    def __init__(
        self,
        what: str,
        purpose: str | None,
        cases: ClaimsBody | UUID,
        request: Request,
        authorized: Authorized,
        parts: IntakeParts,
    ) -> None:
        self.what, self.request, self.authorized, self.parts = what, request, authorized, parts
        self.purpose = stated(purpose, authorized.principal, what)
        self.wanted: Mapping[UUID, UUID | None] = (
            {cases: None} if isinstance(cases, UUID) else {each.case_id: each.event_id for each in cases.cases}
        )
        self.case_ids = [CaseId(case_id) for case_id in self.wanted]
        self._tells_by_404 = isinstance(cases, UUID)

    async def put_on_record(
        self, fields: Mapping[CaseId, Sequence[str]], *, seen: Collection[UUID] | None = None
    ) -> None:
        """Before anything is shown: the fields of each case; and of several cases those that are not the caller's to
        see (``seen`` are those that are, where that is not told by the fields). Of a single one the 404 tells it."""
        looks = [Look("read", self.what, case_id, names, self.wanted[case_id]) for case_id, names in fields.items()]
        if not self._tells_by_404:
            hidden = self.wanted.keys() - set(fields if seen is None else seen)
            looks += [Look("read", self.what, each, (), self.wanted[each], result="refused") for each in sorted(hidden)]
        await put_on_record(self.request, self.authorized.principal, looks, purpose=self.purpose.code)


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
    found = await _parties(_Claim("case-parties", purpose, case_id, request, authorized, parts))
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
    found = await _parties(_Claim("case-parties", purpose, body, request, authorized, parts))
    return PartiesList(parties=found.shown)


class _Found(NamedTuple):
    shown: list[PartiesView]
    without_consent: bool
    """Something was kept back because nobody agreed to it."""


async def _parties(claim: _Claim) -> _Found:
    """What the caller may see of the cases for the purpose."""
    parts, purpose, scope = claim.parts, claim.purpose, claim.authorized.scope
    now, covered = parts.database.clock.now(), None
    async with parts.database.read() as session:
        words = "words" in purpose.shows[claim.what].fields
        found = await people.parties_of(session, parts.vault, claim.case_ids, scope, at=now, with_words=words)
        if purpose.needs_consent:
            office = None if scope.office is None else OfficeCode(scope.office)
            covered = await covered_persons(session, claim.case_ids, purpose.code, office, at=now)
    unmask = claim.authorized.principal.scope(_MAY_UNMASK) is not None
    agreed = None if covered is None else {each.person_id for each in covered}
    seen = [
        (limited(view, purpose.shows[claim.what], unmask=unmask), each)
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
        # Each delivery has an entry of its own, written with its receipt.
        receipts = await _share(claim, seen, covered or ())
        views = [PartiesView.of(view, receipts[view.case_id]) for view, _ in seen if view.case_id in receipts]
        await claim.put_on_record({}, seen=[view.case_id for view in views])
    else:
        views = [PartiesView.of(view) for view, _ in seen]
        await claim.put_on_record({view.case_id: view.fields for view, _ in seen})
    referred = sum(1 for each in found if each.referred)
    return _Found(views, without_consent=purpose.needs_consent and referred > len(views))


async def _share(
    claim: _Claim, seen: Sequence[tuple[Parties, people.FoundParties]], covered: Collection[CoveredPerson]
) -> dict[CaseId, ReceiptId]:
    """Write a receipt for each case; gives those of the cases that may be shown."""
    parts, purpose, authorized = claim.parts, claim.purpose, claim.authorized
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
            event_id=claim.wanted[view.case_id],
            shared_at=now,
        )
        for view, each_found in seen
    ]
    actor = actor_of(claim.request, authorized.principal, purpose=purpose.code)
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
    found = await _contacts(_Claim("case-contact", purpose, case_id, request, authorized, parts))
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
    claim = _Claim("case-contact", purpose, body, request, authorized, parts)
    return ContactList(contacts=await _contacts(claim))


async def _contacts(claim: _Claim) -> list[ContactOfCase]:
    """The contacts that the caller may see."""
    parts, clear = claim.parts, claim.purpose.shows[claim.what].clear
    async with parts.database.read() as session:
        seen = await people.reach_of(session, parts.vault, claim.case_ids, claim.authorized.scope)
    fields = {reach.case_id: [field for field in ("phone", "email") if field in clear] for reach in seen}
    await claim.put_on_record(fields)
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
    claim = _Claim("resident-code", purpose, body, request, authorized, parts)
    guesses, now = parts.code_limits.guesses, parts.database.clock.now()
    async with parts.database.read() as session:
        found = await living_codes(session, parts.vault, claim.case_ids, guesses=guesses, at=now)
    await claim.put_on_record({each.case_id: ("code",) for each in found}, seen=claim.wanted)
    return CodeList(codes=[CodeOfCase(**each._asdict()) for each in found])
