# SPDX-License-Identifier: BSD-3-Clause
"""Records → batches → one atomic step each: the hot path.

While the task broker writes batches, the next one is made.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Container, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from igwn_alert_celery.enqueue.batch import Batch, Outcome, PartitionId, Verdict
from igwn_alert_celery.enqueue.writing import Writing
from igwn_alert_celery.errors import RetryableError
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import Record, TopicPartition
from igwn_alert_celery.worker.announce import announce
from igwn_alert_celery.worker.pipeline import Pipeline, Prepared
from igwn_alert_celery.worker.positions import Progress

__all__ = ["Answer", "Writer"]

MOST_MESSAGES = 500
#: Redis does nothing else while it writes a batch, and a batch is not on its way before it is
#: whole: with more, tasks wait longer; with less, each costs more. A fetch brings a megabyte of a
#: partition, and messages are longer than records: with less room than for these, each fetch would
#: become a batch and a small rest, for which the pipeline would run empty.
MOST_BYTES = 1_250_000
#: A batch is written after so long, seconds, though more records wait: some are slow to decode
#: (large messages that have to be fetched), and what is done must not wait for them.
MOST_S = 1.0
#: So many batches are on their way while the next one is made. With one, the task broker has
#: nothing to do from its answer until the next batch is whole, wherever that takes a bit longer.
AHEAD = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What the task broker says to one batch.

    Attributes
    ----------
    progress : Progress
        How far its partition is; as we believed, where nothing was written.
    outcome : Outcome
        Whether it was written, or why not.
    """

    progress: Progress
    outcome: Outcome

    @property
    def is_written(self) -> bool:
        """Whether the ledger agrees with what we believed."""
        return self.outcome.verdict is Verdict.WRITTEN

    def __str__(self) -> str:
        """Return what a log line says about one that was not written."""
        pid, outcome = self.progress.pid, self.outcome
        return (
            f"{pid.topic}[{pid.partition}]: the ledger says {outcome.verdict.name} to "
            f"{self.progress.position}; it is at {outcome.position}"
        )


@dataclass(slots=True, eq=False)
class _Sent:
    progress: Progress
    next_offset: int
    ready: list[Prepared]
    writing: Writing = field(init=False)


class Writer:
    """Turns records into tasks, batch by batch. Blocks on the task broker."""

    def __init__(self, pipeline: Pipeline, enqueuer: Any, metrics: Metrics) -> None:
        self._pipeline = pipeline
        self._enqueuer = enqueuer
        self._metrics = metrics
        # Per partition the batches whose answer did not come: perhaps they were written.
        self._unanswered: dict[PartitionId, list[_Sent]] = {}
        self._sent: deque[_Sent] = deque()
        # Partitions of which a batch was not written.
        self._left: set[PartitionId] = set()

    def write(
        self, shares: Iterable[tuple[Progress, Iterable[Record]]], most_s: float = math.inf
    ) -> Generator[Answer, None, None]:
        """Enqueue the records of some partitions, each in order; yield the answer to each batch.

        The next batches may be on their way while an answer is looked at, unless that says that
        its batch was not written: its partition is left, and its position has to be asked for
        again. So it is with those for which there was no time. Who closes it early loses the
        answers that are still to come, until the position is asked for.

        Parameters
        ----------
        shares : iterable
            Partitions, and their records.
        most_s : float
            After so long, seconds, no further batch is begun.

        Raises
        ------
        RetryableError
            Kafka or the task broker is away; what was on its way has been answered before.
        """
        until = time.monotonic() + most_s
        self._left.clear()
        try:
            for progress, records in shares:
                yield from self._write(progress, records, until)
                if time.monotonic() > until:
                    break
            yield from self._answers(0)
        except Exception:
            # What has been written is so, whatever became of the rest.
            yield from self._answers(0)
            raise
        finally:
            for sent in self._sent:
                sent.writing.abandon()
            self._sent.clear()

    def settle(self, starts: Iterable[Progress]) -> None:
        """Announce batches whose answer was lost, where the position is seen to be behind them."""
        for start in starts:
            for sent in self._unanswered.pop(start.pid, ()):
                if start.position.next_offset >= sent.next_offset:
                    outcome = Outcome(Verdict.WRITTEN, start.position, len(sent.ready))
                    announce(self._pipeline.sender, self._metrics, 0, sent.ready, outcome)

    def forget(self, partitions: Container[TopicPartition]) -> None:
        """Forget such batches of partitions that go: the next owner may have written them."""
        for pid in list(self._unanswered):
            if TopicPartition(pid.topic, pid.partition) in partitions:
                del self._unanswered[pid]

    def _write(
        self, progress: Progress, records: Iterable[Record], until: float
    ) -> Iterator[Answer]:
        for ready in self._batches(progress, records):
            yield from self._answers(AHEAD - 1)
            if progress.pid in self._left:
                return
            # What is on its way counts as written: else the ledger refuses what comes after it.
            progress = self._send(progress, ready)
            # Not before it is sent: it would be as slow to make the next time, and never be sent.
            if time.monotonic() > until:
                return

    def _answers(self, most: int) -> Iterator[Answer]:
        """Wait until so many batches are on their way at most."""
        found: list[Answer] = []
        while len(self._sent) > (0 if found else most):
            answer = self._answer(self._sent.popleft())
            # What comes after a batch that was not written is not written either.
            is_echo = not answer.is_written and answer.progress.pid in self._left
            if not answer.is_written:
                self._left.add(answer.progress.pid)
            if not found and answer.is_written:
                yield answer
            elif not is_echo:
                # A refusal may be answered with another connection: then none may be on its way.
                found.append(answer)
        yield from found

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

    def _send(self, progress: Progress, ready: list[Prepared]) -> Progress:
        """Send a batch; return how far its partition is once it is written."""
        entries = tuple(prepared.entry for prepared in ready)
        next_offset = entries[-1].offset + 1
        batch = Batch(progress.pid, progress.position, next_offset, entries)
        sent = _Sent(progress, next_offset, ready)
        # Gone again with the answer, whatever it is.
        self._unanswered.setdefault(progress.pid, []).append(sent)
        sent.writing = self._enqueuer.begin(batch)
        self._sent.append(sent)
        return replace(progress, position=replace(progress.position, next_offset=next_offset))

    def _answer(self, sent: _Sent) -> Answer:
        progress, ready = sent.progress, sent.ready
        try:
            outcome = sent.writing.outcome()
        except RetryableError:
            self._left.add(progress.pid)
            raise
        open_ones = self._unanswered[progress.pid]
        open_ones[:] = [one for one in open_ones if one is not sent]
        if outcome.verdict is not Verdict.WRITTEN:
            return Answer(progress, outcome)
        new = outcome.skipped < len(ready)
        before = ready[outcome.skipped].entry.offset if new else sent.next_offset
        announce(self._pipeline.sender, self._metrics, before, ready, outcome)
        return Answer(replace(progress, position=outcome.position), outcome)
