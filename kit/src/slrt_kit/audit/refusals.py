"""Put refusals on record, so that neither a flood of them nor a fault of the log is felt by who is served."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg

from slrt_kit import metrics
from slrt_kit.audit.entries import NOBODY, Actor, entry_text
from slrt_kit.audit.record import INSERT_ENTRIES, values_of
from slrt_kit.coalesce import Coalescer
from slrt_kit.logs import get_logger
from slrt_kit.problems import ServiceUnavailableError

if TYPE_CHECKING:
    from slrt_kit.db import Database

log = get_logger(__name__)

ONE_BY_ONE = 60
"""So many of a subject within `WINDOW_S` have an entry each; those beyond have one together."""
ANONYMOUS_ONE_BY_ONE = 600
"""The same for all together who did not say who they are."""
WINDOW_S = 60.0
MOST_SUBJECTS = 10_000
"""Of whom it is counted at once; the rest count as one."""
_WITHIN_S = 2.0
_CROWD = "(many)"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused to whom, and why; ``object_id`` is what was asked for, where the address named a thing."""

    actor: Actor
    action: str
    object_type: str
    object_id: str | None
    reason: str
    times: int = 1


@dataclass(slots=True)
class _Window:
    ends: float
    written: int = 0
    last: Refusal | None = None
    more: int = 0


class Refusals:
    """Writes an entry for each refusal before it is answered, together with those that come side by side.

    Somebody who is refused without end makes `ONE_BY_ONE` entries a minute in a process, and then one that says how
    many more there were: the log cannot be filled, and nothing is left out of the count.
    """

    def __init__(self, database: "Database", service: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._service = service
        self._monotonic = monotonic
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._group: Coalescer[Refusal, None] = Coalescer(self._write, common=(psycopg.Error,), workers=1)

    async def note(self, refusal: Refusal) -> None:
        """Durable on return, or counted as lost: an answer that refuses must not become one that fails."""
        for each in [*self._over(), *self._admit(refusal)]:
            try:
                async with asyncio.timeout(_WITHIN_S):
                    await self._group.add(each)
            except (psycopg.Error, ServiceUnavailableError, TimeoutError, OSError) as error:
                metrics.AUDIT_REFUSALS_LOST.inc(each.times)
                log.error(  # noqa: TRY400 — the stack says nothing
                    "refusal not on record",
                    error=type(error).__name__,
                    subject=each.actor.subject,
                    action=each.action,
                    object_id=each.object_id,
                    reason=each.reason,
                    times=each.times,
                )

    async def flush(self) -> None:
        """Write what was counted and has no entry yet, when the process ends."""
        for window in self._windows.values():
            window.ends = 0.0
        for each in self._over():
            try:
                await self._group.add(each)
            except (psycopg.Error, ServiceUnavailableError, OSError) as error:
                metrics.AUDIT_REFUSALS_LOST.inc(each.times)
                log.error("refusal not on record", error=type(error).__name__, times=each.times)  # noqa: TRY400

    def _admit(self, refusal: Refusal) -> list[Refusal]:
        subject = refusal.actor.subject
        if subject not in self._windows and len(self._windows) >= MOST_SUBJECTS:
            subject = _CROWD
        window = self._windows.get(subject)
        if window is None:
            window = self._windows[subject] = _Window(self._monotonic() + WINDOW_S)
        most = ANONYMOUS_ONE_BY_ONE if refusal.actor == NOBODY else ONE_BY_ONE
        if window.written < most:
            window.written += 1
            return [refusal]
        window.last = refusal
        window.more += 1
        return []

    def _over(self) -> list[Refusal]:
        """Forget the windows that are over; gives one refusal for all that had none of their own in each."""
        now, gathered = self._monotonic(), []
        while self._windows:
            subject, window = next(iter(self._windows.items()))
            if window.ends > now:
                break
            del self._windows[subject]
            if window.last is not None:
                actor = window.last.actor if subject != _CROWD else replace(window.last.actor, subject=_CROWD)
                gathered.append(
                    replace(window.last, actor=actor, object_type="(many)", object_id=None, times=window.more)
                )
        return gathered

    async def _write(self, group: Sequence[Refusal]) -> Sequence[None]:
        now = self._database.clock.now()
        entries = [
            entry_text(
                self._service,
                each.actor,
                at=now,
                action=each.action,
                object_type=each.object_type,
                object_id=each.object_id,
                result="refused",
                reason=each.reason,
                times=each.times,
            )
            for each in group
        ]
        async with self._database.statement() as connection:
            await connection.run(INSERT_ENTRIES, values_of(entries))
        return [None] * len(group)
