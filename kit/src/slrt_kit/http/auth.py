"""Demand of whoever calls a verified token, patience, and the permission that the route asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from slrt_kit.access import Principal, Scope, permission_table
from slrt_kit.http.positions import MAX_HEADER, wait_for_arrival
from slrt_kit.http.rates import PersonLimit
from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.problems import ProblemError, Text


class UnauthenticatedError(ProblemError):
    slug, status = "unauthenticated", 401
    title = Text("Masuk terlebih dahulu", "Sign in first")
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="slrt"'})


class ForbiddenError(ProblemError):
    slug, status = "forbidden", 403
    title = Text("Bukan kewenangan Anda", "That is not yours to do")


_POSITION = "The `Slrt-Position` of an earlier answer: wait until what was written then has arrived here"
_PREFER = "`wait=SECONDS` (RFC 7240), at most 10: how long to wait for `Slrt-Position`; 2 when it is not said"
_BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token of the suite's issuer")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


async def authenticate(request: Request, credentials: Bearer) -> Principal:
    """Dependency: the verified caller.

    Raises what `TokenVerifier.verify` and `PersonLimit.count` raise.
    """
    if credentials is None or not credentials.credentials:
        raise UnauthenticatedError
    verifier: TokenVerifier = request.app.state.verifier
    principal = await verifier.verify(credentials.credentials)
    request.state.principal = principal  # for the audit log, should they be refused
    limit: PersonLimit = request.app.state.person_limit
    limit.count(request, principal)
    return principal


@dataclass(frozen=True, slots=True)
class Authorized:
    """A caller who has the permission, and how far it reaches."""

    principal: Principal
    scope: Scope


def require(permission: str) -> Any:
    """Dependency: the caller must have this permission of access.yaml; gives `Authorized`.

    Raises (when the route is declared):
        KeyError: the permission is not in the table.
    """
    permission_table()[permission]

    async def check(
        request: Request,
        principal: Annotated[Principal, Depends(authenticate)],
        slrt_position: Annotated[str | None, Header(description=_POSITION, max_length=MAX_HEADER)] = None,
        prefer: Annotated[str | None, Header(description=_PREFER, max_length=200)] = None,
    ) -> Authorized:
        scope = principal.scope(permission)
        if scope is None:
            raise ForbiddenError
        if slrt_position is not None:
            await wait_for_arrival(request, slrt_position, prefer)
        return Authorized(principal, scope)

    check.permission = permission  # type: ignore[attr-defined] # read by the test that no route goes without
    return Depends(check)


def permission_of(route: APIRoute) -> str | None:
    """The permission that a route demands by `require`, however deep; None when it is public.

    Raises:
        TypeError: it demands several.
    """
    found = set(_permissions(route.dependant))
    if len(found) > 1:
        raise TypeError(f"{route.path} demands several permissions: {sorted(found)}")
    return next(iter(found), None)


def _permissions(dependant: Dependant) -> Iterator[str]:
    permission = getattr(dependant.call, "permission", None)
    if permission is not None:
        yield permission
    for inner in dependant.dependencies:
        yield from _permissions(inner)
