"""The keys database is away: registrations go on with the keys in memory; whoever needs another is told so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from slrt_kit.db import Database
from slrt_kit.privacy.keys import KeyRing


@pytest.fixture
async def away(intake: Any) -> AsyncIterator[KeyRing]:
    """Its keys database does not answer; 40 keys are in memory, and none is remembered."""
    ring: KeyRing = intake.vault.keys
    await ring.take(1)
    there, free = ring._database, list(ring._free)
    ring._database = Database("postgresql://nobody@127.0.0.1:9/none", pool_size=2, pool="keys")
    ring._free = free[:40]
    ring._remembered.clear()
    yield ring
    ring._database, ring._free = there, free[40:]


async def test_registrations_go_on_with_the_keys_in_memory_and_then_ask_to_come_again(
    intake: Any, made: Any, away: KeyRing
) -> None:
    answers = [await intake.post("/v1/cases", made.registration()) for _ in range(22)]
    # A case takes one key and its person another.
    assert [answer.status_code for answer in answers] == [201] * 20 + [503] * 2
    refused = answers[-1]
    assert (refused.json()["type"], refused.headers["Retry-After"]) == ("urn:slrt:problem:service-unavailable", "2")
    # What is in the databases is whole, and who follows a case by its ticket needs no key.
    case = answers[0].json()
    known = {"ticket_number": case["ticket_number"], "phone_last4": "9901"}
    assert (await intake.client.post("/v1/tracking", json=known)).status_code == 200
    assert (await intake.get(f"/v1/cases/{case['case_id']}")).status_code == 200


async def test_who_reads_a_person_is_asked_to_come_again_and_shown_nothing_wrong(intake: Any, away: KeyRing) -> None:
    case = await intake.register()
    away._remembered.clear()
    headers = intake.asking("coordinator")
    answer = await intake.client.get(f"/v1/cases/{case['case_id']}/parties", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "erased" not in answer.text
