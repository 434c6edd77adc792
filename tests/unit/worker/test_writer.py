# SPDX-License-Identifier: BSD-3-Clause
"""How records are put together into batches."""

import pytest

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import (
    Command,
    Entry,
    Outcome,
    PartitionId,
    Position,
    Verdict,
)
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import Record, TopicPartition
from igwn_alert_celery.worker.pipeline import Prepared
from igwn_alert_celery.worker.positions import Progress
from igwn_alert_celery.worker.writer import MOST_BYTES, MOST_MESSAGES, Writer

PARTITION = PartitionId("cluster", "followup", "gracedb.superevent", "id", 0)


class FakePipeline:
    sender = None

    def __init__(self, tasks, letters):
        self._tasks, self._letters = tasks, letters

    def run(self, record, partition, *, redelivered):
        commands = (Command("lpush", "celery", record.value),) * self._tasks
        letter = DeadLetter.from_record(record, "not_json", "no JSON")
        return Prepared(Entry(record.offset, commands, (letter,) * self._letters))


class FakeEnqueuer:
    def __init__(self):
        self.batches = []

    def write(self, batch):
        self.batches.append(batch)
        return Outcome(Verdict.WRITTEN, Position(batch.next_offset, 1), len(batch.entries))


def written(tasks, letters, records):
    enqueuer = FakeEnqueuer()
    writer = Writer(FakePipeline(tasks, letters), enqueuer, Metrics())
    list(writer.write(Progress(PARTITION, Position(0, 1)), records))
    offsets = [entry.offset for batch in enqueuer.batches for entry in batch.entries]
    assert offsets == [record.offset for record in records]
    return enqueuer.batches


class LosingEnqueuer(FakeEnqueuer):
    def write(self, batch):
        self.batches.append(batch)
        raise TaskBrokerUnavailable("the answer did not come")


@pytest.fixture
def unanswered():
    """A writer whose batch of three dead letters, up to offset 3, had no answer."""
    metrics = Metrics()
    writer = Writer(FakePipeline(0, 1), LosingEnqueuer(), metrics)
    with pytest.raises(TaskBrokerUnavailable):
        list(writer.write(Progress(PARTITION, Position(0, 1)), records_of(3, 1)))
    assert metrics.counters["dead_letters"] == 0
    return writer, metrics


def at(next_offset):
    return [Progress(PARTITION, Position(next_offset, 1))]


def test_a_batch_that_was_written_without_an_answer_is_announced_once(unanswered, caplog):
    writer, metrics = unanswered
    for _ in range(2):
        writer.settle(at(3))
    assert metrics.counters["dead_letters"] == 3
    assert "gracedb.superevent[0]@2 is kept as a dead letter: not_json" in caplog.text


def test_a_batch_that_was_not_written_is_not_announced(unanswered):
    writer, metrics = unanswered
    writer.settle(at(0))
    writer.settle(at(3))
    assert metrics.counters["dead_letters"] == 0


def test_a_batch_of_a_partition_that_has_gone_is_not_announced(unanswered):
    writer, metrics = unanswered
    writer.forget({TopicPartition("gracedb.superevent", 0)})
    writer.settle(at(3))
    assert metrics.counters["dead_letters"] == 0


def records_of(count, size):
    return [
        Record("gracedb.superevent", 0, number, 0, None, b"x" * size, ()) for number in range(count)
    ]


@pytest.mark.parametrize(("tasks", "letters"), [(1, 0), (0, 1), (3, 2), (0, 10)])
def test_a_batch_has_a_bounded_number_of_tasks_and_dead_letters(tasks, letters):
    for batch in written(tasks, letters, records_of(500, 1)):
        things = sum(len(one.commands) + len(one.dead_letters) for one in batch.entries)
        assert things <= MOST_MESSAGES


@pytest.mark.parametrize(("tasks", "letters"), [(1, 0), (0, 1), (2, 2)])
def test_a_batch_has_a_bounded_size(tasks, letters):
    for batch in written(tasks, letters, records_of(30, 500_000)):
        in_commands = sum(len(c.value) for one in batch.entries for c in one.commands)
        in_letters = sum(len(x.to_json()) for one in batch.entries for x in one.dead_letters)
        is_one = len(batch.entries) == 1
        assert is_one or in_commands + in_letters <= MOST_BYTES + 1000 * len(batch.entries)


def test_an_alert_is_never_cut():
    (batch, *_) = written(MOST_MESSAGES + 1, 0, records_of(2, 1))
    assert len(batch.entries[0].commands) == MOST_MESSAGES + 1
