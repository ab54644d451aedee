"""A referral is explained by the version that chose its office, also when another one is in force."""

from typing import Any

import psycopg
import pytest
from tests.integration.policy.conftest import Desk
from tests.integration.referral.conftest import Service
from tests.integration.referral.test_what_if import CITY, OTHER_OWNER, PACKAGED, RULES

from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import bring_in
from slrt_kit.testing import FixedClock


@pytest.fixture
async def desk(service: Service) -> Any:
    """People who change the policy that the service goes by."""
    with psycopg.connect(service.database.url) as connection:
        connection.execute("TRUNCATE policy_layers CASCADE")
    await bring_in(service.database, RULES, PACKAGED)
    routing = service.client._transport.app.state.parts.routing  # type: ignore[attr-defined]
    book = PolicyBook(RULES, service.database)
    await book.refresh()
    routing._book = routing.offices._book = book
    yield Desk(service.database, RULES)
    with psycopg.connect(service.database.url) as connection:
        connection.execute("TRUNCATE policy_layers CASCADE")


async def told(service: Service, referral: Any) -> Any:
    path = f"/v1/referrals/{referral['referral_id']}/routing"
    return (await service.client.get(path, headers=service.manager())).json()


async def put_into_force(service: Service, desk: Desk, documents: dict[str, str], clock: FixedClock) -> None:
    await desk.put_into_force("12.74", documents)
    clock.move(minutes=1)
    await service.client._transport.app.state.parts.routing._book.refresh()  # type: ignore[attr-defined]


async def test_the_version_that_decided_explains_and_the_one_in_force_is_told_beside(
    service: Service, desk: Desk, fixed_clock: FixedClock
) -> None:
    referral = (await service.referrals(await service.decide("JALAN")))["JALAN"]
    assert (await told(service, referral))["in_force"]["otherwise"] is False
    await put_into_force(service, desk, OTHER_OWNER, fixed_clock)
    found = await told(service, referral)
    assert (found["explanation"]["policy_version"], found["explanation"]["office_code"]) == (
        "00:1,12:1,12.74:1",
        "12.74.PUPR",
    )
    assert found["in_force"] == {
        "policy_version": "00:1,12:1,12.74:2",
        "office_code": "12.74.PERKIM",
        "routing_rule": "road-unknown-owner",
        "otherwise": True,
    }


async def test_an_office_that_was_repealed_since_still_explains(
    service: Service, desk: Desk, fixed_clock: FixedClock
) -> None:
    referral = (await service.referrals(await service.decide("JALAN")))["JALAN"]
    renamed = CITY | {"offices": CITY["offices"].replace("12.74.PUPR:", "12.74.PUTR:")}
    await put_into_force(service, desk, renamed, fixed_clock)
    found = await told(service, referral)
    assert (found["explanation"]["office_code"], found["in_force"]["office_code"]) == ("12.74.PUPR", "12.74.PUTR")


async def test_a_version_from_before_there_were_layers_has_no_explanation(service: Service, desk: Desk) -> None:
    referral = (await service.referrals(await service.decide("JALAN")))["JALAN"]
    with psycopg.connect(service.database.url) as connection:
        connection.execute(
            "UPDATE referrals SET policy_version = '2026-10-01.1' WHERE referral_id = %s", (referral["referral_id"],)
        )
    found = await told(service, referral)
    assert (found["explanation"], found["in_force"]["otherwise"]) == (None, False)
