"""What the tests of the policy share: a database with its tables, people who change it, small documents."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest

from slrt_kit.audit.entries import Actor
from slrt_kit.db import Database
from slrt_kit.http.rates import PersonLimit
from slrt_kit.policy.changes import PolicyChanges
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import APPROVED
from slrt_kit.regions import Regions
from slrt_kit.testing import FixedClock, TestIssuer, api_client, environment_of
from slrt_referral.app import build_app, build_runtime

EMPTY = "TRUNCATE policy_layers, outbox, audit_unsealed, idempotency CASCADE"


def office(code: str, *, functions: str = "SOSIAL", since: str = "2024-01-01", more: str = "") -> str:
    """One entry of offices.yaml."""
    return f"  {code}: {{functions: [{functions}], name: Kantor, valid_from: {since}{more}}}\n"


def offices(*entries: str) -> dict[str, str]:
    """The documents of a layer that has offices alone."""
    return {"offices": "entries:\n" + "".join(entries) if entries else "entries: {}\n"}


@pytest.fixture(scope="session")
def policy_rules() -> PolicyRules:
    """Those of referral."""
    return PolicyRules.of("referral", Regions.load())


@pytest.fixture(scope="session")
def policy_url(service_database: Callable[[str], str]) -> str:
    """A database of referral for all these tests."""
    return service_database("referral")


@pytest.fixture
async def database(policy_url: str, fixed_clock: FixedClock) -> AsyncIterator[Database]:
    """The database, without any policy."""
    with psycopg.connect(policy_url) as connection:
        connection.execute(EMPTY)
    opened = Database(policy_url, pool_size=4, clock=fixed_clock)
    yield opened
    await opened.close()


@dataclass
class Desk:
    """Changes the policy as this or that person, each in a transaction of its own."""

    database: Database
    rules: PolicyRules

    async def do(self, what: str, *arguments: Any, by: str, **more: Any) -> Any:
        """Call a method of `PolicyChanges` and commit."""
        async with self.database.unit_of_work() as unit:
            unit.actor = Actor(subject=by)
            found = await getattr(PolicyChanges(unit, self.rules), what)(*arguments, by=by, **more)
            await unit.commit()
        return found

    async def put_into_force(
        self, layer: str, documents: dict[str, str], *, effective_from: datetime | None = None
    ) -> int:
        """Propose, approve and activate; gives the version's number."""
        version = await self.do("propose", layer, documents, by="manajer", why="peraturan bupati")
        await self.do("decide", layer, version.number, by="kepala", verdict=APPROVED, why=None)
        await self.do(
            "activate", layer, version.number, by="kepala", effective_from=effective_from, why="peraturan bupati"
        )
        number: int = version.number
        return number


@pytest.fixture
def desk(database: Database, policy_rules: PolicyRules) -> Desk:
    """On the empty database."""
    return Desk(database, policy_rules)


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    """Signs the tokens."""
    return TestIssuer()


@pytest.fixture
async def api(
    database: Database,
    policy_url: str,
    policy_rules: PolicyRules,
    issuer: TestIssuer,
    fixed_clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[httpx.AsyncClient]:
    """Referral with the policy that comes with it."""
    for name, value in environment_of("referral", database_url=policy_url, issuer=issuer).items():
        monkeypatch.setenv(name, value)
    runtime = build_runtime()
    runtime.http = issuer.client()
    runtime.database = database
    app = build_app(runtime)
    app.state.person_limit = PersonLimit(per_second=0, burst=0)
    await bring_in(database, policy_rules, packaged_documents("slrt_referral", policy_rules))
    fixed_clock.move(minutes=1)
    async with api_client(app) as client:
        yield client
    await runtime.close()


class People:
    """Asks as somebody with that role; each request is another command."""

    def __init__(self, api: httpx.AsyncClient, issuer: TestIssuer) -> None:
        self.api, self.issuer, self.asked = api, issuer, 0

    async def __call__(self, role: str, method: str, path: str, body: Any = None, **claims: Any) -> httpx.Response:
        self.asked += 1
        claims = {"region": "12.74", "sub": role} | claims
        headers = {**self.issuer.headers(role, **claims), "Idempotency-Key": str(self.asked), "Accept-Language": "en"}
        return await self.api.request(method, "/v1/policy" + path, json=body, headers=headers)


@pytest.fixture
def people(api: httpx.AsyncClient, issuer: TestIssuer) -> People:
    """Of Tanjungbalai, unless they say otherwise."""
    return People(api, issuer)
