# SPDX-License-Identifier: BSD-3-Clause
"""The partitions that the receiver receives: how far each is, and whether that still holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

from igwn_alert_celery.record import Record, TopicPartition
from igwn_alert_celery.worker.parts import Parts
from igwn_alert_celery.worker.positions import Progress

__all__ = ["Shares"]


class Shares:
    """For the receiver's thread only; :meth:`moved` blocks on the task broker.

    Attributes
    ----------
    progress : dict
        How far each partition is that has started.
    """

    def __init__(self, parts: Parts) -> None:
        self._consumer = parts.consumer
        self._enqueuer = parts.enqueuer
        self._topics = parts.topics
        self._metrics = parts.metrics
        self.progress: dict[TopicPartition, Progress] = {}

    def of(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Progress]:
        """Return how far those of the partitions are that have started."""
        return {tp: self.progress[tp] for tp in partitions if tp in self.progress}

    def start(
        self, waiting: Iterable[TopicPartition], starts: Mapping[TopicPartition, Progress]
    ) -> None:
        """Take over where partitions begin; the others of those that wait do not flow."""
        self.forget(waiting)
        self.progress.update(starts)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are not ours to receive any more."""
        for partition in partitions:
            self.progress.pop(partition, None)

    def wanted(self, records: Iterable[Record]) -> dict[TopicPartition, list[Record]]:
        """Return those to be received: their partition flows, and they come next or later."""
        found: dict[TopicPartition, list[Record]] = {}
        for place, row in groupby(records, attrgetter("topic", "partition")):
            partition = TopicPartition(*place)
            mine = None if partition in self._consumer.new else self.progress.get(partition)
            if mine is None:
                continue
            new = [record for record in row if record.offset >= mine.position.next_offset]
            if new:
                found.setdefault(partition, []).extend(new)
        return found

    def flowing(self) -> dict[TopicPartition, int]:
        """Return the next offset of each partition that flows."""
        held = self._consumer.new
        return {
            tp: mine.position.next_offset for tp, mine in self.progress.items() if tp not in held
        }

    def stale(self) -> list[TopicPartition]:
        """Return the partitions whose topic was deleted since, or created again."""
        is_current = self._topics.is_current
        return [tp for tp, mine in self.progress.items() if not is_current(mine.pid)]

    def moved(self) -> list[TopicPartition]:
        """Return the partitions that the ledger has elsewhere: it came back older, or a seek."""
        enqueuer = self._enqueuer
        if not enqueuer.keeps_positions:
            return []
        stored = enqueuer.positions([mine.pid for mine in self.progress.values()])
        if None in stored.values():
            # Emptied under us, so there is a new ledger.
            enqueuer.open()
        return [tp for tp, mine in self.progress.items() if stored[mine.pid] != mine.position]

    def show(self) -> None:
        """Write all partitions and topics into the metrics."""
        self._metrics.partitions = {}
        self.show_some(self.progress)
        self._topics.describe(self._metrics)

    def show_some(self, partitions: Iterable[TopicPartition]) -> None:
        """Write how far some of the partitions are into the metrics."""
        for partition in partitions:
            next_offset = self.progress[partition].position.next_offset
            high = self._consumer.high_watermark(partition)
            lag = None if high is None else max(0, high - next_offset)
            name = f"{self._topics.short(partition.topic)}[{partition.partition}]"
            self._metrics.partitions[name] = {"next_offset": next_offset, "lag": lag}
