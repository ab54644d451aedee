"""Describe what the supervisor runs: one unit per process, with how to prepare, check and address it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from slrt_local import net
from slrt_local.process import Command, Progress


@dataclass(frozen=True)
class Unit:
    """One thing to start, in the order its ``after`` asks for.

    ``prepare`` and ``after_ready`` run in a thread, ``is_ready`` too, and each may take a while. Without a
    ``command`` the thing runs elsewhere (a given server) and is only prepared and checked. A ``once`` unit is ready
    when its process has ended with 0, one without ``is_ready`` when its process has lived for a second.
    """

    name: str
    command: Callable[[], Command] | None = None
    is_ready: Callable[[], bool] | None = None
    prepare: Callable[[Progress], None] | None = None
    after_ready: Callable[[], None] | None = None
    after: tuple[str, ...] = ()
    once: bool = False
    ready_timeout: float = 60.0
    addresses: dict[str, str] = field(default_factory=dict)


def answers(url: str) -> Callable[[], bool]:
    """A check: ``GET url`` succeeds within a second."""
    return lambda: net.succeeds(url, timeout=1)
