"""Consent from the desk to the office and back: ended while an office holds a claim, over a real Kafka."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from tests.leaks.people import CONSENTING
from tests.leaks.scan import Scanner
from tests.office_system import SECRET, OfficeSystem

from slrt_intake import app as intake_app
from slrt_intake.sweeps import ExpirySweep
from slrt_kit.db import Database
from slrt_kit.runtime import Runtime
from slrt_kit.testing import (
    FixedClock,
    TestIssuer,
    api_client,
    environment_of,
    eventually,
    packaged_book,
    read_topic,
    running,
)
from slrt_referral import app as referral_app

DUKCAPIL, PUPR = "12.74.DUKCAPIL", "12.74.PUPR"
PURPOSE = "additional-assistance"
REGISTRATION = {
    "village_code": "12.74.03.1002",
    "persons": [{"relation": "client", "name": "Mawar Karangan", "nik": "1274035203879001"}],
    "contact": {"phone": "0812-0000-9901", "kk_number": "1274030101109001", "address": "Jalan Contoh 9"},
    "needs": [{"need_code": "ADMINDUK", "person_ref": 0}, {"need_code": "JALAN", "person_ref": 0}],
}


@dataclass
class Suite:
    """Intake and referral with relays, consumers and the connectors of two offices."""

    intake: httpx.AsyncClient
    issuer: TestIssuer
    runtime: Runtime

    async def post(self, path: str, body: Any, role: str, **more: Any) -> dict[str, Any]:
        """A command that must succeed, of somebody with that role in Tanjungbalai."""
        headers = more.pop("headers", {})
        own = self.issuer.headers(role, **({"region": "12.74", "sub": role} | more))
        answer = await self.intake.post(path, json=body, headers=own | {"Idempotency-Key": uuid4().hex} | headers)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def fetch(self, case_id: str, office: str, purpose: str = PURPOSE) -> httpx.Response:
        """The claim check of an office."""
        own = self.issuer.headers("opd_officer", region=None, office=office, sub=f"officer-{office}")
        return await self.intake.get(f"/v1/cases/{case_id}/parties", headers=own | {"Purpose": purpose})

    async def referred(self) -> dict[str, Any]:
        """A case whose needs were decided to be referred."""
        case = await self.post("/v1/cases", REGISTRATION, "facilitator")
        path, needs = f"/v1/cases/{case['case_id']}", [need["need_id"] for need in case["needs"]]
        steps = (
            ("screen", {"registry_status": "listed"}, "front_office"),
            ("recommend", {"needs": [{"need_id": n, "recommendation": "refer"} for n in needs]}, "back_office"),
            ("decide", {"needs": [{"need_id": n, "decision": "refer"} for n in needs]}, "coordinator"),
        )
        for version, (verb, body, role) in enumerate(steps, start=1):
            await self.post(f"{path}/{verb}", body, role, headers={"If-Match": f'"{version}"'})
        return case

    async def has_it(self, case_id: str, office: str) -> bool:
        """Whether the office has the case as its public task."""
        return (await self.fetch(case_id, office, "referral-service")).status_code == 200

    async def agreed(self, case_id: str, **changes: Any) -> str:
        """A consent of the client's."""
        people = (await self.fetch(case_id, DUKCAPIL, "referral-service")).json()
        consent = await self.post(
            f"/v1/cases/{case_id}/consents",
            {
                "person_id": people["persons"][0]["person_id"],
                "purposes": [PURPOSE],
                "notice_version": "2026.07",
                "notice_language": "id",
                "method": "signed_form",
                "given_at": "2026-07-01T03:00:00Z",
            }
            | changes,
            "front_office",
        )
        return str(consent["consent_id"])


def notices(system: OfficeSystem) -> list[dict[str, Any]]:
    """What an office's own system was told to erase."""
    return [each for each in system.taken if each["type"] == "id.slrt.intake.sharing-withdrawn.v1"]


@pytest.fixture
def offices() -> Iterator[dict[str, OfficeSystem]]:
    """Two offices' own systems; each has a port, and the second listens when a test says so."""
    there, away = OfficeSystem(), OfficeSystem()
    with away.listening():
        pass
    with there.listening():
        yield {DUKCAPIL: there, PUPR: away}


@pytest.fixture
async def suite(
    service_database: Callable[[str], str],
    token_issuer: TestIssuer,
    registry_topics: Any,
    offices: dict[str, OfficeSystem],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Suite]:
    endpoints = tmp_path / "connectors.yaml"
    endpoints.write_text(yaml.safe_dump({code: {"url": each.url, "secret": SECRET} for code, each in offices.items()}))
    monkeypatch.setenv("SLRT_REFERRAL_CONNECTORS_FILE", str(endpoints))
    allowed = ",".join(f"http://127.0.0.1:{each.port}" for each in offices.values())
    monkeypatch.setenv("SLRT_REFERRAL_OFFICE_ENDPOINT_ALLOW", allowed)
    for service in ("intake", "referral"):
        environment = environment_of(
            service,
            database_url=service_database(service),
            issuer=token_issuer,
            kafka_bootstrap=registry_topics.bootstrap,
        )
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
    intake, referral = intake_app.build_runtime(), referral_app.build_runtime()
    intake.policy_book, referral.policy_book = packaged_book(intake), packaged_book(referral)
    async with AsyncExitStack() as stack:
        for runtime in (intake, referral):
            stack.push_async_callback(runtime.close)
        client = await stack.enter_async_context(api_client(intake_app.build_app(intake)))
        connectors = [
            referral_app.build_connector(referral, code, referral_app.connector_endpoint(referral, code))
            for code in offices
        ]
        consumers = [*intake_app.build_consumers(intake), *referral_app.build_consumers(referral), *connectors]
        for part in (intake.relay.run, referral.relay.run, *(each.run for each in consumers)):
            await stack.enter_async_context(running(part, drain_seconds=40))
        yield Suite(client, token_issuer, intake)


async def test_a_consent_is_withdrawn_while_two_offices_hold_a_claim_and_one_of_them_is_away(
    suite: Suite, offices: dict[str, OfficeSystem], registry_topics: Any
) -> None:
    case = await suite.referred()
    case_id = case["case_id"]

    for office in offices:
        await eventually(lambda office=office: suite.has_it(case_id, office), seconds=120, what=f"the case of {office}")
        assert (await suite.fetch(case_id, office)).status_code == 403, "nobody has agreed"
    consent = await suite.agreed(case_id)
    held = {office: (await suite.fetch(case_id, office)).json()["receipt_id"] for office in offices}

    path = f"/v1/cases/{case_id}/consents/{consent}/withdrawal"
    said = await suite.post(path, {"reason": "troubled"}, "front_office")
    assert set(said["offices_told"]) == set(offices)
    for office in offices:
        assert (await suite.fetch(case_id, office)).json()["type"].endswith("consent-missing")
        assert await suite.has_it(case_id, office), "what is a public task goes on"

    # The one that is there is told, whatever becomes of the other; which is told when it is back.
    await eventually(lambda: notices(offices[DUKCAPIL]), seconds=120, what="the notice of the withdrawal")
    assert offices[PUPR].taken == []
    with offices[PUPR].listening():
        await eventually(lambda: notices(offices[PUPR]), seconds=120, what="the notice of the one that is back")
    for office, receipt in held.items():
        (notice,) = notices(offices[office])
        assert (notice["data"]["office_code"], notice["data"]["receipt_ids"]) == (office, [receipt])
        assert notice["data"]["reason_code"] == "withdrawn"
        erasure = notice["erasurepath"].removeprefix("/intake").format(receipt_id=receipt)
        await suite.post(erasure, None, "opd_officer", region=None, office=office)

    # Partners that read topics learn which receipts are over, and of nobody else's anything.
    tombstones = await read_topic(registry_topics.bootstrap, "slrt.intake.tombstone.v1", at_least=2)
    assert {message.key for message in tombstones} >= set(held.values())
    told = "\n".join(f"{message.headers}{message.value!r}" for message in tombstones)
    assert case_id not in told
    assert not [office for office in offices if office in told]
    assert (
        Scanner(CONSENTING).leaks_in({"tombstones": told, "notices": str([each.taken for each in offices.values()])})
        == []
    )


async def test_a_consent_runs_out_and_the_office_that_holds_a_claim_is_told(
    suite: Suite, offices: dict[str, OfficeSystem]
) -> None:
    case_id = (await suite.referred())["case_id"]
    await eventually(lambda: suite.has_it(case_id, DUKCAPIL), seconds=120, what="the case of the office")
    now = datetime.now(UTC)
    consent = await suite.agreed(case_id, expires_at=(now + timedelta(hours=1)).isoformat())
    receipt = (await suite.fetch(case_id, DUKCAPIL)).json()["receipt_id"]

    later = Database(suite.runtime.database.url, clock=FixedClock(now + timedelta(hours=2)))
    try:
        assert await ExpirySweep(later, suite.runtime.outbox, suite.runtime.vault).once()
    finally:
        await later.close()
    # To the clock of the API it is in force for an hour yet; what was told, no clock takes back.
    assert (await suite.fetch(case_id, DUKCAPIL)).json()["type"].endswith("consent-missing")
    await eventually(lambda: notices(offices[DUKCAPIL]), seconds=120, what="the notice that it ran out")
    (notice,) = notices(offices[DUKCAPIL])
    assert (notice["data"]["consent_id"], notice["data"]["reason_code"]) == (consent, "expired")
    assert notice["data"]["receipt_ids"] == [receipt]
    assert Scanner(CONSENTING).leaks_in({"notices": str(offices[DUKCAPIL].taken)}) == []
