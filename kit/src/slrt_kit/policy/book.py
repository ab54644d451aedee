"""What of the policy is in force, kept in each process: looking it up is dictionary work, and needs no database.

A background part asks every few seconds whether anything was changed. Activations lie at least `changes.LEAD` ahead, so
that every process that reaches its database switches at the same instant. One that does not goes on with what it knows.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg

from slrt_kit import metrics
from slrt_kit.clock import wait
from slrt_kit.logs import get_logger
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.layers import Documents, Layer, Layers, merge
from slrt_kit.policy.problems import PolicyUnknownError
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import Activation, PolicyStore, in_force
from slrt_kit.problems import NotFoundError

if TYPE_CHECKING:
    from slrt_kit.db import Database

log = get_logger(__name__)

EVERY_S = 2.0
_PATIENCE_S = 5.0
_MOST_KEPT = 10_000

Kinds = Mapping[str, Mapping[str, Entry]]


class _Epoch:
    """The time from one switch to the next: what holds in a region, made when it is first asked for."""

    def __init__(self, layers: Layers, made: dict[str, Kinds]) -> None:
        self._layers = layers
        self._made = made
        self.policies: dict[str, RegionPolicy] = {}

    def make(self, region: str) -> RegionPolicy:
        """What holds in a region; those without a layer of their own share what is above them."""
        label = self._layers.label(region)
        kinds = self._made.get(label)
        if kinds is None:
            kinds = self._made[label] = merge([self._layers.layer(code) for code in self._layers.chain(region)])
        policy = self.policies[region] = RegionPolicy(region, label, kinds)
        return policy

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)


class _Timeline:
    """All switches that are known, and what holds between them, put together when it is first asked for."""

    def __init__(
        self, activations: Sequence[Activation], layers: Mapping[tuple[str, int], Layer], made: dict[str, Kinds]
    ) -> None:
        self.instants = sorted({each.effective_from for each in activations})
        self._activations = activations
        self._layers = layers
        self._made = made
        self._epochs: dict[int, _Epoch] = {}

    def at(self, moment: datetime) -> _Epoch:
        """The epoch of a moment; before the first switch that of the first one."""
        n = max(bisect_right(self.instants, moment) - 1, 0)
        return self._epochs.get(n) or self._put_together(n)

    def _put_together(self, n: int) -> _Epoch:
        if not self.instants:
            raise PolicyUnknownError
        numbers = in_force(self._activations, self.instants[n])
        layers = Layers({code: (number, self._layers[code, number]) for code, number in numbers.items()})
        epoch = self._epochs[n] = _Epoch(layers, self._made)
        return epoch


class PolicyBook:
    """The policy of a service as one process knows it."""

    def __init__(self, rules: PolicyRules, database: "Database | None" = None) -> None:
        """Without a database it knows what it was given, and nothing changes."""
        self._rules = rules
        self._database = database
        self._layers: dict[tuple[str, int], Layer] = {}
        self._made: dict[str, Kinds] = {}
        self._timeline = _Timeline((), self._layers, self._made)
        self._revision: int | None = None
        self._fresh_at: datetime | None = None

    @classmethod
    def of(cls, rules: PolicyRules, documents: Mapping[str, Documents]) -> "PolicyBook":
        """A book of these documents alone, each its layer's version 1, in force since ever."""
        book = cls(rules)
        book._layers |= {(code, 1): rules.layer(code, each) for code, each in documents.items()}
        book._keep([Activation(datetime.min.replace(tzinfo=UTC), code, 1) for code in documents])
        return book

    @property
    def is_known(self) -> bool:
        """Whether anything has been read."""
        return bool(self._timeline.instants)

    def at(self, region: str, at: datetime) -> RegionPolicy:
        """What holds in a region (``00`` or a dotted code) at a moment (aware). Microseconds; no I/O.

        Raises:
            PolicyUnknownError: nothing has been read yet.
        """
        epoch = self._timeline.at(at)
        return epoch.policies.get(region) or epoch.make(region)

    def layers(self, at: datetime) -> tuple[str, ...]:
        """The regions that have a layer of their own at a moment, by code. Raises what `at` raises."""
        return tuple(sorted(self._timeline.at(at)))

    async def version(self, label: str) -> RegionPolicy:
        """The policy that a decision names, such as ``00:3,12.74:2``, made again; its region is that of the last layer.

        Raises:
            NotFoundError: there is no such version. psycopg.Error: the database is away, and it is not known here.
        """
        wanted = _parts(label)
        kinds = self._made.get(label)
        if kinds is None:
            await self._read([each for each in wanted if each not in self._layers])
            if any(each not in self._layers for each in wanted):
                raise NotFoundError
            if len(self._made) >= _MOST_KEPT:
                self._made.clear()
            kinds = self._made[label] = merge([self._layers[each] for each in wanted])
        return RegionPolicy(wanted[-1][0], label, kinds)

    async def refresh(self) -> bool:
        """Ask the database whether anything was changed, and read it; says whether something was.

        Raises:
            psycopg.Error, TimeoutError: the database is away; what was known stays.
        """
        if self._database is None:
            return False
        async with asyncio.timeout(_PATIENCE_S):
            async with self._database.read() as session:
                revision = await PolicyStore(session).revision()
            changed = revision != self._revision
            if changed:
                # Read after the number: what comes in between is read now, and once more for nothing.
                async with self._database.read() as session:
                    activations = await PolicyStore(session).activations()
                await self._read(sorted({(each.layer, each.number) for each in activations} - set(self._layers)))
                self._keep(activations)
                self._revision = revision
        self._fresh_at = self._database.clock.now()
        return changed

    async def run(self, stop: asyncio.Event) -> None:
        """Refresh every `EVERY_S` until stopped. While the database is away the process goes on with what it knows."""
        away = False
        while not stop.is_set():
            try:
                if await self.refresh():
                    log.info("policy read", revision=self._revision, switches=len(self._timeline.instants))
                away = False
            except (psycopg.Error, OSError, TimeoutError) as error:
                metrics.POLICY_REFRESH_FAILURES.inc()
                if not away:
                    log.warning("policy not refreshed: going on with what is known", error=type(error).__name__)
                away = True
            if self._database is not None and self._fresh_at is not None:
                metrics.POLICY_AGE.set((self._database.clock.now() - self._fresh_at).total_seconds())
            await wait(stop, EVERY_S)

    async def _read(self, wanted: Sequence[tuple[str, int]]) -> None:
        if not wanted or self._database is None:
            return
        async with self._database.read() as session:
            documents = await PolicyStore(session).documents(wanted)
        # Some milliseconds each, thousands in a nation: in a thread, beside those who are served.
        layers = await asyncio.to_thread(
            lambda: {key: self._rules.layer(key[0], texts) for key, texts in documents.items()}
        )
        for (code, number), layer in layers.items():
            if layer.findings:
                # Of an older or a newer program: it was sound when it was proposed.
                log.error(
                    "policy holds what this program cannot read",
                    layer=code,
                    number=number,
                    finding=layer.findings[0].line(),
                )
        self._layers |= layers

    def _keep(self, activations: Sequence[Activation]) -> None:
        self._timeline = _Timeline(activations, self._layers, self._made)


def _parts(label: str) -> list[tuple[str, int]]:
    """The layers of a version's name. Raises NotFoundError: it is none."""
    try:
        pairs = [each.split(":") for each in label.split(",")]
        return [(code, int(number)) for code, number in pairs]
    except ValueError as error:
        raise NotFoundError from error
