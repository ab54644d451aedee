"""Who is found among whom the registry knows, and who is new; first what must not be taken for one."""

from datetime import date
from itertools import count
from uuid import UUID

import pytest

from slrt_contracts.codes import NikStatus
from slrt_contracts.types import FamilyId, PersonId
from slrt_kit.regions import RegionCode
from slrt_registry.domain.matching import CaseMatch, PersonMatch, Rule, StatedCase, StatedPerson, match_case
from slrt_registry.domain.person import Person

VILLAGE = RegionCode("12.74.03.1002")
OTHER_VILLAGE = RegionCode("12.74.05.1001")
KK, OTHER_KK = "1274031505159001", "1274052202209001"
NIK, CHILD_NIK = "1274035708859001", "1274031203149001"
BORN, CHILD_BORN = date(1985, 8, 17), date(2014, 3, 12)
FAMILY, OTHER_FAMILY = FamilyId(UUID(int=1001)), FamilyId(UUID(int=1002))
_numbers = count(1)


def known(name: str, **facts: object) -> Person:
    """Somebody on record; in `FAMILY` and `VILLAGE` unless said otherwise."""
    values: dict[str, object] = {
        "nik": None,
        "birth_date": None,
        "sex": None,
        "family_id": FAMILY,
        "village_code": VILLAGE,
        "nik_status": NikStatus.NONE,
        "regency_code": RegionCode("12.74"),
    }
    return Person(person_id=PersonId(UUID(int=next(_numbers))), name=name, **(values | facts))  # type: ignore[arg-type]


def stated(name: str, *, nik: str | None = None, born: date | None = None, sex: str | None = None) -> StatedPerson:
    """Somebody as a case states them."""
    return StatedPerson(ref=UUID(int=next(_numbers)), name=name, nik=nik, birth_date=born, sex=sex)


def match(
    *people: StatedPerson,
    among: list[Person],
    kk: str | None = None,
    cards: dict[FamilyId, str | None] | None = None,
) -> CaseMatch:
    """Match a case of `VILLAGE`; the families of the candidates have no card unless ``cards`` says so."""
    families: dict[FamilyId, str | None] = {p.family_id: None for p in among if p.family_id is not None}
    return match_case(StatedCase(village_code=VILLAGE, kk_number=kk, persons=people), among, families | (cards or {}))


def only(found: CaseMatch) -> PersonMatch:
    assert len(found.persons) == 1
    return found.persons[0]


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filler", ["-", "0000000000000000", "1234567890123456", "tidak ada", "12740357"])
def test_people_entered_with_the_same_filler_are_not_one(filler: str) -> None:
    mother = known("Siti Aminah", nik=None)
    found = match(stated("Rahmat Hidayat", nik=filler), among=[mother])
    assert only(found).rule is Rule.NEW
    assert only(found).nik is None


@pytest.mark.parametrize("filler", ["-", "0000000000000000", "tidak punya"])
def test_families_entered_with_the_same_filler_are_not_one(filler: str) -> None:
    assert match(stated("Budi"), among=[known("Budi")], kk=filler, cards={FAMILY: None}).family_id is None


def test_a_case_without_anybody_finds_nobody() -> None:
    found = match(among=[known("Siti Aminah")])
    assert found == CaseMatch(family_id=None, persons=[])


def test_names_that_are_no_names_are_not_one() -> None:
    found = match(stated("-", born=BORN), among=[known("??", birth_date=BORN)], kk=KK, cards={FAMILY: KK})
    assert only(found).rule is Rule.NEW


def test_twins_with_like_names_are_two() -> None:
    rina = known("Rina Wulandari", birth_date=CHILD_BORN, sex="P")
    found = match(stated("Rini Wulandari", born=CHILD_BORN, sex="P"), among=[rina], kk=KK, cards={FAMILY: KK})
    assert found.family_id == FAMILY
    assert only(found).rule is Rule.NEW


def test_two_with_one_name_and_birth_date_but_other_niks_are_two() -> None:
    namesake = known("Ahmad", nik="1274031708859007", birth_date=BORN, family_id=OTHER_FAMILY)
    found = match(stated("Ahmad", nik="3604111708859312", born=BORN), among=[namesake])
    assert only(found).rule is Rule.NEW


def test_a_nik_that_meets_another_name_and_another_birth_date_is_a_slip() -> None:
    mother = known("Siti Aminah", nik=NIK, birth_date=BORN)
    found = match(stated("Rahmat Hidayat", nik=NIK, born=CHILD_BORN), among=[mother])
    assert only(found).rule is Rule.NEW
    assert only(found).nik is None, "the number stays with whom it was recorded for"


def test_a_number_written_for_two_people_stays_with_the_one_it_fits() -> None:
    mother = known("Siti Aminah", nik=NIK)
    found = match(stated("Budi Santoso", nik=NIK), stated("Siti Aminah", nik=NIK), among=[mother])
    child, parent = found.persons
    assert (child.rule, child.nik) == (Rule.NEW, None)
    assert (parent.person_id, parent.rule) == (mother.person_id, Rule.NIK)


def test_nobody_is_found_twice() -> None:
    budi = known("Budi", birth_date=CHILD_BORN)
    twice = [stated("Budi", sex="L"), stated("Budi", sex="P")]
    found = match(*twice, among=[budi], kk=KK, cards={FAMILY: KK})
    assert sorted(p.rule for p in found.persons) == [Rule.NAME_IN_FAMILY, Rule.NEW]


def test_a_like_name_born_the_same_day_in_another_village_is_somebody_else() -> None:
    there = known("Siti Aminah", birth_date=BORN, village_code=OTHER_VILLAGE)
    assert only(match(stated("Siti Aminah", born=BORN), among=[there])).rule is Rule.NEW


def test_another_sex_is_not_found_by_birth_date() -> None:
    him = known("Dian Lestari", birth_date=BORN, sex="L")
    assert only(match(stated("Dian Lestari", born=BORN, sex="P"), among=[him])).rule is Rule.NEW


def test_a_like_name_on_another_card_is_somebody_else() -> None:
    neighbour = known("Nurhayatti Siregar", birth_date=BORN, family_id=OTHER_FAMILY)
    found = match(
        stated("Nurhayati Siregat", born=BORN), among=[neighbour], kk=KK, cards={FAMILY: KK, OTHER_FAMILY: OTHER_KK}
    )
    assert only(found).rule is Rule.NEW


# -- who is found -----------------------------------------------------------------------------------------------


def test_the_same_nik_is_the_same_person_wherever_and_however_called() -> None:
    her = known("Siti Aminah", nik=NIK, birth_date=BORN, village_code=OTHER_VILLAGE)
    found = match(stated("Ibu Minah", nik="1274 0357 0885 9001", born=date(1985, 8, 7)), among=[her])
    assert (only(found).person_id, only(found).rule) == (her.person_id, Rule.NIK)
    assert found.family_id == FAMILY


def test_the_same_name_on_the_same_card_is_the_same_person_with_no_nik() -> None:
    child = known("Budi Santoso")
    found = match(stated("BUDI  SANTOSO"), among=[child, known("Siti Aminah", nik=NIK)], kk=KK, cards={FAMILY: KK})
    assert (only(found).person_id, only(found).rule) == (child.person_id, Rule.NAME_IN_FAMILY)


def test_the_same_name_on_the_same_card_forgives_a_wrong_birth_date() -> None:
    child = known("Budi Santoso", birth_date=CHILD_BORN)
    found = match(stated("Budi Santoso", born=date(2014, 12, 3)), among=[child], kk=KK, cards={FAMILY: KK})
    assert only(found).person_id == child.person_id


def test_the_same_name_on_the_same_card_forgives_a_slip_in_the_nik_and_keeps_the_first() -> None:
    her = known("Siti Aminah", nik=NIK)
    found = match(stated("Siti Aminah", nik="1274035708859007"), among=[her], kk=KK, cards={FAMILY: KK})
    assert (only(found).person_id, only(found).rule) == (her.person_id, Rule.NAME_IN_FAMILY)


def test_of_two_with_one_name_the_one_born_that_day_is_meant() -> None:
    elder, younger = known("Ahmad", birth_date=BORN), known("Ahmad", birth_date=CHILD_BORN)
    found = match(stated("Ahmad", born=CHILD_BORN), among=[elder, younger], kk=KK, cards={FAMILY: KK})
    assert only(found).person_id == younger.person_id


def test_a_like_name_born_the_same_day_in_the_family_is_the_same_person() -> None:
    child = known("Muhammad Zaki", birth_date=CHILD_BORN)
    mother = known("Siti Aminah", nik=NIK)
    found = match(stated("Siti Aminah", nik=NIK), stated("Moh. Zakki", born=CHILD_BORN), among=[child, mother])
    assert [p.person_id for p in found.persons] == [mother.person_id, child.person_id]
    assert found.family_id == FAMILY


def test_a_like_name_born_the_same_day_in_the_village_is_the_same_person() -> None:
    her = known("Siti Aminah Lubis", birth_date=BORN, family_id=None)
    found = match(stated("Sitti Aminah", born=BORN), among=[her])
    assert (only(found).person_id, only(found).rule) == (her.person_id, Rule.BIRTH_IN_VILLAGE)


def test_whoever_brings_the_family_brings_its_nameless_numbers_too() -> None:
    """Found by birth date in the village, she leads to her family, in which her son is found by his name."""
    her, son = known("Siti Aminah", birth_date=BORN), known("Budi Santoso")
    found = match(stated("Budi Santoso"), stated("Siti Aminah", born=BORN), among=[her, son])
    assert [p.person_id for p in found.persons] == [son.person_id, her.person_id]
    assert found.family_id == FAMILY


def test_exact_names_choose_before_like_ones() -> None:
    zaki, zakiah = known("Nur Zakiyah", birth_date=CHILD_BORN), known("Nur Zakiya", birth_date=CHILD_BORN, sex="P")
    found = match(
        stated("Nur Zakia", born=CHILD_BORN),
        stated("Nur Zakiyah", born=CHILD_BORN),
        among=[zaki, zakiah],
        kk=KK,
        cards={FAMILY: KK},
    )
    assert found.persons[1].rule is Rule.NAME_IN_FAMILY
    assert len({p.person_id for p in found.persons}) == 2


def test_somebody_listed_twice_is_one_person_with_both_references() -> None:
    client, head = stated("Siti Aminah", nik=NIK), stated("Ibu Siti Aminah", born=BORN)
    person = only(match(client, head, among=[]))
    assert person.refs == {client.ref, head.ref}
    assert (person.nik, person.stated.birth_date) == (NIK, BORN)


# -- which family ------------------------------------------------------------------------------------------------


def test_the_same_card_is_the_same_family_even_when_nobody_in_it_is_known() -> None:
    found = match(stated("Budi Santoso"), among=[], kk="1274 0315 0515 9001", cards={FAMILY: KK})
    assert found.family_id == FAMILY
    assert only(found).rule is Rule.NEW


def test_a_family_without_a_card_is_found_by_its_people() -> None:
    assert match(stated("Siti", nik=NIK), among=[known("Siti", nik=NIK)], kk=KK).family_id == FAMILY


def test_another_card_is_another_family_also_for_somebody_known() -> None:
    her = known("Siti Aminah", nik=NIK)
    found = match(stated("Siti Aminah", nik=NIK), among=[her], kk=OTHER_KK, cards={FAMILY: KK})
    assert (only(found).person_id, found.family_id) == (her.person_id, None)


def test_a_slip_in_the_card_is_the_same_family_when_its_people_are_known() -> None:
    her = known("Siti Aminah", nik=NIK)
    found = match(stated("Siti Aminah", nik=NIK), among=[her], kk="1274031505159010", cards={FAMILY: KK})
    assert found.family_id == FAMILY


def test_the_card_of_the_case_counts_more_than_where_its_people_were() -> None:
    her = known("Siti Aminah", nik=NIK, family_id=OTHER_FAMILY)
    found = match(stated("Siti Aminah", nik=NIK), among=[her], kk=KK, cards={FAMILY: KK, OTHER_FAMILY: OTHER_KK})
    assert found.family_id == FAMILY
