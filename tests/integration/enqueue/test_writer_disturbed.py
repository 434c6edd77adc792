# SPDX-License-Identifier: BSD-3-Clause
"""Two batches on their way to a real Redis that is disturbed at any moment."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from igwn_alert_celery.enqueue.batch import Command, Entry, PartitionId
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.record import Record
from igwn_alert_celery.worker import announce, writer
from igwn_alert_celery.worker.pipeline import Prepared
from igwn_alert_celery.worker.positions import Progress
from igwn_alert_celery.worker.writer import Writer
from tests.integration.enqueue.kit import opened

PARTITIONS = [PartitionId("cluster", "followup", "work", "id", number) for number in range(2)]
COUNT = 120
KINDS = ["flush", "kill", "close", "full", "empty", "seek"]
#: So many records of each partition come at once.
POLL = 25


class Disturbed:
    """A pipeline and an enqueuer that do something to Redis, or to the connection, now and then."""

    sender = None

    def __init__(self, client, others, ledger, seed):
        self.client, self.others, self.ledger = client, others, ledger
        self.chance = random.Random(seed)
        self.kinds = []
        self.done = set()

    def run(self, record, partition, *, redelivered):
        self.disturb()
        value = b"%d" % record.offset
        commands = (Command("lpush", queue(partition), value),)
        return Prepared(Entry(record.offset, commands, ()), task_ids=(f"{record.offset}",))

    def begin(self, batch):
        self.disturb()
        return self.ledger.begin(batch)

    def disturb(self):
        if self.chance.random() > 0.1:
            return
        if not self.kinds:
            # As a pack of cards, so that each comes as often as the others.
            self.kinds = self.chance.sample(KINDS, len(KINDS))
        kind = self.kinds.pop()
        self.done.add(kind)
        if kind == "flush":
            self.others.script_flush()
        elif kind == "kill":
            self.kill()
        elif kind == "close":
            self.client.connection_pool.disconnect()
        elif kind == "seek":
            partition = self.chance.choice(PARTITIONS)
            at = self.ledger.position(partition)
            # Where it is, and not back where it was before a batch that comes just now.
            self.ledger.seek(partition, at.next_offset, at)
        else:
            self.others.config_set("maxmemory", 1 if kind == "full" else 0)

    def kill(self):
        for one in self.others.client_list(_type="normal"):
            if one["cmd"] in {"evalsha", "script|load"}:
                try:
                    self.others.client_kill(one["addr"])
                except ResponseError:
                    continue  # it has gone by itself


def queue(partition):
    return f"queue {partition.partition}"


@pytest.mark.parametrize("seed", range(4))
def test_each_record_is_written_and_announced_once_and_in_order(
    redis_server, prefix, configured, queued, monkeypatch, seed
):
    monkeypatch.setattr(writer, "MOST_MESSAGES", 3)
    announced = []
    monkeypatch.setattr(
        announce,
        "_announce_one",
        lambda sender, metrics, prepared: announced.append(prepared.entry),
    )
    configured("maxmemory", "0")
    client = redis_server.client(socket_timeout=60.0, retry=Retry(NoBackoff(), 0))
    others = redis_server.client()
    ledger = opened(client, prefix)
    for partition in PARTITIONS:
        ledger.claim(partition, 0)
    told = Disturbed(client, others, ledger, seed)
    metrics = Metrics()
    writing = Writer(told, told, metrics)
    on = SimpleNamespace(writer=writing, ledger=ledger, client=client, others=others)
    while not ask_again(on):
        pass
    for partition in PARTITIONS:
        assert queued(queue(partition)) == list(range(COUNT))
        offsets = [one.offset for one in announced if one.commands[0].key == queue(partition)]
        assert offsets == list(range(COUNT))
    assert metrics.counters["enqueued"] == metrics.counters["received"] == 2 * COUNT
    assert told.done == set(KINDS), "each disturbance has happened"


def ask_again(on):
    """Ask for the positions, and go on until something fails; return whether all is done."""
    on.others.config_set("maxmemory", 0)
    progress = {one: Progress(one, on.ledger.position(one)) for one in PARTITIONS}
    on.writer.settle(progress.values())
    while any(one.position.next_offset < COUNT for one in progress.values()):
        shares = [(one, records(one)) for one in progress.values()]
        try:
            answers = list(taken(on.writer.write(shares), progress))
        except TaskBrokerUnavailable:
            return False
        finally:
            assert not on.client.connection_pool._in_use_connections
        if not all(answers):
            return False
    return True


def taken(answers, progress):
    """Take over how far the partitions are, and yield whether it was written."""
    for answer in answers:
        if answer.is_written:
            progress[answer.progress.pid] = answer.progress
        yield answer.is_written


def records(progress):
    start, number = progress.position.next_offset, progress.pid.partition
    return [
        Record("work", number, offset, 0, None, b"x", ())
        for offset in range(start, min(COUNT, start + POLL))
    ]
