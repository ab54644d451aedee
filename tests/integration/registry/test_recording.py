"""What the registry makes of cases and outcomes, through its handlers, on a real PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from slrt_contracts.codes import NikStatus
from slrt_contracts.events.registry import (
    FamilyRecorded,
    ParticipationRecorded,
    PersonRecorded,
    ProgrammeNeedMet,
    ProgrammeNeedRecorded,
)
from slrt_kit.inbox import RawEvent
from slrt_kit.messaging.errors import TransientError
from slrt_kit.messaging.processor import Outcome
from slrt_kit.testing import raw_event

MOTHER_NIK, FATHER_NIK = "1274035708859001", "1274030311829002"
KK, OTHER_KK = "1274031505159001", "1274052202209001"
MakePerson = Callable[..., dict[str, Any]]


# -- what does not go well ------------------------------------------------------------------------------------


async def test_while_intake_is_away_nothing_happens_and_the_event_stays(service: Any, person: MakePerson) -> None:
    case = service.told(person("Siti Aminah"))
    service.intake.answer = httpx.Response(503)
    with pytest.raises(TransientError):
        await service.cases.process(case.raw)
    assert await service.count("persons") == await service.count("inbox") == await service.count("parked") == 0
    service.intake.answer = None
    assert await service.cases.process(case.raw) is Outcome.APPLIED


async def test_a_case_that_intake_does_not_show_is_parked_and_found_later(service: Any, person: MakePerson) -> None:
    case = service.told(person("Siti Aminah"))
    service.intake.answer = httpx.Response(200, json={"parties": []})
    assert await service.cases.process(case.raw) is Outcome.PARKED
    assert await service.parked() == ["the claim check shows no such case"]
    service.intake.answer = None
    service.clock.move(seconds=5)
    assert await service.cases.retry_parked() == 1
    assert await service.count("families") == 1


async def test_an_answer_that_was_not_agreed_is_parked_and_records_nothing(service: Any, person: MakePerson) -> None:
    case = service.told(person("Siti Aminah"))
    service.intake.answer = httpx.Response(200, json={"parties": [{"case_id": str(case.case_id)}]})
    assert await service.cases.process(case.raw) is Outcome.PARKED
    assert await service.count("cases") == 0


async def test_a_programme_that_is_newer_than_this_build_is_parked_and_records_nothing(
    service: Any, person: MakePerson
) -> None:
    case = service.told(person("Siti Aminah"))
    newer = case.raw.payload.replace(b'"programme_code":"BPBL"', b'"programme_code":"TABLET-SEKOLAH"')
    assert newer != case.raw.payload
    raw = RawEvent(case.raw.topic, case.raw.key, case.raw.headers, newer)
    assert await service.cases.process(raw) is Outcome.PARKED
    assert await service.parked() == ["the programme is newer than this build"]
    assert await service.count("persons") == 0


async def test_an_outcome_that_is_newer_than_this_build_is_parked_and_leaves_the_need(
    service: Any, person: MakePerson
) -> None:
    case = await service.record(person("Siti Aminah"))
    raw = service.completed(case, "BPBL")
    newer = RawEvent(raw.topic, raw.key, raw.headers, raw.payload.replace(b'"fulfilled"', b'"half_fulfilled"'))
    assert await service.outcomes.process(newer) is Outcome.PARKED
    assert (await service.records(case))["needs"][0]["status"] == "unmet"


async def test_a_case_about_no_person_is_ignored_without_asking_for_anybody(service: Any) -> None:
    case = service.told(needs=["JALAN"], has_subject=False)
    assert await service.cases.process(case.raw) is Outcome.IGNORED
    assert service.intake.requests == []
    found = await service.records(case)
    assert (found["family_id"], found["persons"], found["needs"]) == (None, [], [])
    assert await service.cases.process(case.raw) is Outcome.DUPLICATE, "it is on record"


async def test_a_case_whose_people_are_gone_is_ignored(service: Any) -> None:
    case = service.told(needs=["BPBL"])
    assert await service.cases.process(case.raw) is Outcome.IGNORED
    assert await service.count("families") == 0


async def test_outcomes_of_a_case_about_no_person_are_ignored(service: Any) -> None:
    case = service.told(needs=["JALAN"], has_subject=False)
    await service.cases.process(case.raw)
    assert await service.complete(case, "JALAN") is Outcome.IGNORED
    assert await service.parked() == []


async def test_the_outcome_of_a_need_without_a_programme_is_ignored(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Siti Aminah"), needs=["DOMISILI", "BPBL"])
    assert await service.complete(case, "DOMISILI") is Outcome.IGNORED


@pytest.mark.parametrize(("has_people", "need"), [(True, "BPBL"), (True, "DOMISILI"), (False, "JALAN")])
async def test_an_outcome_before_its_case_waits_parked_until_the_case_was_handled(
    service: Any, person: MakePerson, has_people: bool, need: str
) -> None:
    people = [person("Siti Aminah")] if has_people else []
    case = service.told(*people, needs=[need], has_subject=has_people)
    assert await service.complete(case, need) is Outcome.PARKED
    assert await service.parked() == ["the case is not recorded yet"]
    service.clock.move(seconds=2)
    assert await service.outcomes.retry_parked() == 0
    await service.cases.process(case.raw)
    service.clock.move(minutes=10)
    await service.outcomes.retry_parked()
    assert await service.parked() == []
    assert await service.count("participations") == (need == "BPBL")


async def test_a_second_outcome_of_a_need_is_parked_for_an_operator(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Siti Aminah"))
    assert await service.complete(case, "BPBL") is Outcome.APPLIED
    assert await service.complete(case, "BPBL", "not_eligible") is Outcome.PARKED
    assert await service.parked() == ["the need is settled already"]
    assert (await service.records(case))["needs"][0]["status"] == "met"


async def test_a_number_that_cannot_be_right_refuses_nobody(service: Any, person: MakePerson) -> None:
    await service.record(person("Siti Aminah", nik="-"), person("Rahmat Hidayat", nik="12740357"), kk="belum punya")
    await service.record(person("Budi Santoso", nik="-"), kk="belum punya")
    persons = await service.rows("SELECT nik_index, nik_status FROM persons")
    assert [tuple(row) for row in persons] == [(None, NikStatus.UNVERIFIED)] * 3
    assert [fields["nik"] for fields in await service.people()] == [None] * 3
    assert await service.count("families") == 2


# -- the story ------------------------------------------------------------------------------------------------


async def test_a_case_with_five_needs_records_its_people_and_four_unmet_needs(service: Any, person: MakePerson) -> None:
    mother = person("Siti Aminah", nik=MOTHER_NIK, born="1985-08-17", sex="P")
    child = person("Budi Santoso", born="2014-03-12", sex="L")
    case = await service.record(
        mother, child, needs={"BPBL": None, "PIP": 1, "ADMINDUK": 1, "JALAN": None, "DOMISILI": 0}, kk=KK
    )
    request = service.intake.requests[0]
    assert request.headers["purpose"] == "registry-record"
    found = await service.records(case)
    assert [p["found_by"] for p in found["persons"]] == ["new", "new"]
    first, second = (p["person_id"] for p in found["persons"])
    by_programme = {need["programme_code"]: need for need in found["needs"]}
    assert set(by_programme) == {"BPBL", "PIP", "ADMINDUK", "JALAN"}
    assert {need["status"] for need in found["needs"]} == {"unmet"}
    assert by_programme["PIP"]["person_id"] == by_programme["ADMINDUK"]["person_id"] == second
    assert by_programme["BPBL"]["person_id"] is None
    told = await service.outbox(case.case_id)
    people = {str(event.person_id): event for event in told if isinstance(event, PersonRecorded)}
    assert (people[first].nik_status, people[second].nik_status) == (NikStatus.UNVERIFIED, NikStatus.NONE)
    assert {str(event.family_id) for event in people.values()} == {found["family_id"]}
    family = [event for event in told if not isinstance(event, PersonRecorded)]
    assert [type(event) for event in family] == [FamilyRecorded] + [ProgrammeNeedRecorded] * 4
    sequences = await service.rows("SELECT key_sequence FROM outbox WHERE topic LIKE '%family%' ORDER BY seq")
    assert [row.key_sequence for row in sequences] == [1, 2, 3, 4, 5]


async def test_nothing_personal_is_in_the_events(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Siti Aminah", nik=MOTHER_NIK, born="1985-08-17", sex="P"), kk=KK)
    await service.complete(case, "BPBL")
    for row in await service.rows("SELECT headers::text || convert_from(payload, 'UTF8') AS said FROM outbox"):
        for personal in ("Siti", MOTHER_NIK, KK, "1985", "12.74.03.1002", "Melati"):
            assert personal not in row.said


async def test_a_case_delivered_again_is_applied_once(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Siti Aminah", nik=MOTHER_NIK), kk=KK)
    before = await service.count("outbox")
    assert await service.cases.process(case.raw) is Outcome.DUPLICATE
    assert len(service.intake.requests) == 1, "nor are the identities fetched again"
    assert await service.count("outbox") == before


async def test_a_case_told_twice_by_two_events_is_recorded_once(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Siti Aminah"))
    await service.complete(case, "BPBL")
    before = await service.records(case)
    assert await service.cases.process(raw_event(case.event)) is Outcome.APPLIED
    assert await service.records(case) == before


async def test_an_outcome_delivered_again_is_applied_once(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Siti Aminah"))
    raw = service.completed(case, "BPBL")
    assert [await service.outcomes.process(raw) for _ in range(2)] == [Outcome.APPLIED, Outcome.DUPLICATE]
    assert await service.count("participations") == 1


async def test_a_later_case_finds_everybody_again_also_without_a_nik(service: Any, person: MakePerson) -> None:
    mother, child = person("Siti Aminah", nik=MOTHER_NIK), person("Budi Santoso", born="2014-03-12")
    first = await service.record(mother, child, kk=KK)
    second = await service.record(
        person("BUDI SANTOSO"), person("Ibu Minah", nik="1274 0357 0885 9001"), kk=KK, needs={"PIP": 0}
    )
    before, after = await service.records(first), await service.records(second)
    assert after["family_id"] == before["family_id"]
    assert [(p["person_id"], p["found_by"]) for p in after["persons"]] == [
        (before["persons"][1]["person_id"], "name_in_family"),
        (before["persons"][0]["person_id"], "nik"),
    ]
    assert await service.count("persons") == 2
    told = [event for event in await service.outbox(second.case_id) if isinstance(event, FamilyRecorded)]
    assert [event.member_count for event in told] == [2]


async def test_a_nik_that_comes_later_is_added_to_who_had_none(service: Any, person: MakePerson) -> None:
    await service.record(person("Budi Santoso"), person("Siti Aminah", nik=MOTHER_NIK))
    await service.record(person("Budi Santoso", nik="1274031203149003"), person("Siti Aminah", nik=MOTHER_NIK))
    assert [fields["nik"] for fields in await service.people()] == [
        "1274031203149003",
        MOTHER_NIK,
    ]
    await service.record(person("Nak Budi", nik="1274031203149003"))
    assert await service.count("persons") == 2


async def test_whoever_is_on_a_new_card_changes_family_and_the_old_one_remembers(
    service: Any, person: MakePerson
) -> None:
    daughter = {"name": "Dewi Lestari", "nik": "1274035505999004"}
    at_home = await service.record(person("Siti Aminah", nik=MOTHER_NIK), person(**daughter), kk=KK)
    service.clock.move(days=30)
    married = await service.record(person(**daughter), kk=OTHER_KK, village="12.74.05.1001")
    old, new = await service.records(at_home), await service.records(married)
    assert old["family_id"] != new["family_id"]
    assert new["persons"][0]["person_id"] == old["persons"][1]["person_id"]
    seen = await service.client.get(f"/v1/families/{old['family_id']}", headers=service.manager())
    assert [member["name"] for member in seen.json()["members"]] == ["Siti Aminah"]
    ended = await service.rows("SELECT person_id FROM family_members WHERE left_at IS NOT NULL")
    assert [str(row.person_id) for row in ended] == [new["persons"][0]["person_id"]]


async def test_a_visit_without_a_card_moves_nobody(service: Any, person: MakePerson) -> None:
    aunt = {"name": "Dewi Lestari", "nik": "1274035505999004"}
    home = await service.record(person(**aunt), kk=OTHER_KK)
    visit = await service.record(person("Siti Aminah", nik=MOTHER_NIK), person(**aunt))
    records = await service.records(visit)
    assert records["family_id"] == (await service.records(home))["family_id"]
    stranger = await service.record(person("Rahmat", nik=FATHER_NIK), kk=KK)
    both = await service.record(person("Rahmat", nik=FATHER_NIK), person(**aunt))
    assert (await service.records(both))["family_id"] == (await service.records(stranger))["family_id"]
    for seen in (visit, home):
        person_id = (await service.records(seen))["persons"][-1]["person_id"]
        shown = (await service.client.get(f"/v1/persons/{person_id}", headers=service.manager())).json()
        assert (shown["name"], shown["family_id"]) == ("Dewi Lestari", records["family_id"])


# -- outcomes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("need", "outcome", "status", "holder"),
    [
        ("PIP", "fulfilled", "met", "person"),
        ("BPBL", "partly", "met", "family"),
        ("ADMINDUK", "fulfilled", "met", None),
        ("PIP", "not_eligible", "ended", None),
        ("BPBL", "proposed_waiting_quota", "ended", None),
    ],
)
async def test_an_outcome_settles_the_need_and_may_bring_participation(
    service: Any, person: MakePerson, need: str, outcome: str, status: str, holder: str | None
) -> None:
    case = await service.record(person("Budi Santoso"), needs={need: 0})
    assert await service.complete(case, need, outcome) is Outcome.APPLIED
    found = await service.records(case)
    assert [(n["status"], n["outcome_code"]) for n in found["needs"]] == [(status, outcome)]
    holders = [p["person_id"] for p in found["participations"]]
    assert holders == {"person": [found["persons"][0]["person_id"]], "family": [None], None: []}[holder]
    told = {type(event) for event in await service.outbox(case.case_id)}
    assert (ProgrammeNeedMet in told) == (status == "met")
    assert (ParticipationRecorded in told) == (holder is not None)


async def test_participation_starts_on_the_local_day_of_the_completion(service: Any, person: MakePerson) -> None:
    case = await service.record(person("Budi Santoso"), needs={"PIP": 0, "BPBL": None})
    await service.complete(case, "PIP", at=datetime(2026, 7, 8, 16, 59, tzinfo=UTC))
    await service.complete(case, "BPBL", at=datetime(2026, 7, 8, 17, 0, tzinfo=UTC))
    starts = {p["programme_code"]: p["starts_on"] for p in (await service.records(case))["participations"]}
    assert starts == {"PIP": "2026-07-08", "BPBL": "2026-07-09"}
