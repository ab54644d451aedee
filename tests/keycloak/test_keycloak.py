"""The real Keycloak on the committed realm: its tokens are read as the local issuer's, and end as soon."""

import asyncio
import base64
import importlib.util
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from tests.keycloak.distribution import PASSWORD, SERVICES, Running, running

from slrt_kit.access import Principal
from slrt_kit.http.outgoing import HttpClient
from slrt_kit.http.tokens import TokenInvalidError, TokenRevokedError, TokenVerifier
from slrt_kit.runtime import serve
from slrt_kit.testing import PlayedHttp
from slrt_kit.testing import running as running_part
from slrt_local import net
from slrt_local.identity import directory
from slrt_local.issuer import Issuer
from slrt_local.revoked import Revoked
from slrt_local.signing import Signer
from slrt_local.state import State

ROOT = Path(__file__).resolve().parents[2]
USERS = sorted(directory().users)
LOCAL = "http://127.0.0.1:8080/identity"


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests: it takes half a minute to start."""
    with running(tmp_path_factory.mktemp("keycloak")) as it:
        yield it


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


class Tokens:
    """Tokens of the realm, and what its administrator does."""

    def __init__(self, keycloak: Running, http: httpx.AsyncClient) -> None:
        self._keycloak, self._http = keycloak, http

    async def _post(self, realm: str, **form: str) -> dict[str, str]:
        url = f"{self._keycloak.base_url}/realms/{realm}/protocol/openid-connect/token"
        answer = await self._http.post(url, data=form)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    async def of_user(self, name: str) -> dict[str, str]:
        """By password, of the client for tests."""
        test = {"client_id": "slrt-test", "client_secret": "slrt-test", "scope": "openid"}
        return await self._post("slrt", grant_type="password", username=name, password=PASSWORD, **test)

    async def of_service(self, name: str) -> str:
        """By client credentials."""
        client = f"slrt-{name}"
        found = await self._post("slrt", grant_type="client_credentials", client_id=client, client_secret=client)
        return found["access_token"]

    async def administer(self, method: str, path: str, json: Any = None) -> None:
        """As the administrator of the installation."""
        found = await self._post(
            "master", grant_type="password", client_id="admin-cli", username="admin", password=PASSWORD
        )
        headers = {"Authorization": f"Bearer {found['access_token']}"}
        answer = await self._http.request(method, self._keycloak.admin_url + path, json=json, headers=headers)
        assert answer.is_success, answer.text


@pytest.fixture
def tokens(keycloak: Running, http: httpx.AsyncClient) -> Tokens:
    return Tokens(keycloak, http)


@pytest.fixture
async def revocations_url(keycloak: Running) -> AsyncIterator[str]:
    """The side process of docker-compose.yml, in this one."""
    path = ROOT / "deploy" / "side" / "revocations.py"
    spec = importlib.util.spec_from_file_location("slrt_side_revocations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    client, port = HttpClient(), net.free_port(set())
    secret = SecretStr("slrt-revocations")
    reader = module.Keycloak(
        base_url=keycloak.base_url, realm="slrt", client_id="slrt-revocations", client_secret=secret, client=client
    )
    async with running_part(lambda stop: serve(module.build_app(reader), host="127.0.0.1", port=port, stop=stop)):
        url = f"http://127.0.0.1:{port}/revocations.json"
        async with httpx.AsyncClient() as probe:
            for _ in range(100):
                try:
                    await probe.get(url)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield url
    await client.close()


@pytest.fixture
async def verifier(keycloak: Running, revocations_url: str) -> AsyncIterator[TokenVerifier]:
    """What a service in compose does, with its part that watches."""
    client = HttpClient()
    made = TokenVerifier(
        issuer=keycloak.issuer,
        audience="slrt",
        jwks_url=f"{keycloak.issuer}/protocol/openid-connect/certs",
        revocations_url=revocations_url,
        client=client,
    )
    await made.refresh()
    async with running_part(made.watch):
        yield made
    await client.close()


@pytest.fixture
def local(tmp_path: Path) -> tuple[TokenVerifier, httpx.AsyncClient]:
    """What a service of the local stack does, and its issuer."""
    state = State(tmp_path)
    secrets = {f"slrt-{name}": "secret" for name in SERVICES}
    app = Starlette(routes=Issuer(Signer.of(state, LOCAL), directory(), secrets, Revoked(state)).routes())
    transport = httpx.ASGITransport(app)
    made = TokenVerifier(issuer=LOCAL, audience="slrt", jwks_url=f"{LOCAL}/jwks.json", client=PlayedHttp(transport))
    return made, httpx.AsyncClient(transport=transport)


def told(principal: Principal) -> tuple[object, ...]:
    return principal.subject, principal.roles, principal.region, principal.office


async def test_both_issuers_tell_the_same_of_every_seeded_person(
    tokens: Tokens, verifier: TokenVerifier, local: tuple[TokenVerifier, httpx.AsyncClient]
) -> None:
    for name in USERS:
        form = {"grant_type": "password", "username": name, "password": PASSWORD}
        ours = await local[0].verify((await local[1].post(f"{LOCAL}/token", data=form)).json()["access_token"])
        theirs = await verifier.verify((await tokens.of_user(name))["access_token"])
        assert told(theirs) == told(ours)
        assert theirs.token is not None
        assert theirs.token.client == "slrt-test"


async def test_both_issuers_tell_the_same_of_every_service(
    tokens: Tokens, verifier: TokenVerifier, local: tuple[TokenVerifier, httpx.AsyncClient]
) -> None:
    for name in SERVICES:
        form = {"grant_type": "client_credentials"}
        answer = await local[1].post(f"{LOCAL}/token", data=form, auth=(f"slrt-{name}", "secret"))
        ours = await local[0].verify(answer.json()["access_token"])
        theirs = await verifier.verify(await tokens.of_service(name))
        assert told(theirs) == told(ours) == (f"slrt-{name}", {"service"}, None, None)
        assert (theirs.token and theirs.token.client) == (ours.token and ours.token.client) == f"slrt-{name}"


async def test_its_tokens_name_the_client_as_rfc_9068_does_and_as_openid_connect_does(tokens: Tokens) -> None:
    body = (await tokens.of_service("registry")).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert (claims["client_id"], claims["azp"]) == ("slrt-registry", "slrt-registry")


async def test_its_other_tokens_are_refused(tokens: Tokens, verifier: TokenVerifier) -> None:
    found = await tokens.of_user("auditor")
    for kind in ("id_token", "refresh_token"):
        with pytest.raises(TokenInvalidError):
            await verifier.verify(found[kind])


async def test_it_takes_no_sign_in_without_pkce_and_no_address_that_is_not_listed(
    keycloak: Running, http: httpx.AsyncClient
) -> None:
    asked = {"response_type": "code", "client_id": "slrt-web", "scope": "openid", "state": "s"}
    callback = "http://localhost:3000/callback"
    url = f"{keycloak.issuer}/protocol/openid-connect/auth"
    plain = await http.get(url, params={**asked, "redirect_uri": callback})
    assert "error=invalid_request" in plain.headers["location"]
    for address in (f"{callback}/more", "http://localhost:3000/", "http://evil.test/"):
        assert (await http.get(url, params={**asked, "redirect_uri": address})).status_code == 400
    challenged = {"code_challenge": "x" * 43, "code_challenge_method": "S256", "redirect_uri": callback}
    page = await http.get(url, params={**asked, **challenged})
    assert page.status_code == 200
    assert 'name="password"' in page.text


async def ends(verifier: TokenVerifier, access: str) -> float:
    """Seconds until the services refuse a token."""
    began = time.monotonic()
    async with asyncio.timeout(5):
        while True:
            try:
                await verifier.verify(access)
            except TokenRevokedError:
                return time.monotonic() - began
            await asyncio.sleep(0.05)


async def test_what_is_done_to_a_person_ends_his_tokens_and_nobody_else_s(
    tokens: Tokens, verifier: TokenVerifier
) -> None:
    other = (await tokens.of_user("auditor"))["access_token"]
    await verifier.verify(other)
    deeds: dict[str, tuple[str, str, Any]] = {
        "signed out everywhere": ("POST", "/users/{}/logout", {}),
        "locked out": ("PUT", "/users/{}", {"enabled": False}),
    }
    for number, (what, (method, path, body)) in enumerate(deeds.items()):
        name = ("surveyor.03", "koordinator.03")[number]
        access = (await tokens.of_user(name))["access_token"]
        await verifier.verify(access)
        await tokens.administer(method, path.format(name), body)
        print(f"{what}: refused after {await ends(verifier, access):.1f} s")
    await verifier.verify(other)


async def test_signing_out_ends_the_token(
    keycloak: Running, tokens: Tokens, verifier: TokenVerifier, http: httpx.AsyncClient
) -> None:
    found = await tokens.of_user("supervisor.1274")
    await verifier.verify(found["access_token"])
    form = {"client_id": "slrt-test", "client_secret": "slrt-test", "refresh_token": found["refresh_token"]}
    assert (await http.post(f"{keycloak.issuer}/protocol/openid-connect/logout", data=form)).status_code == 204
    print(f"signed out: refused after {await ends(verifier, found['access_token']):.1f} s")


async def test_a_client_that_is_disabled_and_a_realm_that_begins_anew_end_their_tokens(
    keycloak: Running, tokens: Tokens, verifier: TokenVerifier, http: httpx.AsyncClient
) -> None:
    service = await tokens.of_service("registry")
    person = (await tokens.of_user("manajer.1274"))["access_token"]
    await verifier.verify(service)
    await verifier.verify(person)
    found = await tokens._post(
        "master", grant_type="password", client_id="admin-cli", username="admin", password=PASSWORD
    )
    headers = {"Authorization": f"Bearer {found['access_token']}"}
    clients = (await http.get(f"{keycloak.admin_url}/clients?clientId=slrt-registry", headers=headers)).json()
    await tokens.administer("PUT", f"/clients/{clients[0]['id']}", {**clients[0], "enabled": False})
    print(f"client disabled: refused after {await ends(verifier, service):.1f} s")
    await verifier.verify(person)
    await asyncio.sleep(1)  # "not before" tells whole seconds
    await tokens.administer("PUT", "", {"realm": "slrt", "notBefore": int(time.time())})
    print(f"realm not before: refused after {await ends(verifier, person):.1f} s")
