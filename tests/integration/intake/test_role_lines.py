"""A regency says how its roles stand to each other: who stands in, whose list it is, and what they are called."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from slrt_contracts.codes import DutyRole
from slrt_kit.audit.entries import Actor
from slrt_kit.clock import new_uuid7
from slrt_kit.policy.book import PolicyBook
from slrt_kit.policy.changes import LEAD, PolicyChanges
from slrt_kit.policy.packaged import bring_in, packaged_documents
from slrt_kit.policy.problems import PolicyFindingsError
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import APPROVED

BEGINS = datetime(2026, 7, 1, 8, tzinfo=UTC)
RULES = PolicyRules.of("intake")
PACKAGED = packaged_documents("slrt_intake", RULES)
OTHER_LINE = """\
entries:
  # One coordinator of the regency stands between supervisors and manager, and desks have no other above them.
  coordinator:
    label: {id: koordinator SLRT, en: SLRT coordinator}
    level: regency
    reports_to: manager
    hears: [supervisor, manager]
  supervisor: {reports_to: coordinator, hears: [], follows: [cases]}
  front_office: {label: {id: loket, en: counter}, reports_to: manager}
"""


async def decree(intake: Any, roles: str, layer: str = "12.74", others: dict[str, str] | None = None) -> None:
    """Two people change what a layer, Tanjungbalai's, says of its roles, and it comes into force."""

    async def do(what: str, *arguments: Any, by: str, **more: Any) -> Any:
        async with intake.database.unit_of_work() as unit:
            unit.actor = Actor(subject=by)
            found = await getattr(PolicyChanges(unit, RULES), what)(*arguments, by=by, **more)
            await unit.commit()
        return found

    documents = (PACKAGED[layer] if others is None else others) | {"roles": roles}
    version = await do("propose", layer, documents, by="manajer", why="keputusan")
    await do("decide", layer, version.number, by="kepala", verdict=APPROVED, why=None)
    await do("activate", layer, version.number, by="kepala", effective_from=None, why="keputusan")
    intake.clock.move(seconds=2 * LEAD.total_seconds())
    await intake.runtime.deadlines.refresh()


@pytest.fixture(autouse=True)
async def _packaged(intake: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The policy of the package is in the database, nothing is open, and nobody is on duty."""
    intake.clock.move(seconds=(BEGINS - intake.clock.now()).total_seconds())
    await intake.rows_changed("TRUNCATE cases, needs, clocks, stalls, timeline, duties, policy_layers CASCADE")
    await bring_in(intake.database, RULES, PACKAGED)
    deadlines = intake.runtime.deadlines
    # Of this test alone: a book keeps what it has read, and versions never change but in tests.
    for name, new in {"_book": PolicyBook(RULES, intake.database), "_made": {}, "_roles": {}}.items():
        monkeypatch.setattr(deadlines, name, new)
    await deadlines.refresh()
    yield
    await intake.rows_changed("TRUNCATE policy_layers, duties CASCADE")


async def on_duty(intake: Any, *roles: str) -> None:
    for role in roles:
        await intake.rows_changed(
            "INSERT INTO duties (duty_id, version, event_sequence, officer, officer_id, role, area_code, first_day, "
            "made_by, made_at) VALUES (%(id)s, 1, 1, %(role)s, %(id)s, %(role)s, '12.74', %(day)s, 'admin-1', now())",
            id=new_uuid7(),
            role=role,
            day=date(2026, 1, 1),
        )


async def line(intake: Any, role: str, area: str = "12.74.03.1002", **more: str) -> list[str]:
    return [step["role"] for step in await steps(intake, role, area, **more)]


async def steps(intake: Any, role: str, area: str = "12.74.03.1002", **more: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in {"role": role, "area_code": area, **more}.items())
    answer = await intake.get(f"/v1/duties/line?{query}", "manager", region=area[:5])
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["steps"]
    return found


async def worklist(intake: Any, role: str, region: str = "12.74") -> list[dict[str, Any]]:
    answer = await intake.get("/v1/worklists", role, region=region)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def words(item: dict[str, Any], language: str = "id") -> list[str]:
    return [reason["says"][language] for reason in item["reasons"]]


async def lacks(intake: Any) -> dict[str, list[str]]:
    await intake.stalls.once()
    rows = await intake.rows("SELECT kind, lacks FROM stalls WHERE ended_at IS NULL")
    return {row.kind: list(row.lacks) for row in rows}


async def test_a_line_that_goes_in_a_circle_is_refused_and_the_old_one_goes_on(intake: Any) -> None:
    with pytest.raises(PolicyFindingsError):
        await decree(intake, "entries:\n  manager: {reports_to: supervisor}\n")
    assert (await line(intake, "facilitator"))[1:3] == ["supervisor", "manager"]


async def test_a_line_to_a_role_that_nobody_has_is_refused_where_a_roster_is_kept(intake: Any) -> None:
    await on_duty(intake, "supervisor", "back_office")
    with pytest.raises(PolicyFindingsError) as refused:
        await decree(intake, "entries:\n  front_office: {reports_to: manager}\n")
    assert {(each.code, each.place.line) for each in refused.value.findings} == {("role-nobody-holds", 2)}
    await decree(intake, "entries:\n  front_office: {reports_to: supervisor}\n")
    assert (await line(intake, "front_office"))[:2] == ["front_office", "supervisor"]


async def test_nobody_is_put_on_duty_as_what_the_regency_does_not_have(intake: Any) -> None:
    await decree(intake, "entries:\n  facilitator: {removed: true}\n")

    async def put(area: str) -> Any:
        body = {"officer": "rina-1", "role": "facilitator", "area_code": area, "first_day": "2026-07-01"}
        headers = intake.token("manager", region=area[:5]) | {"Idempotency-Key": uuid4().hex}
        return await intake.client.put(f"/v1/duties/{uuid4()}", json=body, headers=headers)

    refused = await put("12.74.03")
    assert (refused.status_code, refused.json()["reason"]) == (422, "role")
    assert (await put("12.71.01")).status_code == 201
    (row,) = await intake.rows("SELECT area_code FROM duties")
    assert row.area_code == "12.71.01"


async def test_things_go_up_by_the_line_of_the_regency_from_the_day_on_which_it_holds(intake: Any) -> None:
    await decree(intake, OTHER_LINE)
    assert (await line(intake, "facilitator"))[:4] == ["facilitator", "supervisor", "coordinator", "manager"]
    assert (await line(intake, "facilitator", "12.71.01"))[:3] == ["facilitator", "supervisor", "manager"]
    assert (await line(intake, "facilitator", on="2026-06-30"))[:3] == ["facilitator", "supervisor", "manager"]
    assert (await line(intake, "front_office"))[:2] == ["front_office", "manager"]
    said = {step["role"]: step["label"] for step in await steps(intake, "facilitator")}
    assert said["coordinator"] == {"id": "koordinator SLRT", "en": "SLRT coordinator"}
    assert said["head_of_office"] == {"id": "kepala dinas", "en": "head of the office"}


async def test_what_is_late_is_on_the_list_of_whoever_hears_there_and_in_the_words_of_the_place(intake: Any) -> None:
    case = await intake.register()
    intake.clock.move(days=5, minutes=120)
    await intake.timers.once()
    (before,) = await worklist(intake, "supervisor")
    assert words(before)[:2] == ["Giliran petugas depan", "Sudah naik ke supervisor"]
    assert await worklist(intake, "coordinator") == []
    await decree(intake, OTHER_LINE)
    (item,) = await worklist(intake, "coordinator")
    assert item["case_id"] == case["case_id"]
    assert words(item)[:2] == ["Giliran loket", "Sudah naik ke koordinator SLRT"]
    assert words(item, "en")[:2] == ["It is the turn of the counter", "It has come up to the SLRT coordinator"]


async def test_whoever_follows_all_cases_there_has_them_on_the_list_before_they_are_late(intake: Any) -> None:
    case = await intake.register()
    assert await worklist(intake, "supervisor") == []
    await decree(intake, OTHER_LINE)
    assert [each["case_id"] for each in await worklist(intake, "supervisor")] == [case["case_id"]]
    assert await worklist(intake, "supervisor", "12.71") == []


async def test_who_stands_in_and_who_hears_is_judged_by_the_line_of_the_regency(intake: Any) -> None:
    await intake.register()
    await on_duty(intake, "back_office", "coordinator", "head_of_office", "province_desk")
    missing = await lacks(intake)
    assert "no_owner" not in missing
    assert missing["no_escalation"] == ["supervisor", "manager"]
    await on_duty(intake, "manager")
    await decree(intake, OTHER_LINE)
    await on_duty(intake, "front_office")
    await intake.rows_changed("DELETE FROM duties WHERE role = 'manager'")
    # What goes up to the manager is heard by the coordinator.
    assert await lacks(intake) == {}
    await intake.rows_changed("DELETE FROM duties WHERE role = 'front_office'")
    # By the line of the nation the coordinator stood in for the counter; by this one nobody is left who does.
    assert (await lacks(intake))["no_owner"] == ["front_office"]


async def test_every_role_has_a_line_to_the_centre_in_both(intake: Any) -> None:
    for roles in (None, OTHER_LINE):
        if roles is not None:
            await decree(intake, roles)
        for role in DutyRole:
            assert (await line(intake, role))[-1] == "centre_desk"


async def test_a_policy_from_before_there_were_roles_goes_on_until_somebody_takes_them_over(intake: Any) -> None:
    older = {layer: {kind: text for kind, text in each.items() if kind != "roles"} for layer, each in PACKAGED.items()}
    await intake.rows_changed("TRUNCATE policy_layers CASCADE")
    await bring_in(intake.database, RULES, older)
    deadlines = intake.runtime.deadlines
    deadlines._book = PolicyBook(RULES, intake.database)
    await deadlines.refresh()
    assert (await line(intake, "facilitator"))[1:3] == ["supervisor", "manager"]
    with pytest.raises(PolicyFindingsError) as refused:
        await decree(intake, "entries:\n  supervisor: {hears: [supervisor]}\n")
    assert {(each.code, each.place.file) for each in refused.value.findings} == {
        ("incomplete-entry", "12.74/roles.yaml")
    }
    await decree(intake, PACKAGED["00"]["roles"], "00", older["00"])
    await decree(intake, OTHER_LINE)
    assert (await line(intake, "facilitator"))[1:3] == ["supervisor", "coordinator"]
