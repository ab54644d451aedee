"""An issuer of tokens for tests: keys, tokens, and its JWKS and token endpoints."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, OKPKey

from slrt_kit.testing.http import PlayedHttp

_SERVICE_TOKEN_S = 300


class TestIssuer:
    """Mints tokens and answers for its keys.

    Without a server, hand `client` to a `TokenVerifier`; inside `serving` the same answers come over loopback
    HTTP, at `jwks_url` and `token_url`, for processes of their own.
    """

    __test__ = False  # no test class, whatever pytest thinks of the name

    def __init__(self, *, issuer: str = "https://issuer.test", audience: str = "slrt") -> None:
        self.issuer = issuer
        self.audience = audience
        self.base_url = issuer
        self._keys: list[ECKey | OKPKey] = []
        self.revoked: dict[str, Any] = {}
        """The list of revocations that is served."""
        self.requests: list[str] = []
        """The paths that were asked for, oldest first."""
        self.rotate()

    @property
    def jwks_url(self) -> str:
        """Where the public keys are."""
        return f"{self.base_url}/jwks"

    @property
    def token_url(self) -> str:
        """Where services get their own tokens; every client id and secret is good."""
        return f"{self.base_url}/token"

    @property
    def revocations_url(self) -> str:
        """Where the list of revocations is."""
        return f"{self.base_url}/revocations"

    def rotate(self, algorithm: str = "ES256", *, keep_old: bool = True) -> None:
        """Sign with a new key from now on; the old public keys stay in the JWKS unless ``keep_old`` is False."""
        parameters: KeyParameters = {"kid": uuid4().hex, "use": "sig", "alg": algorithm}
        fresh: ECKey | OKPKey
        if algorithm == "ES256":
            fresh = ECKey.generate_key("P-256", parameters)
        else:
            fresh = OKPKey.generate_key("Ed25519", parameters)
        self._keys = [*(self._keys if keep_old else []), fresh]

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def mint(
        self,
        *roles: str,
        region: str | None = None,
        office: str | None = None,
        sub: str = "tester",
        ttl: float = 300,
        **changes: Any,
    ) -> str:
        """A token for these roles, good for ``ttl`` seconds; ``changes`` replace claims, None takes one out.

        Whoever asked for it stands in ``azp`` and ``client_id``; to change the first changes both.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": sub,
            "client_id": changes.get("azp", "slrt-test"),
            "azp": "slrt-test",
            "iat": now,
            "exp": int(now + ttl),
            "jti": uuid4().hex,
            "roles": list(roles),
            "region": region,
            "office": office,
        }
        present = {name: value for name, value in (claims | changes).items() if value is not None}
        return self.sign(present)

    def sign(self, claims: dict[str, Any], *, header: dict[str, Any] | None = None) -> str:
        """Exactly these claims under the newest key; ``header`` replaces members of the header, None takes one out."""
        key = self._keys[-1]
        algorithm = str(key.get("alg"))
        given = {"alg": algorithm, "kid": key.kid, "typ": "at+jwt", **(header or {})}
        return jwt.encode({name: value for name, value in given.items() if value is not None}, claims, key, [algorithm])

    def headers(self, *roles: str, **claims: Any) -> dict[str, str]:
        """The Authorization header with a token as `mint` makes it."""
        return {"Authorization": f"Bearer {self.mint(*roles, **claims)}"}

    def public_pem(self) -> bytes:
        """The newest public key as PEM, for tests that misuse it."""
        return self._keys[-1].as_pem(private=False)

    def answer(self, path: str, form: Mapping[str, Sequence[str]]) -> dict[str, Any] | None:
        """What the issuer says to a request; None for an unknown path."""
        self.requests.append(path)
        if path.endswith("/jwks"):
            return self.jwks()
        if path.endswith("/revocations"):
            return self.revoked
        if path.endswith("/token"):
            client = form.get("client_id", ["service"])[0]
            token = self.mint("service", sub=client, azp=client, ttl=_SERVICE_TOKEN_S)
            return {"access_token": token, "token_type": "Bearer", "expires_in": _SERVICE_TOKEN_S}
        return None

    def transport(self) -> httpx.MockTransport:
        """The issuer as an httpx transport."""

        def handle(request: httpx.Request) -> httpx.Response:
            found = self.answer(request.url.path, parse_qs(request.content.decode()))
            return httpx.Response(404) if found is None else httpx.Response(200, json=found)

        return httpx.MockTransport(handle)

    def client(self) -> PlayedHttp:
        """A client that reaches this issuer and nothing else."""
        return PlayedHttp(self.transport())

    @contextmanager
    def serving(self) -> Iterator["TestIssuer"]:
        """Serve on a loopback port, from a thread, until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        before, self.base_url = self.base_url, f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            self.base_url = before
            server.shutdown()
            server.server_close()
            thread.join()


def _handler_for(issuer: TestIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self, form: dict[str, list[str]]) -> None:
            found = issuer.answer(self.path, form)
            body = json.dumps(found or {}).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            self._reply(parse_qs(self.rfile.read(length).decode()))

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler
