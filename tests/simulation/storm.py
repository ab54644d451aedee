"""What happens to a world while it works, and what must hold when it is over."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from tests.simulation import loop
from tests.simulation.store import put_back
from tests.simulation.world import DEAD_LETTERS, GROUP, TOPIC, World

from slrt_kit.testing.broker import MemoryConsumer

Deed = Callable[[World], Awaitable[None]]

STORM_S = 20.0
PATIENCE_S = 3_000.0


def simulate(seed: int, *, only: Sequence[Deed] = (), seconds: float = STORM_S) -> list[str]:
    """Run one world; returns what went wrong. ``only``: which deeds there are, when not all."""
    world = World(seed)
    try:
        loop.run(_live(world, only or DEEDS, seconds))
    except loop.StuckError:
        return ["everybody waits, and nobody will be woken"]
    return _faults(world)


async def _live(world: World, deeds: Sequence[Deed], seconds: float) -> None:
    world.begin()
    storm = asyncio.get_running_loop().create_task(_storm(world, deeds))
    await asyncio.sleep(seconds)
    storm.cancel()
    await asyncio.wait([storm])
    world.end_storm()
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while asyncio.get_running_loop().time() < deadline and not _is_over(world):  # noqa: ASYNC110 — simulated time
        await asyncio.sleep(5.0)


# -- what happens ---------------------------------------------------------------------------------------------------
async def _storm(world: World, all_deeds: Sequence[Deed]) -> None:
    deeds = world.random.sample(all_deeds, k=world.random.randint(1, len(all_deeds)))
    while True:
        await asyncio.sleep(world.random.random() * 6)
        await world.random.choice(deeds)(world)


async def kill(world: World) -> None:
    victim = world.random.choice(world.processes)
    victim.kill()
    await asyncio.sleep(world.random.choice((0.0, 0.5, 8.0)))
    victim.start()


async def cut_off(world: World) -> None:
    world.random.choice(world.processes).cut_off()


async def broker_away(world: World) -> None:
    world.weather.broker_is_down = True
    try:
        await asyncio.sleep(world.random.random() * 10)
    finally:
        world.weather.broker_is_down = False


async def forget(world: World) -> None:
    world.broker.forget()


async def rebalance(world: World) -> None:
    world.broker.rebalance(GROUP)


async def lose_session(world: World) -> None:
    consumers: list[MemoryConsumer] = [each for process in world.processes for each in process.broker.consumers]
    if consumers:
        world.random.choice(consumers).lose_session()


async def republish(world: World) -> None:
    put_back(world.producer.tables, [TOPIC])


async def stray(world: World) -> None:
    if world.broker.has(TOPIC):
        world.unreadable += 1
        key = str(world.random.choice(world.keys)).encode()
        world.broker.put(TOPIC, key=key, value=f"stray {world.unreadable}".encode(), headers=[])


DEEDS: list[Deed] = [
    kill,
    kill,
    cut_off,
    broker_away,
    forget,
    rebalance,
    lose_session,
    republish,
    stray,
]


# -- what must hold ---------------------------------------------------------------------------------------------------
def _is_over(world: World) -> bool:
    """Whether everything that was committed has arrived where it must."""
    tables = world.consumer.tables
    handled = all(
        (GROUP, event_id) in tables.inbox or world.mood(event_id).kind == "ignored" for event_id in _committed(world)
    )
    return handled and not world.producer.tables.outbox and not tables.parked and not _strays_on_their_way(world)


def _strays_on_their_way(world: World) -> list[bytes | None]:
    """The records of strangers that are no dead letters yet."""
    letters = {record.value for record in world.broker.records(DEAD_LETTERS)}
    return [
        record.value for record in world.broker.records(TOPIC) if not record.headers and record.value not in letters
    ]


def _committed(world: World) -> dict[UUID, tuple[str, int]]:
    """Every event that the producing service recorded: its key and its place in the key's order."""
    tables = world.producer.tables
    return {
        row["event_id"]: (row["partition_key"], row["key_sequence"])
        for row in (*tables.archive.values(), *tables.outbox.values())
    }


def _faults(world: World) -> list[str]:
    committed = _committed(world)
    faults = list(world.crashes)
    if world.producer.tables.outbox:
        faults.append(f"{len(world.producer.tables.outbox)} events were never published")
    if world.consumer.tables.parked:
        faults.append(f"{len(world.consumer.tables.parked)} events are parked for ever")
    faults += [
        f"{place} was confirmed and is not there" for event, place in world.told.items() if event not in committed
    ]
    faults += _faults_of_keys(committed)
    faults += _faults_of_effects(world, committed)
    faults += [f"{stray!r} is no dead letter" for stray in _strays_on_their_way(world)]
    return faults


def _faults_of_keys(committed: dict[UUID, tuple[str, int]]) -> list[str]:
    by_key: defaultdict[str, list[int]] = defaultdict(list)
    for key, sequence in committed.values():
        by_key[key].append(sequence)
    return [
        f"{key} has the sequences {sorted(sequences)}"
        for key, sequences in by_key.items()
        if sorted(sequences) != list(range(1, len(sequences) + 1))
    ]


def _faults_of_effects(world: World, committed: dict[UUID, tuple[str, int]]) -> list[str]:
    faults = []
    effects = [effect for _, effect in sorted(world.consumer.tables.effects.items())]
    times = Counter(event_id for event_id, _, _ in effects)
    for event_id, place in committed.items():
        expected = 0 if world.mood(event_id).kind == "ignored" else 1
        if times[event_id] != expected:
            faults.append(f"{place} was applied {times[event_id]} times")
    newest: defaultdict[str, int] = defaultdict(int)
    for _, key, sequence in effects:
        if sequence <= newest[key]:
            faults.append(f"{key}: {sequence} was applied after {newest[key]}")
        newest[key] = max(newest[key], sequence)
    return faults
