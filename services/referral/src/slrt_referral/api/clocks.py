"""The clock of a referral: look at it, pause it, have it go on, ask for more time and grant it."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from slrt_contracts.types import ReferralId
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clocks.commands import ClockCommands, look_at_clock
from slrt_kit.clocks.views import ClockReceipt, ClockView, ExtensionBody, PauseBody
from slrt_kit.db import UnitOfWork
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag
from slrt_referral import usecases
from slrt_referral.api.parts import Parts, ReferralParts
from slrt_referral.store.holdings import lock_referral

router = APIRouter(prefix="/referrals/{referral_id}/clock", tags=["clocks"])

MayChange = Annotated[Command, command("referral.clock.change")]
MayApprove = Annotated[Command, command("referral.clock.approve")]
Step = Callable[[ClockCommands], Awaitable[UUID | None]]


@router.get("")
async def get_referral_clock(
    referral_id: UUID,
    request: Request,
    authorized: Annotated[Authorized, require("referral.referral.read")],
    parts: Parts,
    response: Response,
) -> ClockView:
    """How long the office has, what happened to that time, and what comes next; or the last clock."""
    async with parts.database.unit_of_work() as work:
        referral = await usecases.load_referral(
            ReferralId(referral_id), referrals=parts.referrals(work), scope=authorized.scope
        )
        look = await look_at_clock(work, parts.clocks.deadlines, referral.referral_id)
        seen = Look("read", "referral", referral.referral_id, ("clock",), case_id=referral.case_id)
        record_looks(work, parts.outbox.service, actor_of(request, authorized.principal), [seen])
        await work.commit()
    response.headers["ETag"] = etag(look.clock.version)
    return ClockView.of(look, now=parts.database.clock.now())


async def _on_clock(referral_id: UUID, request: Command, parts: ReferralParts, step: Step) -> Response:
    """Hold the referral and its clock at the version named, take the step, answer with the clock."""
    expected = request.expected_version

    async def work(unit: UnitOfWork) -> Answer:
        referral = await usecases.load_referral(
            ReferralId(referral_id), referrals=parts.referrals(unit), scope=request.scope
        )
        lock_referral(unit.connection, referral.referral_id)
        commands = await ClockCommands.on(unit, parts.clocks, referral.referral_id)
        check_version(expected, commands.clock.version)
        extension_id = await step(commands)
        return Answer(ClockReceipt.of(commands.clock, extension_id), version=commands.clock.version)

    return await request.run(work)


@router.post("/pauses", response_model=ClockReceipt)
async def pause_referral(referral_id: UUID, body: PauseBody, request: MayChange, parts: Parts) -> Response:
    """Let no time count until it is resumed, or the referral comes to its next step. The ledger says why."""
    return await _on_clock(referral_id, request, parts, lambda commands: commands.pause(body.reason))


@router.post("/resumptions", response_model=ClockReceipt)
async def resume_referral(referral_id: UUID, request: MayChange, parts: Parts) -> Response:
    """Have time count again: it is due later by the time in which it stood."""
    return await _on_clock(referral_id, request, parts, lambda commands: commands.resume())


@router.post("/extensions", response_model=ClockReceipt)
async def ask_for_more_time(referral_id: UUID, body: ExtensionBody, request: MayChange, parts: Parts) -> Response:
    """Ask for more time, up to what its class allows; it counts when somebody else has approved it."""

    async def step(commands: ClockCommands) -> UUID:
        return (await commands.ask(body.length, body.reason, by=request.principal.subject)).extension_id

    return await _on_clock(referral_id, request, parts, step)


@router.post("/extensions/{extension_id}/approve", response_model=ClockReceipt)
async def approve_more_time(referral_id: UUID, extension_id: UUID, request: MayApprove, parts: Parts) -> Response:
    """Grant an office more time that somebody else asked for."""
    return await _on_clock(
        referral_id, request, parts, lambda commands: commands.approve(extension_id, by=request.principal.subject)
    )


@router.post("/extensions/{extension_id}/refuse", response_model=ClockReceipt)
async def refuse_more_time(referral_id: UUID, extension_id: UUID, request: MayApprove, parts: Parts) -> Response:
    """Leave it due when it was, whatever somebody else has asked for."""
    return await _on_clock(
        referral_id, request, parts, lambda commands: commands.refuse(extension_id, by=request.principal.subject)
    )
