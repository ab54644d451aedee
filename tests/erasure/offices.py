"""Intake, registry and referral in one process on real PostgreSQL, with their events carried from one to the others."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from tests.erasure.people import Household

from slrt_contracts.events import CaseClosed
from slrt_intake import app as intake_app
from slrt_intake import consumers as intake_consumers
from slrt_intake.consumers import ConsumerParts as IntakeParts
from slrt_intake.settings import IntakeSettings
from slrt_kit.db import Database
from slrt_kit.files.objects import FileObjects
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.handlers import Handlers
from slrt_kit.messaging.processor import Outcome, Processor
from slrt_kit.runtime import Runtime
from slrt_kit.testing import FixedClock, PlayedHttp, TestIssuer, api_client, packaged_book, raw_event
from slrt_kit.testing.service import INDEX_KEY, KEY_ENCRYPTION_KEY
from slrt_referral import app as referral_app
from slrt_referral.consumers.cases import CaseParts, cases
from slrt_referral.consumers.erasures import ErasureParts, erasures
from slrt_referral.settings import ReferralSettings
from slrt_registry import app as registry_app
from slrt_registry import consumers as registry_consumers
from slrt_registry.adapters.intake import IntakeClaims
from slrt_registry.consumers import ConsumerParts as RegistryParts
from slrt_registry.settings import RegistrySettings

KEYED = ("intake", "referral", "registry")
_SETTINGS = {"intake": IntakeSettings, "referral": ReferralSettings, "registry": RegistrySettings}
_ERASES = "erasures"


@dataclass(frozen=True)
class Hearer:
    """A consumer, with what it handles."""

    consumer: str
    handlers: Handlers[Any]
    processor: Processor[Any]

    @classmethod
    def of(cls, consumer: str, database: Database, handlers: Handlers[Any], deps: Any) -> "Hearer":
        """As its service would make it."""
        processor = Processor(consumer=consumer, database=database, handlers=handlers, deps=deps)
        return cls(consumer, handlers, processor)


@dataclass
class Offices:
    """The three services, and what people do with them."""

    issuer: TestIssuer
    clock: FixedClock
    runtimes: dict[str, Runtime]
    clients: dict[str, httpx.AsyncClient]
    hearers: list[Hearer]
    _told: dict[str, int] = field(default_factory=dict)

    # -- calling ----------------------------------------------------------------------------------------------------

    async def post(
        self, service: str, path: str, body: Any, role: str, *, version: int | None = None, **claims: Any
    ) -> dict[str, Any]:
        """A command that must succeed."""
        claims = {"region": "12.74", "sub": f"{role}-1"} | claims
        headers = self.issuer.headers(role, **claims) | {"Idempotency-Key": uuid4().hex, "Purpose": "case-handling"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = await self.clients[service].post(path, json=body, headers=headers)
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, service: str, path: str, role: str, **claims: Any) -> httpx.Response:
        """A look, whatever comes of it."""
        claims = {"region": "12.74", "sub": f"{role}-1"} | claims
        return await self.clients[service].get(
            path, headers=self.issuer.headers(role, **claims) | {"Purpose": "case-handling"}
        )

    # -- events -----------------------------------------------------------------------------------------------------

    async def carry(self, *, but: Callable[[str], bool] = lambda _: False) -> int:
        """Give every event that is in an outbox and was not carried yet to all who handle it; gives how many.

        ``but`` names the consumers that hear nothing: what is to be shown is that it is noticed.
        """
        carried = 0
        while True:
            fresh = [raw for service in KEYED for raw in await self._fresh(service)]
            if not fresh:
                return carried
            for kind, raw in fresh:
                for hearer in self.hearers:
                    if kind not in hearer.handlers.entries or but(hearer.consumer):
                        continue
                    if await hearer.processor.process(raw) is Outcome.PARKED:
                        raise RuntimeError(f"{hearer.consumer} parked {kind}")
                carried += 1

    async def _fresh(self, service: str) -> list[tuple[str, RawEvent]]:
        async with self.runtimes[service].database.read() as session:
            rows = await session.rows(
                "SELECT seq, topic, partition_key, headers, payload FROM outbox WHERE seq > %(seq)s ORDER BY seq",
                {"seq": self._told.get(service, 0)},
            )
        if rows:
            self._told[service] = rows[-1].seq
        return [
            (
                dict(row.headers)["ce_type"],
                RawEvent(row.topic, row.partition_key, _encoded(row.headers), row.payload),
            )
            for row in rows
        ]

    async def park_something(self) -> None:
        """An event that comes before what it is about stays in the consumer's own database."""
        event = CaseClosed(case_id=uuid4(), closed_by="resident", satisfied=True)
        (registry,) = [each for each in self.hearers if each.consumer == "slrt.registry.cases"]
        if await registry.processor.process(raw_event(event)) is not Outcome.PARKED:
            raise RuntimeError("it was not parked")

    # -- a household's trouble, from the door to its end ------------------------------------------------------------

    async def serve(self, home: Household) -> str:
        """From the report to the closed case; gives the registry's id of the client."""
        drafts = (await self.post("intake", "/v1/drafts", {"text": home.report}, "facilitator"))["drafts"]
        draft = f"/v1/drafts/{drafts[0]['draft_id']}"
        headers = self.issuer.headers("facilitator", region="12.74", sub="facilitator-1") | {"If-Match": '"1"'}
        corrected = await self.clients["intake"].put(draft, json=home.registration(), headers=headers)
        if corrected.status_code != 200:
            raise RuntimeError(corrected.text)
        case = await self.post("intake", f"{draft}/confirm", None, "facilitator", version=2)
        path, need = f"/v1/cases/{case['case_id']}", case["needs"][0]["need_id"]
        await self._attach(path, home)
        await self.post("intake", f"{path}/screen", {"registry_status": "listed"}, "front_office", version=1)
        recommended = {"needs": [{"need_id": need, "recommendation": "refer"}]}
        await self.post("intake", f"{path}/recommend", recommended, "back_office", version=2)
        decided = {"needs": [{"need_id": need, "decision": "refer"}]}
        await self.post("intake", f"{path}/decide", decided, "coordinator", version=3)
        await self.carry()
        await self._answer(case["case_id"], home.note)
        await self.carry()
        confirmed = await self.clients["intake"].post(
            "/v1/tracking/confirmation",
            json={"ticket_number": case["ticket_number"], "phone_last4": home.phone[-4:], "satisfied": True},
            headers={"Idempotency-Key": uuid4().hex},
        )
        if confirmed.status_code != 200:
            raise RuntimeError(confirmed.text)
        await self.carry()
        records = (await self.get("registry", f"{path}/records", "manager")).json()
        return str(records["persons"][0]["person_id"])

    async def _attach(self, path: str, home: Household) -> None:
        headers = self.issuer.headers("facilitator", region="12.74", sub="facilitator-1")
        headers |= {"Idempotency-Key": uuid4().hex, "Content-Type": "application/pdf", "File-Class": "letter"}
        headers["File-Name"] = quote(f"{home.client}.pdf")
        answer = await self.clients["intake"].post(f"{path}/attachments", content=home.document, headers=headers)
        if answer.status_code != 201:
            raise RuntimeError(answer.text)

    async def _answer(self, case_id: str, note: str) -> None:
        found = await self.get("referral", f"/v1/referrals?case_id={case_id}", "manager", office="12.74.SLRT")
        (referral,) = found.json()["items"]
        path, office = f"/v1/referrals/{referral['referral_id']}", referral["office_code"]
        accepted = await self.post(
            "referral", f"{path}/accept", None, "opd_officer", version=referral["version"], office=office
        )
        await self.post(
            "referral",
            f"{path}/complete",
            {"outcome_code": "fulfilled", "note": note},
            "opd_officer",
            version=accepted["version"],
            office=office,
        )

    async def erase(self, person_id: str) -> None:
        """The DPO erases somebody."""
        shown = await self.get("registry", f"/v1/persons/{person_id}", "manager")
        version = int(shown.headers["ETag"].strip('"'))
        await self.post(
            "registry", f"/v1/persons/{person_id}/erasure", {"reason_code": "requested"}, "auditor", version=version
        )


@asynccontextmanager
async def offices(
    databases: Mapping[str, str], keys: Mapping[str, str], objects: Path, issuer: TestIssuer, clock: FixedClock
) -> AsyncIterator[Offices]:
    """The services on these databases, with the keys of those keys databases, by service; files in that folder."""
    async with AsyncExitStack() as stack:
        runtimes: dict[str, Runtime] = {}
        for service in KEYED:
            more = {"registry": {"intake_url": "http://intake.test"}, "intake": {"objects_dir": objects}}.get(
                service, {}
            )
            settings = _SETTINGS[service](
                database_url=databases[service],
                keys_url=keys[service],
                key_encryption_key=KEY_ENCRYPTION_KEY,
                index_key=INDEX_KEY,
                kafka_bootstrap="127.0.0.1:9",
                oidc_issuer=issuer.issuer,
                oidc_jwks_url=issuer.jwks_url,
                token_url=issuer.token_url,
                client_secret="a-secret-of-tests",
                **more,
            )
            runtime = runtimes[service] = Runtime(service, f"slrt_{service}", settings)
            runtime.database = Database(databases[service], clock=clock)
            stack.push_async_callback(runtime.close)
        intake, referral, registry = (runtimes[service] for service in KEYED)
        for each in (intake, referral):
            each.policy_book = packaged_book(each)
        apps = {"intake": intake_app.build_app(intake)}
        registry.http = PlayedHttp(_IntakeHere(httpx.ASGITransport(apps["intake"])))
        apps |= {"referral": referral_app.build_app(referral), "registry": registry_app.build_app(registry)}
        clients = {name: await stack.enter_async_context(api_client(app)) for name, app in apps.items()}
        at_intake = IntakeParts(intake.outbox, intake.vault, intake_app.build_stores(intake), FileObjects(objects))
        at_registry = RegistryParts(
            registry.database,
            IntakeClaims(registry.client_of("http://intake.test")),
            registry_app.registry_on(registry.outbox, registry.vault),
        )
        at_referral = CaseParts(referral_app.build_stores(referral), referral_app.build_routing(referral))
        hearers = [
            Hearer.of(f"slrt.{service}.{name}", runtimes[service].database, each, deps)
            for service, name, each, deps in (
                ("intake", "outcomes", intake_consumers.outcomes, at_intake),
                ("intake", "timeline", intake_consumers.timeline, at_intake),
                ("intake", _ERASES, intake_consumers.erasures, at_intake),
                ("registry", "cases", registry_consumers.cases, at_registry),
                ("registry", "outcomes", registry_consumers.outcomes, at_registry),
                ("registry", _ERASES, registry_consumers.erasures, at_registry),
                ("referral", "cases", cases, at_referral),
                ("referral", _ERASES, erasures, ErasureParts(referral.vault)),
            )
        ]
        yield Offices(issuer, clock, runtimes, clients, hearers)


def _encoded(headers: list[tuple[str, str]]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode()) for name, value in headers)


class _IntakeHere(httpx.AsyncHTTPTransport):
    """The network, but for intake."""

    def __init__(self, intake: httpx.ASGITransport) -> None:
        super().__init__()
        self._intake = intake

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "intake.test":
            return await self._intake.handle_async_request(request)
        return await super().handle_async_request(request)
