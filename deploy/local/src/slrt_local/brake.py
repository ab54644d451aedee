"""Slow down whoever guesses passwords: each failure beyond a few doubles the wait."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_WINDOW_S = 900.0
_LONGEST_S = 300.0
_MOST = 10_000


@dataclass
class _Failures:
    count: int
    last: float


class Brake:
    """Failures by key (a user name, an address), forgotten a quarter of an hour after the last one."""

    def __init__(self, *, free: int, monotonic: Callable[[], float]) -> None:
        """``free`` failures cost nothing."""
        self._free = free
        self._monotonic = monotonic
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the next attempt is looked at; 0 when it is now."""
        found = self._failures.get(key)
        if found is None or found.count < self._free:
            return 0.0
        pause = min(2.0 ** (found.count - self._free), _LONGEST_S)
        return max(0.0, found.last + pause - self._monotonic())

    def failed(self, key: str) -> None:
        """Note a failure."""
        now = self._monotonic()
        found = self._failures.pop(key, None)
        count = found.count if found is not None and now - found.last < _WINDOW_S else 0
        self._failures[key] = _Failures(count + 1, now)
        if len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures."""
        self._failures.pop(key, None)
