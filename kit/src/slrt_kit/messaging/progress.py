"""Tell by metrics how far one consumer is on each of its partitions."""

import time
from collections.abc import Collection

from aiokafka import TopicPartition

from slrt_kit import metrics


class Progress:
    """The gauges of one consumer's partitions.

    The age of what waits is reckoned when metrics are asked for, not when it was noted: a consumer that hangs in one
    event shows it.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._oldest: dict[TopicPartition, float | None] = {}

    def waits(self, partition: TopicPartition, timestamp_ms: int) -> None:
        """The oldest record that is not applied has this timestamp (ms since 1970, UTC)."""
        self._show(partition)
        self._oldest[partition] = timestamp_ms / 1000

    def stands(self, partition: TopicPartition, *, lag: int, paused_s: float) -> None:
        """So many events are not applied; the partition has been held up for so long."""
        labels = self._labels(partition)
        metrics.CONSUMER_LAG.labels(*labels).set(lag)
        metrics.CONSUMER_PAUSED_SECONDS.labels(*labels).set(paused_s)
        if not lag:
            self._show(partition)
            self._oldest[partition] = None

    def keep(self, mine: Collection[TopicPartition]) -> None:
        """Show nothing of partitions that are not among these: somebody else has them."""
        for partition in [each for each in self._oldest if each not in mine]:
            del self._oldest[partition]
            for family in (metrics.CONSUMER_LAG, metrics.CONSUMER_LAG_SECONDS, metrics.CONSUMER_PAUSED_SECONDS):
                family.remove(*self._labels(partition))

    def _show(self, partition: TopicPartition) -> None:
        if partition not in self._oldest:
            gauge = metrics.CONSUMER_LAG_SECONDS.labels(*self._labels(partition))
            gauge.set_function(lambda: self._age(partition))

    def _age(self, partition: TopicPartition) -> float:
        oldest = self._oldest.get(partition)
        return 0.0 if oldest is None else max(time.time() - oldest, 0.0)

    def _labels(self, partition: TopicPartition) -> tuple[str, str, str]:
        return self._group, partition.topic, str(partition.partition)
