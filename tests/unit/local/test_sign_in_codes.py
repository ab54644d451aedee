"""From the code to tokens, and what ends them: first what must not work, then the way of a client library."""

import re
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from tests.unit.local.signing_in import ISSUER, USER, Browser, Moment, answered, services

from slrt_kit.http.tokens import TokenInvalidError, TokenRevokedError
from slrt_local.revoked import Revoked
from slrt_local.signing import OVERLAP_S, Signer
from slrt_local.state import State

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
