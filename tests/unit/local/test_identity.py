"""The local issuer: wrong claims, wrong secrets and malformed requests are refused; tokens verify with its own keys."""

import base64
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.applications import Starlette

from slrt_local.identity import ROLES, Account, IdentityError, account_for, directory, parse_directory
from slrt_local.issuer import Issuer
from slrt_local.revoked import Revoked
from slrt_local.signing import Signer
from slrt_local.state import State

ISSUER = "http://127.0.0.1:8080/identity"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.of(State(tmp_path), ISSUER)


@pytest.fixture
async def client(signer: Signer, tmp_path: Path) -> Any:
    secrets = {"slrt-registry": "s3cret", "partner-baznas": "p4rtner"}
    issuer = Issuer(signer, directory(), secrets, Revoked(State(tmp_path)))
    transport = httpx.ASGITransport(app=Starlette(routes=issuer.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://issuer/identity") as client:
        yield client


def claims_of(token: str, signer: Signer) -> dict[str, Any]:
    keys: Any = signer.public_keys
    return dict(jwt.decode(token, KeySet.import_key_set(keys), algorithms=["ES256"]).claims)


@pytest.mark.parametrize("role", ["", "root", "Facilitator", "facilitator "])
def test_an_unknown_role_is_refused(role: str) -> None:
    with pytest.raises(IdentityError, match="is no role; roles are: admin, auditor"):
        account_for(role, region=None, office=None, subject=None)


@pytest.mark.parametrize("region", ["", "1", "12.7", "12-74", "1274", "12.74.", "12.74.03.100", "12.74.03.1001.1"])
def test_a_malformed_region_is_refused(region: str) -> None:
    with pytest.raises(IdentityError, match="no region code"):
        account_for("facilitator", region=region, office=None, subject=None)


@pytest.mark.parametrize("office", ["", "DUKCAPIL", "12.74", "12.74.dukcapil", "12.74.03.PUPR", "12.74.DUK CAPIL"])
def test_a_malformed_office_is_refused(office: str) -> None:
    with pytest.raises(IdentityError, match="no office code"):
        account_for("opd_officer", region=None, office=office, subject=None)


def test_a_directory_with_a_wrong_role_is_refused() -> None:
    with pytest.raises(IdentityError, match="'boss'"):
        parse_directory("{password: x, users: [{username: a, name: A, roles: [boss]}], clients: []}")


def test_every_role_has_a_seeded_account() -> None:
    everybody = [*directory().users.values(), *directory().clients.values()]
    assert {role for account in everybody for role in account.roles} == ROLES


def test_every_office_of_the_stack_has_an_officer() -> None:
    offices = {account.office for account in directory().users.values()}
    assert offices >= {"12.74.DUKCAPIL", "12.74.DIKBUD", "12.74.PUPR", "12.PUPR", "12.ESDM"}


def test_the_seeded_user_who_fits_is_preferred_and_others_are_made_up() -> None:
    assert account_for("facilitator", region="12.74.03", office=None, subject=None).subject == "fasilitator.03"
    assert account_for("facilitator", region=None, office=None, subject=None).region == "12.74.03"
    assert account_for("opd_officer", region=None, office="12.PUPR", subject=None).region == "12"
    elsewhere = account_for("facilitator", region="36.04.01", office=None, subject=None)
    assert elsewhere == Account(
        "dev-facilitator-36.04.01", "dev-facilitator-36.04.01", ("facilitator",), region="36.04.01"
    )
    assert account_for("manager", region="12.74", office=None, subject="someone").subject == "someone"


def test_a_token_carries_the_agreed_claims_and_verifies_with_the_published_key(signer: Signer) -> None:
    officer = directory().users["petugas.dukcapil"]
    now = datetime.now(UTC)
    claims = claims_of(signer.mint(officer, now=now, ttl=60), signer)
    assert claims["iss"] == ISSUER
    assert claims["aud"] == "slrt"
    assert (claims["sub"], claims["azp"], claims["client_id"]) == ("petugas.dukcapil", "slrt-web", "slrt-web")
    assert (claims["roles"], claims["region"], claims["office"]) == (["opd_officer"], "12.74", "12.74.DUKCAPIL")
    assert claims["exp"] - claims["iat"] == 60
    assert claims["iat"] == int(now.timestamp())
    assert len(claims["jti"]) == 32


def test_claims_that_do_not_apply_are_absent(signer: Signer) -> None:
    claims = claims_of(signer.mint(directory().users["auditor"], now=datetime.now(UTC)), signer)
    assert "region" not in claims
    assert "office" not in claims


def test_a_negative_lifetime_gives_a_token_that_is_over(signer: Signer) -> None:
    claims = claims_of(signer.mint(directory().users["auditor"], now=datetime.now(UTC), ttl=-30), signer)
    assert claims["iat"] <= claims["exp"] < time.time()


def test_the_key_is_kept_and_private(signer: Signer, tmp_path: Path) -> None:
    assert Signer.of(State(tmp_path), ISSUER).public_keys == signer.public_keys
    assert (tmp_path / "identity" / "keys.json").stat().st_mode & 0o777 == 0o600
    assert "d" not in signer.public_keys["keys"][0]


def test_a_token_of_another_stack_does_not_verify(signer: Signer, tmp_path: Path) -> None:
    other = Signer.of(State(tmp_path / "other"), ISSUER)
    with pytest.raises(JoseError):
        claims_of(other.mint(directory().users["auditor"], now=datetime.now(UTC)), signer)


BAD_REQUESTS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "unsupported_grant_type"),
    ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "client_id": "slrt-registry", "client_secret": ""}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "client_id": "slrt-registry", "client_secret": "no"}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "s3cret"}, 401, "invalid_client"),
    ({"grant_type": "password", "username": "auditor", "password": "no"}, 400, "invalid_grant"),
    ({"grant_type": "password", "username": "nobody", "password": "development-only"}, 400, "invalid_grant"),
    ({"grant_type": "password", "username": "slrt-registry", "password": "development-only"}, 400, "invalid_grant"),
    ({"grant_type": ["password", "client_credentials"]}, 400, "invalid_request"),
]


@pytest.mark.parametrize(("form", "status", "error"), BAD_REQUESTS)
async def test_a_token_is_refused(form: dict[str, Any], status: int, error: str, client: httpx.AsyncClient) -> None:
    answer = await client.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("header", ["Basic", "Basic ???", "Basic " + base64.b64encode(b"no-colon").decode()])
async def test_a_malformed_basic_header_is_refused(header: str, client: httpx.AsyncClient) -> None:
    answer = await client.post("/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_body_that_is_no_form_or_too_large_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/token", content=b"{}")).json()["error"] == "invalid_request"
    assert (await client.post("/token", content=b"a=" + b"x" * 20_000)).status_code == 413
    assert (await client.get("/token")).status_code == 405


async def test_a_service_gets_a_token_by_basic_or_body(client: httpx.AsyncClient, signer: Signer) -> None:
    form = {"grant_type": "client_credentials"}
    by_header = await client.post("/token", data=form, auth=("slrt-registry", "s3cret"))
    by_body = await client.post("/token", data={**form, "client_id": "partner-baznas", "client_secret": "p4rtner"})
    service, partner = (claims_of(answer.json()["access_token"], signer) for answer in (by_header, by_body))
    assert (service["sub"], service["azp"], service["roles"]) == ("slrt-registry", "slrt-registry", ["service"])
    assert (partner["roles"], partner["region"]) == (["partner"], "12.74")


async def test_a_seeded_user_gets_a_token_by_password(client: httpx.AsyncClient, signer: Signer) -> None:
    form = {"grant_type": "password", "username": "fasilitator.03", "password": directory().password}
    answer = await client.post("/token", data=form)
    claims = claims_of(answer.json()["access_token"], signer)
    assert (claims["sub"], claims["roles"], claims["region"]) == ("fasilitator.03", ["facilitator"], "12.74.03")
    assert answer.json()["expires_in"] == claims["exp"] - claims["iat"]
