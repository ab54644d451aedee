"""Verify access tokens: once against the issuer's keys, and from then on against what has changed since."""

import asyncio
import base64
import contextlib
import json
import time
import warnings
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from slrt_kit.access import Principal, TokenFacts
from slrt_kit.clock import Clock, SystemClock
from slrt_kit.http.jwks import ALGORITHMS, RENEW_S, IssuerKeys, VerifyingKey
from slrt_kit.http.outgoing import HttpClient
from slrt_kit.http.revocations import POLL_S, Revocations
from slrt_kit.problems import ProblemError, Text

# Keycloak, and whoever else signs with Ed25519 today, writes the older name.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

CLOCK_AHEAD_S = 30
"""How far the issuer's clock may be ahead of ours. How far it is behind takes nothing: a token ends by our clock."""
LONGEST_LIFE_S = 24 * 3600
"""A token that lives longer is refused: so a revocation may be forgotten after a day."""
LONGEST_TOKEN = 8192
_CACHE_SIZE = 10_000
# What an issuer writes; nothing that would change how the token is read (crit, b64, zip) or which key it names (jwk).
_HEADER_NAMES = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_ACCESS_TOKEN = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068, section 2.1


class TokenExpiredError(ProblemError):
    slug, status = "token-expired", 401
    title = Text("Sesi sudah berakhir; masuk lagi", "The session has ended; sign in again")
    headers = MappingProxyType(
        {"WWW-Authenticate": 'Bearer realm="slrt", error="invalid_token", error_description="expired"'}
    )


class TokenRevokedError(ProblemError):
    slug, status = "token-revoked", 401
    title = Text("Akses sudah dicabut; masuk lagi", "The access was taken back; sign in again")
    headers = MappingProxyType(
        {"WWW-Authenticate": 'Bearer realm="slrt", error="invalid_token", error_description="revoked"'}
    )


class TokenInvalidError(ProblemError):
    slug, status = "token-invalid", 401
    title = Text("Token tidak sah", "The token is not valid")
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="slrt", error="invalid_token"'})


@dataclass(slots=True)
class _Cached:
    principal: Principal
    token: TokenFacts
    expires: float
    generation: int


class TokenVerifier:
    """Checks signature, kind, issuer, audience and times of a token once, and remembers it until it expires.

    What is remembered is judged anew whenever the issuer's keys or the list of revocations have changed.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        client: HttpClient,
        revocations_url: str | None = None,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock or SystemClock()
        self._issuer = issuer
        self._audience = audience
        self._keys = IssuerKeys(jwks_url, client=client, monotonic=monotonic)
        self._revocations = Revocations(revocations_url, client=client, monotonic=monotonic)
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._changed = asyncio.Event()
        self._told = 0
        self._is_watched = False

    async def verify(self, token: str) -> Principal:
        """Who the token speaks for.

        Raises:
            TokenExpiredError, TokenRevokedError, TokenInvalidError: 401.
            ServiceUnavailableError: the issuer's keys or its revocations cannot be had, and none are known.
        """
        now = self._clock.now().timestamp()
        cached = self._cache.get(token)
        if cached is None:
            return await self._admit(token, now)
        if cached.expires <= now:
            del self._cache[token]
            raise TokenExpiredError
        if not self._is_watched:
            await self._keys.now()
        if cached.generation != self._generation:
            self._judge(cached.principal, cached.token)
            cached.generation = self._generation
        return cached.principal

    def seconds_left(self, principal: Principal) -> float:
        """How long the caller's token is good for yet; 0 or less when it no longer is."""
        return (principal.expires_at - self._clock.now()).total_seconds()

    async def until_refused(self, principal: Principal) -> None:
        """Returns when the caller's token is revoked or its key withdrawn; its expiry is `seconds_left`."""
        while principal.token is not None:
            changed = self._changed
            try:
                self._judge(principal, principal.token)
            except (TokenRevokedError, TokenInvalidError):
                return
            await changed.wait()

    async def watch(self, stop: asyncio.Event) -> None:
        """Keep revocations and keys fresh until ``stop``: a part of every process that answers callers."""
        self._is_watched = True
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._revocations.fetch, stop))
            group.create_task(self._repeat(self._renew_keys, stop))
        self._is_watched = False

    async def refresh(self) -> None:
        """What `watch` does every two seconds."""
        for part in (self._revocations.fetch, self._renew_keys):
            await self._noting_change(part)

    async def _repeat(self, part: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._noting_change(part)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await stop.wait()

    async def _noting_change(self, part: Callable[[], Awaitable[object]]) -> None:
        await part()
        if self._generation != self._told:
            self._told = self._generation
            self._changed.set()
            self._changed = asyncio.Event()

    async def _renew_keys(self) -> None:
        with contextlib.suppress(ProblemError):  # none are known yet: each caller is told so by itself
            await self._keys.now(fresh=RENEW_S)

    @property
    def _generation(self) -> int:
        return self._keys.generation + self._revocations.generation

    async def _admit(self, token: str, now: float) -> Principal:
        principal, facts = await self._verify(token, now)
        generation = self._generation
        self._judge(principal, facts)
        self._cache[token] = _Cached(principal, facts, principal.expires_at.timestamp(), generation)
        if len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
        return principal

    def _judge(self, principal: Principal, token: TokenFacts) -> None:
        """Raises TokenInvalidError: its key was withdrawn; TokenRevokedError; ServiceUnavailableError."""
        if not self._keys.holds(token.key):
            raise TokenInvalidError
        if self._revocations.revokes(principal.subject, token):
            raise TokenRevokedError

    async def _verify(self, token: str, now: float) -> tuple[Principal, TokenFacts]:
        header = _header_of(token)
        key = await self._key_of(header)
        try:
            # The library takes the algorithm from the header, which names one of the key's own.
            payload = jws.deserialize_compact(token, key.key, algorithms=list(key.algorithms)).payload
            claims = _parsed(payload)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenInvalidError from error
        _check_kind(header, claims)
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer or self._audience not in (
            audience if isinstance(audience, list) else [audience]
        ):
            raise TokenInvalidError
        _check_times(claims, now)
        return _principal(claims, key.thumbprint)

    async def _key_of(self, header: dict[str, Any]) -> VerifyingKey:
        keys = await self._keys.now()
        key = keys.get(header["kid"]) or (await self._keys.newer_than(keys)).get(header["kid"])
        if key is None:
            raise TokenInvalidError
        return key


def _header_of(token: str) -> dict[str, Any]:
    """Refuse whatever is no plain JWS of ours before a library looks at it: anybody may send anything here."""
    if len(token) > LONGEST_TOKEN:
        raise TokenInvalidError
    try:
        encoded = token.split(".", maxsplit=1)[0].encode("ascii")
        header = _parsed(base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError) as error:
        raise TokenInvalidError from error
    if header.get("alg") not in ALGORITHMS or "kid" not in header or not _HEADER_NAMES.issuperset(header):
        raise TokenInvalidError
    if not all(isinstance(value, str) for value in header.values()):
        raise TokenInvalidError
    return header


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant)


def _parsed(text: bytes) -> dict[str, Any]:
    """Raises ValueError: it is no JSON object, or a name stands twice in it (RFC 7519, section 4)."""
    found = _DECODER.decode(text.decode())
    if not isinstance(found, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 — it came from outside
    return found


def _check_kind(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Refuse the issuer's other tokens, which the same keys sign: those that tell who signed in, or renew.

    An access token says so in its header (RFC 9068), or in the claim that Keycloak writes: there an ID token has
    ``typ: ID`` and a refresh token ``typ: Refresh``.
    """
    kind, claimed = header.get("typ", "JWT").lower(), claims.get("typ")
    if not (kind in _ACCESS_TOKEN and claimed in (None, "Bearer")) and not (kind == "jwt" and claimed == "Bearer"):
        raise TokenInvalidError


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires: Any
    issued: Any
    expires, issued, not_before = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not all(isinstance(moment, int | float) for moment in (expires, issued, not_before)):
        raise TokenInvalidError
    if expires <= now:
        raise TokenExpiredError
    if max(issued, not_before) > now + CLOCK_AHEAD_S or expires - issued > LONGEST_LIFE_S:
        raise TokenInvalidError


def _principal(claims: dict[str, Any], key: str) -> tuple[Principal, TokenFacts]:
    subject, roles, region, office = (claims.get(name) for name in ("sub", "roles", "region", "office"))
    if not isinstance(subject, str) or not isinstance(roles or [], list):
        raise TokenInvalidError
    if not isinstance(region or "", str) or not isinstance(office or "", str):
        raise TokenInvalidError
    token_id = claims.get("jti")
    if not isinstance(token_id, str):
        raise TokenInvalidError
    facts = TokenFacts(id=token_id, client=_client_of(claims), issued_at=claims["iat"], key=key)
    try:
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise TokenInvalidError from error
    principal = Principal(
        subject=subject,
        roles=frozenset(str(role) for role in roles or ()),
        # An empty claim is no claim.
        region=region or None,
        office=office or None,
        expires_at=expires_at,
        token=facts,
    )
    return principal, facts


def _client_of(claims: dict[str, Any]) -> str | None:
    """Who asked for the token: ``client_id`` (RFC 9068, section 2.2) or ``azp`` (OpenID Connect Core, section 2).

    Raises:
        TokenInvalidError: they name two, and by one what the other may do would be done.
    """
    named = [claims[name] for name in ("client_id", "azp") if claims.get(name) is not None]
    if any(not isinstance(each, str) or each != named[0] for each in named):
        raise TokenInvalidError
    return (named or [None])[0] or None
