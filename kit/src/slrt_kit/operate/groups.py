"""How far the consumer groups of a service are, and taking one back to read again."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndTimestamp

from slrt_kit.messaging.connection import BrokerAccess, client_arguments
from slrt_kit.operate.console import RefusedError

_READ_TIMEOUT_MS = 3000
_GROUP_MEMBERS = 5  # where DescribeGroups has them


class GroupInUseError(RefusedError):
    """The group has members: what they commit would undo the rewinding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLag:
    """A group on a partition. ``position`` is what it reads next; ``oldest_at`` (UTC) when that event was published."""

    group: str
    members: int
    topic: str
    partition: int
    position: int
    end: int
    lag: int
    oldest_at: datetime | None
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound:
    """A partition of a group that was, or would be, taken back; ``again`` events are read again."""

    group: str
    topic: str
    partition: int
    position: int
    new_position: int
    again: int


async def groups_of(bootstrap: BrokerAccess | str, service: str) -> list[str]:
    """The consumer groups of a service that the broker knows."""
    admin = AIOKafkaAdminClient(**client_arguments(bootstrap))
    try:
        await admin.start()
        return sorted(name for name, *_ in await admin.list_consumer_groups() if name.startswith(f"slrt.{service}."))
    finally:
        await admin.close()


async def lag(bootstrap: BrokerAccess | str, groups: Sequence[str], *, now: datetime) -> list[PartitionLag]:
    """Every partition that the groups have a position on.

    Raises:
        aiokafka.errors.KafkaError: the broker is away.
    """
    found = []
    for group in groups:
        positions, members = await _positions(bootstrap, group)
        async with _Reader(bootstrap) as reader:
            ends = await reader.ends(list(positions))
            for partition, position in sorted(positions.items()):
                behind = max(ends[partition] - position, 0)
                oldest = await reader.published_at(partition, position) if behind else None
                found.append(
                    PartitionLag(
                        group=group,
                        members=members,
                        topic=partition.topic,
                        partition=partition.partition,
                        position=position,
                        end=ends[partition],
                        lag=behind,
                        oldest_at=oldest,
                        oldest_seconds=None if oldest is None else (now - oldest).total_seconds(),
                    )
                )
    return found


async def rewind(bootstrap: BrokerAccess | str, group: str, *, since: datetime | None, dry_run: bool) -> list[Rewound]:
    """Have the group read again what was published from ``since`` on (None: all that is there); never forward.

    What it has handled it passes over by its inbox: this brings back what it never saw.

    Raises:
        GroupInUseError: it has members; nothing is changed.
        aiokafka.errors.KafkaError: the broker is away.
    """
    positions, members = await _positions(bootstrap, group)
    if members and not dry_run:
        raise GroupInUseError(f"{group} has {members} members: stop them first")
    async with _Reader(bootstrap, group) as reader:
        starts = await reader.starts(list(positions), since)
        rewound = [
            Rewound(
                group=group,
                topic=partition.topic,
                partition=partition.partition,
                position=position,
                new_position=starts[partition],
                again=position - starts[partition],
            )
            for partition, position in sorted(positions.items())
            if starts[partition] < position
        ]
        if rewound and not dry_run:
            await reader.commit({TopicPartition(each.topic, each.partition): each.new_position for each in rewound})
    return rewound


async def _positions(bootstrap: BrokerAccess | str, group: str) -> tuple[dict[TopicPartition, int], int]:
    """The committed position on each partition, and how many members the group has."""
    admin = AIOKafkaAdminClient(**client_arguments(bootstrap))
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(group)
        (description,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    ((*fields,),) = description.groups
    return {each: found.offset for each, found in offsets.items() if found.offset >= 0}, len(fields[_GROUP_MEMBERS])


class _Reader:
    """A consumer that joins no group: it is given its partitions."""

    def __init__(self, bootstrap: BrokerAccess | str, group: str | None = None) -> None:
        self._consumer = AIOKafkaConsumer(
            **client_arguments(bootstrap), group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
        )

    async def __aenter__(self) -> "_Reader":
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        # aiokafka's own task must have begun: stopped before that, it would cancel whoever stops it.
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def ends(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        found: Mapping[TopicPartition, int] = await self._consumer.end_offsets(partitions) if partitions else {}
        return found

    async def starts(self, partitions: list[TopicPartition], since: datetime | None) -> dict[TopicPartition, int]:
        """The first offset of each partition from that time on; its end where nothing is that new."""
        if not partitions:
            return {}
        if since is None:
            return dict(await self._consumer.beginning_offsets(partitions))
        at = int(since.timestamp() * 1000)
        found: Mapping[TopicPartition, OffsetAndTimestamp | None] = await self._consumer.offsets_for_times(
            dict.fromkeys(partitions, at)
        )
        ends = await self.ends(partitions)
        return {each: ends[each] if place is None else place.offset for each, place in found.items()}

    async def published_at(self, partition: TopicPartition, position: int) -> datetime | None:
        """When the event at a position was published; None when it is not there any more."""
        self._consumer.assign([partition])
        self._consumer.seek(partition, position)
        records: Mapping[Any, Any] = await self._consumer.getmany(partition, timeout_ms=_READ_TIMEOUT_MS, max_records=1)
        for (record,) in records.values():
            return datetime.fromtimestamp(record.timestamp / 1000, UTC)
        return None

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        self._consumer.assign(list(positions))
        await self._consumer.commit(dict(positions))
