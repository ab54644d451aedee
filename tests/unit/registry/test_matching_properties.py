"""Matching does not depend on the order of the candidates, and finds again whom it recorded."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from slrt_contracts.codes import NikStatus
from slrt_contracts.types import FamilyId, PersonId
from slrt_kit.regions import RegionCode
from slrt_registry.domain.matching import CaseMatch, StatedCase, StatedPerson, match_case
from slrt_registry.domain.numbers import identifying_number
from slrt_registry.domain.person import Person

VILLAGE = RegionCode("12.74.03.1002")

# Few values, so that people collide in every way.
names = st.sampled_from(
    ["Siti Aminah", "Sitti Amina", "Budi", "Budi Santoso", "Rina Wati", "Rini Wati", "Moh. Ali", "-", "Muhammad Ali"]
)
niks = st.sampled_from(
    [None, "-", "0000000000000000", "1274035708859001", "1274035708859002", "1274031203149003", "12740312031490"]
)
births = st.sampled_from([None, date(1985, 8, 17), date(2014, 3, 12)])
sexes = st.sampled_from([None, "L", "P"])
cards = st.sampled_from([None, "-", "1274031505159001", "1274031505159002"])


@st.composite
def cases(draw: st.DrawFn) -> StatedCase:
    people = [
        StatedPerson(ref=UUID(int=ref), name=draw(names), nik=draw(niks), birth_date=draw(births), sex=draw(sexes))
        for ref in range(1, 1 + draw(st.integers(0, 5)))
    ]
    return StatedCase(village_code=VILLAGE, kk_number=draw(cards), persons=people)


class Known:
    """What the registry knows; `record` does with a match what the use case does."""

    def __init__(self) -> None:
        self.persons: list[Person] = []
        self.kk_of: dict[FamilyId, str | None] = {}

    def match(self, stated: StatedCase, *, order: Sequence[Person] | None = None) -> CaseMatch:
        return match_case(stated, self.persons if order is None else order, self.kk_of)

    def record(self, stated: StatedCase) -> dict[UUID, PersonId]:
        found = self.match(stated)
        family_id = found.family_id or FamilyId(UUID(int=1000 + len(self.kk_of)))
        self.kk_of[family_id] = self.kk_of.get(family_id) or stated.kk
        result: dict[UUID, PersonId] = {}
        for person in found.persons:
            if person.person_id is None:
                recorded = Person(
                    person_id=PersonId(UUID(int=1 + len(self.persons))),
                    regency_code=RegionCode("12.74"),
                    village_code=VILLAGE,
                    name=person.stated.name,
                    nik=person.nik,
                    nik_status=NikStatus.NONE,
                    birth_date=person.stated.birth_date,
                    sex=person.stated.sex,
                    family_id=family_id,
                )
                self.persons.append(recorded)
            else:
                recorded = next(p for p in self.persons if p.person_id == person.person_id)
                recorded.nik = recorded.nik or person.nik
                recorded.birth_date = recorded.birth_date or person.stated.birth_date
                recorded.sex = recorded.sex or person.stated.sex
                if recorded.family_id is None or stated.kk is not None:
                    recorded.family_id = family_id
            result |= dict.fromkeys(person.refs, recorded.person_id)
        return result


@given(st.lists(cases(), min_size=1, max_size=4), st.randoms())
def test_the_order_of_the_candidates_does_not_matter(told: list[StatedCase], random: object) -> None:
    known = Known()
    for case in told[:-1]:
        known.record(case)
    shuffled = list(known.persons)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert known.match(told[-1]) == known.match(told[-1], order=shuffled)


@given(st.lists(cases(), min_size=1, max_size=4))
def test_a_case_told_again_finds_the_people_whom_it_can_know_again(told: list[StatedCase]) -> None:
    known = Known()
    for case in told[:-1]:
        known.record(case)
    last = told[-1]
    first, kept = known.record(last), len(known.persons)
    again = known.record(last)
    if last.kk is not None:
        nameless = {p.ref for p in last.persons if p.name == "-"}
        assert {ref: found for ref, found in again.items() if ref not in nameless} == {
            ref: found for ref, found in first.items() if ref not in nameless
        }
        assert len(known.persons) <= kept + len(nameless)


@given(st.lists(cases(), min_size=1, max_size=4))
def test_every_person_of_a_case_is_somebody_and_no_two_are_one_by_mistake(told: list[StatedCase]) -> None:
    known = Known()
    for case in told:
        found = known.match(case)
        refs = [ref for person in found.persons for ref in person.refs]
        assert sorted(refs) == sorted(person.ref for person in case.persons)
        known_ids = [person.person_id for person in found.persons if person.person_id is not None]
        assert len(known_ids) == len(set(known_ids))
        known.record(case)
        numbers = [person.nik for person in known.persons if person.nik is not None]
        assert len(numbers) == len(set(numbers))
        assert all(identifying_number(number) == number for number in numbers)


@given(st.lists(cases(), min_size=1, max_size=4))
def test_two_families_never_hold_one_card(told: list[StatedCase]) -> None:
    known = Known()
    for case in told:
        known.record(case)
    held = [number for number in known.kk_of.values() if number is not None]
    assert len(held) == len(set(held))
