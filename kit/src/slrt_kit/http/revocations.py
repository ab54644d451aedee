"""Know which tokens were taken back before their time: a list that is asked for every two seconds.

The document, ``application/json``, all members optional; moments are seconds since 1970 UTC::

    {"tokens": ["jti", …], "subjects": {"sub": before}, "clients": {"client_id": before}, "everyone": before}

A token is revoked when its ``jti`` stands there, or when it was issued (``iat``) before the moment that stands for its
subject, its client or everyone. That is Keycloak's "not before", for more than users.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slrt_kit import metrics
from slrt_kit.access import TokenFacts
from slrt_kit.http.outgoing import HttpClient, UnreachableError
from slrt_kit.logs import get_logger
from slrt_kit.problems import ServiceUnavailableError

log = get_logger(__name__)

POLL_S = 2.0
_TIMEOUT_S = 2.0
_LARGEST = 1024 * 1024
_NOT_MODIFIED = 304
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One state of the list."""

    tokens: frozenset[str] = frozenset()
    subjects: Mapping[str, float] = field(default_factory=dict)
    clients: Mapping[str, float] = field(default_factory=dict)
    everyone: float = _NEVER

    @classmethod
    def parse(cls, document: Any) -> "RevocationList":
        """Raises ValueError: it is not of the form above."""
        if not isinstance(document, dict):
            raise ValueError("no JSON object")  # noqa: TRY004 — it came from outside
        tokens = document.get("tokens", [])
        if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
            raise ValueError("tokens is no list of strings")
        everyone = document.get("everyone", _NEVER)
        if not _is_moment(everyone):
            raise ValueError("everyone is no moment")
        return cls(frozenset(tokens), _moments(document, "subjects"), _moments(document, "clients"), everyone)

    def revokes(self, subject: str, token: TokenFacts) -> bool:
        """Whether the token was taken back."""
        before = max(self.everyone, self.subjects.get(subject, _NEVER), self.clients.get(token.client or "", _NEVER))
        return token.issued_at < before or token.id in self.tokens


class Revocations:
    """The newest list that could be had. ``generation`` grows whenever it has changed."""

    def __init__(self, url: str | None, *, client: HttpClient, monotonic: Callable[[], float]) -> None:
        """Without a ``url`` nothing is ever revoked."""
        self._url, self._client, self._monotonic = url, client, monotonic
        self._list = RevocationList() if url is None else None
        self._etag = ""
        self._had_at = monotonic()
        self.generation = 0

    def revokes(self, subject: str, token: TokenFacts) -> bool:
        """Raises ServiceUnavailableError: there is a list, and it could never be had."""
        if self._list is None:
            raise ServiceUnavailableError
        return self._list.revokes(subject, token)

    async def fetch(self) -> None:
        """Ask for the list once. While it cannot be had the last one stays in force, and its age grows."""
        if self._url is None:
            return
        try:
            await self._fetch(self._url)
        except (UnreachableError, ValueError) as error:
            metrics.REVOCATION_FAILURES.inc()
            log.warning("revocations not fetched", error=type(error).__name__)
        metrics.REVOCATIONS_AGE.set(self._monotonic() - self._had_at)

    async def _fetch(self, url: str) -> None:
        headers = {"If-None-Match": self._etag} if self._etag else {}
        reply = await self._client.request("GET", url, headers=headers, timeout=_TIMEOUT_S)
        if reply.status != _NOT_MODIFIED or not self._etag:
            if not reply.is_success or len(reply.body) > _LARGEST:
                raise ValueError("no list, or too long a one")
            fresh = RevocationList.parse(reply.json())
            self._etag = reply.etag
            if fresh != self._list:
                self._list = fresh
                self.generation += 1
        self._had_at = self._monotonic()


def _moments(document: dict[str, Any], name: str) -> Mapping[str, float]:
    found = document.get(name, {})
    if not isinstance(found, dict) or not all(_is_moment(moment) for moment in found.values()):
        raise ValueError(f"{name} is no object of moments")
    return found


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
