"""Facts: what somebody observed, never overwritten. What was not known to the later one stands beside it, until a
person chooses.

What holds of one thing (a case or a person of it, and a code) is a multi-value register: its heads are the observations
that no later one has replaced. A new observation replaces the heads that its observer knew, and those of the same
device that were made before; any other head that says something else is a conflict, and both are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

NOTE: Final = "note"
"""The code of words that answer no question: they contradict nothing."""


class FactSource(StrEnum):
    """Where a fact comes from."""

    VISIT = "visit"
    DESK = "desk"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True)
class Head:
    """An observation that counts. ``digest`` tells values apart without opening them; ``sequence`` is the device's."""

    fact_id: UUID
    digest: bytes | None
    device_id: UUID | None
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What becomes of the heads: which are ``replaced``, which stay and ``contradict``; ``older`` is the new one when
    a later one of the same device came before it."""

    replaced: frozenset[UUID]
    contradict: frozenset[UUID]
    older: bool


def take(heads: Iterable[Head], new: Head, knew: Iterable[UUID]) -> Taken:
    """How a new observation goes with the heads there are. ``knew`` are the facts that its observer had before them."""
    known = frozenset(knew)
    replaced: set[UUID] = set()
    contradict: set[UUID] = set()
    for head in heads:
        is_own = head.device_id is not None and head.device_id == new.device_id
        if is_own and (head.sequence or 0) > (new.sequence or 0):
            return Taken(frozenset(), frozenset(), older=True)
        if is_own or head.fact_id in known:
            replaced.add(head.fact_id)
        elif head.digest != new.digest:
            contradict.add(head.fact_id)
    return Taken(frozenset(replaced), frozenset(contradict), older=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """An observation on its way into the store. ``said_at`` is the device's clock, ``observed_at`` that corrected."""

    fact_id: UUID
    case_id: UUID
    person_id: UUID | None
    visit_id: UUID | None
    checklist: str | None
    code: str
    value: object
    digest: bytes
    source: FactSource
    said_at: datetime
    observed_at: datetime
    recorded_at: datetime
    recorded_by: str
    device_id: UUID | None
    sequence: int | None
    item_id: UUID | None
    replaces: frozenset[UUID]
    older: bool
