"""Play the company that delivers WhatsApp and SMS messages over HTTP."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from slrt_local.journal import Journal

MAX_MESSAGE = 65_536
MAX_KEY = 200


class Provider:
    """``POST /provider/messages``: takes each Idempotency-Key once, answers a repeat with the first answer."""

    def __init__(self, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._journal, self._clock = journal, clock
        self.is_open = True

    def routes(self) -> list[Route]:
        """The provider's endpoints."""
        return [Route("/provider/messages", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """202 with an id; 503 while closed; 400 for a bad body or no key; 422 for a key used with another body."""
        if not self.is_open:
            return JSONResponse({"error": "closed for maintenance"}, 503, {"Retry-After": "1"})
        key = request.headers.get("idempotency-key", "").strip()
        if not 0 < len(key) <= MAX_KEY:
            return JSONResponse({"error": "Idempotency-Key is missing or too long"}, 400)
        try:
            message = parse_message(await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        known = self._journal.find("message", key)
        if known is not None and known.body != message:
            return JSONResponse({"error": "this Idempotency-Key came with another body"}, 422)
        entry = self._journal.add("message", key, message["to"], message, now=self._clock())
        headers = {"Idempotent-Replayed": "true"} if entry.seen > 1 else {}
        return JSONResponse({"id": f"msg-{entry.number}", "status": "accepted"}, 202, headers)


def parse_message(raw: bytes) -> dict[str, Any]:
    """A JSON object with a non-empty ``to``; raises `ValueError` saying what is wrong."""
    if len(raw) > MAX_MESSAGE:
        raise ValueError(f"the message is larger than {MAX_MESSAGE} bytes")
    try:
        message = json.loads(raw)
    except ValueError as error:
        raise ValueError("the body is not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("to"), str) or not message["to"]:
        raise ValueError("'to' is missing")
    return message
