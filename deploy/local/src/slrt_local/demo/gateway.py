"""Speak to the suite as a frontend does: through the gateway, with a token, an Idempotency-Key and If-Match."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

_CREATED_OR_OK = (200, 201)


class RefusedError(Exception):
    """The gateway answered with a problem; the message names the call and the problem."""


@dataclass
class Gateway:
    """A client of the gateway at ``url``."""

    url: str
    password: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=15))
    _tokens: dict[str, str] = field(default_factory=dict)

    def sign_in(self, username: str) -> None:
        """Get a token from the issuer for a seeded user."""
        answer = self.http.post(
            f"{self.url}/identity/token",
            data={"grant_type": "password", "username": username, "password": self.password},
        )
        self._tokens[username] = self._checked(answer)["access_token"]

    def get(self, path: str, *, as_user: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET as a signed-in user."""
        return self._checked(self._get(path, as_user, params))

    def status(self, path: str, *, as_user: str) -> int:
        """What a GET of somebody is answered with."""
        return self._get(path, as_user, None).status_code

    def refusal(self, path: str, body: Any, *, as_user: str) -> str:
        """The problem that a POST is refused with.

        Raises:
            RefusedError: it was not refused for want of a permission.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4()), "If-Match": '"1"', **self._bearer(as_user)}
        answer = self.http.post(self.url + path, json=body, headers=headers)
        if answer.status_code != httpx.codes.FORBIDDEN:
            raise RefusedError(f"POST {path} was answered {answer.status_code}, and not refused")
        return f"{answer.status_code} {answer.json()['title']}"

    def version(self, path: str, *, as_user: str) -> str:
        """The ETag of a thing."""
        answer = self._get(path, as_user, None)
        self._checked(answer)
        return answer.headers["ETag"]

    def _get(self, path: str, as_user: str, params: Mapping[str, Any] | None) -> httpx.Response:
        return self.http.get(self.url + path, headers=self._bearer(as_user), params=params)

    def post(self, path: str, body: Any, *, as_user: str | None, on: str | None = None) -> Any:
        """POST a command; ``on`` names the thing it acts on, whose version is read first."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), **(self._bearer(as_user) if as_user else {})}
        if on is not None and as_user is not None:
            headers["If-Match"] = self.version(on, as_user=as_user)
        return self._checked(self.http.post(self.url + path, json=body, headers=headers))

    def put(self, path: str, body: Any, *, as_user: str) -> Any:
        """PUT a new content over the version that is there."""
        headers = self._bearer(as_user) | {"If-Match": self.version(path, as_user=as_user)}
        return self._checked(self.http.put(self.url + path, json=body, headers=headers))

    def _bearer(self, username: str) -> dict[str, str]:
        if username not in self._tokens:
            self.sign_in(username)
        return {"Authorization": f"Bearer {self._tokens[username]}"}

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.status_code not in _CREATED_OR_OK:
            raise RefusedError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
        return answer.json()
