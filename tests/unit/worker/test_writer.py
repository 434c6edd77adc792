# SPDX-License-Identifier: BSD-3-Clause
"""How records are put together into batches."""

from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from msgspec import structs

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import (
    Command,
    Entry,
    Outcome,
    PartitionId,
    Position,
    Verdict,
)
from igwn_alert_celery.enqueue.writing import Written
from igwn_alert_celery.errors import KafkaUnavailable, TaskBrokerUnavailable
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

    def begin(self, batch):
        self.batches.append(batch)
        return Written(Outcome(Verdict.WRITTEN, Position(batch.next_offset, 1), len(batch.entries)))


def written(tasks, letters, records):
    enqueuer = FakeEnqueuer()
    writer = Writer(FakePipeline(tasks, letters), enqueuer, Metrics())
    list(writer.write([(Progress(PARTITION, Position(0, 1)), records)]))
    offsets = [entry.offset for batch in enqueuer.batches for entry in batch.entries]
    assert offsets == [record.offset for record in records]
    return enqueuer.batches


class LosingEnqueuer(FakeEnqueuer):
    def begin(self, batch):
        self.batches.append(batch)
        raise TaskBrokerUnavailable("the answer did not come")


@pytest.fixture
def unanswered():
    """A writer whose batch of three dead letters, up to offset 3, had no answer."""
    metrics = Metrics()
    writer = Writer(FakePipeline(0, 1), LosingEnqueuer(), metrics)
    with pytest.raises(TaskBrokerUnavailable):
        list(writer.write([(Progress(PARTITION, Position(0, 1)), records_of(3, 1))]))
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


@pytest.mark.parametrize(("position", "announced"), [(0, 0), (1, 1), (2, 2)])
def test_of_two_batches_without_an_answer_those_that_were_written_are_announced(
    position, announced
):
    metrics = Metrics()
    told = Told([TaskBrokerUnavailable("cut"), TaskBrokerUnavailable("cut")])
    writer = Writer(told, told, metrics)
    with pytest.raises(TaskBrokerUnavailable):
        list(writer.write([large(0, 3)]))
    writer.settle(at(position))
    writer.settle(at(2))
    assert metrics.counters["received"] == announced


@pytest.mark.parametrize(("verdicts", "lost"), [("WL", {1}), ("LW", {0}), ("LL", {0, 1})])
def test_each_batch_is_announced_once_whichever_answer_was_lost(verdicts, lost, monkeypatch):
    cut = TaskBrokerUnavailable("cut")
    metrics, announced = Metrics(), []
    monkeypatch.setattr(
        "igwn_alert_celery.worker.announce._announce_one",
        lambda sender, metrics, prepared: announced.append(prepared.entry.offset),
    )
    told = Told([Verdict.WRITTEN if one == "W" else cut for one in verdicts])
    writer = Writer(told, told, metrics)
    with pytest.raises(TaskBrokerUnavailable):
        list(writer.write([large(0, 2), large(1, 0)]))
    assert set(announced) == {0, 1} - lost
    for _ in range(2):
        writer.settle(at(2))
        assert sorted(announced) == [0, 1]


def test_a_batch_of_a_partition_that_has_gone_is_not_announced(unanswered):
    writer, metrics = unanswered
    writer.forget({TopicPartition("gracedb.superevent", 0)})
    writer.settle(at(3))
    assert metrics.counters["dead_letters"] == 0


def records_of(count, size, partition=0):
    return [
        Record("gracedb.superevent", partition, number, 0, None, b"x" * size, ())
        for number in range(count)
    ]


class Told:
    """A pipeline and an enqueuer that write down what they are asked to do, in order."""

    sender = None

    def __init__(self, verdicts=()):
        self.said = []
        self.verdicts = list(verdicts)

    def run(self, record, partition, *, redelivered):
        self.said.append(f"make {partition.partition}:{record.offset}")
        if record.key == b"away":
            raise KafkaUnavailable("what was offloaded cannot be fetched")
        command = Command("lpush", "celery", record.value)
        return Prepared(Entry(record.offset, (command,), ()))

    def begin(self, batch):
        name = f"{batch.partition.partition}:{batch.believed.next_offset}"
        self.said.append(f"send {name}")
        verdict = self.verdicts.pop(0) if self.verdicts else Verdict.WRITTEN
        position = Position(batch.next_offset, 1)
        return ToldWriting(self.said, name, Outcome(verdict, position, len(batch.entries)))


@dataclass
class ToldWriting:
    said: list
    name: str
    result: object

    def outcome(self):
        self.said.append(f"answer {self.name}")
        if isinstance(self.result.verdict, Exception):
            raise self.result.verdict
        return self.result

    def abandon(self):
        self.said.append(f"abandon {self.name}")


def share(partition, records):
    pid = PartitionId("cluster", "followup", "gracedb.superevent", "id", partition)
    return Progress(pid, Position(0, 1)), records


def sending(told):
    return Writer(told, told, Metrics())


def large(partition, count):
    """So large that each is a batch of its own."""
    return share(partition, records_of(count, MOST_BYTES, partition))


def test_the_next_batch_is_made_while_two_are_on_their_way():
    told = Told()
    answers = list(sending(told).write([large(0, 3), large(1, 1)]))
    assert told.said == [
        *("make 0:0", "make 0:1", "send 0:0", "make 0:2", "send 0:1"),
        *("answer 0:0", "send 0:2", "make 1:0"),
        *("answer 0:1", "send 1:0", "answer 0:2", "answer 1:0"),
    ]
    assert [answer.progress.position.next_offset for answer in answers] == [1, 2, 3, 1]


def test_nothing_is_on_its_way_while_a_refusal_is_looked_at():
    told = Told([Verdict.WRITTEN, Verdict.LEDGER, Verdict.LEDGER])
    for answer in sending(told).write([large(0, 5), large(1, 2)]):
        if not answer.is_written:
            assert not under_way(told)
    assert not under_way(told)


def under_way(told):
    """How many batches are on their way."""
    sent = [said for said in told.said if said.startswith("send")]
    return len(sent) - sum(said.startswith("answer") for said in told.said)


def test_who_leaves_early_leaves_nothing_on_its_way():
    told = Told()
    with closing(sending(told).write([large(0, 3)])) as writing:
        next(writing)
    assert told.said[-2:] == ["answer 0:0", "abandon 0:1"]


def test_no_batch_is_sent_after_the_time_and_all_are_answered(monkeypatch):
    told = Told()
    writer = sending(told)
    ticks = iter(range(1000))
    # One second for each look at the clock.
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    answers = list(writer.write([large(0, 20), large(1, 1)], most_s=20.0))
    assert 2 <= len(answers) < 20
    assert "send 1:0" not in told.said
    assert not under_way(told)


def test_however_slow_a_batch_is_to_make_it_is_sent(monkeypatch):
    told = Told()
    writer = sending(told)
    hours = iter(range(0, 1_000_000, 3600))
    monkeypatch.setattr("time.monotonic", lambda: next(hours))
    for start in (0, 1):
        progress, records = large(0, 3)
        progress = replace(progress, position=Position(start, 1))
        (answer,) = writer.write([(progress, records[start:])], most_s=15.0)
        assert answer.progress.position.next_offset == start + 1


def test_a_partition_that_the_ledger_disagrees_with_is_left_and_the_others_go_on():
    told = Told([Verdict.BEHIND, Verdict.BEHIND])
    answers = list(sending(told).write([large(0, 4), large(1, 1)]))
    assert [answer.is_written for answer in answers] == [False, True]
    assert [said for said in told.said if "send" in said] == ["send 0:0", "send 0:1", "send 1:0"]
    assert str(answers[0]).startswith("gracedb.superevent[0]: the ledger says BEHIND to ")


def test_a_refusal_does_not_hide_the_answer_to_another_partition():
    told = Told([Verdict.EPOCH, Verdict.WRITTEN, Verdict.EPOCH])
    answers = list(sending(told).write([large(0, 1), large(1, 1), large(2, 1)]))
    assert [(answer.progress.pid.partition, answer.is_written) for answer in answers] == [
        *((0, False), (1, True), (2, False)),
    ]


def test_what_is_on_its_way_is_answered_before_kafka_is_said_to_be_away():
    told = Told()
    progress, records = large(0, 2)
    records[1] = structs.replace(records[1], key=b"away")
    answers = []
    with pytest.raises(KafkaUnavailable):
        answers.extend(
            sending(told).write([(progress, records[:1]), large(1, 1), (progress, records[1:])])
        )
    assert told.said[-3:] == ["make 0:1", "answer 0:0", "answer 1:0"]


def test_what_was_written_is_told_before_what_nobody_has_foreseen():
    class Failing(Told):
        def begin(self, batch):
            if batch.believed.next_offset == 1:
                raise ValueError("an enqueuer of somebody's")
            return super().begin(batch)

    writing = sending(Failing()).write([large(0, 2)])
    assert next(writing).progress.position.next_offset == 1
    with pytest.raises(ValueError, match="somebody's"):
        next(writing)


def test_an_error_is_not_followed_by_the_refusal_that_it_leads_to():
    told = Told([TaskBrokerUnavailable("OOM"), Verdict.BEHIND])
    writing = sending(told).write([large(0, 4)])
    with pytest.raises(TaskBrokerUnavailable, match="OOM"):
        next(writing)
    assert told.said[-1] == "answer 0:1"


def test_no_batch_follows_one_whose_answer_was_lost():
    told = Told([TaskBrokerUnavailable("cut"), TaskBrokerUnavailable("cut")])
    with pytest.raises(TaskBrokerUnavailable):
        list(sending(told).write([large(0, 4)]))
    assert told.said[-2:] == ["answer 0:0", "answer 0:1"]
    assert "send 0:2" not in told.said


def test_what_is_on_its_way_is_given_up_when_something_unforeseen_ends_the_receiver():
    class Ended(BaseException):
        pass

    told = Told()
    progress, records = large(0, 2)

    def then_end():
        yield from records
        raise Ended

    with pytest.raises(Ended):
        list(sending(told).write([(progress, then_end())]))
    assert told.said[-1] == "abandon 0:0"


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


def test_what_one_fetch_brings_of_a_partition_is_one_batch():
    """A megabyte of usual alerts; else a small rest follows each batch, and the pipeline waits."""
    wire, in_message = 9_800, 10_600
    assert len(written(1, 0, records_of(1_048_576 // wire, in_message))) == 1


def test_an_alert_is_never_cut():
    (batch, *_) = written(MOST_MESSAGES + 1, 0, records_of(2, 1))
    assert len(batch.entries[0].commands) == MOST_MESSAGES + 1
