# SPDX-License-Identifier: BSD-3-Clause
"""Each rule of the ledger on real Redis."""

import pytest

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.batch import Batch, Command, Entry, PartitionId, Position, Verdict
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.record import Record

PARTITION = PartitionId("cluster", "group", "g.superevent", "topic-id", 0)


@pytest.fixture
def client(redis_server):
    found = redis_server.client()
    found.flushdb()
    return found


@pytest.fixture
def ledger(client):
    found = Ledger(client, prefix="p:", max_dead_count=3, max_dead_bytes=100_000)
    found.open()
    return found


def batch(believed, *offsets, epoch=0, letters=()):
    entries = tuple(
        Entry(n, (Command("lpush", "celery", str(n).encode()),), tuple(letters)) for n in offsets
    )
    return Batch(PARTITION, Position(believed, epoch), offsets[-1] + 1, entries)


def queued(client):
    return [int(item) for item in reversed(client.lrange("p:celery", 0, -1))]


def test_tasks_and_position_move_together(client, ledger):
    ledger.claim(PARTITION, 5)
    outcome = ledger.write(batch(5, 5, 6, 8))
    assert (outcome.verdict, outcome.position) == (Verdict.WRITTEN, Position(9, 0))
    assert ledger.position(PARTITION) == Position(9, 0)
    assert queued(client) == [5, 6, 8]


def test_retry_after_a_lost_reply_writes_nothing_twice(client, ledger):
    ledger.claim(PARTITION, 0)
    ledger.write(batch(0, 0, 1))
    again = ledger.write(batch(0, 0, 1))
    assert (again.written, again.skipped, again.position) == (0, 2, Position(2, 0))
    assert queued(client) == [0, 1]


def test_slow_former_owner_adds_only_what_is_new(client, ledger):
    ledger.claim(PARTITION, 0)
    ledger.write(batch(0, 0, 1))
    ledger.write(batch(0, 0, 1, 2))
    assert queued(client) == [0, 1, 2]


def test_a_ledger_that_came_back_older_makes_the_writer_rewind(client, ledger):
    ledger.claim(PARTITION, 3)
    outcome = ledger.write(batch(7, 7))
    assert (outcome.verdict, outcome.position) == (Verdict.BEHIND, Position(3, 0))
    assert queued(client) == []


def test_a_seek_refuses_batches_of_before(client, ledger):
    ledger.claim(PARTITION, 9)
    assert ledger.seek(PARTITION, 2) == Position(2, 1)
    assert ledger.write(batch(9, 9)).verdict is Verdict.EPOCH
    assert ledger.write(batch(2, 2, epoch=1)).verdict is Verdict.WRITTEN
    assert queued(client) == [2]


def test_another_ledger_and_an_emptied_one_refuse(client, ledger):
    ledger.claim(PARTITION, 0)
    client.set("p:igwn_alert:ledger", "another")
    assert ledger.write(batch(0, 0)).verdict is Verdict.LEDGER
    client.flushdb()
    assert ledger.write(batch(0, 0)).verdict is Verdict.LEDGER
    ledger.open()
    assert ledger.write(batch(0, 0)).verdict is Verdict.UNKNOWN
    assert queued(client) == []


def test_a_queue_of_another_type_fails_before_anything_is_written(client, ledger):
    ledger.claim(PARTITION, 0)
    client.set("p:celery", "a string")
    with pytest.raises(TaskBrokerUnavailable, match="WRONGTYPE"):
        ledger.write(batch(0, 0))
    assert ledger.position(PARTITION) == Position(0, 0)


def test_dead_letters_are_bounded_and_what_is_pushed_out_is_told(ledger):
    ledger.claim(PARTITION, 0)
    record = Record("g.superevent", 0, 0, 0, b"\xff", b"\x00", (("_format", None),))
    letters = [DeadLetter.from_record(record, "not_json", f"{n}") for n in range(4)]
    outcome = ledger.write(batch(0, 0, letters=letters))
    assert outcome.evicted == (letters[0].id,)
    assert ledger.dead_letters.list() == letters[1:]
    assert ledger.dead_letters.drop(letters[1].id)
    assert ledger.dead_letters.count() == 2
    assert ledger.dead_letters.size_bytes() == sum(len(x.to_json()) for x in letters[2:])


def test_the_first_request_stays(ledger):
    ledger.remember("cluster", "group", "g.superevent", "one")
    assert ledger.remember("cluster", "group", "g.superevent", "two") == "one"
    assert ledger.asked("cluster", "group") == {"g.superevent": "one"}
