"""Run a POST as one command: permission, precondition, idempotency key and effect, in one transaction."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel

from slrt_contracts.types import EventId
from slrt_kit import idempotency
from slrt_kit.access import Principal, Scope
from slrt_kit.audit.entries import Actor
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http import positions
from slrt_kit.http.auth import Authorized, require
from slrt_kit.http.positions import Position
from slrt_kit.idempotency import AnsweredCommand
from slrt_kit.problems import PreconditionRequiredError, ProblemError, StaleError, Text

_MAX_KEY_LENGTH = 200
_ETAG = re.compile(r'^(?:W/)?"(\d{1,18})"$')


def plain_fingerprint(said: bytes) -> bytes:
    """What tells two requests apart where a service has no keys; where it has, `Runtime.app` sets a keyed one.

    Four digits of a phone could be guessed from a plain hash of a known ticket.
    """
    return hashlib.sha256(said).digest()


class IdempotencyKeyRequiredError(ProblemError):
    slug, status = "idempotency-key-required", 400
    title = Text("Sertakan Idempotency-Key", "Send an Idempotency-Key")


class IdempotencyKeyReusedError(ProblemError):
    slug, status = "idempotency-key-reused", 422
    title = Text(
        "Idempotency-Key ini sudah dipakai untuk permintaan lain",
        "This Idempotency-Key was used for another request",
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command says back. ``version`` becomes the ETag; the body is kept for replay: no personal data in it."""

    body: BaseModel
    status: int = 200
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """One POST whose caller has the permission and an idempotency key."""

    principal: Principal
    scope: Scope
    database: Database
    key: str
    fingerprint: bytes
    if_match: str | None
    request_id: str | None = None

    @property
    def actor(self) -> Actor:
        """On whose behalf it is carried out."""
        return Actor.of(self.principal, request_id=self.request_id)

    @property
    def expected_version(self) -> int:
        """The version that the caller has read.

        Raises:
            PreconditionRequiredError: no If-Match (428).
            StaleError: an If-Match that is no version of ours (412).
        """
        return version_of(self.if_match)

    async def run(self, work: Callable[[UnitOfWork], Awaitable[Answer]]) -> Response:
        """Do the work once; a repeated key gets the first answer again, with ``Idempotency-Replayed: true``.

        A failed command leaves no trace of its key: it may be repeated as it is.
        """
        async with self.database.unit_of_work() as unit:
            unit.actor = self.actor
            if not await idempotency.claim(unit, self.principal.subject, self.key, self.fingerprint):
                return await self._replay(unit)
            answered = self.answered(await work(unit), unit.recorded)
            idempotency.keep(unit, answered)
            await unit.commit()
        return response(answered)

    def answered(self, answer: Answer, recorded: Sequence[tuple[EventId, str]] = ()) -> AnsweredCommand:
        """The command with its answer. ``recorded`` are the events that it wrote: their position goes with it."""
        headers = dict(answer.headers)
        if recorded:
            headers[positions.HEADER] = Position.of(recorded).encode()
        if answer.version is not None:
            headers["ETag"] = etag(answer.version)
        return AnsweredCommand(
            subject=self.principal.subject,
            key=self.key,
            fingerprint=self.fingerprint,
            status=answer.status,
            headers=headers,
            body=answer.body.model_dump_json().encode(),
        )

    async def _replay(self, unit: UnitOfWork) -> Response:
        kept = await idempotency.find(unit, self.principal.subject, self.key)
        if kept.fingerprint != self.fingerprint:
            raise IdempotencyKeyReusedError
        return response(kept, replayed=True)


def response(answered: AnsweredCommand, *, replayed: bool = False) -> Response:
    """What the caller gets, the first time or again."""
    headers = {**answered.headers, "Idempotency-Replayed": "true"} if replayed else dict(answered.headers)
    return Response(answered.body, answered.status, headers, media_type="application/json")


def version_of(if_match: str | None) -> int:
    """The version in an If-Match header.

    Raises:
        PreconditionRequiredError: there is none (428). StaleError: it is no version of ours (412).
    """
    if if_match is None:
        raise PreconditionRequiredError
    match = _ETAG.match(if_match.strip())
    if match is None:
        raise StaleError
    return int(match[1])


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def check_version(expected: int, found: int) -> None:
    """Raises StaleError (412) when the caller has read another version."""
    if expected != found:
        raise StaleError


def command(permission: str) -> Any:
    """Dependency of every POST that changes something; gives a `Command`."""

    async def build(
        request: Request,
        authorized: Annotated[Authorized, require(permission)],
        idempotency_key: Annotated[str | None, Header(max_length=_MAX_KEY_LENGTH)] = None,
        if_match: Annotated[str | None, Header()] = None,
    ) -> Command:
        return await build_command(request, authorized.principal, authorized.scope, idempotency_key, if_match)

    return Depends(build)


@dataclass(frozen=True, slots=True)
class Upload:
    """A command whose body is read piece by piece by its route, which then says what stands for it."""

    request: Request
    principal: Principal
    scope: Scope
    key: str

    async def command(self, said: bytes) -> Command:
        """The command. ``said`` stands for the body and whatever else of the request counts, such as by its hash."""
        return await build_command(self.request, self.principal, self.scope, self.key, None, said=said)


def upload(permission: str) -> Any:
    """Dependency of a POST that brings a file; gives an `Upload`, and nothing of the body has been read."""

    async def build(
        request: Request,
        authorized: Annotated[Authorized, require(permission)],
        idempotency_key: Annotated[str | None, Header(max_length=_MAX_KEY_LENGTH)] = None,
    ) -> Upload:
        if not idempotency_key:
            raise IdempotencyKeyRequiredError
        return Upload(request, authorized.principal, authorized.scope, idempotency_key)

    return Depends(build)


async def build_command(
    request: Request,
    principal: Principal,
    reach: Scope,
    idempotency_key: str | None,
    if_match: str | None,
    *,
    said: bytes | None = None,
) -> Command:
    """A command of this request; used directly by routes that know their caller in another way than by a token.

    ``said`` stands for the body where that was read piece by piece, such as by its hash.

    Raises:
        IdempotencyKeyRequiredError: 400.
    """
    if not idempotency_key:
        raise IdempotencyKeyRequiredError
    scope = request.scope
    asked = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n{if_match or ''}\n"
    said = asked.encode() + (await request.body() if said is None else said)
    fingerprint: Callable[[bytes], bytes] = request.app.state.fingerprint
    return Command(
        principal=principal,
        scope=reach,
        database=request.app.state.database,
        key=idempotency_key,
        fingerprint=fingerprint(said),
        if_match=if_match,
        request_id=getattr(request.state, "request_id", None),
    )
