"""Boxes: for each of some facts the values that will do. With them rules are compared exactly, without a search.

An expression is true exactly where one of its boxes is (its disjunctive form). So two rules can hold together when a
box of one meets a box of the other; a rule is shadowed when nothing is left of its boxes without those of the rules
before it; and the fewest facts that would turn a verdict are those that the nearest box lacks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slrt_kit.policy.expressions.facts import Fact, Facts, Value


@dataclass(frozen=True, slots=True)
class Values:
    """The values listed; with ``others``, all but those."""

    listed: frozenset[Value]
    others: bool = False

    def __contains__(self, value: object) -> bool:
        return (value in self.listed) is not self.others

    def __and__(self, other: "Values") -> "Values":
        if self.others and other.others:
            return Values(self.listed | other.listed, others=True)
        if self.others:
            return Values(other.listed - self.listed)
        if other.others:
            return Values(self.listed - other.listed)
        return Values(self.listed & other.listed)

    def __le__(self, other: "Values") -> bool:
        """Whether the other has all of these."""
        left = self.without(other)
        return not left.others and not left.listed

    def without(self, other: "Values") -> "Values":
        """What the other lacks of these."""
        return self & Values(other.listed, others=not other.others)

    @property
    def possible(self) -> bool:
        """Whether there is such a value; of a list without an end there always is another one."""
        return self.others or bool(self.listed)


Box = Mapping[str, Values]
"""By the name of a fact the values that will do; a fact that is not there does not matter."""

ANYTHING: Box = {}


class TooManyBoxesError(Exception):
    """The expressions are too entangled to be compared within bounds."""


def meet(one: Box, two: Box) -> Box | None:
    """Where both boxes are; None where they do not meet."""
    if not one or not two:
        return one or two
    met = dict(one)
    for name, values in two.items():
        both = met[name] & values if name in met else values
        if not both.possible:
            return None
        met[name] = both
    return met


def inside(one: Box, two: Box) -> bool:
    """Whether the second box is wherever the first one is."""
    return all(name in one and one[name] <= values for name, values in two.items())


def smallest(boxes: Iterable[Box], *, most: int) -> tuple[Box, ...]:
    """The same place by fewer boxes: those inside of another one are left out.

    Raises:
        TooManyBoxesError: there are more than ``most``.
    """
    kept: list[Box] = []
    for box in boxes:
        if not any(inside(box, other) for other in kept):
            kept = [other for other in kept if not inside(other, box)]
            kept.append(box)
            if len(kept) > most:
                raise TooManyBoxesError
    return tuple(kept)


def product(one: Sequence[Box], two: Sequence[Box], *, most: int) -> tuple[Box, ...]:
    """Where one of the first boxes and one of the second are.

    Raises:
        TooManyBoxesError: more than ``most``.
    """
    return smallest((met for first in one for second in two if (met := meet(first, second)) is not None), most=most)


def without(boxes: Iterable[Box], taken: Iterable[Box], facts: Mapping[str, Fact], *, most: int) -> tuple[Box, ...]:
    """What is left of the boxes outside of those that are taken; the boxes of the answer do not meet each other when
    those given did not.

    Raises:
        TooManyBoxesError: it would be more than ``most``.
    """
    left = list(boxes)
    for away in taken:
        left = [part for box in left for part in _cut(box, away, facts)]
        if len(left) > most:
            raise TooManyBoxesError
    return tuple(left)


def _cut(box: Box, away: Box, facts: Mapping[str, Fact]) -> Iterator[Box]:
    if meet(box, away) is None:
        yield box
        return
    inner = dict(box)
    for name, values in away.items():
        here = inner.get(name) or _all(facts[name])
        outside = here.without(values)
        if outside.possible:
            yield {**inner, name: outside}
        inner[name] = here & values


def _all(fact: Fact) -> Values:
    return Values(frozenset(fact.values)) if fact.knows is None else Values(frozenset(), others=True)


def lacking(box: Box, given: Facts) -> list[str]:
    """The facts that keep a case out of the box: not known, or of another value."""
    names = []
    for name, values in box.items():
        value = given.get(name)
        # `value not in values`, without the call: each explanation asks it a hundred times.
        if value is None or (value in values.listed) is values.others:
            names.append(name)
    return names


def nearest(boxes: Iterable[Box], given: Facts, facts: Mapping[str, Fact]) -> Box | None:
    """What has to become of the facts that the nearest box lacks; None when only fixed facts could be changed.

    Of boxes that are equally near the one in which more is supplied that nobody knew, and less changed, is nearer.
    """
    best: Box | None = None
    rank = (0, 0)
    for box in boxes:
        names = lacking(box, given)
        if any(facts[name].fixed for name in names):
            continue
        stated = sum(given.get(name) not in (None, facts[name].unstated) for name in names)
        if best is None or (len(names), stated) < rank:
            best, rank = {name: box[name] for name in names}, (len(names), stated)
    return best
