"""Take the spans that the stack exports, as a collector would."""

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_NANOSECONDS = re.compile(r"time_unix_nano: \d+")


class SpanSink:
    """What was exported."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[tuple[str, Span]] = []
        """Service (`slrt-intake`) and span of each."""
        self._texts: list[tuple[str, str]] = []

    def take(self, body: bytes) -> None:
        """One export request (OTLP over HTTP, protobuf)."""
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            name = next(each.value.string_value for each in group.resource.attributes if each.key == "service.name")
            self.spans += [(name, span) for scope in group.scope_spans for span in scope.spans]
            # Resource and scope may leak as well as a span. A time of 19 digits holds somebody's birthday by chance.
            self._texts.append((name, _NANOSECONDS.sub("time", str(group))))

    def texts(self) -> dict[str, str]:
        """Everything that was exported as text, by service."""
        found: dict[str, list[str]] = {}
        for name, text in list(self._texts):
            found.setdefault(name, []).append(text)
        return {name: "\n".join(texts) for name, texts in found.items()}


@contextmanager
def span_sink() -> Iterator[SpanSink]:
    """A sink that listens on a port of this machine for the length of the block."""
    sink = SpanSink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — as the base class has it
            """Nothing: a line per request tells nobody anything."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
