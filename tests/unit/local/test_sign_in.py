"""Asking to sign in at the local issuer, and its form: everything that must not work."""

import re

import httpx
import pytest
from starlette.applications import Starlette
from tests.unit.local.signing_in import ISSUER, PASSWORD, USER, Browser, Moment, answered

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
