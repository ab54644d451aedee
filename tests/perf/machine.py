"""How much of the machine went to others than the bench while a row was measured: processes, and other guests."""

import time
from types import TracebackType
from typing import Self

import psutil

LOUD = 0.12
"""Above this share of the machine a row is measured once more."""


class ForeignCpu:
    """Share of all cores, 0 to 1, used by other processes than the given family between entering and leaving."""

    def __init__(self, roots: list[int]) -> None:
        self._roots = roots
        self.share = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._total, self._own = _busy(), _family(self._roots)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        elapsed = time.perf_counter() - self._began
        foreign = (_busy() - self._total) - max(0.0, _family(self._roots) - self._own)
        self.share = max(0.0, foreign / (elapsed * (psutil.cpu_count() or 1)))


def _busy() -> float:
    times = psutil.cpu_times()
    # What the host gave to others while we were ready to run is lost to us just as well.
    return float(times.user + times.system + times.nice + getattr(times, "steal", 0.0))


def _family(roots: list[int]) -> float:
    seconds = 0.0
    for root in roots:
        try:
            process = psutil.Process(root)
            for member in [process, *process.children(recursive=True)]:
                # Children that have ended are in their parent's children_* figures.
                times = member.cpu_times()
                seconds += times.user + times.system + times.children_user + times.children_system
        except psutil.NoSuchProcess:
            continue
    return seconds
