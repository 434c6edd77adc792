# SPDX-License-Identifier: BSD-3-Clause
"""Records of one partition → batches → one atomic step each: the hot path."""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from typing import Any

from igwn_alert_celery.enqueue.batch import Batch, Outcome, PartitionId, Verdict
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import Record, TopicPartition
from igwn_alert_celery.worker.announce import announce
from igwn_alert_celery.worker.pipeline import Pipeline, Prepared
from igwn_alert_celery.worker.positions import Progress

__all__ = ["LedgerDisagrees", "Writer"]

logger = logging.getLogger(__name__)

MOST_MESSAGES = 500
MOST_BYTES = 4_000_000
#: A batch is written after so long, seconds, though more records wait: some are slow to decode
#: (large messages that have to be fetched), and what is done must not wait for them.
MOST_S = 1.0


class LedgerDisagrees(Exception):
    """The ledger has another position than we believed; nothing was written.

    Parameters
    ----------
    progress : Progress
        What we believed.
    outcome : Outcome
        What the ledger says.
    """

    def __init__(self, progress: Progress, outcome: Outcome) -> None:
        super().__init__(
            f"{progress.pid.topic}[{progress.pid.partition}]: the ledger says "
            f"{outcome.verdict.name} to {progress.position}; it is at {outcome.position}"
        )
        self.verdict = outcome.verdict


class Writer:
    """Turns records into tasks, batch by batch. Blocks on the task broker."""

    def __init__(self, pipeline: Pipeline, enqueuer: Any, metrics: Metrics) -> None:
        self._pipeline = pipeline
        self._enqueuer = enqueuer
        self._metrics = metrics
        # Per partition the batch whose answer did not come: perhaps it was written.
        self._unanswered: dict[PartitionId, tuple[int, list[Prepared]]] = {}

    def write(self, progress: Progress, records: Iterable[Record]) -> Iterator[Progress]:
        """Enqueue one partition's records, in order; yield how far it is after each batch.

        Raises
        ------
        LedgerDisagrees
            Ask for the position again.
        RetryableError
            Kafka or the task broker is away.
        """
        for ready in self._batches(progress, records):
            progress = self._write(progress, ready)
            yield progress

    def settle(self, starts: Iterable[Progress]) -> None:
        """Announce batches whose answer was lost, where the position is seen to be behind them."""
        for start in starts:
            next_offset, ready = self._unanswered.pop(start.pid, (0, []))
            if ready and start.position.next_offset >= next_offset:
                outcome = Outcome(Verdict.WRITTEN, start.position, len(ready))
                announce(self._pipeline.sender, self._metrics, 0, ready, outcome)

    def forget(self, partitions: Container[TopicPartition]) -> None:
        """Forget such batches of partitions that go: the next owner may have written them."""
        for pid in list(self._unanswered):
            if TopicPartition(pid.topic, pid.partition) in partitions:
                del self._unanswered[pid]

    def _batches(self, progress: Progress, records: Iterable[Record]) -> Iterator[list[Prepared]]:
        ready: list[Prepared] = []
        messages = size = 0
        until = time.monotonic() + MOST_S
        for record in records:
            again = record.offset < progress.redelivered_below
            prepared = self._pipeline.run(record, progress.pid, redelivered=again)
            more, larger = prepared.entry.cost
            full = messages + more > MOST_MESSAGES or size + larger > MOST_BYTES
            # A batch is never cut inside an alert: its tasks and the position are one step.
            if ready and (full or time.monotonic() > until):
                yield ready
                ready, messages, size = [], 0, 0
                until = time.monotonic() + MOST_S
            ready.append(prepared)
            messages += more
            size += larger
        if ready:
            yield ready

    def _write(self, progress: Progress, ready: list[Prepared]) -> Progress:
        entries = tuple(prepared.entry for prepared in ready)
        next_offset = entries[-1].offset + 1
        batch = Batch(progress.pid, progress.position, next_offset, entries)
        # Gone again with the answer, whatever it is.
        self._unanswered[progress.pid] = (next_offset, ready)
        outcome = self._enqueuer.write(batch)
        del self._unanswered[progress.pid]
        if outcome.verdict is not Verdict.WRITTEN:
            raise LedgerDisagrees(progress, outcome)
        before = next_offset if outcome.skipped == len(ready) else entries[outcome.skipped].offset
        announce(self._pipeline.sender, self._metrics, before, ready, outcome)
        return replace(progress, position=outcome.position)
