"""Signing in at the local issuer as a client library does it: first everything that must not work, then the way."""

import re
import secrets
import time
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette

from slrt_kit.http.tokens import TokenInvalidError, TokenRevokedError, TokenVerifier
from slrt_kit.testing import PlayedHttp
from slrt_local.grants import challenge_of
from slrt_local.identity import directory
from slrt_local.issuer import Issuer
from slrt_local.revoked import Revoked
from slrt_local.signing import OVERLAP_S, Signer
from slrt_local.state import State

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


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


@pytest.fixture
def signer(state: State) -> Signer:
    return Signer.of(state, ISSUER)


@pytest.fixture
def app(state: State, signer: Signer, moment: Moment) -> Starlette:
    issuer = Issuer(signer, directory(), {"slrt-registry": "s3cret"}, Revoked(state), clock=moment, monotonic=moment)
    return Starlette(routes=issuer.routes())


@pytest.fixture
async def browser(app: Starlette) -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://issuer.test") as http:
        yield Browser(http)


def services(app: Starlette) -> TokenVerifier:
    """What every service does with a token."""
    return TokenVerifier(
        issuer=ISSUER,
        audience="slrt",
        jwks_url=f"{ISSUER}/jwks.json",
        revocations_url=f"{ISSUER}/revocations.json",
        client=PlayedHttp(httpx.ASGITransport(app)),
    )


# -- where nobody may be sent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "slrt-unknown"},
        {"client_id": None},
        {"client_id": "slrt-registry"},
        {"redirect_uri": None},
        {"redirect_uri": ""},
        {"redirect_uri": "http://localhost:3000/callback/"},
        {"redirect_uri": "http://localhost:3000/callback?a=b"},
        {"redirect_uri": "http://localhost:3000/callback/../evil"},
        {"redirect_uri": "http://localhost:3000/callback.evil.test"},
        {"redirect_uri": "http://localhost:3000@evil.test/callback"},
        {"redirect_uri": "http://LOCALHOST:3000/callback"},
        {"redirect_uri": "http://localhost:3001/callback"},
        {"redirect_uri": "https://localhost:3000/callback"},
        {"redirect_uri": "http://localhost:3000/"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
    ids=str,
)
async def test_an_address_that_is_not_listed_letter_by_letter_is_never_gone_to(
    browser: Browser, changes: dict[str, str | None]
) -> None:
    for method in ("GET", "POST"):
        answer = await browser.http.request(method, browser.address(**changes))
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "<form" not in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.test/"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "x" * 600}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_wrong_request_goes_back_to_the_application_with_its_state(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    found = answered(await browser.http.get(browser.address(**changes)))
    assert (found["error"], found["state"], found["iss"]) == (error, browser.state, ISSUER)
    assert "code" not in found


async def test_a_parameter_that_stands_twice_is_refused(browser: Browser) -> None:
    assert answered(await browser.http.get(browser.address() + "&scope=all"))["error"] == "invalid_request"
    twice = await browser.http.get(browser.address() + "&redirect_uri=http://evil.test/")
    assert twice.status_code == 400


# -- the form ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password"), [(USER, "guess"), ("nobody", PASSWORD), ("slrt-registry", PASSWORD), (USER, ""), ("", "")]
)
async def test_a_wrong_password_gets_the_page_again_and_no_session(browser: Browser, user: str, password: str) -> None:
    answer = await browser.fill_in(browser.address(), user, password)
    assert (answer.status_code, "location" in answer.headers) == (403, False)
    assert "salah" in answer.text
    assert "slrt_session" not in browser.http.cookies


async def test_a_form_that_another_page_made_signs_nobody_in(browser: Browser, app: Starlette) -> None:
    address = browser.address()
    page = await browser.http.get(address)
    ticket = re.search(r'name="ticket" value="([^"]*)"', page.text)
    assert ticket
    form = {"username": USER, "password": PASSWORD, "ticket": ticket[1]}
    without_cookie = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://issuer.test")
    tries = [
        await without_cookie.post(address, data=form),
        await browser.http.post(address, data=form | {"ticket": ""}),
        await browser.http.post(address, data=form | {"ticket": "9999999999." + "0" * 64}),
        await browser.http.post(browser.address(state="another"), data=form),
        await browser.http.post(address, data=form, headers={"Sec-Fetch-Site": "cross-site"}),
    ]
    for answer in tries:
        assert (answer.status_code, "location" in answer.headers) == (403, False)
    assert (await browser.http.post(address, data=form)).status_code == 303
    await without_cookie.aclose()


async def test_a_form_is_good_for_ten_minutes(browser: Browser, moment: Moment) -> None:
    page = await browser.http.get(browser.address())
    ticket = re.search(r'name="ticket" value="([^"]*)"', page.text)
    assert ticket
    moment.now += 601
    form = {"username": USER, "password": PASSWORD, "ticket": ticket[1]}
    assert (await browser.http.post(browser.address(), data=form)).status_code == 403


async def test_guessing_gets_slower_for_the_user_and_for_direct_tokens_too(browser: Browser, moment: Moment) -> None:
    for _ in range(5):
        assert (await browser.fill_in(browser.address(), USER, "guess")).status_code == 403
    waits = await browser.fill_in(browser.address(), USER, PASSWORD)
    assert (waits.status_code, waits.headers["retry-after"]) == (429, "2")
    direct = {"grant_type": "password", "username": USER, "password": PASSWORD}
    refused = await browser.http.post(f"{ISSUER}/token", data=direct)
    assert (refused.status_code, refused.json()["error"]) == (429, "slow_down")
    assert (await browser.fill_in(browser.address(), "auditor", PASSWORD)).status_code == 303
    moment.now += 2
    assert (await browser.http.post(f"{ISSUER}/token", data=direct)).status_code == 200


async def test_guessing_over_many_users_gets_slower_for_the_address(browser: Browser) -> None:
    from_one = {"X-Forwarded-For": "203.0.113.9"}
    for number in range(20):
        form = {"grant_type": "password", "username": f"user-{number}", "password": "guess"}
        assert (await browser.http.post(f"{ISSUER}/token", data=form, headers=from_one)).status_code == 400
    right = {"grant_type": "password", "username": USER, "password": PASSWORD}
    assert (await browser.http.post(f"{ISSUER}/token", data=right, headers=from_one)).status_code == 429
    from_another = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    assert (await browser.http.post(f"{ISSUER}/token", data=right, headers=from_another)).status_code == 200


async def test_the_page_is_closed_to_everything_but_its_own_form(browser: Browser) -> None:
    page = await browser.http.get(browser.address(state="<script>alert(1)</script>"))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert "form-action 'self' http://localhost:3000;" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert 'lang="id"' in page.text
    assert "Hanya untuk pengembangan" in page.text
    for name in ("username", "password"):
        assert f'<label for="{name}">' in page.text
        assert f'id="{name}"' in page.text
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    wrong = await browser.fill_in(browser.address(), '"><script>alert(1)</script>', "x")
    assert "<script" not in wrong.text


# -- codes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": ""}, "invalid_grant"),
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:3000/callback"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"client_id": "slrt-unknown"}, "invalid_client"),
        ({"client_id": "slrt-registry"}, "invalid_client"),
    ],
    ids=str,
)
async def test_a_code_is_bound_to_client_redirect_and_verifier(
    browser: Browser, changes: dict[str, str], error: str
) -> None:
    answer = await browser.exchange(await browser.code(), **changes)
    assert (answer.status_code in (400, 401), answer.json()["error"]) == (True, error)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_code_that_met_a_wrong_verifier_is_spent(browser: Browser) -> None:
    code = await browser.code()
    assert (await browser.exchange(code, code_verifier="y" * 43)).status_code == 400
    assert (await browser.exchange(code)).status_code == 400


async def test_a_code_lives_a_minute(browser: Browser, moment: Moment) -> None:
    young, old = await browser.code(), await browser.code(prompt="login")
    moment.now += 59
    assert (await browser.exchange(young)).status_code == 200
    moment.now += 2
    assert (await browser.exchange(old)).json()["error"] == "invalid_grant"


async def test_a_code_that_comes_again_takes_back_what_it_gave(browser: Browser, app: Starlette) -> None:
    verifier = services(app)
    await verifier.refresh()
    code = await browser.code()
    access = (await browser.exchange(code)).json()["access_token"]
    await verifier.verify(access)
    assert (await browser.exchange(code)).json()["error"] == "invalid_grant"
    await verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await verifier.verify(access)


# -- the way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_a_person_signs_in_and_the_services_know_him(
    browser: Browser, app: Starlette, signer: Signer, algorithm: str
) -> None:
    signer.rotate(algorithm, at=time.time())
    found = (await browser.http.get(f"{ISSUER}/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    tokens = await browser.tokens()
    verifier = services(app)
    await verifier.refresh()
    principal = await verifier.verify(tokens["access_token"])
    assert (principal.subject, principal.roles, principal.region) == (USER, {"facilitator"}, "12.74.03")
    assert principal.token is not None
    assert principal.token.client == "slrt-web"
    # OpenID Connect Core, 3.1.3.7, as a client library checks it.
    keys = KeySet.import_key_set((await browser.http.get(found["jwks_uri"])).json())
    told = jwt.decode(tokens["id_token"], keys, algorithms=found["id_token_signing_alg_values_supported"])
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": "slrt-web"},
        nonce={"essential": True, "value": browser.nonce},
        exp={"essential": True},
        iat={"essential": True},
        auth_time={"essential": True},
    )
    rules.validate(told.claims)
    assert (told.header["alg"], told.header["typ"]) == (algorithm, "JWT")
    assert (told.claims["sub"], told.claims["name"]) == (USER, "Rina Sitorus")
    with pytest.raises(TokenInvalidError):
        await verifier.verify(tokens["id_token"])
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    who = (await browser.http.get(found["userinfo_endpoint"], headers=bearer)).json()
    assert who == {"sub": USER, "name": "Rina Sitorus", "roles": ["facilitator"], "region": "12.74.03"}


async def test_without_the_scope_openid_there_is_no_id_token(browser: Browser) -> None:
    assert "id_token" not in (await browser.exchange(await browser.code(scope=""))).json()


async def test_a_browser_with_a_session_goes_straight_back_unless_a_new_password_is_asked(
    browser: Browser, moment: Moment
) -> None:
    await browser.code()
    assert "code" in answered(await browser.http.get(browser.address(prompt="none")))
    assert (await browser.http.get(browser.address(prompt="login"))).status_code == 200
    moment.now += 100
    assert (await browser.http.get(browser.address(max_age="99"))).status_code == 200
    assert "code" in answered(await browser.http.get(browser.address(max_age="101")))
    moment.now += 8 * 3600
    assert answered(await browser.http.get(browser.address(prompt="none")))["error"] == "login_required"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "id", "revoked", "over"])
async def test_userinfo_is_told_to_the_bearer_of_a_good_access_token_alone(
    browser: Browser, moment: Moment, token: str
) -> None:
    tokens = await browser.tokens()
    if token == "revoked":
        form = {"token": tokens["access_token"], "client_id": "slrt-web"}
        assert (await browser.http.post(f"{ISSUER}/revoke", data=form)).status_code == 200
    if token == "over":
        moment.now += 3601
    given = {"id": tokens["id_token"], "revoked": tokens["access_token"], "over": tokens["access_token"]}
    headers = {"Authorization": f"Bearer {given.get(token, token)}"}
    answer = await browser.http.get(f"{ISSUER}/userinfo", headers=headers)
    assert (answer.status_code, answer.text) == (401, "")


async def test_every_line_of_the_discovery_document_is_true(browser: Browser) -> None:
    found = (await browser.http.get(f"{ISSUER}/.well-known/openid-configuration")).json()
    for name, value in found.items():
        if name.endswith(("_endpoint", "_uri")):
            method = "POST" if name in ("token_endpoint", "revocation_endpoint") else "GET"
            answer = await browser.http.request(method, value)
            assert answer.status_code not in (404, 405), name
    for grant in found["grant_types_supported"]:
        refused = await browser.http.post(found["token_endpoint"], data={"grant_type": grant})
        assert refused.json()["error"] != "unsupported_grant_type", grant
    for method in found["code_challenge_methods_supported"]:
        page = await browser.http.get(browser.address(code_challenge_method=method))
        assert page.status_code == 200
    for prompt in found["prompt_values_supported"]:
        answer = await browser.http.get(browser.address(prompt=prompt))
        assert answer.status_code == (303 if prompt == "none" else 200)
    claims = jwt.decode(
        (await browser.tokens())["id_token"],
        KeySet.import_key_set((await browser.http.get(found["jwks_uri"])).json()),
    ).claims
    assert set(claims) | {"roles", "region", "office"} >= set(found["claims_supported"])
    assert not any(found[name] for name in found if name.endswith("_parameter_supported") and "iss" not in name)
    form = {"grant_type": "client_credentials"}
    by_header = await browser.http.post(found["token_endpoint"], data=form, auth=("slrt-registry", "s3cret"))
    by_body = {**form, "client_id": "slrt-registry", "client_secret": "s3cret"}
    assert by_header.status_code == (await browser.http.post(found["token_endpoint"], data=by_body)).status_code == 200


# -- taking back ------------------------------------------------------------------------------------------------------


async def test_a_token_of_one_s_own_is_taken_back_and_nobody_else_s(browser: Browser, app: Starlette) -> None:
    verifier = services(app)
    await verifier.refresh()
    mine, other = (await browser.tokens())["access_token"], (await browser.tokens_again())["access_token"]
    form = {"grant_type": "client_credentials"}
    machine = (await browser.http.post(f"{ISSUER}/token", data=form, auth=("slrt-registry", "s3cret"))).json()
    revoke = f"{ISSUER}/revoke"
    # Another client's, a machine's without its secret, no token at all.
    web = {"client_id": "slrt-web"}
    assert (await browser.http.post(revoke, data={**web, "token": machine["access_token"]})).status_code == 200
    assert (await browser.http.post(revoke, data={"token": machine["access_token"]})).status_code == 401
    assert (await browser.http.post(revoke, data={**web, "token": "nothing"})).status_code == 200
    assert (await browser.http.post(revoke, data={**web, "token": mine})).status_code == 200
    await verifier.refresh()
    await verifier.verify(other)
    await verifier.verify(machine["access_token"])
    with pytest.raises(TokenRevokedError):
        await verifier.verify(mine)
    owned = {"token": machine["access_token"]}
    assert (await browser.http.post(revoke, data=owned, auth=("slrt-registry", "s3cret"))).status_code == 200
    await verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await verifier.verify(machine["access_token"])


async def test_an_operator_takes_back_a_person_and_new_tokens_of_his_are_good(
    browser: Browser, app: Starlette, state: State, signer: Signer, moment: Moment
) -> None:
    verifier = services(app)
    await verifier.refresh()
    access = (await browser.tokens())["access_token"]
    await verifier.verify(access)
    Revoked(state).subject(USER, at=moment.now)
    await verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await verifier.verify(access)
    moment.now += 1
    await verifier.verify((await browser.tokens_again())["access_token"])


async def test_signing_out_ends_the_session_and_its_tokens(browser: Browser, app: Starlette) -> None:
    verifier = services(app)
    await verifier.refresh()
    tokens = await browser.tokens()
    asked = await browser.http.get(f"{ISSUER}/end-session")
    assert "<form" in asked.text  # whoever links here ends nothing
    assert "code" in answered(await browser.http.get(browser.address(prompt="none")))
    wrong = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "http://localhost:3000/evil"}
    assert (await browser.http.get(f"{ISSUER}/end-session", params=wrong)).status_code == 400
    forged = {"id_token_hint": tokens["access_token"]}
    assert "<form" in (await browser.http.get(f"{ISSUER}/end-session", params=forged)).text
    right = wrong | {"post_logout_redirect_uri": "http://localhost:3000/", "state": "s"}
    gone = await browser.http.get(f"{ISSUER}/end-session", params=right)
    assert gone.headers["location"] == "http://localhost:3000/?state=s"
    assert answered(await browser.http.get(browser.address(prompt="none")))["error"] == "login_required"
    await verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await verifier.verify(tokens["access_token"])


async def test_signing_out_by_the_form_ends_it_too(browser: Browser) -> None:
    await browser.code()
    page = await browser.http.get(f"{ISSUER}/end-session")
    ticket = re.search(r'name="ticket" value="([^"]*)"', page.text)
    assert ticket
    assert (await browser.http.post(f"{ISSUER}/end-session", data={"ticket": "x"})).text.count("<form") == 1
    assert "Anda sudah keluar" in (await browser.http.post(f"{ISSUER}/end-session", data={"ticket": ticket[1]})).text
    assert answered(await browser.http.get(browser.address(prompt="none")))["error"] == "login_required"


async def test_the_list_is_not_sent_again_while_it_has_not_changed(browser: Browser, state: State) -> None:
    first = await browser.http.get(f"{ISSUER}/revocations.json")
    same = {"If-None-Match": first.headers["etag"]}
    assert (await browser.http.get(f"{ISSUER}/revocations.json", headers=same)).status_code == 304
    Revoked(state).client("slrt-web", at=time.time())
    assert (await browser.http.get(f"{ISSUER}/revocations.json", headers=same)).status_code == 200


def test_what_can_no_longer_be_in_force_is_forgotten(state: State) -> None:
    revoked = Revoked(state)
    revoked.token("old", at=1_000_000)
    revoked.token("young", at=1_000_000 + 24 * 3600)
    assert b'"old"' in revoked.document()[0]
    revoked.token("new", at=1_000_000 + 26 * 3600)
    assert b'"old"' not in revoked.document()[0]
    assert b'"young"' in revoked.document()[0]


# -- another key ------------------------------------------------------------------------------------------------------


async def test_an_old_key_verifies_until_what_it_signed_is_over(
    browser: Browser, app: Starlette, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = (await browser.tokens())["access_token"]
    signer.rotate("EdDSA", at=time.time())
    verifier = services(app)
    await verifier.refresh()
    await verifier.verify(access)
    await verifier.verify((await browser.tokens_again())["access_token"])
    assert [key["alg"] for key in signer.public_keys["keys"]] == ["ES256", "EdDSA"]
    assert all("d" not in key for key in signer.public_keys["keys"])
    later = time.time() + OVERLAP_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert [key["alg"] for key in signer.public_keys["keys"]] == ["EdDSA"]


async def test_a_key_that_leaked_is_dropped_at_once(browser: Browser, app: Starlette, signer: Signer) -> None:
    access = (await browser.tokens())["access_token"]
    signer.rotate("ES256", at=time.time(), keep_old=False)
    verifier = services(app)
    await verifier.refresh()
    with pytest.raises(TokenInvalidError):
        await verifier.verify(access)
