"""What the tests of the policy share: a database with its tables, people who change it, small documents."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pytest

from slrt_kit.audit.entries import Actor
from slrt_kit.db import Database
from slrt_kit.policy.changes import PolicyChanges
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import APPROVED
from slrt_kit.regions import Regions
from slrt_kit.testing import FixedClock

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
