"""Verify bearer tokens against the issuer's JWKS and demand a permission of whoever calls."""

import asyncio
import base64
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from slrt_kit import metrics
from slrt_kit.access import Principal, Scope, permission_table
from slrt_kit.clock import Clock, SystemClock
from slrt_kit.http.outgoing import HttpClient, Reply, UnreachableError
from slrt_kit.http.positions import MAX_HEADER, wait_for_arrival
from slrt_kit.logs import get_logger
from slrt_kit.problems import ProblemError, ServiceUnavailableError, Text

log = get_logger(__name__)

ALGORITHMS = ("ES256", "Ed25519", "EdDSA")
_CLOCK_SKEW_S = 30
_KEYS_FRESH_S = 300.0
_UNKNOWN_KEY_REFETCH_S = 5.0
_FAILED_FETCH_PAUSE_S = 2.0
_CACHE_SIZE = 10_000
_KEY_TYPES = ("EC", "OKP")
# What an issuer writes; nothing that would change how the token is read (crit, b64, zip) or which key it names (jwk).
_HEADER_NAMES = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})


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
        client: HttpClient,
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
        self._failed_at = float("-inf")
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

    def seconds_left(self, principal: Principal) -> float:
        """How long the caller's token is good for yet; 0 or less when it no longer is."""
        return (principal.expires_at - self._clock.now()).total_seconds()

    async def _verify(self, token: str) -> Principal:
        now = self._clock.now().timestamp()
        _check_header(token)
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
        if not expires or expires <= now:
            raise TokenExpiredError
        if max(issued, not_before) > now + _CLOCK_SKEW_S:
            raise TokenInvalidError
        return _principal(claims)

    async def _decode(self, token: str) -> dict[str, Any]:
        keys = await self._keys_now()
        try:
            return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError):
            # The issuer may have rotated its keys: look once more, but not for every bad token that comes.
            newer = await self._newer_keys(keys)
            if newer is keys:
                raise
            return dict(jwt.decode(token, newer, algorithms=list(ALGORITHMS)).claims)

    async def _keys_now(self) -> KeySet:
        if self._keys is not None and (self._age() < _KEYS_FRESH_S or self._fetching.locked()):
            # Somebody is fetching newer ones: a slow issuer need not hold up the others.
            return self._keys
        async with self._fetching:
            if self._keys is None or self._age() >= _KEYS_FRESH_S:
                await self._fetch()
            return self._held()

    async def _newer_keys(self, keys: KeySet) -> KeySet:
        async with self._fetching:
            if self._keys is keys and self._age() >= _UNKNOWN_KEY_REFETCH_S:
                await self._fetch()
            return self._held()

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _held(self) -> KeySet:
        if self._keys is None:
            raise ServiceUnavailableError
        return self._keys

    async def _fetch(self) -> None:
        """Replace the keys; keep the old ones when the issuer fails us, and then leave it alone for a moment."""
        if self._monotonic() - self._failed_at < _FAILED_FETCH_PAUSE_S:
            return
        try:
            reply = await self._client.request("GET", self._jwks_url)
            self._keys = _key_set_of(reply)
            self._fetched_at = self._monotonic()
        except (UnreachableError, JoseError, ValueError) as error:
            self._failed_at = self._monotonic()
            metrics.ISSUER_FAILURES.inc()
            log.warning("issuer keys not fetched", error=type(error).__name__)


def _check_header(token: str) -> None:
    """Refuse whatever is no plain JWS of ours before a library looks at it: anybody may send anything here."""
    try:
        encoded = token.split(".", maxsplit=1)[0].encode("ascii")
        header = orjson.loads(base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)))
    except ValueError as error:
        raise TokenInvalidError from error
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS or not _HEADER_NAMES.issuperset(header):
        raise TokenInvalidError
    if not all(isinstance(value, str) for value in header.values()):
        raise TokenInvalidError


def _key_set_of(reply: Reply) -> KeySet:
    """Raises ValueError: it is no JWKS with a key that we can use."""
    document = reply.json() if reply.is_success else None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("not a JWKS")
    # Issuers may also publish keys for other uses (Keycloak: RSA-OAEP for encryption).
    usable = [key for key in keys if key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"]
    if not usable:
        raise ValueError("no usable key in the JWKS")
    return KeySet.import_key_set({"keys": usable})


def _principal(claims: dict[str, Any]) -> Principal:
    subject, roles, region, office = (claims.get(name) for name in ("sub", "roles", "region", "office"))
    if not isinstance(subject, str) or not isinstance(roles or [], list):
        raise TokenInvalidError
    if not isinstance(region or "", str) or not isinstance(office or "", str):
        raise TokenInvalidError
    try:
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise TokenInvalidError from error
    return Principal(
        subject=subject,
        roles=frozenset(str(role) for role in roles or ()),
        # An empty claim is no claim.
        region=region or None,
        office=office or None,
        expires_at=expires_at,
    )


_POSITION = "The `Slrt-Position` of an earlier answer: wait until what was written then has arrived here"
_PREFER = "`wait=SECONDS` (RFC 7240), at most 10: how long to wait for `Slrt-Position`; 2 when it is not said"
_BEARER = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token of the suite's issuer")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


async def authenticate(request: Request, credentials: Bearer) -> Principal:
    """Dependency: the verified caller."""
    if credentials is None or not credentials.credentials:
        raise UnauthenticatedError
    verifier: TokenVerifier = request.app.state.verifier
    principal = await verifier.verify(credentials.credentials)
    request.state.principal = principal  # for the audit log, should they be refused
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
