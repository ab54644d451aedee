"""Find the persons and the family of a case among those whom the registry knows; a pure function over candidates.

Two people taken for one cannot be told apart again, while a doubled person can be joined later: in doubt a person
is new. Numbers that cannot be right are passed over and never refused (domain 8.1, 13.8).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from slrt_contracts.types import FamilyId, PersonId
from slrt_kit.regions import RegionCode
from slrt_registry.domain.names import SAME_ENOUGH, name_key, similarity, unlike
from slrt_registry.domain.numbers import identifying_number, same_but_for_slips
from slrt_registry.domain.person import Person


class Rule(StrEnum):
    """By what a person was found."""

    NIK = "nik"
    NAME_IN_FAMILY = "name_in_family"
    BIRTH_IN_FAMILY = "birth_in_family"
    BIRTH_IN_VILLAGE = "birth_in_village"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPerson:
    """A person as a case states them; ``ref`` is the case's own id of them, numbers as they were written."""

    ref: UUID
    name: str
    nik: str | None
    birth_date: date | None
    sex: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedCase:
    """The people of a case: one family, as it was stated, in one village."""

    village_code: RegionCode
    kk_number: str | None
    persons: Sequence[StatedPerson]

    @property
    def kk(self) -> str | None:
        """The KK number, when it can identify a family."""
        return identifying_number(self.kk_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMatch:
    """What became of one person of the case.

    ``person_id`` is None for a new one. ``refs`` are all the case's ids of that person (listed twice, found once).
    ``nik`` is the number to record: usable, and not somebody else's.
    """

    stated: StatedPerson
    refs: frozenset[UUID]
    person_id: PersonId | None
    rule: Rule
    nik: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMatch:
    """What became of a case. ``family_id`` is None for a new family. Every stated ``ref`` is in one person's refs."""

    family_id: FamilyId | None
    persons: Sequence[PersonMatch]


def match_case(stated: StatedCase, known: Iterable[Person], kk_of: Mapping[FamilyId, str | None]) -> CaseMatch:
    """Match a case against the candidates.

    ``known`` are the persons with one of the stated NIKs, those of the village with one of the stated birth dates,
    and all members of these persons' families and of the family with the stated KK number; ``kk_of`` has the KK
    number of each of these families. The order of the candidates does not matter.

    The rules, in this order; the first that finds somebody holds:

    1. the same NIK is the same person, unless name and birth date both say otherwise;
    2. the same KK number is the same family; without it, the family of a person found so far;
    3. in that family, the same name; then the same birth date and a similar name;
    4. in the village, the same birth date and a similar name (the same one, for somebody of another family);
    5. who is not found is new. Nobody is found twice.
    """
    return _Matcher(stated, known, kk_of).run()


class _Matcher:
    def __init__(self, stated: StatedCase, known: Iterable[Person], kk_of: Mapping[FamilyId, str | None]) -> None:
        self._stated = stated
        self._kk_of = kk_of
        self._known = sorted(known, key=lambda person: person.person_id)
        self._holder = {person.nik: person for person in self._known if person.nik is not None}
        self._people, self._refs = _each_once(stated.persons)
        self._niks = self._own_niks()
        self._free = {person.person_id: person for person in self._known}
        self._found: dict[int, tuple[Person, Rule]] = {}

    def run(self) -> CaseMatch:
        for index in range(len(self._people)):
            holder = self._holder_of(index)
            if holder is not None and not _somebody_else(self._people[index], holder):
                self._take(index, holder, Rule.NIK)
        family_id = self._family_of_card() or self._family_of_found()
        self._look_in_family(family_id)
        self._look(self._lives_here(family_id), self._born_alike, Rule.BIRTH_IN_VILLAGE)
        if family_id is None:
            family_id = self._family_of_found()
            self._look_in_family(family_id)
        return CaseMatch(family_id=family_id, persons=[self._match(index) for index in range(len(self._people))])

    def _own_niks(self) -> list[str | None]:
        """Each person's usable NIK; a number written for several people stays with the one it fits best."""
        niks = [identifying_number(person.nik) for person in self._people]
        owner: dict[str, int] = {}
        for index, nik in enumerate(niks):
            if nik is None:
                continue
            holder, first = self._holder.get(nik), owner.get(nik)
            if first is None or (holder is not None and self._fits_better(index, first, holder)):
                owner[nik] = index
        return [nik if nik is not None and owner[nik] == index else None for index, nik in enumerate(niks)]

    def _fits_better(self, index: int, first: int, holder: Person) -> bool:
        return self._likeness(index, holder) > self._likeness(first, holder)

    def _likeness(self, index: int, holder: Person) -> float:
        return similarity(self._people[index].name, holder.compared_name)

    def _family_of_card(self) -> FamilyId | None:
        kk = self._stated.kk
        return min((f for f, number in self._kk_of.items() if kk is not None and number == kk), default=None)

    def _family_of_found(self) -> FamilyId | None:
        for index in sorted(self._found):
            family_id = self._found[index][0].family_id
            if family_id is not None and not self._has_another_card(family_id):
                return family_id
        return None

    def _has_another_card(self, family_id: FamilyId) -> bool:
        stated, known = self._stated.kk, self._kk_of.get(family_id)
        return stated is not None and known is not None and not same_but_for_slips(stated, known)

    def _look_in_family(self, family_id: FamilyId | None) -> None:
        if family_id is None:
            return

        def belongs(_: StatedPerson, person: Person) -> bool:
            return person.family_id == family_id

        self._look(belongs, _named_alike, Rule.NAME_IN_FAMILY)
        self._look(belongs, self._born_alike, Rule.BIRTH_IN_FAMILY)

    def _lives_here(self, family_id: FamilyId | None) -> Callable[[StatedPerson, Person], bool]:
        def lives_here(stated: StatedPerson, person: Person) -> bool:
            if person.village_code != self._stated.village_code:
                return False
            elsewhere = person.family_id is not None and (
                family_id not in (None, person.family_id) or self._has_another_card(person.family_id)
            )
            return not elsewhere or _same_name(stated, person)

        return lives_here

    def _look(
        self,
        among: Callable[[StatedPerson, Person], bool],
        fit: Callable[[StatedPerson, Person], tuple[float, ...] | None],
        rule: Rule,
    ) -> None:
        """Give each person who is not found yet the best free candidate; the best fits of all choose first."""
        fits = []
        for index, stated in enumerate(self._people):
            if index in self._found:
                continue
            for person in self._free.values():
                if among(stated, person) and self._niks_allow(index, person):
                    quality = fit(stated, person)
                    if quality is not None:
                        fits.append((quality, index, person))
        for _, index, person in sorted(fits, key=lambda f: ([-q for q in f[0]], f[1], f[2].person_id)):
            if index not in self._found and person.person_id in self._free:
                self._take(index, person, rule)

    def _niks_allow(self, index: int, person: Person) -> bool:
        """Two different NIKs are two people; with the same name, a slip of the fingers is allowed for."""
        nik = self._niks[index]
        if nik is None or person.nik is None or nik == person.nik:
            return True
        return _same_name(self._people[index], person) and same_but_for_slips(nik, person.nik)

    def _born_alike(self, stated: StatedPerson, person: Person) -> tuple[float, ...] | None:
        if stated.birth_date is None or stated.birth_date != person.birth_date:
            return None
        if _differ(stated.sex, person.sex):
            return None
        alike = similarity(stated.name, person.compared_name)
        return (alike,) if alike >= SAME_ENOUGH else None

    def _take(self, index: int, person: Person, rule: Rule) -> None:
        self._found[index] = (person, rule)
        del self._free[person.person_id]

    def _match(self, index: int) -> PersonMatch:
        person, rule = self._found.get(index, (None, Rule.NEW))
        holder = self._holder_of(index)
        return PersonMatch(
            stated=self._people[index],
            refs=self._refs[index],
            person_id=None if person is None else person.person_id,
            rule=rule,
            nik=self._niks[index] if holder is None or holder is person else None,
        )

    def _holder_of(self, index: int) -> Person | None:
        """Who is on record with this person's NIK."""
        nik = self._niks[index]
        return None if nik is None else self._holder.get(nik)


def _each_once(persons: Sequence[StatedPerson]) -> tuple[list[StatedPerson], list[frozenset[UUID]]]:
    """The people of a case without repetition: who is client and head of the family may be listed as both."""
    people: list[StatedPerson] = []
    refs: list[frozenset[UUID]] = []
    for person in persons:
        for index, earlier in enumerate(people):
            if _listed_twice(earlier, person):
                people[index] = replace(
                    earlier,
                    nik=earlier.nik if identifying_number(earlier.nik) else person.nik or earlier.nik,
                    birth_date=earlier.birth_date or person.birth_date,
                    sex=earlier.sex or person.sex,
                )
                refs[index] |= {person.ref}
                break
        else:
            people.append(person)
            refs.append(frozenset({person.ref}))
    return people, refs


def _listed_twice(one: StatedPerson, other: StatedPerson) -> bool:
    if _differ(one.birth_date, other.birth_date) or _differ(one.sex, other.sex):
        return False
    niks = identifying_number(one.nik), identifying_number(other.nik)
    if niks[0] is not None and niks[0] == niks[1]:
        return similarity(one.name, other.name) >= SAME_ENOUGH
    return not _differ(*niks) and bool(name_key(one.name)) and name_key(one.name) == name_key(other.name)


def _somebody_else(stated: StatedPerson, holder: Person) -> bool:
    return _differ(stated.birth_date, holder.birth_date) and unlike(stated.name, holder.compared_name)


def _same_name(stated: StatedPerson, person: Person) -> bool:
    key = name_key(stated.name)
    return bool(key) and key == name_key(person.compared_name)


def _named_alike(stated: StatedPerson, person: Person) -> tuple[float, ...] | None:
    """Best with the same birth date and sex, worst with another; a slip in either does not make somebody else."""
    if not _same_name(stated, person):
        return None
    return (_agreement(stated.birth_date, person.birth_date), _agreement(stated.sex, person.sex))


def _agreement(one: object, other: object) -> float:
    if one is None or other is None:
        return 0.5
    return float(one == other)


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other
