"""Other servers, played inside the process of a test."""

from collections.abc import Mapping

import httpx

from slrt_kit.http.outgoing import TIMEOUT_S, HttpClient, Reply, UnreachableError


class PlayedHttp(HttpClient):
    """An `HttpClient` that reaches nothing but one transport of httpx: a function (``httpx.MockTransport``) or an
    application (``httpx.ASGITransport``). A ``httpx.RequestError`` that it raises is a server that is away.

    One test class proves it beside the real client: ``tests/integration/kit/test_outgoing.py``.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__()
        self._transport = transport

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
        """As the real one; nothing that is played takes longer than its ``timeout``."""
        try:
            # Not as a context: that would close the transport, which serves the next request too.
            client = httpx.AsyncClient(transport=self._transport, timeout=timeout)
            request = client.build_request(method, url, headers=headers, content=content)
            response = await client.send(request, stream=True)
            body = await response.aread() if reads_body else b""
        except httpx.RequestError as error:
            raise UnreachableError(type(error).__name__) from error
        return Reply(response.status_code, body, response.headers.get("ETag", ""))
