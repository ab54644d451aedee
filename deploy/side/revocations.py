"""Serve the list of revocations (`slrt_kit.http.revocations`) from what Keycloak knows, by its admin API.

Keycloak has no such list. It has a "not before" of the realm and of each client, and it records what administrators do
to a user and when somebody signs out. Whatever is done to a user (disabled, roles changed, signed out everywhere,
deleted) ends the access tokens that he had before: his application renews its token and goes on with what he now may,
or cannot. Nothing is kept here: each answer is what Keycloak says now, and when it says nothing the answer is 503, so
that the services keep the list they have and tell its age.
"""

import argparse
import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from slrt_kit.http.outgoing import HttpClient, UnreachableError

_FRESH_S = 1.0
_PAGE = 500
_MOST_PAGES = 40
_AHEAD_S = 60
_NEVER_AGAIN = 2**40
"""A moment that no token is issued after: the client is disabled."""
_EVERYWHERE = "0.0.0.0"  # noqa: S104 — a container is reached from outside it
_OF_USERS = ("LOGOUT", "UPDATE_CREDENTIAL", "REMOVE_CREDENTIAL", "UPDATE_PASSWORD", "DELETE_ACCOUNT")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_UNAUTHORIZED = 401


class KeycloakAwayError(Exception):
    """Keycloak did not answer, or not what it should."""


class Keycloak:
    """The admin API of one realm, read with the service account of a client that may look and change nothing."""

    def __init__(
        self, *, base_url: str, realm: str, client_id: str, client_secret: SecretStr, client: HttpClient
    ) -> None:
        """``base_url`` is Keycloak's own, with its relative path and without a slash at the end."""
        self._token_url = f"{base_url}/realms/{realm}/protocol/openid-connect/token"
        self._admin_url = f"{base_url}/admin/realms/{realm}"
        self._client_id, self._client_secret, self._client = client_id, client_secret, client
        self._token = ""

    async def revocations(self, *, now: float) -> dict[str, Any]:
        """The list, as `slrt_kit.http.revocations` has it. Raises KeycloakAwayError."""
        realm, clients = await self._get(""), await self._get("/clients?max=1000")
        lives = [int(each.get("attributes", {}).get("access.token.lifespan") or 0) for each in clients]
        since = int((now - max([realm["accessTokenLifespan"], *lives]) - _AHEAD_S) * 1000)
        subjects: dict[str, int] = {}
        async for event in self._pages("/admin-events", {"dateFrom": since}):
            parts = str(event.get("resourcePath", "")).split("/")
            if parts[0] == "users" and len(parts) > 1:
                _note(subjects, parts[1], event["time"])
        async for event in self._pages("/events", {"dateFrom": since, "type": _OF_USERS}):
            if event.get("userId"):
                _note(subjects, event["userId"], event["time"])
        before = {each["clientId"]: each.get("notBefore", 0) if each["enabled"] else _NEVER_AGAIN for each in clients}
        return {
            "everyone": realm.get("notBefore", 0),
            "clients": {name: moment for name, moment in before.items() if moment},
            "subjects": subjects,
        }

    async def _pages(self, path: str, query: dict[str, Any]) -> Any:
        for page in range(_MOST_PAGES):
            asked = urlencode({**query, "first": page * _PAGE, "max": _PAGE}, doseq=True)
            found = await self._get(f"{path}?{asked}")
            for event in found:
                yield event
            if len(found) < _PAGE:
                return
        raise KeycloakAwayError("more events than can be read")

    async def _get(self, path: str) -> Any:
        if not self._token:
            await self._sign_in()
        reply = await self._ask("GET", self._admin_url + path, self._bearer, None)
        if reply.status == _UNAUTHORIZED:
            await self._sign_in()
            reply = await self._ask("GET", self._admin_url + path, self._bearer, None)
        if not reply.is_success:
            raise KeycloakAwayError(f"{path.partition('?')[0]} answered {reply.status}")
        return reply.json()

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def _sign_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
        }
        reply = await self._ask("POST", self._token_url, _FORM, urlencode(form).encode())
        if not reply.is_success:
            raise KeycloakAwayError(f"the token endpoint answered {reply.status}")
        self._token = str(reply.json()["access_token"])

    async def _ask(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> Any:
        try:
            return await self._client.request(method, url, headers=headers, content=content, timeout=1.5)
        except UnreachableError as error:
            raise KeycloakAwayError(str(error)) from error


def _note(subjects: dict[str, int], user: str, milliseconds: int) -> None:
    # Tokens tell whole seconds: what was issued in the second of the event counts as before it.
    subjects[user] = max(subjects.get(user, 0), milliseconds // 1000 + 1)


def build_app(keycloak: Keycloak) -> Starlette:
    """``/revocations.json``, asked of Keycloak at most once a second however many services want it."""
    asking = asyncio.Lock()
    had_at, body = float("-inf"), b""

    async def revocations(request: Request) -> Response:
        nonlocal had_at, body
        async with asking:
            if time.monotonic() - had_at > _FRESH_S:
                try:
                    found = await keycloak.revocations(now=time.time())
                except (KeycloakAwayError, ValueError, KeyError, TypeError) as error:
                    return PlainTextResponse(f"{type(error).__name__}: {error}", 503)
                body, had_at = orjson.dumps(found, option=orjson.OPT_SORT_KEYS), time.monotonic()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, headers={"ETag": etag}, media_type="application/json")

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready")

    return Starlette(routes=[Route("/revocations.json", revocations), Route("/livez", ready), Route("/readyz", ready)])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keycloak", required=True, help="its base URL, with the relative path")
    parser.add_argument("--realm", default="slrt")
    parser.add_argument("--client-id", default="slrt-revocations")
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8090)
    given = parser.parse_args()
    keycloak = Keycloak(
        base_url=given.keycloak.rstrip("/"),
        realm=given.realm,
        client_id=given.client_id,
        client_secret=SecretStr(given.secret_file.read_text(encoding="utf-8").strip()),
        client=HttpClient(),
    )
    uvicorn.run(build_app(keycloak), host=_EVERYWHERE, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
