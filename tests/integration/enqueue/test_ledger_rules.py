# SPDX-License-Identifier: BSD-3-Clause
"""The rules of the ledger, one by one, on real Redis (DESIGN: "Enqueue on Redis: the ledger")."""

import uuid
from dataclasses import replace

from igwn_alert_celery.enqueue.batch import Position, Verdict
from tests.integration.enqueue.kit import (
    PARTITION,
    alerts,
    batch,
    entry,
    opened,
    push,
    remove,
    restore,
    state,
)


def test_tasks_and_position_move_together(ledger, queued):
    start = ledger.claim(PARTITION, 5)
    outcome = ledger.write(alerts(start, 5, 6, 8))
    assert (outcome.verdict, outcome.written, outcome.skipped) == (Verdict.WRITTEN, 3, 0)
    assert outcome.position == ledger.position(PARTITION) == replace(start, next_offset=9)
    assert queued() == [5, 6, 8]


def test_only_the_first_of_two_workers_decides_where_a_partition_starts(ledger):
    start = ledger.claim(PARTITION, 5)
    assert ledger.claim(PARTITION, 2) == start
    assert ledger.position(PARTITION) == start


def test_a_retry_after_a_lost_reply_writes_nothing_twice(ledger, queued):
    start = ledger.claim(PARTITION, 0)
    ledger.write(alerts(start, 0, 1))
    again = ledger.write(alerts(start, 0, 1))
    assert (again.verdict, again.written, again.skipped) == (Verdict.WRITTEN, 0, 2)
    assert again.position.next_offset == 2
    assert queued() == [0, 1]


def test_a_slow_former_owner_adds_only_what_is_new(ledger, queued):
    start = ledger.claim(PARTITION, 0)
    ledger.write(alerts(start, 0, 1))
    late = ledger.write(alerts(start, 0, 1, 2))
    assert (late.written, late.skipped, late.position.next_offset) == (1, 2, 3)
    assert queued() == [0, 1, 2]


def test_a_slow_former_owner_never_moves_the_position_back(ledger, queued):
    start = ledger.claim(PARTITION, 0)
    ledger.write(alerts(start, *range(9)))
    assert ledger.write(alerts(start, 0, 1)).position.next_offset == 9
    assert queued() == list(range(9))


def test_redis_that_came_back_older_makes_the_owner_rewind(client, prefix, ledger, queued):
    start = ledger.claim(PARTITION, 0)
    saved_at = ledger.write(alerts(start, 0, 1, 2)).position
    saved = state(client, prefix)
    believed = ledger.write(alerts(saved_at, 3, 4, 5)).position
    restore(client, prefix, saved)

    outcome = ledger.write(alerts(believed, 6, 7))
    assert (outcome.verdict, outcome.position) == (Verdict.BEHIND, saved_at)
    assert queued() == [0, 1, 2]
    assert ledger.write(alerts(outcome.position, *range(3, 8))).written == 5
    assert queued() == list(range(8))


def test_redis_that_came_back_empty_is_another_ledger(client, prefix, ledger, queued):
    start = ledger.claim(PARTITION, 0)
    before = ledger.id
    remove(client, prefix)
    assert ledger.write(alerts(start, 0)).verdict is Verdict.LEDGER
    assert ledger.open() != before
    assert ledger.position(PARTITION) is None
    assert ledger.write(alerts(start, 0)).verdict is Verdict.UNKNOWN
    assert queued() == []


def test_an_owner_of_before_is_not_taken_for_the_present_one(client, prefix, ledger, queued):
    """Also when ledger, offset and the number of starts are the same as before."""
    saved = state(client, prefix)
    former = ledger.claim(PARTITION, 0)
    restore(client, prefix, saved)
    ledger.claim(PARTITION, 0)
    assert ledger.write(alerts(former, 0)).verdict is Verdict.EPOCH
    assert queued() == []


def test_a_foreign_ledger_is_left_alone(client, prefix, ledger, queued):
    """The connection leads to another server now, with a ledger of its own."""
    start = ledger.claim(PARTITION, 0)
    client.set(f"{prefix}igwn_alert:ledger", "another")
    assert ledger.write(alerts(start, 0)).verdict is Verdict.LEDGER
    assert ledger.position(PARTITION) == start
    assert queued() == []


def test_two_apps_on_one_redis_do_not_meet(ledger, queued):
    other = replace(PARTITION, consumer_group="other")
    mine, theirs = ledger.claim(PARTITION, 0), ledger.claim(other, 7)
    ledger.write(alerts(mine, 0, 1))
    ledger.write(replace(alerts(theirs, 7), partition=other))
    assert ledger.position(PARTITION) == replace(mine, next_offset=2)
    assert ledger.position(other) == replace(theirs, next_offset=8)
    ledger.remember("cluster", "group", "g.superevent", "mine")
    assert ledger.asked("cluster", "other") == {}
    assert queued() == [0, 1, 7]


def test_two_apps_with_a_prefix_each_have_a_ledger_each(client, prefix, ledger):
    name = f"{uuid.uuid4().hex}:"
    try:
        other = opened(client, name)
        ledger.claim(PARTITION, 3)
        assert other.id != ledger.id
        assert other.position(PARTITION) is None
    finally:
        remove(client, name)


def test_partitions_and_clusters_are_kept_apart(ledger):
    start = ledger.claim(PARTITION, 3)
    for other in (
        replace(PARTITION, partition=1),
        replace(PARTITION, cluster_id="other"),
        replace(PARTITION, topic_id="other"),
    ):
        assert ledger.position(other) is None
    assert ledger.position(PARTITION) == start


def test_a_topic_created_again_begins_anew(ledger, queued):
    """With fewer records than the old one had, or with more: its id tells."""
    start = ledger.claim(PARTITION, 0)
    old = ledger.write(alerts(start, *range(4))).position
    again = replace(PARTITION, topic_id="another-id")
    assert ledger.position(again) is None
    new = ledger.claim(again, 0)
    ledger.write(replace(alerts(new, *range(6)), partition=again))
    # The old one's last owner is slow.
    ledger.write(alerts(start, *range(5)))
    assert queued() == [*range(4), *range(6), 4]
    assert ledger.position(again).next_offset == 6
    assert ledger.position(PARTITION) == replace(old, next_offset=5)


def test_a_topic_created_again_without_an_id_refuses_what_was_read_of_the_old_one(ledger, queued):
    nameless = replace(PARTITION, topic_id="")
    start = ledger.claim(nameless, 0)
    believed = ledger.write(replace(alerts(start, 0, 1), partition=nameless)).position
    anew = ledger.seek(nameless, 0)
    late = ledger.write(replace(alerts(believed, 2, 3), partition=nameless))
    assert (late.verdict, late.position) == (Verdict.EPOCH, anew)
    assert queued() == [0, 1]


def test_a_deliberate_seek_refuses_batches_of_before(ledger, queued):
    start = ledger.claim(PARTITION, 9)
    replay = ledger.seek(PARTITION, 2)
    assert replay.next_offset == 2
    assert replay.epoch > start.epoch
    late = ledger.write(alerts(start, 9))
    assert (late.verdict, late.position) == (Verdict.EPOCH, replay)
    assert ledger.write(alerts(replay, 2)).verdict is Verdict.WRITTEN
    assert queued() == [2]


def test_a_replay_enqueues_again(ledger, queued):
    start = ledger.claim(PARTITION, 0)
    ledger.write(alerts(start, 0, 1, 2))
    replay = ledger.seek(PARTITION, 1)
    assert ledger.write(alerts(replay, 1, 2, 3)).written == 3
    assert queued() == [0, 1, 2, 1, 2, 3]


def test_every_seek_has_a_later_epoch(ledger):
    positions = [ledger.claim(PARTITION, 0), *(ledger.seek(PARTITION, n) for n in range(50))]
    epochs = [position.epoch for position in positions]
    assert epochs == sorted(set(epochs))


def test_a_batch_that_nobody_wants_moves_the_position(ledger, queued):
    start = ledger.claim(PARTITION, 0)
    outcome = ledger.write(batch(start, entry(0), entry(1)))
    assert (outcome.written, outcome.position.next_offset) == (2, 2)
    again = ledger.write(batch(start, entry(0), entry(1), entry(2)))
    assert (again.written, again.skipped, again.position.next_offset) == (1, 2, 3)
    assert queued() == []


def test_the_tasks_of_one_alert_stay_together(ledger, queued):
    start = ledger.claim(PARTITION, 0)
    ledger.write(batch(start, entry(0, push(1), push(2)), entry(1, push(3), push(4))))
    late = batch(start, entry(0, push(1), push(2)), entry(1, push(3), push(4)), entry(2, push(5)))
    ledger.write(late)
    assert queued() == [1, 2, 3, 4, 5]


def test_the_first_request_stays(ledger):
    ledger.remember("cluster", "group", "g.superevent", "one")
    assert ledger.remember("cluster", "group", "g.superevent", "two") == "one"
    assert ledger.asked("cluster", "group") == {"g.superevent": "one"}


def test_no_position_is_no_position(ledger):
    assert ledger.position(PARTITION) is None
    assert ledger.write(alerts(Position(0, 0), 0)).verdict is Verdict.UNKNOWN


def test_a_seek_decided_upon_another_position_changes_nothing(ledger):
    seen = ledger.claim(PARTITION, 3)
    ledger.write(alerts(seen, 3, 4))
    now = ledger.position(PARTITION)
    assert ledger.seek(PARTITION, 0, seen) == now
    assert ledger.position(PARTITION) == now
    moved = ledger.seek(PARTITION, 0, now)
    assert (moved.next_offset, moved) == (0, ledger.position(PARTITION))
    assert moved.epoch > now.epoch
