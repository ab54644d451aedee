"""A draft is tried on what really happened: who would have had what, what would be late; and nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from tests.integration.referral.conftest import Service

from slrt_kit.access import Scope
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.what_if.running import Question, what_if
from slrt_kit.testing import FixedClock

RULES = PolicyRules.of("referral")
PACKAGED = packaged_documents("slrt_referral", RULES)
NATION, CITY = PACKAGED["00"], PACKAGED["12.74"]
URL = "/v1/policy/what-if/search"
# A Wednesday, 15.00 in Tanjungbalai.
BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)
QUICKER = NATION | {"sla": NATION["sla"].replace("{working_days: 3}", "{working_days: 1}")}
OTHER_OWNER = CITY | {
    "routing": """\
entries:
  road-unknown-owner:
    to: {function: PERKIM, level: regency}
"""
}


@pytest.fixture(autouse=True)
async def _policy(service: Service, fixed_clock: FixedClock) -> AsyncIterator[None]:
    """The packaged policy in the database too, and a Wednesday."""
    with psycopg.connect(service.database.url) as connection:
        connection.execute("TRUNCATE policy_layers CASCADE")
        connection.execute("DELETE FROM clocks")
    await bring_in(service.database, RULES, PACKAGED)
    fixed_clock.move(seconds=(BEGINS - fixed_clock.now()).total_seconds())
    yield
    with psycopg.connect(service.database.url) as connection:
        connection.execute("TRUNCATE policy_layers CASCADE")
        connection.execute("DELETE FROM clocks")


async def ask(service: Service, layers: Mapping[str, Any], role: str = "centre_desk", **more: Any) -> Any:
    """The answer to a manager, or to whom is named."""
    region = more.pop("of", None)
    headers = service.issuer.headers(role, region=region) | {"Accept-Language": "en"}
    return await service.client.post(URL, json={"layers": layers} | more, headers=headers)


async def found(service: Service, layers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What a draft would have changed."""
    answer = await ask(service, layers, **more)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def told(region: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """How often who was told of whose lateness, by the policy in force and by the draft."""
    return {
        f"{each['effect']} {each['audience']} of {each['owner']}": (each["before"], each["after"])
        for each in region["notices"]
    }


def digest(url: str) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and what they are."""
    with psycopg.connect(url) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
            )
        ]
        query = "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
        return {name: connection.execute(query.format(name)).fetchone() or (0, "") for name in names}


async def test_a_shorter_time_shows_how_much_earlier_and_how_much_more_is_late(
    service: Service, fixed_clock: FixedClock
) -> None:
    first = await service.decide("ADMINDUK")
    fixed_clock.move(days=1)  # Thursday 15.00: within one working day, as in three
    await service.act((await service.referrals(first))["ADMINDUK"], "accept")
    second = await service.decide("ADMINDUK")
    fixed_clock.move(days=4)  # Monday 15.00: two working days have gone by
    await service.act((await service.referrals(second))["ADMINDUK"], "accept")
    await service.decide("ADMINDUK")
    fixed_clock.move(days=2)  # Wednesday: the third is open, and a day over its one day
    difference = await found(service, {"00": QUICKER})
    (region,) = difference["regions"]
    assert region["region"] == "12.74"
    acceptance = next(each for each in region["deadlines"] if each["sla_class"] == "owner-acceptance")
    assert (acceptance["count"], acceptance["still_open"], acceptance["moved"]) == (3, 1, 3)
    # Two working days of 7.5 hours: Wednesday, Thursday and Monday, each to two days earlier.
    assert acceptance["shift_minutes"] == {"least": -900, "median": -900, "most": -900}
    assert (acceptance["late_before"], acceptance["late_after"]) == (0, 2)
    feedback = next(each for each in region["deadlines"] if each["sla_class"] == "owner-feedback")
    assert (feedback["count"], feedback["moved"], feedback["shift_minutes"]) == (2, 0, None)
    assert (region["routed"], region["routes"]) == (3, [])
    assert told(region) == {
        "remind owner of 12.74.DUKCAPIL": (0, 3),
        "escalate owner of 12.74.DUKCAPIL": (0, 2),
        "escalate supervisor of 12.74.DUKCAPIL": (0, 2),
    }


async def test_another_chain_shows_who_would_have_heard_of_it(service: Service, fixed_clock: FixedClock) -> None:
    case = await service.decide("ADMINDUK")
    await service.decide("JALAN")
    fixed_clock.move(days=7)  # due on Monday 15.00; by Wednesday 15.00 it is two working days late
    await service.act((await service.referrals(case))["ADMINDUK"], "accept")
    fixed_clock.move(days=2)  # Friday: who was answered is told no more, the road's office is four days late
    steps = NATION["escalation"].replace(
        '"+3wd", effect: escalate, whom: [manager]', '"+1wd", effect: escalate, whom: [manager]'
    )
    (region,) = (await found(service, {"00": NATION | {"escalation": steps}}))["regions"]
    assert {each["moved"] for each in region["deadlines"]} == {0}
    assert told(region) == {
        "remind owner of 12.74.DUKCAPIL": (1, 1),
        "escalate owner of 12.74.DUKCAPIL": (1, 1),
        "escalate supervisor of 12.74.DUKCAPIL": (1, 1),
        "escalate manager of 12.74.DUKCAPIL": (0, 1),
        "remind owner of 12.74.PUPR": (1, 1),
        "escalate owner of 12.74.PUPR": (1, 1),
        "escalate supervisor of 12.74.PUPR": (1, 1),
        "escalate manager of 12.74.PUPR": (1, 1),
    }


async def test_an_owner_whose_time_it_is_by_the_draft_is_who_would_have_heard(
    service: Service, fixed_clock: FixedClock
) -> None:
    await service.decide("ADMINDUK")
    fixed_clock.move(days=6)
    workflow = NATION["workflow"].replace(
        "    owner: office\n    clock: owner-acceptance", "    owner: manager\n    clock: owner-acceptance"
    )
    (region,) = (await found(service, {"00": NATION | {"workflow": workflow}}))["regions"]
    assert told(region) == {
        "remind owner of 12.74.DUKCAPIL": (1, 0),
        "escalate owner of 12.74.DUKCAPIL": (1, 0),
        "escalate supervisor of 12.74.DUKCAPIL": (1, 0),
        "remind owner of manager": (0, 1),
        "escalate owner of manager": (0, 1),
        "escalate supervisor of manager": (0, 1),
    }


async def test_another_rule_shows_who_would_have_had_what(service: Service, fixed_clock: FixedClock) -> None:
    roads = [await service.decide("JALAN") for _ in range(2)]
    await service.decide("ADMINDUK")
    fixed_clock.move(minutes=90)
    difference = await found(service, {"12.74": OTHER_OWNER})
    (region,) = difference["regions"]
    (route,) = region["routes"]
    ids = {(await service.referrals(case))["JALAN"]["referral_id"] for case in roads}
    assert (route["need"], route["count"], set(route["examples"])) == ("JALAN", 2, ids)
    assert route["before"] == {"office": "12.74.PUPR", "rule": "road-unknown-owner", "after": []}
    assert route["after"]["office"] == "12.74.PERKIM"
    loads = {each.pop("office"): tuple(each.values()) for each in region["offices"]}
    assert loads == {
        "12.74.DUKCAPIL": (1, 1, 90, 90),
        "12.74.PERKIM": (0, 2, 0, 180),
        "12.74.PUPR": (2, 0, 180, 0),
    }


async def test_what_cannot_be_played_again_is_counted_with_its_reason(service: Service) -> None:
    split = await service.decide("JALAN")
    older = await service.decide("JALAN")
    declined = (await service.referrals(await service.decide("JALAN")))["JALAN"]
    answer = await service.act(
        declined, "decline", {"reason_code": "other_owner", "better_office_code": "12.74.PERKIM"}
    )
    assert answer.status_code == 200, answer.text
    with psycopg.connect(service.database.url) as connection:
        connection.execute("UPDATE referrals SET routed_in = '12.74.99' WHERE case_id = %s", (split,))
        connection.execute("UPDATE referrals SET attributes = NULL WHERE case_id = %s", (older,))
    difference = await found(service, {"12.74": OTHER_OWNER})
    reasons = {each["reason"]: (each["count"], each["says"]) for each in difference["not_judged"]}
    assert reasons == {
        "chosen-by-person": (1, "a person named the office, not a rule"),
        "facts-not-kept": (1, "the facts that rules ask for were not kept"),
        "unknown-region": (1, "its region is there no longer (was it split?)"),
    }
    (region,) = difference["regions"]
    assert (region["routed"], region["routes"][0]["count"]) == (1, 1)


async def test_what_lies_where_no_draft_reaches_is_not_looked_into(service: Service) -> None:
    await service.decide("JALAN")
    elsewhere = {"34.04": PACKAGED["34.04"] | {"routing": OTHER_OWNER["routing"]}}
    difference = await found(service, elsewhere)
    assert (difference["regions"], difference["judged"], difference["outside"]) == ([], 0, 2)


async def test_a_referral_that_is_kept_from_most_is_counted_and_never_named(service: Service) -> None:
    await service.decide_restricted("JALAN")
    (region,) = (await found(service, {"12.74": OTHER_OWNER}))["regions"]
    assert (region["routes"][0]["count"], region["routes"][0]["examples"]) == (1, [])


async def test_a_step_that_had_no_deadline_is_named_and_not_guessed(service: Service) -> None:
    case = await service.decide("ADMINDUK")
    accepted = (await service.act((await service.referrals(case))["ADMINDUK"], "accept")).json()
    await service.act(accepted, "complete", {"outcome_code": "fulfilled"})
    old, new = (
        "    clock: none  # the resident may confirm",
        "    owner: office\n    clock: urgent  # the resident may confirm",
    )
    draft = NATION | {"workflow": NATION["workflow"].replace(old, new)}
    difference = await found(service, {"00": draft})
    assert (difference["new_deadlines"], difference["not_judged"]) == (["completed"], [])
    assert {each["sla_class"] for each in difference["regions"][0]["deadlines"]} == {
        "owner-acceptance",
        "owner-feedback",
    }


async def test_offices_are_those_of_the_day_that_is_asked_for(service: Service) -> None:
    await service.decide("JALAN")
    merged = CITY["offices"].replace("12.74.PUPR: {", "12.74.PUPR: {valid_to: 2026-12-31, ") + (
        '  12.74.PUTR: {functions: [PUPR], name: "Dinas PUTR", valid_from: 2027-01-01}\n'
    )
    draft = {"12.74": CITY | {"offices": merged}}
    assert (await found(service, draft))["regions"][0]["routes"] == []
    (route,) = (await found(service, draft, day="2027-01-01"))["regions"][0]["routes"]
    assert (route["before"]["office"], route["after"]["office"]) == ("12.74.PUPR", "12.74.PUTR")


async def test_a_version_that_was_proposed_is_tried_as_well_as_a_draft(service: Service) -> None:
    await service.decide("JALAN")
    headers = service.issuer.headers("manager", region="12.74") | {"Idempotency-Key": "one"}
    body = {"documents": OTHER_OWNER, "why": "Perda Kota Tanjungbalai 4/2026"}
    proposed = await service.client.post("/v1/policy/layers/12.74/versions", json=body, headers=headers)
    assert proposed.status_code == 201, proposed.text
    number = proposed.json()["number"]
    for role in ("manager", "head_of_office"):
        answer = await ask(service, {}, role, of="12.74", versions={"12.74": number})
        assert answer.json()["regions"][0]["routes"][0]["count"] == 1
    assert (await ask(service, {}, versions={"12.74": 99})).status_code == 404


@pytest.mark.parametrize(
    ("role", "of", "body", "status", "slug"),
    [
        ("facilitator", "12.74", {"layers": {"12.74": OTHER_OWNER}}, 403, "forbidden"),
        ("opd_officer", "12.74", {"layers": {"12.74": OTHER_OWNER}}, 403, "forbidden"),
        ("auditor", "12.74", {"layers": {"12.74": OTHER_OWNER}}, 403, "forbidden"),
        ("manager", "34.04", {"layers": {"12.74": OTHER_OWNER}}, 403, "forbidden"),
        ("manager", "12.74", {"layers": {"00": QUICKER}}, 403, "forbidden"),
        ("manager", "12.74", {"layers": {"12.74": OTHER_OWNER}, "region": "12.05"}, 403, "forbidden"),
        ("manager", "12.74", {"layers": {}}, 422, "invalid-request"),
        ("manager", "12.74", {"layers": {"12.74": OTHER_OWNER}, "versions": {"12.74": 1}}, 422, "invalid-request"),
        ("manager", "12.74", {"layers": {"12.74": OTHER_OWNER}, "days": 0}, 422, "invalid-request"),
        ("manager", "12.74", {"layers": {"12.74": OTHER_OWNER}, "day": "2027-02-29"}, 422, "invalid-request"),
        ("manager", "12.74", {"layers": {"12.74": {"offices": "entires: {}\n"}}}, 422, "policy-findings"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    role: str, of: str, body: dict[str, Any], status: int, slug: str, service: Service
) -> None:
    answer = await service.client.post(URL, json=body, headers=service.issuer.headers(role, region=of))
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:slrt:problem:{slug}")


async def test_nothing_is_written_and_the_same_question_has_the_same_answer(
    service: Service, fixed_clock: FixedClock
) -> None:
    await service.decide("JALAN", "ADMINDUK", "PIP")
    fixed_clock.move(days=9)
    before = digest(service.database.url)
    first = await found(service, {"00": QUICKER, "12.74": OTHER_OWNER})
    assert first["regions"][0]["routes"]
    assert await found(service, {"00": QUICKER, "12.74": OTHER_OWNER}) == first
    assert digest(service.database.url) == before


async def test_whoever_stops_in_the_middle_leaves_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await service.decide("JALAN")
    reached = asyncio.Event()

    async def stay() -> bool:
        reached.set()
        await asyncio.Event().wait()
        return True

    before = digest(service.database.url)
    app = service.client._transport.app  # type: ignore[attr-defined]
    monkeypatch.setattr("starlette.requests.Request.is_disconnected", lambda _: stay())
    asking = asyncio.create_task(ask(service, {"12.74": OTHER_OWNER}))
    await reached.wait()
    assert app.state.what_if_turn.locked()
    second = await ask(service, {"12.74": OTHER_OWNER})
    assert (second.status_code, second.headers["Retry-After"]) == (503, "10")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    monkeypatch.undo()
    with psycopg.connect(service.database.url) as connection:
        left = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        ).fetchone()
    assert left == (0,)
    assert digest(service.database.url) == before
    assert (await ask(service, {"12.74": OTHER_OWNER})).status_code == 200


async def test_a_caller_who_has_left_is_not_worked_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await service.decide("JALAN")
    asked = 0

    async def has_left(_: object) -> bool:
        nonlocal asked
        asked += 1
        return True

    monkeypatch.setattr("starlette.requests.Request.is_disconnected", has_left)
    answer = await ask(service, {"12.74": OTHER_OWNER})
    assert (answer.status_code, asked) == (499, 1)


async def test_postgresql_itself_refuses_a_write_while_the_past_is_played(service: Service) -> None:
    class Writes:
        """A replay with a mistake in it."""

        def __init__(self, *_: object) -> None:
            self.column = "region"
            self.query = "SELECT '12' AS region WHERE nextval('outbox_seq_seq') > 0", {}

        def judge(self, row: object) -> None:
            """Nothing."""

    question = Question(drafts={"12.74": OTHER_OWNER}, versions={}, scope=Scope(everywhere=True))
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await what_if(service.database, RULES, question, replays=[Writes])
