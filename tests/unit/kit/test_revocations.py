"""Tokens that are taken back: the next request and an open stream learn it; a list that is away changes nothing."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from slrt_kit import metrics
from slrt_kit.access import TokenFacts
from slrt_kit.http import tokens
from slrt_kit.http.revocations import RevocationList
from slrt_kit.http.tokens import TokenInvalidError, TokenRevokedError, TokenVerifier
from slrt_kit.problems import ServiceUnavailableError
from slrt_kit.testing import PlayedHttp, TestIssuer, eventually

FACTS = TokenFacts(id="one", client="slrt-web", issued_at=1000, key="k")


@pytest.mark.parametrize(
    "document",
    [
        *([], "x", None, 5, {"tokens": "one"}, {"tokens": [1]}, {"tokens": {"one": 1}}, {"subjects": ["a"]}),
        *({"subjects": {"a": "soon"}}, {"subjects": {"a": None}}, {"clients": {"a": True}}, {"everyone": "now"}),
    ],
    ids=str,
)
def test_a_list_that_says_nothing_clear_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        RevocationList.parse(document)


@pytest.mark.parametrize(
    ("document", "revoked"),
    [
        ({}, False),
        ({"something": "newer"}, False),
        ({"tokens": ["two"]}, False),
        ({"tokens": ["two", "one"]}, True),
        ({"subjects": {"kader": 1000}}, False),  # issued in that second is issued after
        ({"subjects": {"kader": 1001}}, True),
        ({"subjects": {"another": 9999}}, False),
        ({"clients": {"slrt-web": 1000.5}}, True),
        ({"clients": {"": 9999}}, False),
        ({"everyone": 1000}, False),
        ({"everyone": 1001}, True),
    ],
    ids=str,
)
def test_a_token_is_revoked_by_its_id_or_by_when_it_was_issued(document: dict[str, Any], *, revoked: bool) -> None:
    assert RevocationList.parse(document).revokes("kader", FACTS) is revoked


class Away:
    """An issuer whose list can be away, or something else."""

    def __init__(self) -> None:
        self.issuer = TestIssuer()
        self.now = datetime.now(UTC).timestamp()
        self.answer: httpx.Response | None = None
        self.asked: list[str] = []
        self.verifier = TokenVerifier(
            issuer=self.issuer.issuer,
            audience="slrt",
            jwks_url=self.issuer.jwks_url,
            revocations_url=self.issuer.revocations_url,
            client=PlayedHttp(httpx.MockTransport(self._handle)),
            monotonic=lambda: self.now,
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/revocations"):
            return httpx.Response(200, json=self.issuer.jwks())
        self.asked.append(request.headers.get("If-None-Match", ""))
        if self.answer is not None:
            return self.answer
        etag = f'"{hash(str(self.issuer.revoked))}"'
        if request.headers.get("If-None-Match") == etag:
            return httpx.Response(304)
        return httpx.Response(200, json=self.issuer.revoked, headers={"ETag": etag})


@pytest.fixture
def around() -> Away:
    return Away()


async def test_before_a_first_list_nobody_is_let_in(around: Away) -> None:
    token = around.issuer.mint("facilitator")
    with pytest.raises(ServiceUnavailableError):
        await around.verifier.verify(token)
    await around.verifier.refresh()
    await around.verifier.verify(token)


async def test_a_remembered_token_ends_with_the_next_look_at_the_list(around: Away) -> None:
    await around.verifier.refresh()
    tokens_ = [around.issuer.mint("facilitator", jti=name, sub=name, azp=f"client-{name}") for name in "abcd"]
    for token in tokens_:
        await around.verifier.verify(token)
    soon = datetime.now(UTC).timestamp() + 5
    around.issuer.revoked = {"tokens": ["a"], "subjects": {"b": soon}, "clients": {"client-c": soon}}
    await around.verifier.refresh()
    for token in tokens_[:3]:
        for _ in range(2):
            with pytest.raises(TokenRevokedError) as refusal:
                await around.verifier.verify(token)
        assert refusal.value.status == 401
    await around.verifier.verify(tokens_[3])
    around.issuer.revoked["everyone"] = soon
    await around.verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await around.verifier.verify(tokens_[3])


async def test_a_revoked_token_that_was_never_seen_is_refused_too(around: Away) -> None:
    around.issuer.revoked = {"tokens": ["a"]}
    await around.verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await around.verifier.verify(around.issuer.mint("facilitator", jti="a"))


@pytest.mark.parametrize(
    "answer",
    [
        *(httpx.Response(503), httpx.Response(404), httpx.Response(302), httpx.Response(200, text="<html>")),
        *(httpx.Response(200, json=[]), httpx.Response(200, json={"tokens": ["x" * 1_100_000]})),
    ],
)
async def test_while_the_list_is_away_the_last_one_stays_in_force_and_its_age_is_told(
    around: Away, answer: httpx.Response
) -> None:
    around.issuer.revoked = {"tokens": ["a"]}
    await around.verifier.refresh()
    failures = metrics.REVOCATION_FAILURES._value.get()
    around.answer = answer
    around.now += 40
    await around.verifier.refresh()
    with pytest.raises(TokenRevokedError):
        await around.verifier.verify(around.issuer.mint("facilitator", jti="a"))
    await around.verifier.verify(around.issuer.mint("facilitator", jti="b"))
    assert metrics.REVOCATION_FAILURES._value.get() == failures + 1
    assert metrics.REVOCATIONS_AGE._value.get() == 40
    around.answer = None
    await around.verifier.refresh()
    assert metrics.REVOCATIONS_AGE._value.get() == 0


async def test_a_list_that_has_not_changed_is_not_sent_again(around: Away) -> None:
    for _ in range(3):
        await around.verifier.refresh()
    assert around.asked[0] == ""
    assert around.asked[1] == around.asked[2] != ""


async def test_remembered_tokens_stop_with_their_key(around: Away) -> None:
    await around.verifier.refresh()
    old = around.issuer.mint("facilitator", ttl=3600)
    await around.verifier.verify(old)
    around.issuer.rotate()
    around.now += 50
    await around.verifier.refresh()
    await around.verifier.verify(old)
    around.issuer.rotate(keep_old=False)
    around.now += 50
    await around.verifier.refresh()
    with pytest.raises(TokenInvalidError):
        await around.verifier.verify(old)


async def test_remembered_tokens_stop_with_their_key_where_nobody_watches(around: Away) -> None:
    verifier = TokenVerifier(
        issuer=around.issuer.issuer,
        audience="slrt",
        jwks_url=around.issuer.jwks_url,
        client=around.issuer.client(),
        monotonic=lambda: around.now,
    )
    old = around.issuer.mint("facilitator", ttl=3600)
    await verifier.verify(old)
    around.issuer.rotate(keep_old=False)
    around.now += 61
    with pytest.raises(TokenInvalidError):
        await verifier.verify(old)


async def test_another_key_under_the_same_id_ends_what_the_old_one_had_signed(around: Away) -> None:
    await around.verifier.refresh()
    old = around.issuer.mint("facilitator", ttl=3600)
    await around.verifier.verify(old)
    kid = around.issuer._keys[-1].kid
    around.issuer._keys = [ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})]
    around.now += 50
    await around.verifier.refresh()
    with pytest.raises(TokenInvalidError):
        await around.verifier.verify(old)


@pytest.mark.parametrize("cause", ["revoked", "key withdrawn"])
async def test_whoever_watches_learns_it_and_open_streams_end(
    around: Away, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "POLL_S", 0.01)
    stop = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(around.verifier.watch(stop))
        await eventually(lambda: bool(around.asked), what="the list is asked for")
        principal = await around.verifier.verify(around.issuer.mint("facilitator", jti="a"))
        other = await around.verifier.verify(around.issuer.mint("facilitator", jti="b"))
        refused = group.create_task(around.verifier.until_refused(principal))
        still = asyncio.create_task(around.verifier.until_refused(other))
        await asyncio.sleep(0.05)
        assert not refused.done()
        if cause == "revoked":
            around.issuer.revoked = {"tokens": ["a"]}
        else:
            around.issuer.rotate(keep_old=False)
            around.now += 50
        await refused
        assert still.done() is (cause != "revoked")
        still.cancel()
        stop.set()
