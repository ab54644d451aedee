"""A small OpenID Connect issuer for development: discovery, keys, tokens, who one is, and taking tokens back."""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from slrt_local.forms import FormError, read_form
from slrt_local.grants import GrantRefusedError, Grants
from slrt_local.identity import PREFIX, PUBLIC_CLIENT, Account, Directory
from slrt_local.revoked import Revoked
from slrt_local.sign_in import SignIn
from slrt_local.signing import ACCESS_TOKEN, ALGORITHMS, DEFAULT_TTL, Signer

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_UNAUTHORIZED = 401


class TokenRefusedError(Exception):
    """An OAuth error answer (RFC 6749, 5.2): its code and status."""

    def __init__(self, code: str, description: str, *, status: int = 400, retry_after: float = 0) -> None:
        super().__init__(description)
        self.code, self.description, self.status, self.retry_after = code, description, status, retry_after

    def response(self) -> Response:
        """As JSON."""
        headers = dict(_NO_STORE)
        if self.status == _UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="slrt"'
        if self.retry_after:
            headers["Retry-After"] = str(int(self.retry_after) + 1)
        return JSONResponse({"error": self.code, "error_description": self.description}, self.status, headers)


class Issuer:
    """The endpoints below ``/identity``."""

    def __init__(
        self,
        signer: Signer,
        directory: Directory,
        client_secrets: Mapping[str, str],
        revoked: Revoked,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``client_secrets``: client id → secret."""
        self._signer, self._directory, self._secrets = signer, directory, dict(client_secrets)
        self._revoked, self._clock = revoked, clock
        self._grants = Grants(take_back=self._take_back, monotonic=monotonic)
        self._sign_in = SignIn(signer, directory, self._grants, clock=clock, monotonic=monotonic)

    def routes(self) -> list[BaseRoute]:
        """The routes to mount at the root of a server."""
        inner = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks.json", self.keys),
            Route("/authorize", self._sign_in.authorize, methods=["GET", "POST"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/userinfo", self.userinfo, methods=["GET", "POST"]),
            Route("/revoke", self.revoke, methods=["POST"]),
            Route("/end-session", self._sign_in.end_session, methods=["GET", "POST"]),
            Route("/revocations.json", self.revocations),
        ]
        return [Mount(PREFIX, routes=inner)]

    async def discovery(self, _request: Request) -> Response:
        """OpenID Connect Discovery and RFC 8414; every line is what is served."""
        issuer = self._signer.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "jwks_uri": f"{issuer}/jwks.json",
                "revocation_endpoint": f"{issuer}/revoke",
                "end_session_endpoint": f"{issuer}/end-session",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "client_credentials", "password"],
                "scopes_supported": ["openid"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": list(ALGORITHMS),
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "prompt_values_supported": ["none", "login"],
                "claims_supported": ["sub", "name", "roles", "region", "office", "auth_time", "nonce", "sid"],
                "ui_locales_supported": ["id", "en"],
                "request_parameter_supported": False,
                "request_uri_parameter_supported": False,
                "claims_parameter_supported": False,
                "authorization_response_iss_parameter_supported": True,
                "development_only": True,
            }
        )

    async def keys(self, _request: Request) -> Response:
        """The public keys."""
        return JSONResponse(self._signer.public_keys, headers={"Cache-Control": "max-age=30"})

    async def revocations(self, request: Request) -> Response:
        """What the services ask for every two seconds; nothing while it has not changed."""
        body, etag = self._revoked.document()
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    async def token(self, request: Request) -> Response:
        """Tokens for a code, for client credentials, or for a seeded user and the common password."""
        try:
            form = await _form(request)
            granted = self._granted(request, form)
        except TokenRefusedError as refused:
            return refused.response()
        return JSONResponse({**granted, "token_type": "Bearer", "expires_in": DEFAULT_TTL}, headers=_NO_STORE)

    def _granted(self, request: Request, form: Mapping[str, str]) -> dict[str, str]:
        grant, now = form.get("grant_type"), datetime.fromtimestamp(self._clock(), UTC)
        if grant == "authorization_code":
            return self._for_code(form, now)
        if grant == "client_credentials":
            client = self._machine(form, request.headers.get("authorization"))
            return {"access_token": self._signer.mint(self._directory.clients[client], now=now, client=client)}
        if grant == "password":
            account = self._user(request, form)
            return {"access_token": self._signer.mint(account, now=now, client=form.get("client_id") or PUBLIC_CLIENT)}
        raise TokenRefusedError("unsupported_grant_type", "authorization_code, client_credentials or password")

    def _for_code(self, form: Mapping[str, str], now: datetime) -> dict[str, str]:
        client = form.get("client_id", "")
        if client not in self._directory.applications:
            raise TokenRefusedError("invalid_client", "the application is not known", status=_UNAUTHORIZED)
        try:
            grant = self._grants.redeem(
                form.get("code", ""),
                client=client,
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
            )
        except GrantRefusedError as error:
            raise TokenRefusedError("invalid_grant", "the code is not good, or not any more") from error
        token_id, session = secrets.token_hex(16), grant.session
        grant.tokens.append(token_id)
        session.tokens.append(token_id)
        access = self._signer.mint(session.account, now=now, client=client, token_id=token_id)
        if "openid" not in grant.scopes:
            return {"access_token": access}
        more = {"nonce": grant.nonce, "auth_time": session.auth_time, "sid": session.name}
        told = self._signer.mint_id(session.account, now=now, client=client, access_token=access, **more)
        return {"access_token": access, "id_token": told, "scope": "openid"}

    async def userinfo(self, request: Request) -> Response:
        """Who the bearer of an access token is (OpenID Connect Core, 5.3)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims = self._signer.read(token, kind=ACCESS_TOKEN, at=self._clock()) if scheme.lower() == "bearer" else None
        if claims is None or self._revoked.holds(claims):
            return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer realm="slrt", error="invalid_token"'})
        known = {account.subject: account.name for account in self._directory.users.values()}
        told: dict[str, Any] = {name: claims[name] for name in ("sub", "roles", "region", "office") if name in claims}
        return JSONResponse({**told, "name": known.get(claims["sub"], claims["sub"])}, headers=_NO_STORE)

    async def revoke(self, request: Request) -> Response:
        """Take back a token of one's own (RFC 7009): whoever has it may; of a machine's, with its secret."""
        try:
            form = await _form(request)
            client = form.get("client_id", "")
            if client not in self._directory.applications:
                client = self._machine(form, request.headers.get("authorization"))
        except TokenRefusedError as refused:
            return refused.response()
        claims = self._signer.read(form.get("token", ""), kind=ACCESS_TOKEN, at=self._clock())
        if claims is not None and claims["azp"] == client:
            self._take_back(claims["jti"])
        # A token that is not good is as the caller wants it (RFC 7009, 2.2).
        return Response(status_code=200, headers=_NO_STORE)

    def _take_back(self, token_id: str) -> None:
        self._revoked.token(token_id, at=self._clock())

    def _machine(self, form: Mapping[str, str], authorization: str | None) -> str:
        client, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        known = self._secrets.get(client, "")
        if not known or not hmac.compare_digest(known.encode(), secret.encode()):
            raise TokenRefusedError("invalid_client", "client id or secret is wrong", status=_UNAUTHORIZED)
        return client

    def _user(self, request: Request, form: Mapping[str, str]) -> Account:
        user = form.get("username", "")
        if wait := self._sign_in.wait(request, user):
            raise TokenRefusedError("slow_down", "too many attempts", status=429, retry_after=wait)
        if not self._sign_in.is_right(request, user, form.get("password", "")):
            raise TokenRefusedError("invalid_grant", "user name or password is wrong")
        return self._directory.users[user]


async def _form(request: Request) -> dict[str, str]:
    try:
        return await read_form(request)
    except FormError as error:
        raise TokenRefusedError("invalid_request", error.description, status=error.status) from error


def _basic(header: str | None) -> tuple[str, str] | None:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenRefusedError("invalid_client", "the Basic header is malformed", status=_UNAUTHORIZED) from error
    if not colon:
        raise TokenRefusedError("invalid_client", "the Basic header is malformed", status=_UNAUTHORIZED)
    return unquote(client), unquote(secret)
