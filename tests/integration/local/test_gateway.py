"""The gateway's edges on a real Traefik: TLS and nothing older, headers, and which frontends may ask."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from slrt_local.parts.certificate import make_trusted
from slrt_local.parts.gateway import Gateway, certificates
from slrt_local.process import wait_until
from slrt_local.state import State

FRONTEND = "https://desk.test"


class _Upstream(BaseHTTPRequestHandler):
    """Stands for every service, the documents and the issuer."""

    def do_GET(self) -> None:
        is_locked = self.path.endswith("/locked")
        self.send_response(429 if is_locked else 200)
        if is_locked:
            self.send_header("Retry-After", "840")
        self.end_headers()
        self.wfile.write(b'{"type": "urn:slrt:problem:ticket-locked"}' if is_locked else b"{}")

    def do_POST(self) -> None:
        """Says how much came; over 4 MB is refused, in a service's own words."""
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        said = b'{"type": "urn:slrt:problem:file-too-large"}' if size > 4_000_000 else b'{"size": %d}' % size
        self.send_response(413 if size > 4_000_000 else 200)
        self.end_headers()
        self.wfile.write(said)

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextmanager
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Door:
    """A gateway that runs."""

    gateway: Gateway
    authority: Path | None

    def client(self) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.authority)) if self.authority else True
        return httpx.Client(base_url=self.gateway.url, verify=trusted, trust_env=False, timeout=30)

    def has_routes(self) -> bool:
        """Whether it knows its routes by now."""
        with self.client() as client:
            return "referrer-policy" in client.get("/nothing").headers


@contextmanager
def opened(folder: Path, *, tls: bool) -> Iterator[Door]:
    state = State(folder)
    with state.lock(), upstream() as url:
        gateway = Gateway(state, port=0, tls=tls)
        gateway.route(dict.fromkeys(("intake", "referral", "registry", "notification", "docs", "identity"), url))
        gateway.prepare(lambda _: None)
        command = gateway.command()
        environment = {**command.launch_env(), "SLRT_GATEWAY_CORS_ORIGINS": FRONTEND}
        with (folder / "traefik.log").open("wb") as log:
            process = subprocess.Popen(command.argv, env=environment, stdout=log, stderr=log)
        try:
            assert wait_until(gateway.is_ready, seconds=60), (folder / "traefik.log").read_text()
            door = Door(gateway, certificates(state) / "ca.pem" if tls else None)
            # Traefik answers its ping before it has read its routes, and until then meets everybody with a bare 404.
            assert wait_until(door.has_routes, seconds=30), (folder / "traefik.log").read_text()
            yield door
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("tls"), tls=True) as door:
        yield door


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("plain"), tls=False) as door:
        yield door


PATHS = ("/intake/v1/cases", "/docs", "/identity/jwks.json", "/nothing")


def test_with_tls_plain_http_meets_no_route_at_all(secured: Door) -> None:
    plainly = secured.gateway.url.replace("https:", "http:")
    for path in PATHS:
        answer = httpx.get(plainly + path, trust_env=False)
        assert (answer.status_code, answer.text.strip()) == (404, "404 page not found"), path


def test_who_does_not_know_the_authority_is_not_connected(secured: Door) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(secured.gateway.url, trust_env=False)


@pytest.mark.parametrize(
    ("newest", "ciphers", "taken"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1_2, "AES128-SHA:AES256-SHA:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", True),
        (ssl.TLSVersion.TLSv1_3, "", True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nothing_older_or_weaker_than_tls_1_2_with_forward_secrecy(
    secured: Door, newest: ssl.TLSVersion, ciphers: str, *, taken: bool
) -> None:
    asked = ssl.create_default_context(cafile=str(secured.authority))
    asked.minimum_version = ssl.TLSVersion.TLSv1 if newest < ssl.TLSVersion.TLSv1_2 else newest
    asked.maximum_version = newest
    if ciphers:
        asked.set_ciphers(ciphers)
    try:
        with (
            socket.create_connection(("127.0.0.1", secured.gateway.port), timeout=10) as raw,
            asked.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            assert connection.version()
            assert taken
    except ssl.SSLError:
        assert not taken


def test_headers_are_on_every_answer_and_strict_transport_over_tls_alone(secured: Door, plain: Door) -> None:
    for door, strict in ((secured, "max-age=31536000; includeSubDomains"), (plain, None)):
        with door.client() as client:
            for path in PATHS:
                answer = client.get(path)
                assert answer.headers.get("strict-transport-security") == strict, path
                assert answer.headers["x-content-type-options"] == "nosniff", path
                assert answer.headers["referrer-policy"] == "no-referrer", path
                assert not answer.headers.get("server"), path
            api = client.get("/intake/v1/cases").headers
            assert api["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert api["x-frame-options"] == "DENY"


def preflight(door: Door, *, origin: str, method: str = "POST", headers: str) -> httpx.Headers:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    with door.client() as client:
        return client.options("/registry/v1/persons/1", headers=asked).headers


CASE_FILES = "/intake/v1/cases/019f1a00-0000-7000-8000-000000000001/attachments"


def test_only_a_file_of_a_case_may_be_large_and_the_service_says_how_large(plain: Door) -> None:
    with plain.client() as client:
        assert client.post(CASE_FILES, content=bytes(3_000_000)).json() == {"size": 3_000_000}
        refused = client.post(CASE_FILES, content=bytes(5_000_000))
        assert (refused.status_code, refused.json()["type"]) == (413, "urn:slrt:problem:file-too-large")
        for path in ("/intake/v1/cases", f"{CASE_FILES}x", "/intake/v1/exports", "/registry" + CASE_FILES[7:]):
            assert client.post(path, content=bytes(3_000_000)).status_code == 413, path


def test_a_listed_frontend_may_send_what_the_services_read(plain: Door) -> None:
    wanted = "authorization,content-type,idempotency-key,if-match,purpose,slrt-position,prefer,last-event-id"
    allowed = preflight(plain, origin=FRONTEND, headers=wanted)
    assert allowed["access-control-allow-origin"] == FRONTEND
    names = {name.strip().lower() for name in allowed["access-control-allow-headers"].split(",")}
    assert set(wanted.split(",")) <= names
    assert "x-purpose" not in names
    assert "access-control-allow-credentials" not in allowed


@pytest.mark.parametrize("origin", ["https://evil.test", "https://desk.test.evil.test", "http://desk.test", "null"])
def test_a_frontend_that_is_not_listed_is_told_nothing(plain: Door, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(plain, origin=origin, headers="authorization")
    with plain.client() as client:
        answer = client.get("/registry/v1/persons/1", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers


def test_the_certificate_is_of_this_machine_alone_and_stays_while_it_is_good(tmp_path: Path) -> None:
    made = make_trusted(tmp_path)
    before = made.certificate.read_bytes()
    assert make_trusted(tmp_path).certificate.read_bytes() == before
    assert made.key.stat().st_mode & 0o777 == 0o600
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    assert limits is not None
    assert {str(each.value) for each in limits} == {"localhost", "127.0.0.0/8", "::1/128"}
    assert not list(tmp_path.glob("*ca*key*"))
    made.key.unlink()
    assert make_trusted(tmp_path).certificate.read_bytes() != before


def test_a_service_says_itself_what_is_locked_and_until_when(plain: Door) -> None:
    with plain.client() as client:
        answer = client.get("/intake/v1/locked")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "840")
    assert answer.json() == {"type": "urn:slrt:problem:ticket-locked"}
