"""Say whether a person may be erased now: what the law or an open matter keeps, and until when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from slrt_contracts.events.registry import ErasedInCase
from slrt_contracts.types import CaseId, PartyId
from slrt_kit.privacy.retention import RetentionClass
from slrt_registry.domain.problems import RetentionError, UnlinkedCaseError

OPEN_CASE, LEGAL_HOLD = "open-case", "legal-hold"
CASE_RECORD, PARTICIPATION_RECORD = "case-record", "participation-record"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOfPerson:
    """A case that a person is in. ``closed_on`` is a local date, None while it is open; ``party_ids`` are intake's."""

    case_id: CaseId
    closed_on: date | None
    party_ids: Collection[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureFacts:
    """What decides about an erasure. ``last_participation`` is the local date on which the newest one began."""

    cases: Sequence[CaseOfPerson]
    last_participation: date | None
    legal_hold: str | None


def check_may_be_erased(facts: ErasureFacts, classes: Mapping[str, RetentionClass], *, today: date) -> None:
    """Look at everything that forbids it; what lasts longest is named.

    Raises:
        RetentionError: naming the class, and until when where that is known.
        UnlinkedCaseError: a case does not know by which id intake knows the person: something would be left.
    """
    if facts.legal_hold is not None:
        raise _kept(classes[LEGAL_HOLD], None)
    if any(case.closed_on is None for case in facts.cases):
        raise _kept(classes[OPEN_CASE], None)
    periods = [(classes[CASE_RECORD], case.closed_on) for case in facts.cases if case.closed_on is not None]
    if facts.last_participation is not None:
        periods.append((classes[PARTICIPATION_RECORD], facts.last_participation))
    running = [(kept.until(begun), kept) for kept, begun in periods if kept.until(begun) > today]
    if running:
        until, kept = max(running, key=lambda each: each[0])
        raise _kept(kept, until)
    if any(not case.party_ids for case in facts.cases):
        raise UnlinkedCaseError


def erased_in(facts: ErasureFacts) -> tuple[ErasedInCase, ...]:
    """The cases as the event tells them."""
    return tuple(
        ErasedInCase(case_id=case.case_id, party_ids=tuple(PartyId(party) for party in sorted(case.party_ids)))
        for case in facts.cases
    )


def _kept(kept: RetentionClass, until: date | None) -> RetentionError:
    return RetentionError(kept.says, retention_class=kept.name, until=None if until is None else until.isoformat())
