"""A policy is changed by two people, is sound in every region at every planned moment, and stays as it was approved."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import psycopg
import pytest
from tests.integration.policy.conftest import Desk, office, offices

from slrt_kit.db import Database
from slrt_kit.policy.changes import LEAD
from slrt_kit.policy.packaged import SINCE_EVER, bring_in
from slrt_kit.policy.problems import (
    PolicyAtOnceError,
    PolicyDecidedError,
    PolicyFindingsError,
    PolicyNeverInForceError,
    PolicyNotApprovedError,
    PolicyTooSoonError,
    PolicyUnchangedError,
)
from slrt_kit.policy.store import APPROVED, PACKAGE, REJECTED, PolicyStore, in_force
from slrt_kit.problems import NotFoundError, SeparationOfDutiesError
from slrt_kit.testing import FixedClock

CENTRE = offices(office("00.SLRT", functions="SLRT"))
REGENCY = offices(office("12.74.SOSIAL"))


async def numbers(database: Database, at: datetime) -> dict[str, int]:
    async with database.read() as session:
        return in_force(await PolicyStore(session).activations(), at)


async def count(database: Database, table: str) -> int:
    async with database.read() as session:
        found: int = await session.value(f"SELECT count(*) FROM {table}")  # noqa: S608 — a constant
        return found


async def test_a_draft_with_a_finding_is_not_kept(desk: Desk) -> None:
    with pytest.raises(PolicyFindingsError) as refused:
        await desk.do("propose", "00", offices(office("00.SLRT", functions="SRLT")), by="manajer", why="")
    assert [each.code for each in refused.value.findings] == ["unknown-code"]
    assert await count(desk.database, "policy_versions") == 0


async def test_a_draft_of_a_region_that_nobody_knows_is_not_kept(desk: Desk) -> None:
    with pytest.raises(PolicyFindingsError):
        await desk.do("propose", "99.98", offices(), by="manajer", why="")


async def test_nobody_approves_their_own_draft(desk: Desk) -> None:
    await desk.do("propose", "00", CENTRE, by="manajer", why="")
    with pytest.raises(SeparationOfDutiesError):
        await desk.do("decide", "00", 1, by="manajer", verdict=APPROVED, why=None)


async def test_nobody_approves_their_own_draft_in_the_database_either(desk: Desk, policy_url: str) -> None:
    await desk.do("propose", "00", CENTRE, by="manajer", why="")
    with psycopg.connect(policy_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "UPDATE policy_versions SET verdict = 'approved', decided_by = 'manajer', decided_at = now()"
        )


@pytest.mark.parametrize("verdict", [APPROVED, REJECTED])
async def test_a_draft_is_decided_once(verdict: str, desk: Desk) -> None:
    await desk.do("propose", "00", CENTRE, by="manajer", why="")
    await desk.do("decide", "00", 1, by="kepala", verdict=verdict, why="rapat")
    with pytest.raises(PolicyDecidedError):
        await desk.do("decide", "00", 1, by="lain", verdict=APPROVED, why=None)


async def test_what_was_not_approved_is_not_activated(desk: Desk) -> None:
    await desk.do("propose", "00", CENTRE, by="manajer", why="")
    for _ in range(2):
        with pytest.raises(PolicyNotApprovedError):
            await desk.do("activate", "00", 1, by="kepala", effective_from=None, why="")
        if await count(desk.database, "policy_versions WHERE verdict IS NULL"):
            await desk.do("decide", "00", 1, by="kepala", verdict=REJECTED, why="belum")


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.do("decide", "00", 1, by="kepala", verdict=APPROVED, why=None)
    with pytest.raises(NotFoundError):
        await desk.do("roll_back", "00", 1, by="kepala", effective_from=None, why="")


@pytest.mark.parametrize("ahead", [timedelta(days=-1), timedelta(0), LEAD - timedelta(seconds=1)])
async def test_nothing_begins_in_the_past_or_too_soon(ahead: timedelta, desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.do("propose", "00", CENTRE, by="manajer", why="")
    await desk.do("decide", "00", 1, by="kepala", verdict=APPROVED, why=None)
    with pytest.raises(PolicyTooSoonError):
        await desk.do("activate", "00", 1, by="kepala", effective_from=fixed_clock.now() + ahead, why="")
    assert await count(desk.database, "policy_activations") == 0


async def test_two_versions_never_begin_at_once(desk: Desk, fixed_clock: FixedClock) -> None:
    at = fixed_clock.now() + timedelta(days=1)
    await desk.put_into_force("00", CENTRE, effective_from=at)
    with pytest.raises(PolicyAtOnceError):
        await desk.put_into_force("00", offices(office("00.SLRT", functions="SLRT, PMD")), effective_from=at)
    assert await count(desk.database, "policy_activations") == 1


async def test_a_policy_begins_on_a_leap_day(desk: Desk) -> None:
    at = datetime(2028, 2, 28, 17, tzinfo=UTC)  # 29 February in Jakarta
    await desk.put_into_force("00", CENTRE, effective_from=at)
    assert await numbers(desk.database, at) == {"00": 1}
    assert await numbers(desk.database, at - timedelta(microseconds=1)) == {}


async def test_what_is_in_force_is_not_proposed_again(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    with pytest.raises(PolicyUnchangedError):
        await desk.do("propose", "00", CENTRE, by="manajer", why="")


HOURS = 'entries:\n  office:\n    label: {id: Jam, en: Hours}\n    hours: {monday: [{from: "08:00", to: "12:00"}]}\n'


async def test_a_forgotten_file_repeals_nothing(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE | {"calendar": HOURS})
    fixed_clock.move(minutes=1)
    with pytest.raises(PolicyFindingsError) as refused:
        await desk.do("propose", "00", {"calendar": f"{HOURS}# other\n"}, by="manajer", why="")
    assert [(str(each.place), each.code) for each in refused.value.findings] == [("00/offices.yaml", "left-out")]


async def test_a_change_above_that_breaks_a_region_below_is_refused(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    changed = {"offices": "entries:\n  00.SLRT: {name: Sekretariat kami}\n"}
    await desk.put_into_force("12.74", changed)
    fixed_clock.move(minutes=1)
    with pytest.raises(PolicyFindingsError) as refused:
        await desk.do("propose", "00", offices(office("00.PMD", functions="PMD")), by="manajer", why="")
    assert {str(each.place) for each in refused.value.findings} == {"12.74/offices.yaml:2"}


async def test_a_change_above_is_checked_against_what_is_planned_below(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    later = fixed_clock.now() + timedelta(days=30)
    await desk.put_into_force(
        "12.74", {"offices": "entries:\n  00.SLRT: {name: Sekretariat kami}\n"}, effective_from=later
    )
    with pytest.raises(PolicyFindingsError) as refused:
        await desk.put_into_force("00", offices(office("00.PMD", functions="PMD")))
    assert {str(each.place) for each in refused.value.findings} == {"12.74/offices.yaml:2"}


async def test_one_person_goes_back_to_what_was_in_force(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    with pytest.raises(PolicyNeverInForceError):
        await desk.do("roll_back", "00", 1, by="kepala", effective_from=None, why="")
    second = offices(office("00.SLRT", functions="SLRT"), office("00.PMD", functions="PMD"))
    assert await desk.put_into_force("00", second) == 2
    with pytest.raises(PolicyNeverInForceError):
        await desk.do("roll_back", "00", 2, by="kepala", effective_from=None, why="")
    fixed_clock.move(minutes=1)
    assert await numbers(desk.database, fixed_clock.now()) == {"00": 2}
    await desk.do("roll_back", "00", 1, by="kepala", effective_from=None, why="keluhan")
    assert await numbers(desk.database, fixed_clock.now() + LEAD) == {"00": 1}


async def test_one_goes_back_to_a_version_that_had_fewer_files(desk: Desk, fixed_clock: FixedClock) -> None:
    first = await desk.put_into_force("12.74", REGENCY)
    fixed_clock.move(minutes=1)
    await desk.put_into_force("12.74", REGENCY | {"layer": "parent: 12\n"})
    fixed_clock.move(minutes=1)
    back = await desk.do("roll_back", "12.74", first, by="kepala", effective_from=None, why="ditunda")
    assert (back.number, back.kind) == (first, "rollback")


async def test_what_was_approved_stays_as_it_is(desk: Desk, policy_url: str) -> None:
    await desk.put_into_force("00", CENTRE)
    for statement in (
        "UPDATE policy_versions SET documents = '{}'",
        "UPDATE policy_versions SET verdict = 'rejected'",
        "DELETE FROM policy_versions",
        "UPDATE policy_activations SET number = 1",
        "DELETE FROM policy_activations",
    ):
        with psycopg.connect(policy_url) as connection, pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement)


async def test_each_step_is_on_record_and_an_activation_is_told(desk: Desk) -> None:
    await desk.put_into_force("12.74", REGENCY)
    async with desk.database.read() as session:
        entries = [orjson.loads(each) for each in await session.values("SELECT entry FROM audit_unsealed ORDER BY id")]
        (told,) = await session.rows("SELECT topic, key_sequence, convert_from(payload, 'UTF8') AS said FROM outbox")
    assert [(each["subject"], each["action"]) for each in entries] == [
        ("manajer", "policy-proposed"),
        ("kepala", "policy-approved"),
        ("kepala", "policy-activated"),
    ]
    said = orjson.loads(told.said)
    assert (told.topic, told.key_sequence) == ("slrt.referral.policy.v1", 1)
    assert (said["layer"], said["number"], said["effective_from"]) == ("12.74", 1, "2026-07-01T08:00:10Z")
    assert set(said) == {"policy_id", "layer", "number", "effective_from"}


async def test_two_who_activate_different_layers_at_once_do_not_pass_each_other(
    desk: Desk, fixed_clock: FixedClock
) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    without = await desk.do("propose", "00", offices(office("00.PMD", functions="PMD")), by="manajer", why="")
    below = await desk.do("propose", "12.74", {"offices": "entries:\n  00.SLRT: {name: Kami}\n"}, by="manajer", why="")
    for layer, version in (("00", without), ("12.74", below)):
        await desk.do("decide", layer, version.number, by="kepala", verdict=APPROVED, why=None)

    def looked_up_slowly(_: str) -> bool:
        time.sleep(0.3)
        return True

    desk.rules = replace(desk.rules, is_region=looked_up_slowly)  # the other one could commit meanwhile
    done = await asyncio.gather(
        desk.do("activate", "12.74", below.number, by="kepala", effective_from=None, why=""),
        desk.do("activate", "00", without.number, by="kepala", effective_from=None, why=""),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["Activation", "PolicyFindingsError"]


async def test_of_two_who_activate_at_the_same_instant_one_does(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("00", CENTRE)
    fixed_clock.move(minutes=1)
    for functions in ("SLRT, PMD", "SLRT, NAKER"):
        version = await desk.do("propose", "00", offices(office("00.SLRT", functions=functions)), by="manajer", why="")
        await desk.do("decide", "00", version.number, by="kepala", verdict=APPROVED, why=None)
    at = fixed_clock.now() + timedelta(days=1)
    done = await asyncio.gather(
        *(desk.do("activate", "00", number, by="kepala", effective_from=at, why="") for number in (2, 3)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["Activation", "PolicyAtOnceError"]
    assert await count(desk.database, "policy_activations") == 2
    (kept,) = [each for each in done if not isinstance(each, BaseException)]
    assert await numbers(desk.database, at) == {"00": kept.number}


async def test_one_does_not_go_back_to_what_would_be_wrong_by_now(desk: Desk, fixed_clock: FixedClock) -> None:
    await desk.put_into_force("12.74", {"offices": "entries:\n" + office("12.74.SOSIAL")})
    fixed_clock.move(minutes=1)
    await desk.put_into_force("12.74", {"offices": "entries:\n" + office("12.74.PMD", functions="PMD")})
    fixed_clock.move(minutes=1)
    # The village's office goes by what is in force; the older version has nothing of that name to take away.
    await desk.put_into_force("12.74.05", {"offices": "entries:\n  12.74.PMD: {removed: true}\n"})
    fixed_clock.move(minutes=1)
    with pytest.raises(PolicyFindingsError) as refused:
        await desk.do("roll_back", "12.74", 1, by="kepala", effective_from=None, why="")
    assert [f"{each.place} {each.code}" for each in refused.value.findings] == [
        "12.74.05/offices.yaml:2 removes-nothing"
    ]
    assert (await numbers(desk.database, fixed_clock.now() + LEAD))["12.74"] == 2


# -- what comes with the package --------------------------------------------------------------------------------------


async def test_the_first_package_is_in_force_since_ever(desk: Desk) -> None:
    assert await bring_in(desk.database, desk.rules, {"00": CENTRE, "12.74": REGENCY}) == ["00", "12.74"]
    assert await numbers(desk.database, SINCE_EVER) == {"00": 1, "12.74": 1}
    assert await bring_in(desk.database, desk.rules, {"00": CENTRE, "12.74": REGENCY}) == []
    assert await count(desk.database, "outbox") == 2


async def test_a_later_package_follows_where_nobody_changed_anything(desk: Desk, fixed_clock: FixedClock) -> None:
    await bring_in(desk.database, desk.rules, {"00": CENTRE, "12.74": REGENCY})
    own = offices(office("12.74.SOSIAL"), office("12.74.PMD", functions="PMD"))
    await desk.put_into_force("12.74", own)
    fixed_clock.move(minutes=1)
    newer = {
        each: {"offices": texts["offices"] + "# newer\n"} for each, texts in {"00": CENTRE, "12.74": REGENCY}.items()
    }
    assert await bring_in(desk.database, desk.rules, newer) == ["00", "12.74"]
    assert await numbers(desk.database, fixed_clock.now()) == {"00": 1, "12.74": 2}
    assert await numbers(desk.database, fixed_clock.now() + LEAD) == {"00": 2, "12.74": 2}
    async with desk.database.read() as session:
        kept = await PolicyStore(session).version("12.74", 3)
    assert kept is not None
    assert (kept.origin, kept.verdict) == (PACKAGE, APPROVED)


async def test_a_package_that_would_break_a_region_is_kept_and_not_activated(
    desk: Desk, fixed_clock: FixedClock
) -> None:
    await bring_in(desk.database, desk.rules, {"00": CENTRE})
    await desk.put_into_force("12.74", {"offices": "entries:\n  00.SLRT: {name: Kami}\n"})
    fixed_clock.move(minutes=1)
    await bring_in(desk.database, desk.rules, {"00": offices(office("00.PMD", functions="PMD"))})
    assert await numbers(desk.database, fixed_clock.now() + LEAD) == {"00": 1, "12.74": 1}
