"""Whoever follows what offices have, and what they are called, is a regency's to say."""

from typing import Any

import pytest

from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.packaged import packaged_documents
from slrt_kit.policy.rules import PolicyRules

RULES = PolicyRules.of("referral")
PACKAGED = packaged_documents("slrt_referral", RULES)
OTHER_LINE = """\
entries:
  supervisor: {follows: [referrals], label: {id: pendamping, en: companion}}
  back_office: {follows: []}
  opd_officer: {follows: [referrals], hears: [supervisor]}
"""


@pytest.fixture(autouse=True)
async def _another_line(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tanjungbalai has a line of its own, and nothing is open."""
    documents = PACKAGED | {"12.74": PACKAGED["12.74"] | {"roles": OTHER_LINE}}
    deadlines = service.stalls._deadlines
    for name, new in {"_book": PolicyBook.of(RULES, documents), "_made": {}, "_roles": {}}.items():
        monkeypatch.setattr(deadlines, name, new)
    async with service.database.statement() as connection:
        await connection.run("TRUNCATE clocks CASCADE")


async def listed(service: Any, role: str, region: str = "12.74", **claims: Any) -> list[dict[str, Any]]:
    answer = await service.client.get("/v1/worklists", headers=service.issuer.headers(role, region=region, **claims))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_whoever_follows_referrals_there_sees_all_of_them(service: Any) -> None:
    await service.decide("ADMINDUK")
    assert [each["step"] for each in await listed(service, "supervisor")] == ["sent"]
    assert await listed(service, "back_office") == []
    assert [each["step"] for each in await listed(service, "coordinator")] == ["sent"]


async def test_a_line_gives_nobody_a_right(service: Any) -> None:
    await service.decide("ADMINDUK")
    async with service.database.statement() as connection:
        await connection.run("UPDATE clocks SET escalated = 1")
    assert len(await listed(service, "opd_officer", office="12.74.DUKCAPIL")) == 1
    assert await listed(service, "opd_officer", office="12.74.DIKBUD") == []


async def test_elsewhere_the_line_of_the_nation_holds(service: Any) -> None:
    await service.decide("ADMINDUK")
    # Above the regency it is the line of the province that says what a list has, and that is the nation's.
    assert [each["step"] for each in await listed(service, "back_office", "12")] == ["sent"]
    assert await listed(service, "supervisor", "12") == []


async def test_what_has_come_up_is_said_in_the_words_of_the_place(service: Any) -> None:
    await service.decide("ADMINDUK")
    async with service.database.statement() as connection:
        await connection.run("UPDATE clocks SET escalated = 1")
    (item,) = await listed(service, "supervisor")
    assert {"id": "Sudah naik ke pendamping", "en": "It has come up to the companion"} in [
        reason["says"] for reason in item["reasons"]
    ]
