"""Run a POST as one command: permission, precondition, idempotency key and effect, in one transaction."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel

from slrt_kit.access import Principal, Scope
from slrt_kit.db import Database, UnitOfWork
from slrt_kit.http.auth import Authorized, require
from slrt_kit.problems import PreconditionRequiredError, ProblemError, StaleError, Text

_MAX_KEY_LENGTH = 200
_ETAG = re.compile(r'^(?:W/)?"(\d{1,18})"$')

# Claiming first makes a second request with the same key wait here until the first has committed or failed.
_CLAIM = (
    "INSERT INTO idempotency (subject, key, fingerprint, created_at) "
    "VALUES (%(subject)s, %(key)s, %(fingerprint)s, %(now)s) ON CONFLICT DO NOTHING RETURNING 1"
)
_FIND = "SELECT fingerprint, status, headers, body FROM idempotency WHERE subject = %(subject)s AND key = %(key)s"
_KEEP = (
    "UPDATE idempotency SET status = %(status)s, headers = CAST(%(headers)s AS jsonb), body = %(body)s "
    "WHERE subject = %(subject)s AND key = %(key)s"
)


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
            claimed = await unit.connection.value(
                _CLAIM,
                {
                    "subject": self.principal.subject,
                    "key": self.key,
                    "fingerprint": self.fingerprint,
                    "now": unit.clock.now(),
                },
            )
            if claimed is None:
                return await self._replay(unit)
            answer = await work(unit)
            body = answer.body.model_dump_json().encode()
            headers = dict(answer.headers)
            if answer.version is not None:
                headers["ETag"] = etag(answer.version)
            unit.connection.defer(
                _KEEP,
                {
                    "subject": self.principal.subject,
                    "key": self.key,
                    "status": answer.status,
                    "headers": orjson.dumps(headers).decode(),
                    "body": body,
                },
            )
            await unit.commit()
        return Response(body, answer.status, headers, media_type="application/json")

    async def _replay(self, unit: UnitOfWork) -> Response:
        row = await unit.connection.one(_FIND, {"subject": self.principal.subject, "key": self.key})
        if row.fingerprint != self.fingerprint:
            raise IdempotencyKeyReusedError
        headers = {**row.headers, "Idempotency-Replayed": "true"}
        return Response(row.body, row.status, headers, media_type="application/json")


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


async def build_command(
    request: Request, principal: Principal, scope: Scope, idempotency_key: str | None, if_match: str | None
) -> Command:
    """A command of this request; used directly by routes that know their caller in another way than by a token.

    Raises:
        IdempotencyKeyRequiredError: 400.
    """
    if not idempotency_key:
        raise IdempotencyKeyRequiredError
    asked = f"{request.method} {request.url.path}?{request.url.query}\n{if_match or ''}\n"
    said = asked.encode() + await request.body()
    return Command(
        principal=principal,
        scope=scope,
        database=request.app.state.database,
        key=idempotency_key,
        fingerprint=hashlib.sha256(said).digest(),
        if_match=if_match,
    )
