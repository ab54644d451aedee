"""A registry service on a real PostgreSQL: its database, its handlers with intake played, its API."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from pydantic import SecretStr

from slrt_contracts.catalogue import NEEDS
from slrt_contracts.events import decode_event
from slrt_contracts.events.base import Event
from slrt_contracts.events.intake import CaseRegistered
from slrt_contracts.events.referral import ReferralCompleted
from slrt_contracts.types import CaseId, NeedId, ReferralId
from slrt_kit.clock import new_uuid7
from slrt_kit.db import Database
from slrt_kit.http.client import ServiceClient
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import SealedRow, Vault
from slrt_kit.runtime import Runtime
from slrt_kit.testing import FixedClock, PlayedHttp, TestIssuer, api_client, environment_of, raw_event
from slrt_registry.adapters.intake import IntakeClaims
from slrt_registry.app import PACKAGE, build_app, registry_on
from slrt_registry.consumers import ConsumerParts, cases, outcomes
from slrt_registry.settings import RegistrySettings

VILLAGE = "12.74.03.1002"

_TABLES = (
    *("case_persons", "cases", "participations", "programme_needs", "family_members", "families", "persons"),
    *("audit_unsealed", "idempotency", "parked", "inbox", "outbox"),
)


class PlayedIntake:
    """Answers claim checks as intake does."""

    def __init__(self) -> None:
        self.parties: dict[str, dict[str, Any]] = {}
        self.requests: list[httpx.Request] = []
        self.answer: httpx.Response | None = None
        """When set, what every claim check gets instead."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "the registry's", "expires_in": 300})
        self.requests.append(request)
        asked = [case["case_id"] for case in orjson.loads(request.content)["cases"]]
        shown = [self.parties[case_id] for case_id in asked if case_id in self.parties]
        return self.answer or httpx.Response(200, json={"parties": shown})

    def client(self) -> ServiceClient:
        return ServiceClient(
            base_url="http://intake.test",
            token_url="http://issuer.test/token",
            client_id="slrt-registry",
            client_secret=SecretStr("a-secret-of-tests"),
            client=PlayedHttp(httpx.MockTransport(self.handle)),
        )


@dataclass(frozen=True)
class Told:
    """A case that intake has registered."""

    event: CaseRegistered
    raw: RawEvent
    need_ids: Mapping[str, NeedId]

    @property
    def case_id(self) -> CaseId:
        return self.event.case_id


def person(name: str, *, nik: str | None = None, born: str | None = None, sex: str | None = None) -> dict[str, Any]:
    """A person as intake answers."""
    return {
        "person_id": str(new_uuid7()),
        "relation": "client",
        "name": name,
        "nik": nik,
        "birth_date": born,
        "sex": sex,
    }


@dataclass
class Service:
    """What a test does to the service and sees of it."""

    database: Database
    cases: Processor[ConsumerParts]
    outcomes: Processor[ConsumerParts]
    intake: PlayedIntake
    client: httpx.AsyncClient
    issuer: TestIssuer
    parts: ConsumerParts
    vault: Vault
    clock: FixedClock
    _keys: dict[str, int] = field(default_factory=dict)

    def told(
        self,
        *people: Mapping[str, Any],
        needs: Mapping[str, int | None] | Sequence[str] = ("BPBL",),
        kk: str | None = None,
        village: str = VILLAGE,
        has_subject: bool = True,
        restricted: bool = False,
    ) -> Told:
        """A case as intake tells it; ``needs`` by code, with the place of the person who has it."""
        wanted = needs if isinstance(needs, Mapping) else dict.fromkeys(needs)
        need_ids = {code: NeedId(new_uuid7()) for code in wanted}
        event = CaseRegistered(
            case_id=CaseId(new_uuid7()),
            channel="facilitator",
            district_code=village[:8],
            urgent=False,
            has_subject=has_subject,
            restricted=restricted,
            needs=[
                {
                    "need_id": need_id,
                    "need_code": code,
                    "sector": NEEDS[code].sector,
                    "programme_code": NEEDS[code].programme,
                    "urgent": False,
                }
                for code, need_id in need_ids.items()
            ],
        )
        self.intake.parties[str(event.case_id)] = {
            "case_id": str(event.case_id),
            "village_code": village,
            "kk_number": kk,
            "address": "Jalan Melati 9",
            "phone": "+6281200009901",
            "persons": list(people),
            "need_persons": {
                str(need_ids[code]): people[place]["person_id"] for code, place in wanted.items() if place is not None
            },
        }
        return Told(event, raw_event(event, at=self.clock.now()), need_ids)

    async def record(self, *people: Mapping[str, Any], **changes: Any) -> Told:
        """A case is told and recorded."""
        case = self.told(*people, **changes)
        assert await self.cases.process(case.raw) is Outcome.APPLIED
        return case

    async def hear(self, event: Event) -> None:
        """An event of intake arrives."""
        assert await self.cases.process(raw_event(event, at=self.clock.now())) is Outcome.APPLIED

    def completed(self, case: Told, need: str, outcome: str = "fulfilled", *, at: datetime | None = None) -> RawEvent:
        """An office completes the referral of a need."""
        event = ReferralCompleted(
            referral_id=ReferralId(new_uuid7()),
            case_id=case.case_id,
            need_id=case.need_ids[need],
            office_code="12.74.SOSIAL",
            programme_code=NEEDS[need].programme,
            outcome_code=outcome,
        )
        return raw_event(event, at=at or self.clock.now())

    async def complete(
        self, case: Told, need: str, outcome: str = "fulfilled", *, at: datetime | None = None
    ) -> Outcome:
        """The same, and the registry hears of it."""
        return await self.outcomes.process(self.completed(case, need, outcome, at=at))

    async def records(self, case: Told) -> dict[str, Any]:
        """What the registry made of a case, as the manager sees it."""
        answer = await self.client.get(f"/v1/cases/{case.case_id}/records", headers=self.manager())
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def manager(self, region: str = "12.74") -> dict[str, str]:
        """The headers of a manager who has a purpose."""
        return self.issuer.headers("manager", region=region, sub="manager-1") | {"Purpose": "case-handling"}

    async def rows(self, query: str) -> list[Any]:
        """Rows of the database."""
        async with self.database.read() as session:
            return list(await session.rows(query))

    async def people(self) -> list[dict[str, Any]]:
        """What is sealed of the persons, by their names."""
        rows = await self.rows("SELECT key_id, sealed, person_id FROM persons")
        opened = await self.vault.unseal([SealedRow(*row) for row in rows], table="persons")
        return sorted((fields for fields in opened if isinstance(fields, dict)), key=lambda fields: fields["name"])

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])  # noqa: S608 — names in tests

    async def outbox(self, case_id: UUID) -> list[Event]:
        """The events about a case, in the order in which they were written."""
        rows = await self.rows("SELECT headers, convert_from(payload, 'UTF8') AS payload FROM outbox ORDER BY seq")
        events = [decode_event(dict(row.headers)["ce_type"], row.payload) for row in rows]
        return [event for event in events if str(getattr(event, "case_id", "")) == str(case_id)]

    async def parked(self) -> list[str]:
        """Why events are parked."""
        return [row.reason for row in await self.rows("SELECT reason FROM parked ORDER BY id")]


@pytest.fixture(scope="session")
def registry_database(service_database: Callable[[str], str]) -> str:
    """One database for all these tests: emptying it takes milliseconds, making and dropping one a second."""
    return service_database("registry")


@pytest.fixture
async def service(
    registry_database: str,
    fixed_clock: FixedClock,
    token_issuer: TestIssuer,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Service]:
    """The service on an empty database, its workers' handlers and its API in this process."""
    database = Database(registry_database, pool_size=8, clock=fixed_clock)
    async with database.unit_of_work() as work:
        for table in _TABLES:
            await work.connection.run(f"DELETE FROM {table}")  # noqa: S608 — fixed names
        await work.commit()
    for name, value in environment_of(
        "registry", database_url=database.url, issuer=token_issuer, intake_url="http://intake.test"
    ).items():
        monkeypatch.setenv(name, value)
    runtime = Runtime("registry", PACKAGE, RegistrySettings.load())
    runtime.database = database
    intake = PlayedIntake()
    parts = ConsumerParts(database, IntakeClaims(intake.client()), registry_on(Outbox("registry"), runtime.vault))
    async with api_client(build_app(runtime)) as client:
        yield Service(
            database=database,
            cases=Processor(consumer="slrt.registry.cases", database=database, handlers=cases, deps=parts),
            outcomes=Processor(consumer="slrt.registry.outcomes", database=database, handlers=outcomes, deps=parts),
            intake=intake,
            client=client,
            issuer=token_issuer,
            parts=parts,
            vault=runtime.vault,
            clock=fixed_clock,
        )
    await runtime.vault.close()
    await runtime.http.close()
    await database.close()


@pytest.fixture(name="person")
def person_maker() -> Callable[..., dict[str, Any]]:
    """`person`, for test modules, which cannot import from here."""
    return person
