"""Take observations to the facts that there are: nothing is overwritten, what contradicts is kept and raised. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from slrt_intake.domain.fact import NOTE, FactSource, Head, NewFact, take
from slrt_intake.domain.problems import FactsDoNotFitError
from slrt_intake.domain.visit import Visit
from slrt_kit.clock import NewId
from slrt_kit.policy.checklists import Answer, Checklists

WORDS_ONLY: Final = "not-in-checklist"
"""The warning about an answer whose question this region does not, or no longer, have."""

Subject = tuple[UUID, UUID, str]
"""What a fact is about: the case, the person or the case again, and the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an item is about: a case by its id, by the item that registers it, or by a visit; and a person of it."""

    case_id: UUID | None = None
    case_item: UUID | None = None
    visit_id: UUID | None = None
    person_id: UUID | None = None
    person_ref: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsContent:
    """What was observed. ``knew`` are facts that the observer had in front of them, and so replaces."""

    place: Place
    checklist: str | None
    answers: Mapping[str, Answer]
    knew: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person of a case, and the key that facts about them go under."""

    person_id: UUID
    key_id: int


@dataclass(slots=True, kw_only=True)
class CaseOfItem:
    """A case that items refer to. ``is_reached``: the uploading officer may record things about it."""

    case_id: UUID
    village_code: str
    key_id: int
    is_reached: bool
    is_open_to_all: bool
    registered_by: str
    is_erased: bool = False
    persons: Sequence[Person] = ()


@dataclass(slots=True)
class References:
    """What the items of an upload refer to, as it is in the database; their cases are locked."""

    cases: Mapping[UUID, CaseOfItem]
    visits: dict[UUID, Visit]
    heads: dict[Subject, list[Head]]
    conflicts: dict[Subject, UUID]


@dataclass(frozen=True, slots=True)
class NewConflict:
    """Something that two observations say differently."""

    conflict_id: UUID
    case_id: UUID
    person_id: UUID | None
    code: str


@dataclass(slots=True)
class Writes:
    """What is to be written in the end."""

    facts: list[NewFact] = field(default_factory=list)
    conflicts: list[NewConflict] = field(default_factory=list)
    new_visits: list[Visit] = field(default_factory=list)
    ended_visits: list[Visit] = field(default_factory=list)


def person_of(case: CaseOfItem, place: Place) -> Person | None:
    """The person of the case that the place names, by id or by their place in the registration."""
    for n, person in enumerate(case.persons):
        if person.person_id == place.person_id or n == place.person_ref:
            return person
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who observed something, when and by what. ``said_at`` is the device's clock, ``at`` that corrected."""

    officer: str
    source: FactSource
    said_at: datetime
    at: datetime
    recorded_at: datetime
    device_id: UUID | None = None
    sequence: int | None = None
    item_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of observations: the new facts, the conflicts that they are part of, doubts about answers."""

    facts: list[UUID]
    conflicts: list[UUID]
    warnings: list[str]


class Observer:
    """Adds observations to the heads that there are, and raises conflicts. Pure."""

    def __init__(
        self, references: References, writes: Writes, digest: Callable[[Subject, object], bytes], new_id: NewId
    ) -> None:
        self._references = references
        self._writes = writes
        self._digest = digest
        self._new_id = new_id

    def observe(
        self,
        origin: Origin,
        content: FactsContent,
        known: Checklists,
        *,
        case: CaseOfItem,
        visit: Visit | None,
        person: Person | None,
    ) -> Observed:
        """Take all answers, or none.

        Raises:
            FactsDoNotFitError: an answer is none that its question takes.
        """
        observed = Observed([], [], check_answers(content, known))
        person_id = None if person is None else person.person_id
        for code, value in content.answers.items():
            subject = (case.case_id, person_id or case.case_id, code)
            fact_id = self._new_id() if origin.item_id is None else fact_id_of(origin.item_id, person_id, code)
            head = Head(fact_id, self._digest(subject, value), origin.device_id, origin.sequence)
            heads = self._references.heads.setdefault(subject, [])
            goes = take((), head, ()) if code == NOTE else take(heads, head, content.knew)
            self._writes.facts.append(
                NewFact(
                    fact_id=fact_id,
                    case_id=case.case_id,
                    person_id=person_id,
                    visit_id=None if visit is None else visit.visit_id,
                    checklist=content.checklist,
                    code=code,
                    value=value,
                    digest=head.digest or b"",
                    source=origin.source,
                    said_at=origin.said_at,
                    observed_at=origin.at,
                    recorded_at=origin.recorded_at,
                    recorded_by=origin.officer,
                    device_id=origin.device_id,
                    sequence=origin.sequence,
                    item_id=origin.item_id,
                    replaces=goes.replaced,
                    older=goes.older,
                )
            )
            observed.facts.append(fact_id)
            if not goes.older and code != NOTE:
                heads[:] = [*(each for each in heads if each.fact_id not in goes.replaced), head]
            if goes.contradict:
                observed.conflicts.append(self._conflict(subject, person_id))
        return observed

    def _conflict(self, subject: Subject, person_id: UUID | None) -> UUID:
        conflict = self._references.conflicts.get(subject)
        if conflict is None:
            conflict = self._references.conflicts[subject] = self._new_id()
            self._writes.conflicts.append(NewConflict(conflict, subject[0], person_id, subject[2]))
        return conflict


def fact_id_of(item_id: UUID, person_id: UUID | None, code: str) -> UUID:
    """The id of the fact that an answer of an item becomes: the device knows it, and it can be there only once."""
    return uuid5(item_id, f"{person_id or ''}/{code}")


def check_answers(content: FactsContent, checklists: Checklists) -> list[str]:
    """Doubts about answers: a device that was offline for days fills in the checklist of the day on which it left.

    Raises:
        FactsDoNotFitError: an answer is none that its question takes; ``errors`` says which.
    """
    wrong = []
    warnings = []
    for code, value in content.answers.items():
        question = checklists.question(content.checklist, code)
        if code == NOTE:
            continue
        if question is None:
            warnings.append(f"answers/{code}:{WORDS_ONLY}")
        elif not question.takes(value):
            wrong.append({"pointer": f"/answers/{code}", "code": question.answer.value})
    if wrong:
        raise FactsDoNotFitError(errors=wrong)
    return warnings
