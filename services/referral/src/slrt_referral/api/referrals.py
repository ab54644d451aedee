"""Referrals at the office: the worklist, one referral, accept, start, decline, complete."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from slrt_contracts.types import ReferralId
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clock import day_of
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_kit.http.pages import Cursor, Limit, Page, decode_position, page_of
from slrt_kit.problems import NotFoundError
from slrt_referral import usecases
from slrt_referral.adapters.routing_book import RoutingBook
from slrt_referral.api.explanations import InForceView, RoutingView, StoredRoutingView
from slrt_referral.api.parts import Parts, ReferralParts
from slrt_referral.api.schemas import CompleteBody, DeclineBody, OfficeCodeText, ReferralReceipt, ReferralView
from slrt_referral.domain.policy import AskedNeed
from slrt_referral.domain.referral import Referral
from slrt_referral.domain.transitions import ReferralStatus
from slrt_referral.store.referrals import history
from slrt_referral.store.worklist import Position, list_referrals
from slrt_referral.usecases import CompleteReferral, DeclineReferral

router = APIRouter(prefix="/referrals", tags=["referrals"])

Step = Callable[[Referral, UnitOfWork], Awaitable[None]]


@router.get("", name="list_referrals")
async def get_worklist(
    authorized: Annotated[Authorized, require("referral.referral.read")],
    parts: Parts,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[list[ReferralStatus] | None, Query(max_length=len(ReferralStatus))] = None,
    office: Annotated[OfficeCodeText | None, Query()] = None,
    case_id: UUID | None = None,
) -> Page[ReferralReceipt]:
    """The referrals of the caller's office or area: urgent ones first, then the oldest. ``status`` may be repeated."""
    after = None if cursor is None else _position(cursor)
    async with parts.database.read() as session:
        found = await list_referrals(
            session,
            authorized.scope,
            statuses=status or (),
            office=office,
            case_id=case_id,
            after=after,
            limit=limit + 1,
        )
    return page_of(found, limit, ReferralReceipt.of, lambda each: (int(each.urgent), each.created_at, each.referral_id))


def _position(cursor: str) -> Position:
    urgent, created_at, referral_id = decode_position(cursor, int, datetime, UUID)
    return bool(urgent), created_at, referral_id


@router.get("/{referral_id}")
async def get_referral(
    referral_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("referral.referral.read")],
    parts: Parts,
    response: Response,
) -> ReferralView:
    """A referral with its history. The ETag is the version that a command must name."""
    async with parts.database.unit_of_work() as work:
        referral = await usecases.load_referral(
            ReferralId(referral_id), referrals=parts.referrals(work), scope=authorized.scope
        )
        steps = await history(work.connection, parts.vault, referral.referral_id)
        look = Look("read", "referral", referral.referral_id, ("history",), case_id=referral.case_id)
        record_looks(work, "referral", actor_of(request, authorized.principal), [look])
        await work.commit()
    response.headers["ETag"] = etag(referral.version)
    return ReferralView.with_history(referral, steps)


@router.get("/{referral_id}/routing")
async def explain_referral(
    referral_id: UUID,
    authorized: Annotated[Authorized, require("referral.referral.read")],
    parts: Parts,
) -> StoredRoutingView:
    """Why the referral came to its office, by the version that decided; and whether the one in force would do so."""
    async with parts.database.unit_of_work() as work:
        referral = await usecases.load_referral(
            ReferralId(referral_id), referrals=parts.referrals(work), scope=authorized.scope
        )
    explanation, in_force = None, None
    if referral.attributes is not None and referral.routed_in is not None:
        district = referral.routed_in
        need = AskedNeed(
            need_code=referral.need_code,
            programme_code=referral.programme_code,
            urgent=referral.urgent,
            attributes=referral.attributes,
        )
        explanation = await _as_decided(referral, need, district, parts.routing)
        today = parts.routing.explainer(district)
        in_force = InForceView.of(
            today.explain(need, district_code=district, on=day_of(parts.database.clock.now())),
            today.policy.version,
            office=referral.office_code,
            rule=referral.routing_rule,
        )
    return StoredRoutingView(
        routing_rule=referral.routing_rule,
        policy_version=referral.policy_version,
        by_person=referral.rerouted_from is not None,
        explanation=explanation,
        in_force=in_force,
    )


async def _as_decided(referral: Referral, need: AskedNeed, district: str, routing: RoutingBook) -> RoutingView | None:
    """The reasons by the version that decided; None where it is not kept: before there were layers it was a date."""
    try:
        decided = await routing.under(referral.policy_version)
    except NotFoundError:
        return None
    reason = decided.explain(need, district_code=district, on=day_of(referral.created_at))
    return RoutingView.of(reason, decided.policy.version)


async def _on_referral(referral_id: UUID, request: Command, parts: ReferralParts, step: Step) -> Response:
    """Load the referral of the caller's own office at the version named, take the step, answer with the receipt."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        referral = await usecases.load_referral(
            ReferralId(referral_id), referrals=parts.referrals(unit), scope=request.scope
        )
        check_version(expected, referral.version)
        await step(referral, unit)
        return Answer(ReferralReceipt.of(referral), version=referral.version)

    return await request.run(work)


Act = Annotated[Command, command("referral.referral.act")]


@router.post("/{referral_id}/accept", response_model=ReferralReceipt)
async def accept_referral(referral_id: UUID, request: Act, parts: Parts) -> Response:
    """The office takes the referral as its own."""

    async def step(referral: Referral, unit: UnitOfWork) -> None:
        await usecases.accept(
            referral, referrals=parts.referrals(unit), by=request.principal.subject, at=unit.clock.now()
        )

    return await _on_referral(referral_id, request, parts, step)


@router.post("/{referral_id}/start", response_model=ReferralReceipt)
async def start_service(referral_id: UUID, request: Act, parts: Parts) -> Response:
    """The office begins its work."""

    async def step(referral: Referral, unit: UnitOfWork) -> None:
        await usecases.start(
            referral, referrals=parts.referrals(unit), by=request.principal.subject, at=unit.clock.now()
        )

    return await _on_referral(referral_id, request, parts, step)


@router.post("/{referral_id}/decline", response_model=ReferralReceipt)
async def decline_referral(referral_id: UUID, body: DeclineBody, request: Act, parts: Parts) -> Response:
    """The office does not take it. The need goes on to the office named, else to the manager's queue.

    ``rerouted_to`` of the answer is the referral by which it goes on.
    """

    async def step(referral: Referral, unit: UnitOfWork) -> None:
        await usecases.decline(
            referral,
            DeclineReferral(reason=body.reason_code, better_office=body.better_office_code, note=body.note),
            referrals=parts.referrals(unit),
            policy=parts.routing.at(referral.district_code),
            by=request.principal.subject,
            at=unit.clock.now(),
            new_id=unit.new_id,
        )

    return await _on_referral(referral_id, request, parts, step)


@router.post("/{referral_id}/complete", response_model=ReferralReceipt)
async def complete_referral(referral_id: UUID, body: CompleteBody, request: Act, parts: Parts) -> Response:
    """The office is done and records the outcome; referrals that waited for this one go out."""

    async def step(referral: Referral, unit: UnitOfWork) -> None:
        await usecases.complete(
            referral,
            CompleteReferral(outcome=body.outcome_code, note=body.note),
            referrals=parts.referrals(unit),
            by=request.principal.subject,
            at=unit.clock.now(),
        )

    return await _on_referral(referral_id, request, parts, step)
