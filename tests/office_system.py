"""An office's own system, as tests play it: it takes notices that are well signed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"


@dataclass
class OfficeSystem:
    """An office's own system: takes what is well signed. ``answer`` replaces 204."""

    secret: str = SECRET
    answer: int = 204
    taken: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    refused: int = 0
    port: int = 0
    before_answer: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """Where it listens; while it is closed nobody answers there."""
        return f"http://127.0.0.1:{self.port}/notices"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status that the sender gets."""
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        if self.answer < 300:
            self.taken.append(orjson.loads(body))
            self.ids.append(headers["webhook-id"])
        self.before_answer()
        return self.answer

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Open for the length of the block, always at the same port."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler_for(self))
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler_for(system: OfficeSystem) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = system.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", system.url)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler
