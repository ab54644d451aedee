"""The shape of an expression: clauses on one fact each, joined by and, or, not; true, false or unknown.

A clause's truth for every value was asked of the CEL library when the expression was compiled. What is done here is
what the library does not: keep unknown apart from false (Kleene's logic, as CEL's own partial evaluation has it:
``unknown && false`` is false, and what was decided stays so when more becomes known), and tell which clause did what.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

from slrt_kit.policy.expressions.boxes import ANYTHING, Box, Values, product, smallest
from slrt_kit.policy.expressions.facts import Fact, Facts, Value

MOST_BOXES = 64
"""How entangled one expression may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A comparison of one fact with constants.

    ``truth`` is by value; ``otherwise`` for all values that are not in it: of a closed list there are none, so that a
    code which this build does not know leaves the clause unknown.
    """

    text: str
    fact: Fact
    truth: Mapping[Value, bool]
    otherwise: bool | None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.fact.name)

    def verdict(self, facts: Facts) -> bool | None:
        """True, false, or None for unknown."""
        value = facts.get(self.name)
        return None if value is None else self.truth.get(value, self.otherwise)

    def values(self, *, wanted: bool) -> Values:
        """The values of the fact for which it is so."""
        if self.otherwise is wanted:
            return Values(frozenset(value for value, is_so in self.truth.items() if is_so is not wanted), others=True)
        return Values(frozenset(value for value, is_so in self.truth.items() if is_so is wanted))

    def boxes(self, *, wanted: bool) -> tuple[Box, ...]:
        """See `Node`."""
        values = self.values(wanted=wanted)
        return ({self.name: values},) if values.possible else ()

    def clauses(self) -> Iterator["Clause"]:
        """See `Node`."""
        yield self


@dataclass(frozen=True, slots=True)
class Constant:
    """``true`` or ``false``."""

    is_so: bool

    def verdict(self, facts: Facts) -> bool | None:  # noqa: ARG002 — it asks nothing
        """See `Node`."""
        return self.is_so

    def boxes(self, *, wanted: bool) -> tuple[Box, ...]:
        """See `Node`."""
        return (ANYTHING,) if self.is_so is wanted else ()

    def clauses(self) -> Iterator[Clause]:
        """See `Node`."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; of unknown, unknown."""

    part: "Node"

    def verdict(self, facts: Facts) -> bool | None:
        """See `Node`."""
        found = self.part.verdict(facts)
        return None if found is None else not found

    def boxes(self, *, wanted: bool) -> tuple[Box, ...]:
        """See `Node`."""
        return self.part.boxes(wanted=not wanted)

    def clauses(self) -> Iterator[Clause]:
        """See `Node`."""
        return self.part.clauses()


@dataclass(frozen=True, slots=True)
class Joined:
    """All of the parts (``&&``, ``decides`` is False), or one of them (``||``, ``decides`` is True).

    One part of the deciding verdict decides; else one unknown part leaves it unknown.
    """

    parts: tuple["Node", ...]
    decides: bool

    def verdict(self, facts: Facts) -> bool | None:
        """See `Node`."""
        decides = self.decides
        result: bool | None = not decides
        for part in self.parts:
            found = part.verdict(facts)
            if found is decides:
                return decides
            if found is None:
                result = None
        return result

    def boxes(self, *, wanted: bool) -> tuple[Box, ...]:
        """See `Node`."""
        found = [part.boxes(wanted=wanted) for part in self.parts]
        if wanted is self.decides:
            return smallest((box for boxes in found for box in boxes), most=MOST_BOXES)
        return reduce(lambda one, two: product(one, two, most=MOST_BOXES), found)

    def clauses(self) -> Iterator[Clause]:
        """See `Node`."""
        for part in self.parts:
            yield from part.clauses()


Node = Clause | Constant | Not | Joined
"""Each has ``verdict(facts)`` (true, false, or None for unknown), ``boxes(wanted=…)`` (where it has that verdict; see
`boxes`, which raises TooManyBoxesError) and ``clauses()`` in the order of the source."""
