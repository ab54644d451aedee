"""A referral service on a real PostgreSQL: its database, its handlers, its API, events as they come from Kafka."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import sql

from slrt_contracts.catalogue import NEEDS
from slrt_contracts.events import decode_event
from slrt_contracts.events.base import Event
from slrt_contracts.events.intake import CaseDecided
from slrt_contracts.types import CaseId
from slrt_kit.clock import new_uuid7
from slrt_kit.clocks.timers import Timers
from slrt_kit.db import Database
from slrt_kit.http.outgoing import HttpClient
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.privacy import Vault
from slrt_kit.runtime import Runtime
from slrt_kit.stalls.checker import StallCheck
from slrt_kit.testing import FixedClock, TestIssuer, api_client, environment_of, packaged_book, raw_event, vault_of
from slrt_referral.app import PACKAGE, build_app, build_routing, build_stores, build_timekeeping
from slrt_referral.consumers.cases import CaseParts, cases
from slrt_referral.settings import ReferralSettings
from slrt_referral.store.referrals import ReferralStores

DISTRICT = "12.74.05"
_TABLES = ("clock_extensions", "clocks", "referral_steps", "referrals", "outbox", "inbox", "parked", "idempotency")


@pytest.fixture(scope="session")
def database_url(service_database: Callable[[str], str]) -> str:
    """One database for all tests of the service: making one per test costs more than the tests."""
    return service_database("referral")


@pytest.fixture
async def database(database_url: str, fixed_clock: FixedClock) -> AsyncIterator[Database]:
    """The database, empty."""
    with psycopg.connect(database_url) as connection:
        for table in _TABLES:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    opened = Database(database_url, pool_size=5, clock=fixed_clock)
    yield opened
    await opened.close()


@pytest.fixture
async def vault(database_url: str) -> AsyncIterator[Vault]:
    """The keys of the notes."""
    opened = vault_of("referral", database_url)
    yield opened
    await opened.close()


@dataclass
class Service:
    """What a test does to the service and sees of it."""

    database: Database
    processor: Processor[CaseParts]
    client: httpx.AsyncClient
    http: HttpClient
    issuer: TestIssuer
    vault: Vault
    stores: ReferralStores
    timers: Timers
    stalls: StallCheck
    _keys: dict[str, int] = field(default_factory=dict)

    async def hear(self, event: Event | RawEvent) -> Outcome:
        """An event of another service arrives."""
        return await self.processor.process(event if isinstance(event, RawEvent) else raw_event(event))

    async def decide(self, *needs: str | Mapping[str, Any]) -> CaseId:
        """A case with these needs is decided; all of them are to be referred unless they say otherwise."""
        event = decided(needs)
        assert await self.hear(event) is Outcome.APPLIED
        return event.case_id

    async def decide_restricted(self, *needs: str) -> CaseId:
        """The same of a case that is kept from most."""
        event = decided(needs).model_copy(update={"restricted": True})
        assert await self.hear(event) is Outcome.APPLIED
        return event.case_id

    async def told(self, case_id: UUID) -> list[Event]:
        """The events in the outbox about a case, in the order in which they were written."""
        query = "SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq"
        async with self.database.read() as session:
            rows = await session.rows(query)
        events = [decode_event(dict(row.headers)["ce_type"], row.payload) for row in rows]
        return [event for event in events if str(getattr(event, "case_id", "")) == str(case_id)]

    async def referrals(self, case_id: UUID) -> dict[str, dict[str, Any]]:
        """The newest referral of each need of a case, by need code, as the manager sees it."""
        answer = await self.client.get(
            "/v1/referrals", params={"case_id": str(case_id), "limit": 200}, headers=self.manager()
        )
        assert answer.status_code == 200, answer.text
        items = sorted(answer.json()["items"], key=lambda item: item["reroute_count"])
        return {item["need_code"]: item for item in items}

    def officer(self, office: str, **claims: Any) -> dict[str, str]:
        """The Authorization header of an officer."""
        return self.issuer.headers("opd_officer", region="12.74", office=office, sub=f"officer of {office}", **claims)

    def manager(self, **claims: Any) -> dict[str, str]:
        """The Authorization header of the manager of Tanjungbalai, whose desk is the secretariat."""
        return self.issuer.headers("manager", **({"region": "12.74", "office": "12.74.SLRT"} | claims))

    async def act(
        self,
        referral: Mapping[str, Any],
        action: str,
        body: Mapping[str, Any] | None = None,
        *,
        office: str | None = None,
        version: int | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """POST an action as an officer of the referral's office, at the version that the referral has."""
        found = headers or self.officer(office or referral["office_code"])
        return await self.client.post(
            f"/v1/referrals/{referral['referral_id']}/{action}",
            json=body,
            headers={
                **found,
                "Idempotency-Key": key or str(new_uuid7()),
                "If-Match": f'"{version or referral["version"]}"',
            },
        )


def decided(needs: Sequence[str | Mapping[str, Any]]) -> CaseDecided:
    """The event of a decided case in Datuk Bandar."""
    snapshots = []
    for need in needs:
        said = {"need_code": need} if isinstance(need, str) else dict(need)
        entry = NEEDS[said["need_code"]]
        snapshots.append(
            {
                "need_id": new_uuid7(),
                "sector": entry.sector,
                "programme_code": entry.programme,
                "urgent": False,
                "decision": "refer",
                **said,
            }
        )
    return CaseDecided(case_id=CaseId(new_uuid7()), district_code=DISTRICT, decided_by_level="village", needs=snapshots)


@pytest.fixture
async def service(
    database: Database, vault: Vault, token_issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    """The service, its worker's handlers and its API in this process."""
    for name, value in environment_of("referral", database_url=database.url, issuer=token_issuer).items():
        monkeypatch.setenv(name, value)
    runtime = Runtime("referral", PACKAGE, ReferralSettings.load())
    runtime.database = database
    runtime.vault = vault
    runtime.worker_database = database
    runtime.policy_book = packaged_book(runtime)
    parts = CaseParts(build_stores(runtime), build_routing(runtime))
    processor = Processor(consumer="slrt.referral.cases", database=database, handlers=cases, deps=parts)

    async def now() -> datetime:
        return database.clock.now()

    keeping = build_timekeeping(runtime)
    timers, stalls, stores = keeping.timers(at=now), keeping.stall_check(), build_stores(runtime)
    async with api_client(build_app(runtime)) as client:
        yield Service(database, processor, client, runtime.http, token_issuer, vault, stores, timers, stalls)
    await runtime.http.close()
