"""Tokens: what is refused, with which problem, and how often the issuer is asked."""

import asyncio
import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from slrt_kit import metrics
from slrt_kit.http.tokens import TokenExpiredError, TokenInvalidError, TokenVerifier
from slrt_kit.problems import ServiceUnavailableError
from slrt_kit.testing import PlayedHttp, TestIssuer


class Moment:
    """A settable wall clock and stopwatch."""

    def __init__(self) -> None:
        self.wall = datetime.now(UTC).timestamp()
        self.elapsed = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall, UTC)

    def monotonic(self) -> float:
        return self.elapsed

    def move(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
def verifier(issuer: TestIssuer, moment: Moment) -> TokenVerifier:
    return verifier_of(issuer, issuer.client(), moment)


def verifier_of(issuer: TestIssuer, client: PlayedHttp, moment: Moment) -> TokenVerifier:
    return TokenVerifier(
        issuer=issuer.issuer,
        audience="slrt",
        jwks_url=issuer.jwks_url,
        client=client,
        clock=moment,
        monotonic=moment.monotonic,
    )


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


async def test_a_good_token_gives_its_principal(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    token = issuer.mint("opd_officer", "partner", region="12.74", office="12.74.DUKCAPIL", sub="officer-1")
    principal = await verifier.verify(token)
    assert principal.subject == "officer-1"
    assert principal.roles == {"opd_officer", "partner"}
    assert (principal.region, principal.office) == ("12.74", "12.74.DUKCAPIL")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": ["another", "yet-another"]},
        {"aud": None},
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"sub": None},
        {"sub": 5},
        {"roles": "admin"},
        {"roles": {"admin": True}},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1e30},
        {"iat": "now"},
        {"nbf": "now"},
        {"region": 12},
        {"region": ["12.74"]},
        {"office": {"code": "x"}},
        {"jti": None},
        {"jti": 7},
        {"azp": ["slrt-web"]},
        {"client_id": ["slrt-web"]},
        {"client_id": 7, "azp": None},
        {"client_id": "slrt-registry"},
        {"client_id": "slrt-registry", "azp": "slrt-web"},
        {"client_id": "", "azp": "slrt-web"},
        {"iat": None},
        {"iat": 0},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": ["Bearer"]},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_refused(
    issuer: TestIssuer, verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.mint("facilitator", **changes))


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({"azp": "slrt-web", "client_id": None}, "slrt-web"),
        ({"azp": None, "client_id": "slrt-web"}, "slrt-web"),
        ({"azp": "slrt-web", "client_id": "slrt-web"}, "slrt-web"),
        ({"azp": None, "client_id": None}, None),
        ({"azp": "", "client_id": None}, None),
    ],
    ids=str,
)
async def test_who_asked_for_a_token_stands_in_either_claim(
    issuer: TestIssuer, verifier: TokenVerifier, claims: dict[str, Any], client: str | None
) -> None:
    principal = await verifier.verify(issuer.mint("facilitator", **claims))
    assert principal.token is not None
    assert principal.token.client == client


async def test_one_of_several_audiences_is_enough(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    await verifier.verify(issuer.mint("facilitator", aud=["another", "slrt"]))


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "Ed25519"])
async def test_every_algorithm_that_we_name_is_taken(algorithm: str, moment: Moment) -> None:
    issuer = TestIssuer()
    issuer.rotate(algorithm, keep_old=False)
    principal = await verifier_of(issuer, issuer.client(), moment).verify(issuer.mint("facilitator", sub="kader-1"))
    assert (principal.subject, principal.roles) == ("kader-1", {"facilitator"})


async def test_an_expired_token_is_told_apart_from_a_bad_one(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenExpiredError):
        await verifier.verify(issuer.mint("facilitator", ttl=-1))


async def test_a_token_from_a_clock_a_little_ahead_is_taken(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    token = issuer.mint("facilitator")
    await verifier.verify(issuer.mint("facilitator", iat=claims_of(token)["iat"] + 20))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_from_far_in_the_future_is_refused(
    issuer: TestIssuer, verifier: TokenVerifier, claim: str, moment: Moment
) -> None:
    with pytest.raises(TokenInvalidError):
        await verifier.verify(issuer.mint("facilitator", **{claim: int(moment.wall) + 120}))


async def test_a_remembered_token_ends_with_its_time(
    issuer: TestIssuer, verifier: TokenVerifier, moment: Moment
) -> None:
    token = issuer.mint("facilitator", ttl=60)
    await verifier.verify(token)
    moment.move(30)
    await verifier.verify(token)
    moment.move(31)
    for _ in range(2):
        with pytest.raises(TokenExpiredError):
            await verifier.verify(token)


async def test_an_unsigned_token_is_refused(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    claims = claims_of(issuer.mint("admin"))
    kid = issuer.jwks()["keys"][0]["kid"]
    for header in ({"alg": "none"}, {"alg": "None", "kid": kid}, {"alg": "none", "kid": kid}):
        with pytest.raises(TokenInvalidError):
            await verifier.verify(unsigned(header, claims))


async def test_the_public_key_is_no_hmac_secret(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    claims = claims_of(issuer.mint("admin"))
    kid = issuer.jwks()["keys"][0]["kid"]
    for secret in (issuer.public_pem(), json.dumps(issuer.jwks()["keys"][0]).encode()):
        signing_input = unsigned({"alg": "HS256", "kid": kid}, claims).rpartition(".")[0]
        signature = hmac.digest(secret, signing_input.encode(), "sha256")
        with pytest.raises(TokenInvalidError):
            await verifier.verify(unsigned({"alg": "HS256", "kid": kid}, claims, signature))


async def test_a_token_of_another_key_under_our_key_id_is_refused(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    claims = claims_of(issuer.mint("admin"))
    kid = issuer.jwks()["keys"][0]["kid"]
    theirs = ECKey.generate_key("P-256", {"kid": kid})
    header: dict[str, Any] = {"alg": "ES256", "kid": kid}
    with pytest.raises(TokenInvalidError):
        await verifier.verify(jwt.encode(header, claims, theirs, algorithms=["ES256"]))
    header["jwk"] = theirs.as_dict(private=False)
    with pytest.raises(TokenInvalidError):
        await verifier.verify(jwt.encode(header, claims, theirs, algorithms=["ES256"]))


async def test_a_changed_claim_breaks_the_signature(issuer: TestIssuer, verifier: TokenVerifier) -> None:
    header, _, signature = issuer.mint("facilitator").split(".")
    _, body, _ = issuer.mint("admin").split(".")
    with pytest.raises(TokenInvalidError):
        await verifier.verify(f"{header}.{body}.{signature}")


HEADERS = st.fixed_dictionaries(
    {}, optional={"alg": st.one_of(st.none(), st.integers(), st.sampled_from(["ES256", "EdDSA", "none"]), st.text())}
    | {"kid": st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text()))}
    | {"typ": st.one_of(st.none(), st.integers())}
    | {"crit": st.one_of(st.none(), st.lists(st.text()))}
    | {"b64": st.booleans(), "zip": st.text()},
)  # fmt: skip
BODIES = st.one_of(st.none(), st.integers(), st.lists(st.integers()), st.dictionaries(st.text(), st.integers()))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(max_size=60),
        st.builds(lambda a, b, c: f"{a}.{b}.{c}", *[st.text("abcABC123-_=.", max_size=20)] * 3),
        st.builds(unsigned, HEADERS, BODIES, st.binary(max_size=70)),
    )
)
async def test_garbage_is_an_invalid_token_and_never_a_crash(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(TokenInvalidError):
        await verifier.verify(token)


async def test_a_rotated_key_is_found_without_a_restart(
    issuer: TestIssuer, verifier: TokenVerifier, moment: Moment
) -> None:
    old = issuer.mint("facilitator", sub="old")
    await verifier.verify(old)
    issuer.rotate()
    moment.move(10)
    assert (await verifier.verify(issuer.mint("facilitator", sub="new"))).subject == "new"
    assert (await verifier.verify(issuer.mint("facilitator", sub="new-again"))).subject == "new-again"
    assert len(issuer.requests) == 2


async def test_a_key_that_is_rotated_in_right_behind_a_fetch_is_found_by_its_first_token(
    issuer: TestIssuer, verifier: TokenVerifier
) -> None:
    await verifier.verify(issuer.mint("facilitator", sub="old"))
    issuer.rotate()
    assert (await verifier.verify(issuer.mint("facilitator", sub="new"))).subject == "new"


async def test_a_withdrawn_key_is_forgotten_after_a_while(
    issuer: TestIssuer, verifier: TokenVerifier, moment: Moment
) -> None:
    await verifier.verify(issuer.mint("facilitator"))
    late = issuer.mint("facilitator", ttl=3600)
    issuer.rotate(keep_old=False)
    moment.move(61)
    with pytest.raises(TokenInvalidError):
        await verifier.verify(late)


async def test_bad_tokens_do_not_make_us_ask_the_issuer_each_time(
    issuer: TestIssuer, verifier: TokenVerifier, moment: Moment
) -> None:
    await verifier.verify(issuer.mint("facilitator"))
    moment.move(10)
    stranger = TestIssuer()
    for number in range(20):
        with pytest.raises(TokenInvalidError):
            await verifier.verify(stranger.mint("admin", sub=f"stranger-{number}"))
    assert len(issuer.requests) == 2


async def test_a_slow_issuer_holds_up_nobody_whose_key_is_known(issuer: TestIssuer, moment: Moment) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def handle(_: httpx.Request) -> httpx.Response:
        if issuer.requests:
            asked.set()
            await answer.wait()
        issuer.requests.append("jwks")
        return httpx.Response(200, json=issuer.jwks())

    client = PlayedHttp(httpx.MockTransport(handle))
    verifier = verifier_of(issuer, client, moment)
    await verifier.verify(issuer.mint("facilitator"))
    moment.move(10)
    stranger = asyncio.ensure_future(verifier.verify(TestIssuer().mint("admin")))
    await asked.wait()
    async with asyncio.timeout(5):
        await verifier.verify(issuer.mint("facilitator", sub="somebody-else"))
    answer.set()
    with pytest.raises(TokenInvalidError):
        await stranger


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"keys": 5}),
        httpx.Response(200, json={"keys": ["x"]}),
        httpx.Response(200, json={"keys": [{"kty": "EC"}]}),
        httpx.Response(200, json=None),
    ],
    ids=str,
)
async def test_an_issuer_without_usable_keys_is_our_fault_and_not_the_callers(
    issuer: TestIssuer, moment: Moment, answer: httpx.Response
) -> None:
    client = PlayedHttp(httpx.MockTransport(lambda _: answer))
    with pytest.raises(ServiceUnavailableError):
        await verifier_of(issuer, client, moment).verify(issuer.mint("facilitator"))


async def test_an_issuer_that_is_away_is_asked_now_and_then_and_known_keys_go_on(
    issuer: TestIssuer, moment: Moment
) -> None:
    away = False

    def handle(request: httpx.Request) -> httpx.Response:
        issuer.requests.append("jwks")
        if away:
            raise httpx.ConnectTimeout("away", request=request)
        return httpx.Response(200, json=issuer.jwks())

    client = PlayedHttp(httpx.MockTransport(handle))
    verifier = verifier_of(issuer, client, moment)
    await verifier.verify(issuer.mint("facilitator"))
    away = True
    moment.move(400)
    for number in range(10):
        await verifier.verify(issuer.mint("facilitator", ttl=900, sub=f"caller-{number}"))
    assert len(issuer.requests) == 2
    moment.move(10)
    await verifier.verify(issuer.mint("facilitator", ttl=900, sub="later"))
    assert len(issuer.requests) == 3


async def test_without_any_key_the_issuer_is_not_asked_for_every_request(issuer: TestIssuer, moment: Moment) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        issuer.requests.append("jwks")
        raise httpx.ConnectTimeout("away", request=request)

    client = PlayedHttp(httpx.MockTransport(handle))
    verifier = verifier_of(issuer, client, moment)
    before = metrics.ISSUER_FAILURES._value.get()
    for number in range(10):
        with pytest.raises(ServiceUnavailableError):
            await verifier.verify(issuer.mint("facilitator", sub=f"caller-{number}"))
    assert len(issuer.requests) == 1
    assert metrics.ISSUER_FAILURES._value.get() == before + 1
