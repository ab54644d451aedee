"""A small OIDC-shaped issuer for development: discovery, keys, and tokens for seeded users and clients."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from slrt_local.identity import DEFAULT_TTL, PREFIX, PUBLIC_CLIENT, Account, Directory, Signer

_MAX_BODY = 16_384
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenRefusedError(Exception):
    """An OAuth error answer (RFC 6749, 5.2): its code and status."""

    def __init__(self, code: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.code, self.description, self.status = code, description, status


class Issuer:
    """The endpoints below ``/identity``."""

    def __init__(self, signer: Signer, directory: Directory, client_secrets: Mapping[str, str]) -> None:
        """``client_secrets``: client id → secret."""
        self._signer, self._directory, self._secrets = signer, directory, dict(client_secrets)

    def routes(self) -> list[BaseRoute]:
        """The routes to mount at the root of a server."""
        inner = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks.json", self.keys),
            Route("/token", self.token, methods=["POST"]),
        ]
        return [Mount(PREFIX, routes=inner)]

    async def discovery(self, _request: Request) -> Response:
        """OpenID discovery, as far as this issuer goes."""
        issuer = self._signer.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks.json",
                "token_endpoint": f"{issuer}/token",
                "grant_types_supported": ["client_credentials", "password"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "subject_types_supported": ["public"],
                "response_types_supported": ["token"],
                "development_only": True,
            }
        )

    async def keys(self, _request: Request) -> Response:
        """The public keys."""
        return JSONResponse(self._signer.public_keys, headers={"Cache-Control": "max-age=300"})

    async def token(self, request: Request) -> Response:
        """Give a token for client credentials, or (development only) for a seeded user and the common password."""
        try:
            account, client = self._authenticate(await _form(request), request.headers.get("authorization"))
        except TokenRefusedError as refused:
            headers = {**_NO_STORE, "WWW-Authenticate": 'Basic realm="slrt"'} if refused.status == 401 else _NO_STORE  # noqa: PLR2004
            body = {"error": refused.code, "error_description": refused.description}
            return JSONResponse(body, refused.status, headers)
        token = self._signer.mint(account, now=datetime.now(UTC), client=client)
        granted = {"access_token": token, "token_type": "Bearer", "expires_in": DEFAULT_TTL}
        return JSONResponse(granted, headers=_NO_STORE)

    def _authenticate(self, form: Mapping[str, str], authorization: str | None) -> tuple[Account, str]:
        grant = form.get("grant_type")
        if grant == "client_credentials":
            return self._client(form, authorization)
        if grant == "password":
            return self._user(form)
        raise TokenRefusedError("unsupported_grant_type", "grant_type is client_credentials or password")

    def _client(self, form: Mapping[str, str], authorization: str | None) -> tuple[Account, str]:
        client, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        known = self._secrets.get(client, "")
        if not known or not hmac.compare_digest(known.encode(), secret.encode()):
            raise TokenRefusedError("invalid_client", "client id or secret is wrong", status=401)
        return self._directory.clients[client], client

    def _user(self, form: Mapping[str, str]) -> tuple[Account, str]:
        account = self._directory.users.get(form.get("username", ""))
        right = hmac.compare_digest(self._directory.password.encode(), form.get("password", "").encode())
        if account is None or not right:
            raise TokenRefusedError("invalid_grant", "user name or password is wrong")
        return account, form.get("client_id") or PUBLIC_CLIENT


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise TokenRefusedError("invalid_request", "the body is too large", status=413)
    try:
        parsed = parse_qs(body.decode(), strict_parsing=bool(body), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise TokenRefusedError("invalid_request", "the body is not form-urlencoded") from error
    if any(len(values) > 1 for values in parsed.values()):
        raise TokenRefusedError("invalid_request", "a parameter is repeated")
    return {name: values[0] for name, values in parsed.items()}


def _basic(header: str | None) -> tuple[str, str] | None:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenRefusedError("invalid_client", "the Basic header is malformed", status=401) from error
    if not colon:
        raise TokenRefusedError("invalid_client", "the Basic header is malformed", status=401)
    return unquote(client), unquote(secret)
