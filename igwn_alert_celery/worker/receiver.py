# SPDX-License-Identifier: BSD-3-Clause
"""The receiver's loop: poll → pipeline → write → commit, on one thread.

Failures have one answer: pause, forget the batch, and when both servers answer again ask the
ledger where to go on. Nothing is kept in memory meanwhile and nothing can be enqueued twice.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress

from igwn_alert_celery.enqueue.batch import Verdict
from igwn_alert_celery.errors import (
    ForeignLedgerError,
    KafkaUnavailable,
    RetryableError,
    TaskBrokerUnavailable,
)
from igwn_alert_celery.kafka.stall_watch import StallWatch
from igwn_alert_celery.metrics import State
from igwn_alert_celery.record import Record, TopicPartition
from igwn_alert_celery.worker.commit_note import RENEW_S
from igwn_alert_celery.worker.commits import Commits
from igwn_alert_celery.worker.newcomers import Newcomers
from igwn_alert_celery.worker.parts import Parts
from igwn_alert_celery.worker.problems import Problems
from igwn_alert_celery.worker.shares import Shares
from igwn_alert_celery.worker.writer import Answer

__all__ = ["Receiver"]

logger = logging.getLogger(__name__)

#: A record ends a poll at once, whatever this is, and a stop waits for it.
POLL_S = 0.25
#: A rebalance ends no poll, and who starts waits for one.
JOIN_POLL_S = 0.1
MOST_RECORDS = 1000
#: Commits and chores wait for so long, seconds, for more to come; and for so long while it does.
SOON_S = 0.005
TIDY_S = 0.1
#: What is in no hurry waits for so long, seconds, also where a poll follows the other closely.
CHORES_S = 0.4
LOOK_S = 5.0
QUIET_S = 30.0
BACKOFF_S = 1.0
#: After so long, seconds, poll again: max.poll.interval.ms is a minute.
MOST_RECEIVE_S = 15.0


class Receiver:
    """Receives for one worker. Only :meth:`run`'s thread may call anything but ``stop``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._consumer = parts.consumer
        self._metrics = parts.metrics
        self._problems = Problems(parts.consumer, parts.metrics)
        self._commits = Commits(parts.consumer, parts.enqueuer, parts.handlers_mark)
        self._shares = Shares(parts)
        self._newcomers = Newcomers(parts)
        self._stalls = StallWatch(parts.consumer.cluster)
        self._is_idle = self._stopping = False
        # Partitions of which something was enqueued that is neither committed nor shown yet.
        self._received: set[TopicPartition] = set()
        self._tidy_at = 0.0
        self._write_failed_at = -math.inf
        self._subscription: list[str] = []
        self._committed_at = self._looked_at = self._chores_at = time.monotonic()
        self._consumer.on_revoked = self._revoked
        self._consumer.on_lost = self._forget

    def stop(self) -> None:
        """Ask the loop to finish its batch, commit and leave; any thread, also a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Receive until :meth:`stop`; raises what only a new receiver can mend."""
        self._parts.requests.ask(self._parts.topics.view, self._parts.topics.wanted)
        self._subscribe()
        while not self._stopping:
            self._once()

    def _subscribe(self) -> None:
        """Subscribe, where that is not what we have subscribed to before."""
        subscription = self._parts.topics.subscription()
        if subscription != self._subscription:
            self._consumer.subscribe(subscription)
            self._subscription = subscription

    def _once(self) -> None:
        timeout_s = POLL_S if self._consumer.joined else JOIN_POLL_S
        try:
            records, problems = self._consumer.poll(
                SOON_S if self._received else timeout_s, MOST_RECORDS
            )
            self._metrics.note_poll()
            self._is_idle = not records
            self._problems.take(problems)
            self._receive(self._shares.wanted(records))
            if self._newcomers.waiting:
                self._start_new()
            # The pool is just taking what was enqueued, and needs Python's lock for it.
            if self._is_idle or time.monotonic() > self._tidy_at:
                self._tidy()
        except RetryableError as exc:
            self._away(exc)

    def _tidy(self) -> None:
        """See to everything but the alerts themselves."""
        self._tidy_at = time.monotonic() + TIDY_S
        received, self._received = self._received, set()
        if self._parts.enqueuer.keeps_positions:
            self._commit(received)
        self._shares.show_some(self._shares.of(received))
        self._chores()
        self._say_running()

    def _start_new(self) -> None:
        starts = self._newcomers.starts()
        self._parts.writer.settle(starts.values())
        self._shares.start(self._consumer.new, starts)
        self._consumer.start_at({tp: start.position.next_offset for tp, start in starts.items()})
        self._stalls.begin_anew(starts)
        # At once: what is sent while nobody listens must not be skipped by a later start.
        self._commit(starts)
        self._shares.show()

    def _receive(self, by_partition: Mapping[TopicPartition, list[Record]]) -> None:
        if not by_partition:
            return
        try:
            self._write(by_partition)
        except TaskBrokerUnavailable:
            self._write_failed_at = time.monotonic()
            raise
        finally:
            self._received.update(by_partition)
            if not self._parts.enqueuer.keeps_positions:
                # What is not committed is enqueued again, should this worker be killed.
                self._commit(by_partition)

    def _write(self, by_partition: Mapping[TopicPartition, list[Record]]) -> None:
        shares = self._shares.progress
        mine = ((shares[partition], records) for partition, records in by_partition.items())
        with closing(self._parts.writer.write(mine, MOST_RECEIVE_S)) as answers:
            for answer in answers:
                self._take(answer)
        # What was not written is read again, from where its partition is: the ledger disagrees, or
        # there was no time, as the group gives up a member that does not poll.
        self._consumer.pause(
            [
                partition
                for partition, records in by_partition.items()
                if shares[partition].position.next_offset <= records[-1].offset
            ]
        )

    def _take(self, answer: Answer) -> None:
        if answer.is_written:
            pid = answer.progress.pid
            self._shares.progress[TopicPartition(pid.topic, pid.partition)] = answer.progress
            self._write_failed_at = -math.inf
            return
        verdict = answer.outcome.verdict
        logger.warning("%s; asking where to go on", answer)
        self._metrics.counters[f"ledger_{verdict.name.lower()}"] += 1
        if verdict is Verdict.LEDGER:
            self._parts.enqueuer.open()

    def _chores(self) -> None:
        now = time.monotonic()
        self._parts.topics.refresh_ids()
        self._consumer.pause(self._shares.stale())
        if now < self._chores_at:
            return
        self._chores_at = now + CHORES_S
        if now - self._committed_at > RENEW_S:
            self._committed_at = now
            self._commit(list(self._shares.progress))
            self._check_group()
        self._take_out()
        if now - self._looked_at > LOOK_S:
            self._looked_at = now
            self._look()
        self._revive()

    def _look(self) -> None:
        self._newcomers.look_again()
        self._parts.topics.look()
        self._consumer.refusals.take()  # it answers, so they are over
        self._subscribe()
        self._consumer.pause(self._shares.moved())
        self._shares.show()

    def _revive(self) -> None:
        """Let partitions flow again that librdkafka no longer fetches."""
        positions = self._shares.flowing()
        stalled = self._stalls.look(positions, is_idle=self._is_idle)
        if stalled:
            self._metrics.counters["stalled_partitions"] += len(stalled)
            self._consumer.fetch_anew({tp: positions[tp] for tp in stalled})

    def _take_out(self) -> None:
        """Let go of what was taken out; its position stays, for the worker that takes it again."""
        topics = self._parts.topics
        if not topics.take_out(self._metrics.unsubscribed):
            return
        gone = {tp for tp in self._shares.progress if topics.is_out(tp.topic)}
        try:
            self._commit(gone)
        finally:
            self._forget(gone)
        self._subscribe()
        logger.warning("taken out: %s", ", ".join(self._metrics.unsubscribed))

    def _check_group(self) -> None:
        """Leave the group to a deployment that came at the same moment as this one."""
        topics, positions = self._parts.topics, self._parts.positions
        partitions = topics.view.partitions(topics.existing)
        if positions.must_yield(partitions):
            # The other one may be ours: another worker noticed first that Redis was emptied.
            self._parts.enqueuer.open()
            try:
                positions.check_group(partitions)
            except ForeignLedgerError:
                self._commits.yields = True
                raise

    def _commit(self, partitions: Iterable[TopicPartition], *, leaving: bool = False) -> None:
        self._commits.send(self._shares.of(partitions), leaving=leaving)

    def _revoked(self, partitions: set[TopicPartition]) -> None:
        try:
            self._commit(partitions, leaving=True)
        except KafkaUnavailable as exc:
            # The next owner asks the ledger first; on other task brokers it may repeat a little.
            logger.warning("could not commit before handing partitions over: %s", exc)
        self._forget(partitions)

    def _forget(self, partitions: set[TopicPartition]) -> None:
        self._shares.forget(partitions)
        self._parts.writer.forget(partitions)
        self._shares.show()

    def _away(self, exc: RetryableError) -> None:
        # At once: Redis may come back empty, and then this is where to go on.
        with suppress(KafkaUnavailable):
            self._commit(self._received)
        task_broker = isinstance(exc, TaskBrokerUnavailable)
        if not task_broker:
            # Another password may be in the file by now: a new receiver reads it.
            self._consumer.refusals.check()
        state = State.TASK_BROKER_AWAY if task_broker else State.KAFKA_AWAY
        self._parts.set_state(state, str(exc))
        self._metrics.counters["retries"] += 1
        self._consumer.pause(self._consumer.assigned)
        self._keep_in_group(BACKOFF_S)
        while task_broker and not self._stopping and not self._reopened():
            self._keep_in_group(BACKOFF_S)

    def _keep_in_group(self, seconds: float) -> None:
        """Go on polling, so that the group keeps us; what still comes is read again later."""
        deadline = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < deadline:
            self._consumer.poll(POLL_S, MOST_RECORDS)
            self._metrics.note_poll()

    def _reopened(self) -> bool:
        try:
            self._parts.enqueuer.open()
        except TaskBrokerUnavailable as exc:
            self._metrics.detail = str(exc)
            return False
        return True

    def _say_running(self) -> None:
        if self._metrics.state is State.RUNNING:
            return
        # It answers and yet refuses to be written to: that is not over before a write succeeds.
        if time.monotonic() - self._write_failed_at < QUIET_S:
            return
        # Without any topic Kafka's group does not take us in; there is nothing to wait for.
        if self._consumer.joined or not self._parts.topics.existing:
            self._parts.set_state(State.RUNNING, "")
