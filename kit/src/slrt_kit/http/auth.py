"""Verify bearer tokens against the issuer's JWKS and demand a permission of whoever calls."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any

import httpx
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from slrt_kit.access import Principal, Scope, permission_table
from slrt_kit.clock import Clock, SystemClock
from slrt_kit.logs import get_logger
from slrt_kit.problems import ProblemError, ServiceUnavailableError, Text

log = get_logger(__name__)

ALGORITHMS = ("ES256", "Ed25519", "EdDSA")
_CLOCK_SKEW_S = 30
_KEYS_FRESH_S = 300.0
_UNKNOWN_KEY_REFETCH_S = 5.0
_CACHE_SIZE = 10_000


class UnauthenticatedError(ProblemError):
    slug, status = "unauthenticated", 401
    title = Text("Masuk terlebih dahulu", "Sign in first")
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="slrt"'})


class TokenExpiredError(ProblemError):
    slug, status = "token-expired", 401
    title = Text("Sesi sudah berakhir; masuk lagi", "The session has ended; sign in again")
    headers = MappingProxyType(
        {"WWW-Authenticate": 'Bearer realm="slrt", error="invalid_token", error_description="expired"'}
    )


class TokenInvalidError(ProblemError):
    slug, status = "token-invalid", 401
    title = Text("Token tidak sah", "The token is not valid")
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="slrt", error="invalid_token"'})


class ForbiddenError(ProblemError):
    slug, status = "forbidden", 403
    title = Text("Bukan kewenangan Anda", "That is not yours to do")


@dataclass(frozen=True, slots=True)
class _Cached:
    principal: Principal
    expires: float


class TokenVerifier:
    """Checks signature, issuer, audience and times of a token once, and remembers it until it expires."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        client: httpx.AsyncClient,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock or SystemClock()
        self._monotonic = monotonic
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._client = client
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._cache: OrderedDict[str, _Cached] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Who the token speaks for.

        Raises:
            TokenExpiredError, TokenInvalidError: 401.
            ServiceUnavailableError: the issuer's keys cannot be had and none are known.
        """
        cached = self._cache.get(token)
        if cached is not None:
            if cached.expires > self._clock.now().timestamp():
                return cached.principal
            del self._cache[token]
            raise TokenExpiredError
        principal = await self._verify(token)
        self._cache[token] = _Cached(principal, principal.expires_at.timestamp())
        if len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
        return principal

    async def _verify(self, token: str) -> Principal:
        now = int(self._clock.now().timestamp())
        try:
            claims = await self._decode(token)
        except (JoseError, ValueError) as error:
            raise TokenInvalidError from error
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._issuer or self._audience not in audiences:
            raise TokenInvalidError
        expires, issued, not_before = claims.get("exp"), claims.get("iat", 0), claims.get("nbf", 0)
        if not all(isinstance(moment, int | float) for moment in (expires, issued, not_before)):
            raise TokenInvalidError
        if int(expires or 0) <= now:
            raise TokenExpiredError
        if max(issued, not_before) > now + _CLOCK_SKEW_S:
            raise TokenInvalidError
        return _principal(claims)

    async def _decode(self, token: str) -> dict[str, Any]:
        keys = await self._key_set(max_age=_KEYS_FRESH_S)
        try:
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError):
            # The issuer may have rotated its keys: look once more, but not for every bad token that comes.
            newer = await self._key_set(max_age=_UNKNOWN_KEY_REFETCH_S)
            if newer is keys:
                raise
            return dict(jwt.decode(token, newer, algorithms=list(ALGORITHMS)).claims)

    async def _key_set(self, *, max_age: float) -> KeySet:
        async with self._fetching:
            if self._keys is not None and self._monotonic() - self._fetched_at < max_age:
                return self._keys
            try:
                response = await self._client.get(self._jwks_url)
                response.raise_for_status()
                self._keys = KeySet.import_key_set(response.json())
                self._fetched_at = self._monotonic()
            except (httpx.HTTPError, JoseError, ValueError) as error:
                log.warning("issuer keys not fetched", error=type(error).__name__)
                if self._keys is None:
                    raise ServiceUnavailableError from error
            return self._keys


def _principal(claims: dict[str, Any]) -> Principal:
    subject, roles = claims.get("sub"), claims.get("roles", [])
    if not isinstance(subject, str) or not isinstance(roles, list):
        raise TokenInvalidError
    return Principal(
        subject=subject,
        roles=frozenset(str(role) for role in roles),
        region=claims.get("region"),
        office=claims.get("office"),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


_BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token of the suite's issuer")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


async def authenticate(request: Request, credentials: Bearer) -> Principal:
    """Dependency: the verified caller."""
    if credentials is None or not credentials.credentials:
        raise UnauthenticatedError
    verifier: TokenVerifier = request.app.state.verifier
    return await verifier.verify(credentials.credentials)


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

    async def check(principal: Annotated[Principal, Depends(authenticate)]) -> Authorized:
        scope = principal.scope(permission)
        if scope is None:
            raise ForbiddenError
        return Authorized(principal, scope)

    check.permission = permission  # type: ignore[attr-defined] # read by the test that no route goes without
    return Depends(check)
