"""A person's browser and the application that sends it to the local issuer, as a client library does it."""

import re
import secrets
import time
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from starlette.applications import Starlette

from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.testing import PlayedHttp
from slrt_local.grants import challenge_of

ISSUER = "http://issuer.test/identity"
CALLBACK = "http://localhost:3000/callback"
USER, PASSWORD = "fasilitator.03", "development-only"


class Moment:
    """A clock and a stopwatch that a test moves."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@dataclass
class Browser:
    """A person's browser, and the application that sends it (RFC 6749, 7636; OpenID Connect Core, 3.1)."""

    http: httpx.AsyncClient
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def address(self, **changes: str | None) -> str:
        """Where the application sends the browser; None takes a parameter out."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "slrt-web",
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        given = {name: value for name, value in (asked | changes).items() if value is not None}
        return f"{ISSUER}/authorize?{urlencode(given)}"

    async def fill_in(self, address: str, user: str = USER, password: str = PASSWORD, **form: str) -> httpx.Response:
        """Open the page and send its form."""
        page = await self.http.get(address)
        ticket = re.search(r'name="ticket" value="([^"]*)"', page.text)
        assert ticket, page.text
        return await self.http.post(
            address, data={"username": user, "password": password, "ticket": unescape(ticket[1]), **form}
        )

    async def code(self, **changes: str | None) -> str:
        """Sign in; the code that comes back."""
        found = answered(await self.fill_in(self.address(**changes)))
        assert found["state"] == self.state
        assert found["iss"] == ISSUER
        return found["code"]

    async def exchange(self, code: str, /, **changes: str) -> httpx.Response:
        """The code for tokens."""
        form = {"grant_type": "authorization_code", "client_id": "slrt-web", "redirect_uri": CALLBACK, "code": code}
        return await self.http.post(f"{ISSUER}/token", data=form | {"code_verifier": self.verifier} | changes)

    async def tokens(self) -> dict[str, str]:
        """Sign in and take the tokens."""
        answer = await self.exchange(await self.code())
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    async def tokens_again(self) -> dict[str, str]:
        """More tokens for the session that the browser has."""
        code = answered(await self.http.get(self.address(prompt="none")))["code"]
        found: dict[str, str] = (await self.exchange(code)).json()
        return found


def answered(response: httpx.Response) -> dict[str, str]:
    """What the application is told by the address that the browser is sent back to."""
    assert response.status_code == 303, response.text
    target = response.headers["location"]
    assert target.split("?")[0] == CALLBACK
    return dict(parse_qsl(urlsplit(target).query))


def services(app: Starlette) -> TokenVerifier:
    """What every service does with a token."""
    return TokenVerifier(
        issuer=ISSUER,
        audience="slrt",
        jwks_url=f"{ISSUER}/jwks.json",
        revocations_url=f"{ISSUER}/revocations.json",
        client=PlayedHttp(httpx.ASGITransport(app)),
    )
