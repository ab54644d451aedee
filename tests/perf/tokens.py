"""What it costs to know a caller again: the check of a token that was verified before, beside verifying it anew."""

import asyncio
import time

from tests.perf.stack import Bench

from slrt_kit.http.tokens import TokenVerifier
from slrt_kit.testing import TestIssuer

_CALLERS = 1000
_ROUNDS = 50
_GOAL_US = 25.0


def check(bench: Bench) -> None:
    """Microseconds for one check of a remembered token, among a thousand callers, with a list of revocations."""
    fresh, again = bench.measured(lambda: asyncio.run(_measure()))
    bench.add("token-check", again, "us", anchor=("verified anew", fresh), goal="< 25 us", met=again < _GOAL_US)


async def _measure() -> tuple[float, float]:
    issuer = TestIssuer()
    issuer.revoked = {"tokens": [f"id-{number}" for number in range(1000)], "subjects": {"somebody": 1.0}}
    verifier = TokenVerifier(
        issuer=issuer.issuer,
        audience=issuer.audience,
        jwks_url=issuer.jwks_url,
        revocations_url=issuer.revocations_url,
        client=issuer.client(),
    )
    await verifier.refresh()
    # The bytes of a header become a new string for each request, whose hash is not known yet.
    tokens = [issuer.mint("facilitator", region="12.74", sub=f"kader-{number}").encode() for number in range(_CALLERS)]
    began = time.perf_counter()
    for token in tokens:
        await verifier.verify(token.decode())
    fresh = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        for token in tokens:
            await verifier.verify(token.decode())
    again = time.perf_counter() - began
    return fresh / _CALLERS * 1e6, again / _CALLERS / _ROUNDS * 1e6
