"""The clock of a case or a referral over HTTP: look at it, pause it, have it go on, ask for more time and grant it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from slrt_kit.access import Scope
from slrt_kit.audit.entries import Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clocks.clock import Subject
from slrt_kit.clocks.commands import ClockCommands, ClockParts, look_at_clock
from slrt_kit.clocks.views import ClockReceipt, ClockView, ExtensionBody, PauseBody
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http.audited import actor_of
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.commands import Answer, Command, check_version, command, etag

Find: TypeAlias = Callable[[Request, UnitOfWork, UUID, Scope], Awaitable[Subject]]
"""Loads a case or referral of that id, as far as the scope sees it. Raises NotFoundError: it does not."""
Step: TypeAlias = Callable[[ClockCommands], Awaitable[UUID | None]]


@dataclass(frozen=True, slots=True)
class Clocked:
    """What a service keeps clocks of: where it is found, who may do what, and how it is held.

    ``path`` has the name of its id, such as ``/cases/{case_id}``. ``look`` finds it for somebody who only looks;
    ``hold`` finds it for a command, and has its row locked until the unit of work ends.
    """

    path: str
    read: str
    change: str
    approve: str
    look: Find
    hold: Find


def clock_routes(of: Clocked) -> APIRouter:
    """The routes below ``<path>/clock``. They need `ClockParts` as ``app.state.clocks``."""
    router = APIRouter(prefix=f"{of.path}/clock", tags=["clocks"])
    of_it = Path(alias=of.path.partition("{")[2].removesuffix("}"))
    may_read, may_change, may_approve = require(of.read), command(of.change), command(of.approve)

    @router.get("")
    async def get_clock(
        request: Request,
        subject_id: Annotated[UUID, of_it],
        authorized: Annotated[Authorized, may_read],
        response: Response,
    ) -> ClockView:
        """How long it may stay at its step, what happened to that time, and what comes next; or its last clock."""
        parts, database = _parts(request), _database(request)
        async with database.unit_of_work() as work:
            subject = await of.look(request, work, subject_id, authorized.scope)
            look = await look_at_clock(work, parts.deadlines, subject.id)
            seen = Look("read", subject.kind, subject.id, ("clock",), case_id=subject.case_id)
            record_looks(work, parts.service, actor_of(request, authorized.principal), [seen])
            await work.commit()
        response.headers["ETag"] = etag(look.clock.version)
        return ClockView.of(look, now=database.clock.now())

    async def take(request: Request, subject_id: UUID, asked: Command, step: Step) -> Response:
        """Hold it and its clock at the version named, take the step, answer with the clock."""
        expected = asked.expected_version

        async def work(unit: UnitOfWork) -> Answer:
            subject = await of.hold(request, unit, subject_id, asked.scope)
            commands = await ClockCommands.on(unit, _parts(request), subject.id)
            check_version(expected, commands.clock.version)
            extension_id = await step(commands)
            return Answer(ClockReceipt.of(commands.clock, extension_id), version=commands.clock.version)

        return await asked.run(work)

    @router.post("/pauses", response_model=ClockReceipt)
    async def pause_clock(
        request: Request, subject_id: Annotated[UUID, of_it], body: PauseBody, asked: Annotated[Command, may_change]
    ) -> Response:
        """Let no time count until it is resumed, or the next step begins. The ledger says why nobody has it."""
        return await take(request, subject_id, asked, lambda commands: commands.pause(body.reason))

    @router.post("/resumptions", response_model=ClockReceipt)
    async def resume_clock(
        request: Request, subject_id: Annotated[UUID, of_it], asked: Annotated[Command, may_change]
    ) -> Response:
        """Have time count again: it is due later by the time in which it stood."""
        return await take(request, subject_id, asked, lambda commands: commands.resume())

    @router.post("/extensions", response_model=ClockReceipt)
    async def ask_for_more_time(
        request: Request, subject_id: Annotated[UUID, of_it], body: ExtensionBody, asked: Annotated[Command, may_change]
    ) -> Response:
        """Ask for more time, up to what its class allows; it counts when somebody else has approved it."""

        async def step(commands: ClockCommands) -> UUID:
            return (await commands.ask(body.length, body.reason, by=asked.principal.subject)).extension_id

        return await take(request, subject_id, asked, step)

    @router.post("/extensions/{extension_id}/approve", response_model=ClockReceipt)
    async def approve_more_time(
        request: Request, subject_id: Annotated[UUID, of_it], extension_id: UUID, asked: Annotated[Command, may_approve]
    ) -> Response:
        """Grant more time that somebody else asked for."""
        by = asked.principal.subject
        return await take(request, subject_id, asked, lambda commands: commands.approve(extension_id, by=by))

    @router.post("/extensions/{extension_id}/refuse", response_model=ClockReceipt)
    async def refuse_more_time(
        request: Request, subject_id: Annotated[UUID, of_it], extension_id: UUID, asked: Annotated[Command, may_approve]
    ) -> Response:
        """Leave it due when it was, whatever somebody else has asked for."""
        by = asked.principal.subject
        return await take(request, subject_id, asked, lambda commands: commands.refuse(extension_id, by=by))

    return router


def _parts(request: Request) -> ClockParts:
    parts: ClockParts = request.app.state.clocks
    return parts


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database
