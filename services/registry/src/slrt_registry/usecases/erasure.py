"""Erase a person, or hold what is kept of one."""

from collections.abc import Mapping
from datetime import datetime

from slrt_contracts.codes import ErasureReason
from slrt_kit.clock import day_of
from slrt_kit.privacy.retention import RetentionClass
from slrt_kit.problems import ErasedError
from slrt_registry.domain.erasure import ErasureFacts, check_may_be_erased, erased_in
from slrt_registry.domain.person import Person
from slrt_registry.ports import Registry


async def erase_person(
    person: Person, reason: ErasureReason, *, registry: Registry, classes: Mapping[str, RetentionClass], at: datetime
) -> int:
    """Erase a person, and a family of which nobody is left. Every service, ours too, destroys its keys by the event.

    Returns how many cases the person was in.

    Raises:
        ErasedError: it was done before. RetentionError, UnlinkedCaseError: nothing is changed.
    """
    facts = await check_erasable(person, registry=registry, classes=classes, at=at)
    families = await registry.families_without(person)
    for family in families:
        family.kk_number, family.erased = None, True
    person.erase(reason, cases=erased_in(facts), at=at)
    await registry.save(persons=[person], families=families)
    return len(facts.cases)


async def check_erasable(
    person: Person, *, registry: Registry, classes: Mapping[str, RetentionClass], at: datetime
) -> ErasureFacts:
    """What is known of a person who may be erased now.

    Raises:
        ErasedError: it was done before. RetentionError, UnlinkedCaseError: the record is to be kept.
    """
    if person.erased:
        raise ErasedError
    facts = await registry.erasure_facts(person)
    check_may_be_erased(facts, classes, today=day_of(at))
    return facts


async def set_legal_hold(person: Person, reason: str | None, *, registry: Registry) -> None:
    """Hold a person's data for an inquiry or a dispute, or let them go.

    Raises:
        ErasedError: there is nothing left to hold.
    """
    if person.erased:
        raise ErasedError
    person.legal_hold = reason
    await registry.save(persons=[person])
