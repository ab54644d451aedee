"""Referrals of cases that are kept from most: the office that got one sees it, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from slrt_contracts.events import CaseSealed, CaseTransferred, CaseUnsealed
from slrt_kit.messaging.processor import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from tests.integration.referral.conftest import Service

SOCIAL, CHILD = "12.74.SOSIAL", "12.74.P3APM"


async def _row(service: Service, case_id: UUID) -> dict[str, Any]:
    async with service.database.read() as session:
        found = await session.one(
            "SELECT referral_id, office_code, version FROM referrals WHERE case_id = %(id)s", {"id": case_id}
        )
    return {"referral_id": str(found.referral_id), "office_code": found.office_code, "version": found.version}


async def _sees(service: Service, referral: dict[str, Any], headers: dict[str, str]) -> tuple[int, bool]:
    one = await service.client.get(f"/v1/referrals/{referral['referral_id']}", headers=headers)
    listed = await service.client.get("/v1/referrals?limit=200", headers=headers)
    return one.status_code, referral["referral_id"] in listed.text


async def _restricted(service: Service) -> dict[str, Any]:
    return await _row(service, await service.decide_restricted("KEKERASAN"))


async def test_the_office_that_got_a_restricted_referral_works_on_it(service: Service) -> None:
    referral = await _restricted(service)
    assert referral["office_code"] == CHILD
    assert await _sees(service, referral, service.officer(CHILD)) == (200, True)
    assert (await service.act(referral, "accept")).status_code == 200


@pytest.mark.parametrize("role", ["back_office", "coordinator", "manager", "supervisor", "head_of_office"])
async def test_its_region_does_not_see_it(role: str, service: Service) -> None:
    referral = await _restricted(service)
    headers = service.issuer.headers(role, region="12.74", office="12.74.SLRT")
    assert await _sees(service, referral, headers) == (404, False)
    assert await _sees(service, referral, service.officer(SOCIAL)) == (404, False)


async def test_the_head_of_the_office_that_got_it_grants_more_time_and_nobody_of_its_region(service: Service) -> None:
    referral = await _restricted(service)
    referral = referral | (await service.act(referral, "accept")).json()
    more, path = {"unit": "working_days", "count": 2, "reason": "field_visit"}, "clock/extensions"
    asked = await service.act(referral, path, more, version=1)
    assert asked.status_code == 200, asked.text
    grant = f"{path}/{asked.json()['extension_id']}/approve"
    for role, office in (("head_of_office", "12.74.SLRT"), ("manager", CHILD), ("supervisor", None)):
        other = service.issuer.headers(role, region="12.74", office=office, sub="somebody else")
        assert (await service.act(referral, grant, version=1, headers=other)).status_code == 404, role
    head = service.issuer.headers("head_of_office", region="12.74", office=CHILD, sub="head of the office")
    assert await _sees(service, referral, head) == (200, True)
    granted = await service.act(referral, grant, version=1, headers=head)
    assert granted.status_code == 200, granted.text
    assert granted.json()["due_at"] > asked.json()["due_at"]


async def test_what_it_becomes_when_it_is_declined_is_restricted_too(service: Service) -> None:
    referral = await _restricted(service)
    answer = await service.act(referral, "decline", {"reason_code": "other_owner", "better_office_code": SOCIAL})
    successor = {"referral_id": answer.json()["rerouted_to"]}
    assert await _sees(service, successor, service.officer(SOCIAL)) == (200, True)
    assert await _sees(service, successor, service.manager()) == (404, False)


async def test_a_sealed_case_hides_its_referrals_from_everybody_until_it_is_unsealed(service: Service) -> None:
    case_id = await service.decide("ZAKAT")
    referral = await _row(service, case_id)
    officer = service.officer(referral["office_code"])
    assert await _sees(service, referral, officer) == (200, True)
    assert await service.hear(CaseSealed(case_id=case_id)) is Outcome.APPLIED
    assert await _sees(service, referral, officer) == (404, False)
    assert await _sees(service, referral, service.manager()) == (404, False)
    assert (await service.act(referral, "accept")).status_code == 404
    assert await service.hear(CaseUnsealed(case_id=case_id)) is Outcome.APPLIED
    assert await _sees(service, referral, officer) == (200, True)


async def test_a_transferred_case_takes_its_referrals_along_and_the_office_keeps_what_it_has(service: Service) -> None:
    case_id = await service.decide("ZAKAT")
    referral = await _row(service, case_id)
    assert await service.hear(CaseTransferred(case_id=case_id, district_code="12.71.01")) is Outcome.APPLIED
    assert await _sees(service, referral, service.issuer.headers("supervisor", region="12.74")) == (404, False)
    assert await _sees(service, referral, service.issuer.headers("supervisor", region="12.71")) == (200, True)
    assert await _sees(service, referral, service.officer(referral["office_code"])) == (200, True)


async def test_no_partner_hears_of_it_and_every_service_does(service: Service) -> None:
    await service.act(await _restricted(service), "accept")
    await service.decide("ZAKAT")
    async with service.database.read() as session:
        rows = await session.rows("SELECT DISTINCT topic, headers::text LIKE '%referral-accepted%' AS act FROM outbox")
    by_topic = {(row.topic, row.act) for row in rows}
    assert by_topic == {
        ("slrt.referral.restricted.v1", False),
        ("slrt.referral.restricted.v1", True),
        ("slrt.referral.referral.v1", False),
    }
