"""What a resident decides in the own session: which office got what, what they agreed to, and that it ends."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from slrt_contracts.types import ConsentId
from slrt_intake.api.consents import place_of_receipt
from slrt_intake.api.looks_wording import NOT_BY_CONSENT
from slrt_intake.api.own_consents_schemas import (
    OwnConsentsView,
    OwnWithdrawalBody,
    OwnWithdrawalView,
    SeenConsent,
    SeenSharing,
    without_consent,
)
from slrt_intake.api.parts import Parts
from slrt_intake.api.resident import OwnCase, note
from slrt_intake.api.tracking import command_of, resident_actor
from slrt_intake.domain.consent import BY_RESIDENT, ERASE_WITHIN
from slrt_intake.domain.problems import SessionEndedError
from slrt_intake.store import people
from slrt_intake.store.sharings import sharings_of
from slrt_intake.usecases import consents
from slrt_kit.access import Scope
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.db import UnitOfWork
from slrt_kit.http.commands import Answer
from slrt_kit.http.pages import Cursor, Limit, Page, page_of
from slrt_kit.http.problems import language_of

router = APIRouter(prefix="/tracking", tags=["tracking"])

_EVERYWHERE = Scope(everywhere=True)


@router.get("/sharings")
async def list_own_sharings(  # lint-skip: public — a session
    case_id: OwnCase, request: Request, response: Response, parts: Parts, limit: Limit = 50, cursor: Cursor = None
) -> Page[SeenSharing]:
    """Which office got what of the case, what for and on which basis, and whether it must be erased; newest first."""
    after, language = place_of_receipt(cursor), language_of(request)
    async with parts.database.read() as session:
        found = await sharings_of(session, case_id, after=after, limit=limit + 1, newest_first=True)
    await note(request, parts, Look("see", "case", case_id, ("sharings",)))
    response.headers["Cache-Control"] = "no-store"
    return page_of(found, limit, lambda each: SeenSharing.of(each, parts.regions, language), lambda each: each.place)


@router.get("/consents")
async def list_own_consents(  # lint-skip: public — a session
    case_id: OwnCase, request: Request, response: Response, parts: Parts
) -> OwnConsentsView:
    """What was agreed to and can be withdrawn, and what rests on something else and so cannot, and why."""
    language = language_of(request)
    async with parts.database.unit_of_work() as unit:
        at = unit.clock.now()
        given = await parts.consents(unit).of_case(case_id, words=False)
        found = await people.parties_of(unit.connection, parts.vault, [case_id], _EVERYWHERE, at=at)
    if not found:
        raise SessionEndedError
    await note(request, parts, Look("see", "case", case_id, ("consents", "masked")))
    response.headers["Cache-Control"] = "no-store"
    shown = [each for each in given if each.shown_to_resident]
    return OwnConsentsView(
        consents=[SeenConsent.of(each, found[0].parties, parts.regions, language, at=at) for each in shown],
        without_consent_says=getattr(NOT_BY_CONSENT, language),
        without_consent=without_consent(language),
    )


@router.post("/consents/{consent_id}/withdrawal", response_model=OwnWithdrawalView)
async def withdraw_own_consent(  # lint-skip: public — a session
    consent_id: UUID,
    body: OwnWithdrawalBody,
    case_id: OwnCase,
    request: Request,
    parts: Parts,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Withdraw a consent of the own list: it does what a withdrawal at a desk does, from the answer on."""
    command = await command_of(f"case:{case_id}", request, parts, idempotency_key)

    async def work(unit: UnitOfWork) -> Answer:
        unit.actor, at = resident_actor(request), unit.clock.now()
        consent, held = await consents.withdraw_consent(
            case_id,
            ConsentId(consent_id),
            speaker=None,
            reason=body.reason,
            note=None,
            consents=parts.consents(unit),
            by=BY_RESIDENT,
            at=at,
        )
        ended = Look("withdraw", "consent", consent.consent_id, consent.purposes, case_id=case_id)
        record_looks(unit, parts.outbox.service, unit.actor, [ended])
        return Answer(OwnWithdrawalView.of(consent, held, at + ERASE_WITHIN, parts.regions, language_of(request)))

    return await command.run(work)
