"""Tokens that are no access tokens of ours, however well they are signed; and what it costs to refuse them."""

import base64
import json
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from slrt_kit.http import jwks, tokens
from slrt_kit.http.tokens import LONGEST_TOKEN, TokenInvalidError, TokenVerifier
from slrt_kit.testing import PlayedHttp, TestIssuer

CLAIMS: dict[str, Any] = {"typ": None}


def verifier_of(issuer: TestIssuer, document: object = None) -> TokenVerifier:
    client = issuer.client()
    if document is not None:
        client = PlayedHttp(httpx.MockTransport(lambda _: httpx.Response(200, json=document)))
    return TokenVerifier(issuer=issuer.issuer, audience=issuer.audience, jwks_url=issuer.jwks_url, client=client)


@pytest.fixture
def issuer() -> TestIssuer:
    return TestIssuer()


def token_of(issuer: TestIssuer, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good access token but for these."""
    text = issuer.mint("admin", **claims).split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return issuer.sign(found, header=header)


def signed(issuer: TestIssuer, payload: str) -> str:
    """Exactly this text under the issuer's own key."""
    key = issuer._keys[-1]
    return jws.serialize_compact({"alg": "ES256", "kid": str(key.kid), "typ": "at+jwt"}, payload, key)


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),  # an ID token of ours: no claim tells more
        ({"typ": None}, {}),
        ({"typ": "JWT"}, {"typ": "ID"}),  # an ID token of Keycloak's
        ({"typ": "JWT"}, {"typ": "Refresh"}),
        ({"typ": "JWT"}, {"typ": "Offline"}),
        ({"typ": "at+jwt"}, {"typ": "ID"}),
        ({"typ": "logout+jwt"}, {}),  # OpenID Connect Back-Channel Logout
        ({"typ": "dpop+jwt"}, {"typ": "Bearer"}),
    ],
    ids=str,
)
async def test_another_kind_of_token_of_the_same_issuer_is_refused(
    issuer: TestIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    with pytest.raises(TokenInvalidError):
        await verifier_of(issuer).verify(token_of(issuer, header=header, **claims))


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "at+jwt"}, {}),
        ({"typ": "AT+JWT"}, {}),
        ({"typ": "application/at+jwt"}, {"typ": "Bearer"}),
        ({"typ": "JWT"}, {"typ": "Bearer"}),  # Keycloak's access token
        ({"typ": None}, {"typ": "Bearer"}),
    ],
    ids=str,
)
async def test_an_access_token_says_so_in_its_header_or_in_keycloak_s_claim(
    issuer: TestIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    await verifier_of(issuer).verify(token_of(issuer, header=header, **claims))


@pytest.mark.parametrize(
    "header",
    [
        *({"kid": None}, {"crit": ["exp"]}, {"crit": []}, {"b64": True}, {"zip": "DEF"}, {"jku": "https://a.test"}),
        *({"x5u": "https://a.test"}, {"cty": "JWT"}, {"x5c": "a"}, {"kid": "unknown"}, {"kid": "../../etc/passwd"}),
    ],
    ids=str,
)
async def test_a_header_that_changes_how_it_is_read_or_names_another_key_is_refused(
    issuer: TestIssuer, header: dict[str, Any]
) -> None:
    body, key = {"sub": "x"}, issuer._keys[-1]
    plain = {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"} | header
    encoded = json.dumps({name: value for name, value in plain.items() if value is not None}).encode()
    first = base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()
    rest = issuer.sign(body).split(".", 1)[1]
    with pytest.raises(TokenInvalidError):
        await verifier_of(issuer).verify(f"{first}.{rest}")


async def test_a_key_is_used_for_its_own_algorithm_alone(issuer: TestIssuer) -> None:
    issuer.rotate("EdDSA")
    ec, okp = issuer._keys
    for alg, key, other in (("EdDSA", okp, ec), ("ES256", ec, okp), ("Ed25519", okp, okp)):
        header: dict[str, Any] = {"alg": alg, "kid": other.kid, "typ": "at+jwt"}
        material: Any = {name: value for name, value in key.as_dict(private=True).items() if name != "alg"}
        signer = (ECKey if alg == "ES256" else OKPKey).import_key(material)
        payload = base64.urlsafe_b64decode(issuer.mint("admin").split(".")[1] + "===")
        with pytest.raises(TokenInvalidError):
            await verifier_of(issuer).verify(jws.serialize_compact(header, payload, signer, [alg]))


@pytest.mark.parametrize(
    "changes",
    [
        *({"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": []}, {"alg": "ECDH-ES"}, {"alg": "none"}, {"kty": "oct"}),
        *({"crv": "P-384"}, {"crv": None}, {"x": "AAAA"}, {"kid": 5}, {"kid": None}),
    ],
    ids=str,
)
async def test_a_key_that_is_for_something_else_verifies_nothing(issuer: TestIssuer, changes: dict[str, Any]) -> None:
    (good,) = issuer.jwks()["keys"]
    bad = {name: value for name, value in (good | changes).items() if value is not None}
    other = TestIssuer().jwks()["keys"][0]
    with pytest.raises(TokenInvalidError):
        await verifier_of(issuer, {"keys": [other, bad]}).verify(issuer.mint("admin"))
    await verifier_of(issuer, {"keys": [bad, other | {"kid": "a"}, good | {"kid": str(good["kid"])}]}).verify(
        issuer.mint("admin")
    )


def test_a_key_id_that_stands_for_two_keys_is_trusted_for_neither(issuer: TestIssuer) -> None:
    twice = [issuer.jwks()["keys"][0] | {"kid": "one"}, TestIssuer().jwks()["keys"][0] | {"kid": "one"}]
    reply = httpx.Response(200, json={"keys": twice})
    with pytest.raises(ValueError, match="stands twice"):
        jwks.keys_of(jwks.Reply(reply.status_code, reply.content))


async def test_keys_for_other_uses_stand_beside_ours_and_do_no_harm(issuer: TestIssuer) -> None:
    rsa = RSAKey.generate_key(2048, {"use": "enc", "alg": "RSA-OAEP"}).as_dict(private=False) | {"kid": "rsa"}
    await verifier_of(issuer, {"keys": [rsa, *issuer.jwks()["keys"]]}).verify(issuer.mint("admin"))


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: claims.replace('"roles"', '"sub": "somebody-else", "roles"'),
        lambda claims: claims.replace('"roles": [', '"roles": ["admin"], "roles": ['),
        lambda claims: claims.replace('"jti"', '"x": {"a": 1, "a": 2}, "jti"'),
        lambda claims: claims.replace('"jti"', '"nbf": NaN, "jti"'),
        lambda claims: claims.replace('"jti"', '"nbf": -Infinity, "jti"'),
        lambda _: "[]",
        lambda _: "",
        lambda _: "[" * 4000,
    ],
)
async def test_claims_that_can_be_read_in_two_ways_are_refused(issuer: TestIssuer, change: Any) -> None:
    good = base64.urlsafe_b64decode(issuer.mint("facilitator").split(".")[1] + "===")
    text = json.dumps(json.loads(good))
    await verifier_of(issuer).verify(signed(issuer, text))
    with pytest.raises(TokenInvalidError):
        await verifier_of(issuer).verify(signed(issuer, change(text)))


async def test_a_header_that_names_a_thing_twice_is_refused(issuer: TestIssuer) -> None:
    _, payload, signature = issuer.mint("admin").split(".")
    kid = issuer._keys[-1].kid
    text = f'{{"alg":"none","alg":"ES256","kid":"{kid}","typ":"at+jwt"}}'.encode()
    header = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    with pytest.raises(TokenInvalidError):
        await verifier_of(issuer).verify(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        (lambda _, n: "x" * 100 + str(n), 0),
        (lambda issuer, n: issuer.mint("admin", sub="x" * LONGEST_TOKEN + str(n)), 0),
        # It might be a key that was rotated in a moment ago.
        (lambda issuer, n: TestIssuer(issuer=issuer.issuer).mint("admin", sub=str(n)), 1),
        (lambda _, n: "e30." * 2000 + str(n), 0),
        (lambda _, n: base64.urlsafe_b64encode(b"[" * 5000).decode() + f".{n}.x", 0),
    ],
    ids=["garbage", "huge", "unknown key", "many parts", "deep"],
)
async def test_bad_tokens_are_refused_before_a_signature_is_checked_or_the_issuer_asked_each_time(
    issuer: TestIssuer, make: Any, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = verifier_of(issuer)
    await verifier.verify(issuer.mint("facilitator"))
    checked: list[str] = []
    monkeypatch.setattr(tokens.jws, "deserialize_compact", lambda value, *_, **__: checked.append(value))
    for number in range(20):
        with pytest.raises(TokenInvalidError):
            await verifier.verify(make(issuer, number))
    assert (checked, len(issuer.requests)) == ([], 1 + asked)
    assert len(verifier._cache) == 1
