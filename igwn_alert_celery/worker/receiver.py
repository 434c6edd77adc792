# SPDX-License-Identifier: BSD-3-Clause
"""The receiver's loop: poll → pipeline → write → commit, on one thread.

Failures have one answer: pause, forget the batch, and when both servers answer again ask the
ledger where to go on. Nothing is kept in memory meanwhile and nothing can be enqueued twice.
"""

from __future__ import annotations

import difflib
import logging
import time
from collections import defaultdict
from typing import Any

from igwn_alert_celery import signals
from igwn_alert_celery.enqueue.batch import Batch, Outcome, Verdict
from igwn_alert_celery.errors import KafkaUnavailable, RetryableError, TaskBrokerUnavailable
from igwn_alert_celery.handlers import is_pattern, topic_regex
from igwn_alert_celery.kafka.consumer import ClusterView, Commit, Consumer, Problem
from igwn_alert_celery.metrics import Metrics, State
from igwn_alert_celery.record import Record, TopicPartition
from igwn_alert_celery.worker.pipeline import Pipeline, Prepared
from igwn_alert_celery.worker.positions import CommitNote, Positions, Start

__all__ = ["Receiver"]

logger = logging.getLogger(__name__)

POLL_S = 0.1
MOST_RECORDS = 500
MOST_MESSAGES = 500
MOST_BYTES = 4_000_000
RENEW_COMMITS_S = 60.0
LOOK_AT_TOPICS_S = 5.0
REPEAT_MISSING_S = 300.0


class Receiver:
    """Receives for one worker. Only :meth:`run`'s thread may call anything but ``stop``."""

    def __init__(
        self,
        consumer: Consumer,
        enqueuer: Any,
        positions: Positions,
        pipeline: Pipeline,
        metrics: Metrics,
        wanted: tuple[str, ...],
    ) -> None:
        self._consumer = consumer
        self._enqueuer = enqueuer
        self._positions = positions
        self._pipeline = pipeline
        self._metrics = metrics
        self._wanted = wanted
        self._starts: dict[TopicPartition, Start] = {}
        self._stopping = False
        self._committed_at = 0.0
        self._looked_at = 0.0
        self._missing_said_at = 0.0
        consumer.on_revoke = self._revoked

    def stop(self) -> None:
        """Ask the loop to finish its batch, commit and leave; any thread, also a signal handler."""
        self._stopping = True

    def run(self, on_ready: Any) -> None:
        """Receive until :meth:`stop`; raises what only a new receiver can mend."""
        view = self._consumer.view()
        topics = self._existing(view)
        self._positions.learn_topics(set(topics))
        self._positions.ask(view, self._wanted)
        self._positions.refuse_foreign(view, topics)
        self._look_at_topics(view)
        on_ready(view)
        self._consumer.subscribe(_subscription(name) for name in self._wanted)
        try:
            while not self._stopping:
                self._once()
        finally:
            self._consumer.close()

    def _once(self) -> None:
        records, problems = self._consumer.poll(POLL_S, MOST_RECORDS)
        self._metrics.last_poll_at = time.time()
        try:
            for problem in problems:
                self._problem(problem)
            if self._consumer.new:
                self._start_new()
            self._receive([r for r in records if self._flows(r)])
            self._chores()
            self._state(State.RUNNING)
        except RetryableError as exc:
            self._away(exc)

    def _flows(self, record: Record) -> bool:
        partition = TopicPartition(record.topic, record.partition)
        start = self._starts.get(partition)
        if start is None or partition in self._consumer.new:
            return False
        return record.offset >= start.position.next_offset

    def _start_new(self) -> None:
        self._positions.learn_topics({tp.topic for tp in self._consumer.new})
        for partition in sorted(self._consumer.new):
            start = self._positions.start(partition)
            self._starts[partition] = start
            self._consumer.start_at(partition, start.position.next_offset)
            self._show(partition)
        self._commit(set(self._starts), wait=False)

    def _receive(self, records: list[Record]) -> None:
        by_partition: dict[TopicPartition, list[Record]] = defaultdict(list)
        for record in records:
            by_partition[TopicPartition(record.topic, record.partition)].append(record)
        for partition, mine in by_partition.items():
            self._receive_partition(partition, mine)
        self._commit(set(by_partition), wait=False)

    def _receive_partition(self, partition: TopicPartition, records: list[Record]) -> None:
        pid = self._positions.partition_id(partition)
        ready: list[Prepared] = []
        messages = size = 0
        for record in records:
            again = record.offset < self._starts[partition].redelivered_below
            prepared = self._pipeline.run(record, pid, redelivered=again)
            ready.append(prepared)
            messages += len(prepared.entry.commands)
            size += sum(len(c.value) for c in prepared.entry.commands if isinstance(c.value, bytes))
            if messages >= MOST_MESSAGES or size >= MOST_BYTES:
                if not self._write(partition, ready, record.offset + 1):
                    return
                ready, messages, size = [], 0, 0
        if ready:
            self._write(partition, ready, records[-1].offset + 1)

    def _write(self, partition: TopicPartition, ready: list[Prepared], next_offset: int) -> bool:
        start = self._starts[partition]
        pid = self._positions.partition_id(partition)
        entries = tuple(prepared.entry for prepared in ready)
        outcome = self._enqueuer.write(Batch(pid, start.position, next_offset, entries))
        if outcome.verdict is not Verdict.WRITTEN:
            self._ask_again(partition, outcome)
            return False
        self._starts[partition] = Start(outcome.position, start.redelivered_below)
        self._announce(ready, outcome)
        self._show(partition)
        return True

    def _announce(self, ready: list[Prepared], outcome: Outcome) -> None:
        counters = self._metrics.counters
        counters["received"] += len(ready)
        counters["skipped_by_ledger"] += outcome.skipped
        counters["dead_letters_evicted"] += len(outcome.evicted)
        if outcome.evicted:
            logger.error("%d old dead letters were pushed out by the bound", len(outcome.evicted))
        for prepared in ready:
            counters["enqueued"] += len(prepared.task_ids)
            if prepared.skipped:
                counters[f"skipped_{prepared.skipped}"] += 1
                logger.info("test record skipped (igwn_alert_ignore_test = False takes them)")
            for letter in prepared.entry.dead_letters:
                counters["dead_letters"] += 1
                logger.error(
                    "%s[%d]@%d is kept as a dead letter: %s: %s",
                    letter.topic,
                    letter.partition,
                    letter.offset,
                    letter.reason,
                    letter.error,
                )
                signals.alert_dead_lettered.send(sender=self._pipeline.sender, dead_letter=letter)
            if prepared.alert is not None:
                self._metrics.last_alert_at = time.time()
                signals.alert_enqueued.send(
                    sender=self._pipeline.sender, alert=prepared.alert, task_ids=prepared.task_ids
                )

    def _ask_again(self, partition: TopicPartition, outcome: Outcome) -> None:
        logger.warning(
            "%s[%d]: the ledger says %s (position %s); asking it where to go on",
            partition.topic,
            partition.partition,
            outcome.verdict.name,
            outcome.position,
        )
        self._metrics.counters[f"ledger_{outcome.verdict.name.lower()}"] += 1
        if outcome.verdict is Verdict.LEDGER:
            self._enqueuer.open()
        self._consumer.pause_all()

    def _problem(self, problem: Problem) -> None:
        logger.warning("Kafka: %s (%s)", problem.text, problem.topic)
        self._metrics.counters["kafka_problems"] += 1
        if problem.code == "_AUTO_OFFSET_RESET":
            self._consumer.pause_all()

    def _chores(self) -> None:
        now = time.time()
        if now - self._committed_at > RENEW_COMMITS_S:
            self._commit(set(self._starts), wait=False)
        if now - self._looked_at > LOOK_AT_TOPICS_S:
            self._looked_at = now
            self._look_at_topics(self._consumer.view())
            again = self._positions.learn_topics({tp.topic for tp in self._consumer.assigned})
            if again or self._ledger_moved():
                self._consumer.pause_all()

    def _ledger_moved(self) -> bool:
        """Whether a position is not where we believe it to be: Redis came back older, a seek."""
        for partition, start in self._starts.items():
            stored = self._enqueuer.position(self._positions.partition_id(partition))
            if stored is not None and stored != start.position:
                return True
        return False

    def _look_at_topics(self, view: ClusterView) -> None:
        topics = self._existing(view)
        missing = tuple(
            name for name in self._wanted if not is_pattern(name) and name not in view.topics
        )
        now = time.time()
        if missing and (
            missing != self._metrics.missing or now - self._missing_said_at > REPEAT_MISSING_S
        ):
            self._missing_said_at = now
            for name in missing:
                logger.error(_missing_text(name, view))
        self._metrics.topics, self._metrics.missing = topics, missing

    def _existing(self, view: ClusterView) -> tuple[str, ...]:
        found = {name for name in self._wanted if name in view.topics}
        for pattern in filter(is_pattern, self._wanted):
            regex = topic_regex(pattern)
            found.update(topic for topic in view.topics if regex.fullmatch(topic))
        return tuple(sorted(found))

    def _commit(self, partitions: set[TopicPartition], *, wait: bool) -> None:
        commits = {}
        for partition in partitions & self._starts.keys():
            pid = self._positions.partition_id(partition)
            note = CommitNote(self._enqueuer.ledger_id, pid.topic_id, time.time())
            commits[partition] = Commit(self._starts[partition].position.next_offset, note.text())
        self._consumer.commit(commits, wait=wait)
        self._committed_at = (
            time.time() if partitions >= self._starts.keys() else self._committed_at
        )

    def _revoked(self, partitions: set[TopicPartition]) -> None:
        try:
            self._commit(partitions, wait=True)
        except KafkaUnavailable as exc:
            # The next owner asks the ledger first; on other task brokers it may repeat a little.
            logger.warning("could not commit before handing partitions over: %s", exc)
        for partition in partitions:
            self._starts.pop(partition, None)
            self._metrics.partitions.pop(_name(partition), None)

    def _away(self, exc: RetryableError) -> None:
        away = isinstance(exc, TaskBrokerUnavailable)
        self._state(State.TASK_BROKER_AWAY if away else State.KAFKA_AWAY, str(exc))
        self._metrics.counters["retries"] += 1
        self._consumer.pause_all()
        deadline = time.monotonic() + 1.0
        while not self._stopping and time.monotonic() < deadline:
            self._consumer.poll(POLL_S, MOST_RECORDS)
            self._metrics.last_poll_at = time.time()
        if away and not self._stopping:
            self._reopen()

    def _reopen(self) -> None:
        try:
            self._enqueuer.open()
        except TaskBrokerUnavailable as exc:
            self._metrics.detail = str(exc)

    def _state(self, state: State, detail: str = "") -> None:
        if self._metrics.state is state:
            return
        self._metrics.state, self._metrics.detail = state, detail
        logger.log(
            logging.INFO if state is State.RUNNING else logging.ERROR,
            "receiver: %s%s",
            state.value,
            f" ({detail}); it goes on by itself" if detail else "",
        )
        signals.receiver_state_changed.send(
            sender=self._pipeline.sender, state=state.value, detail=detail
        )

    def _show(self, partition: TopicPartition) -> None:
        position = self._starts[partition].position
        self._metrics.partitions[_name(partition)] = {"next_offset": position.next_offset}


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}[{partition.partition}]"


def _subscription(name: str) -> str:
    return f"^{topic_regex(name).pattern}$" if is_pattern(name) else name


def _missing_text(name: str, view: ClusterView) -> str:
    near = difflib.get_close_matches(name, view.topics, n=3)
    hint = f" The nearest names are {', '.join(near)}." if near else ""
    return (
        f"topic {name} does not exist, or your credential may not read it.{hint} "
        "It is picked up as soon as it appears."
    )
