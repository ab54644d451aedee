"""The local issuer, with a clock that a test moves, and a browser."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from tests.unit.local.signing_in import ISSUER, Browser, Moment

from slrt_local.identity import directory
from slrt_local.issuer import Issuer
from slrt_local.revoked import Revoked
from slrt_local.signing import Signer
from slrt_local.state import State


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
