"""Fetch from another service with this service's own token: the claim check for what no event may carry."""

import asyncio
import time
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from opentelemetry import propagate
from pydantic import SecretStr

from slrt_kit import metrics
from slrt_kit.http.outgoing import HttpClient, Reply, UnreachableError
from slrt_kit.messaging.errors import RejectedError, TransientError

_RENEW_BEFORE_S = 30
_HTTP_OK = 200
_UNAUTHORIZED = 401
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class ServiceClient:
    """A client of one other service.

    What comes back is either the JSON, or a failure by class: `TransientError` for everything that will pass
    (no connection, 5xx, 429, the issuer away), `RejectedError` for a refusal.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        client: HttpClient,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._owner = base_url
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._client = client
        self._token = ""
        self._token_expires = 0.0
        self._renewing = asyncio.Lock()

    async def get(self, path: str, *, purpose: str, event_id: UUID) -> Any:
        """GET ``path`` for a stated purpose; ``event_id`` is what makes the caller ask, for the owner's access log.

        Raises:
            TransientError: try again later.
            RejectedError: the owner refuses or does not have it.
        """
        return await self._ask("GET", path, None, purpose=purpose, event_id=event_id)

    async def query(self, path: str, body: object, *, purpose: str, event_id: UUID) -> Any:
        """POST a question that changes nothing; otherwise as `get`."""
        return await self._ask("POST", path, orjson.dumps(body), purpose=purpose, event_id=event_id)

    async def _ask(self, method: str, path: str, content: bytes | None, *, purpose: str, event_id: UUID) -> Any:
        try:
            reply = await self._send(method, path, content, purpose=purpose, event_id=event_id)
            if reply.status == _UNAUTHORIZED:
                self._token_expires = 0.0
                reply = await self._send(method, path, content, purpose=purpose, event_id=event_id)
        except UnreachableError:
            metrics.CLAIM_CHECKS.labels(self._owner, "unreachable").inc()
            raise
        metrics.CLAIM_CHECKS.labels(self._owner, str(reply.status)).inc()
        if reply.status == _HTTP_OK:
            return _json(reply, "claim check")
        # 404 may only mean that the owner's copy has not caught up; 401 that the issuer is restarting.
        if reply.status in (401, 408, 425, 429) or reply.is_server_error:
            raise TransientError(f"claim check answered {reply.status}")
        raise RejectedError(f"claim check answered {reply.status}")

    async def _send(self, method: str, path: str, content: bytes | None, *, purpose: str, event_id: UUID) -> Reply:
        headers = {
            "Authorization": f"Bearer {await self._own_token()}",
            "Purpose": purpose,
            "X-Request-Id": str(event_id),
        }
        if content is not None:
            headers["Content-Type"] = "application/json"
        propagate.inject(headers)
        return await self._client.request(method, self._base_url + path, headers=headers, content=content)

    async def _own_token(self) -> str:
        async with self._renewing:
            if time.time() > self._token_expires - _RENEW_BEFORE_S:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": self._client_id,
                    "client_secret": self._client_secret.get_secret_value(),
                }
                reply = await self._client.request(
                    "POST", self._token_url, headers=_FORM, content=urlencode(form).encode()
                )
                if reply.status != _HTTP_OK:
                    raise TransientError(f"token endpoint answered {reply.status}")
                answer = _json(reply, "token endpoint")
                try:
                    self._token = str(answer["access_token"])
                    self._token_expires = time.time() + float(answer.get("expires_in", 60))
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    raise TransientError("token endpoint gave no token") from error
            return self._token


def _json(reply: Reply, what: str) -> Any:
    """Raises TransientError: a 200 without JSON is a proxy's page or a cut answer, and passes."""
    try:
        return reply.json()
    except ValueError as error:
        raise TransientError(f"{what} answered no JSON") from error
