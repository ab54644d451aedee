"""A person: what a case completes and what it does not overwrite."""

from datetime import UTC, date, datetime
from uuid import UUID

from slrt_contracts.codes import NikStatus
from slrt_contracts.events.registry import PersonRecorded
from slrt_contracts.types import CaseId, FamilyId, PersonId
from slrt_kit.regions import RegionCode
from slrt_registry.domain.person import Person, PersonFacts

AT = datetime(2026, 7, 1, 8, tzinfo=UTC)
VILLAGE, MOVED_TO = RegionCode("12.74.03.1002"), RegionCode("36.04.11.2003")
CASE, FAMILY = CaseId(UUID(int=1)), FamilyId(UUID(int=2))


def facts(**changes: object) -> PersonFacts:
    values: dict[str, object] = {"name": "Budi", "nik": None, "nik_stated": False, "birth_date": None, "sex": None}
    return PersonFacts(**(values | changes))  # type: ignore[arg-type]


def recorded(stated: PersonFacts) -> Person:
    return Person.record(
        stated,
        person_id=PersonId(UUID(int=3)),
        regency_code=RegionCode("12.74"),
        village_code=VILLAGE,
        family_id=FAMILY,
        case_id=CASE,
        at=AT,
    )


def told(person: Person) -> list[PersonRecorded]:
    return [raised.event for raised in person.raised if isinstance(raised.event, PersonRecorded)]


def test_a_person_without_a_nik_is_told_as_one() -> None:
    assert told(recorded(facts()))[0].nik_status is NikStatus.NONE


def test_a_number_that_cannot_be_a_nik_leaves_the_person_unverified_without_one() -> None:
    person = recorded(facts(nik_stated=True))
    assert (person.nik, person.nik_status) == (None, NikStatus.UNVERIFIED)


def test_a_new_person_is_told_with_the_district_and_nothing_finer() -> None:
    event = told(recorded(facts(nik="1274031203149001", nik_stated=True)))[0]
    assert (event.district_code, event.nik_status, event.case_id) == ("12.74.03", NikStatus.UNVERIFIED, CASE)


def test_a_case_completes_what_is_missing_and_overwrites_nothing() -> None:
    person = recorded(facts(birth_date=date(2014, 3, 12)))
    later = facts(name="Budi Santoso", nik="1274031203149001", nik_stated=True, birth_date=date(2014, 12, 3), sex="L")
    person.find_again(later, village_code=VILLAGE, family_id=FAMILY, case_id=CASE, at=AT)
    assert (person.name, person.birth_date) == ("Budi", date(2014, 3, 12))
    assert (person.nik, person.nik_status, person.sex) == ("1274031203149001", NikStatus.UNVERIFIED, "L")
    again = facts(nik="1274031203149002", nik_stated=True)
    person.find_again(again, village_code=VILLAGE, family_id=FAMILY, case_id=CASE, at=AT)
    assert person.nik == "1274031203149001"


def test_what_the_population_register_said_is_not_forgotten() -> None:
    person = recorded(facts(nik="1274031203149001", nik_stated=True))
    person.nik_status = NikStatus.MATCHED
    person.find_again(facts(nik_stated=True), village_code=VILLAGE, family_id=FAMILY, case_id=CASE, at=AT)
    assert person.nik_status is NikStatus.MATCHED


def test_whoever_moved_is_told_where_they_live_now_and_kept_where_they_were_first_recorded() -> None:
    person = recorded(facts())
    person.find_again(facts(), village_code=MOVED_TO, family_id=FAMILY, case_id=CASE, at=AT)
    assert told(person)[-1].district_code == "36.04.11"
    assert person.regency_code == "12.74"
    assert [raised.key_sequence for raised in person.raised] == [1, 2]
