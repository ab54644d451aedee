"""Ask other servers over HTTP: services of the suite, the issuer, message providers, offices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver

from slrt_kit.http.destinations import Destinations, JudgedResolver
from slrt_kit.messaging.errors import TransientError

TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 2.0
# Shorter than servers keep an idle connection (uvicorn: 5 s), so that none is taken that is just being closed.
_KEEP_ALIVE_S = 3.0
_MOST_CONNECTIONS = 100
_LARGEST_REPLY = 8 * 1024 * 1024
_LARGEST_FOREIGN_REPLY = 64 * 1024


class UnreachableError(TransientError):
    """No whole answer came: no connection, a cut one, too late, or without end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes = b""
    etag: str = ""

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 — the bounds are the definition

    @property
    def is_server_error(self) -> bool:
        """5xx."""
        return 500 <= self.status < 600  # noqa: PLR2004 — the bounds are the definition

    def json(self) -> Any:
        """Raises ValueError: the body is no JSON."""
        return orjson.loads(self.body)


class HttpClient:
    """Connections to other servers, kept open between requests; made for the event loop that first uses it.

    No redirect is followed: an address is what the operator wrote down. No cookie is kept. A proxy named by the
    environment is used.

    With ``destinations`` every URL is one that somebody else has set: it must be allowed by them, the connection goes
    to the very address that was judged, past any proxy (which would resolve the name once more), and an answer is
    bounded at 64 KiB.
    """

    def __init__(self, destinations: Destinations | None = None, *, resolver: AbstractResolver | None = None) -> None:
        """``resolver`` is asked instead of the system's."""
        self._session: aiohttp.ClientSession | None = None
        self._destinations = destinations
        self._resolver = resolver

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = TIMEOUT_S,
        reads_body: bool = True,
    ) -> Reply:
        """Send it and wait for the answer, ``timeout`` seconds at most; any status is an answer.

        With ``reads_body=False`` only the status is waited for, and the body is empty.

        Raises:
            UnreachableError: no whole answer came.
            ForbiddenDestinationError: the destinations do not allow the URL, or what its host resolves to.
        """
        if self._destinations is not None:
            self._destinations.check(url)
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT_TIMEOUT_S))
        try:
            async with self._opened().request(
                method, url, headers=headers, data=content, timeout=limit, allow_redirects=False
            ) as response:
                body = await _whole(response, self._largest) if reads_body else b""
                return Reply(response.status, body, response.headers.get("ETag", ""))
        except (aiohttp.ClientError, OSError) as error:  # also TimeoutError, which is an OSError
            raise UnreachableError(type(error).__name__) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def _largest(self) -> int:
        return _LARGEST_REPLY if self._destinations is None else _LARGEST_FOREIGN_REPLY

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Looked for once: for each request it would cost as much as the request.
                trust_env=self._destinations is None and bool(getproxies()),
            )
        return self._session

    def _connector(self) -> aiohttp.TCPConnector:
        limits: dict[str, Any] = {"limit": _MOST_CONNECTIONS, "keepalive_timeout": _KEEP_ALIVE_S}
        if self._destinations is None:
            return aiohttp.TCPConnector(resolver=self._resolver, **limits)
        judged = JudgedResolver(self._destinations, self._resolver)
        return aiohttp.TCPConnector(resolver=judged, use_dns_cache=False, **limits)


async def _whole(response: aiohttp.ClientResponse, largest: int) -> bytes:
    """Raises aiohttp.ClientPayloadError: it is cut, or longer than any answer that we asked for."""
    parts: list[bytes] = []
    size = 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > largest:
            raise aiohttp.ClientPayloadError("too long")
    return b"".join(parts)
