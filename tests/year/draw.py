"""Draw what differs from seed to seed, in the same way on every machine and Python.

Only ``Random.random()`` is used: it alone is promised to give the same numbers in every version of Python.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Numbers and choices of one story: the name says which, so that two stories never disturb each other."""

    def __init__(self, seed: int, *name: object) -> None:
        self._random = Random(":".join(str(part) for part in (seed, *name)))  # noqa: S311 — a story that can be told again

    def chance(self, share: float) -> bool:
        """True in that share of all draws."""
        return self._random.random() < share

    def between(self, low: float, high: float) -> float:
        """A number of that range, all alike."""
        return low + (high - low) * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def one_of(self, things: Sequence[T]) -> T:
        """One of them, all alike."""
        return things[int(self._random.random() * len(things))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, as often as its weight says."""
        left = self._random.random() * sum(weights.values())
        for thing, weight in weights.items():
            left -= weight
            if left < 0:
                return thing
        return thing

    def waiting(self, mean: float) -> float:
        """How long until something that comes by itself: mostly short, sometimes several times the mean."""
        return -mean * math.log(1.0 - self._random.random())

    def count(self, mean: float) -> int:
        """How many of what comes by itself (Poisson); for means up to some dozens."""
        limit, product, found = math.exp(-mean), self._random.random(), 0
        while product > limit:
            product *= self._random.random()
            found += 1
        return found
