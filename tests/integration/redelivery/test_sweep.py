# SPDX-License-Identifier: BSD-3-Clause
"""Which outstanding tasks nobody has, on a real Redis: found, sent again once, or given up."""

from __future__ import annotations

import json
import time

import pytest
from celery import Celery
from kombu import Exchange, Queue

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.enqueue.batch import Batch, Entry, PartitionId
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from igwn_alert_celery.redelivery import sweep as module
from igwn_alert_celery.redelivery.keeper import Keeper
from igwn_alert_celery.redelivery.keys import transport_options
from igwn_alert_celery.redelivery.link import Link
from igwn_alert_celery.redelivery.registry import beat
from igwn_alert_celery.redelivery.restore import Restorer
from igwn_alert_celery.redelivery.sweep import Sweep
from tests.services.wait import wait_until

PARTITION = PartitionId("cluster", "group", "gracedb.work", "id", 0)
HEADER = {
    "topic": "work", "partition": 0, "offset": 0, "timestamp_ms": 1, "key": None, "id": None,
    "sender": None,
}  # fmt: skip


# A task that may be sent is sent in the third one.
STEPS = 15


class World:
    """One app on a Redis, with the heart's parts of one worker, and tasks that are enqueued."""

    def __init__(self, url, prefix=""):
        self.app = Celery("world", broker=url, set_as_current=False)
        self.app.conf.broker_transport_options = {
            "global_keyprefix": prefix,
            "priority_steps": [0, 5],
        }
        topics = Exchange("topics", type="topic")
        self.app.conf.task_queues = [
            Queue("celery"),
            Queue("other"),
            Queue("elsewhere", topics, routing_key="alerts.#"),
        ]
        self.app.conf.task_default_queue = "celery"
        bridge = IGWNAlert(self.app, noauth=True, consumer_group="world", max_attempts=3)

        @bridge.handler("work", name="work", priority=5)
        def work(alert):
            """Is only enqueued."""

        @bridge.handler("work", name="other", priority=5, queue="other")
        def other(alert):
            """Is only enqueued, elsewhere."""

        self.app.finalize()
        self.enqueuer = RedisEnqueuer(self.app, bridge.settings)
        self.enqueuer.open()
        self.position = self.enqueuer.claim(PARTITION, 0)
        self.link = Link(self.app, bridge.settings)
        self.kept = []
        self.keeper = Keeper(self.app, bridge.settings, self.kept.append)
        self.prefix = prefix

    def enqueue(self, *task_ids, queue="celery"):
        task = self.app.tasks["work" if queue == "celery" else queue]
        entries = []
        for at, task_id in enumerate(task_ids, self.position.next_offset):
            # Its own, which is none of the message's, though it stands there as it is.
            content = content_of(task_id)
            text = json.dumps(content).encode()
            call = TaskCall(task, task_id, HEADER, content, text, kombu_safe=True)
            entries.append(Entry(at, self.enqueuer.prepare(call), ()))
        after = self.position.next_offset + len(entries)
        batch = Batch(PARTITION, self.position, after, tuple(entries))
        self.position = self.enqueuer.begin(batch).outcome().position

    def sweep(self, name="me"):
        return Sweep(name, self.keeper, lambda: list(self.app.amqp.queues), lambda linked: None)

    def step(self, sweep, *, popping_s=None, name="me"):
        with self.link.using() as linked:
            peers = beat(linked, name, popping_s)
            return sweep.step(linked, peers, [peer.incarnation for peer in peers.all])

    def sent(self, sweep):
        """Step until something is sent again."""
        return wait_until(lambda: self.step(sweep), 60, "a task is sent again")

    def sends_nothing(self, sweep):
        """Step as often as it would have taken to send it, and more."""
        for _ in range(STEPS):
            assert self.step(sweep) == 0
            time.sleep(0.002)  # Redis counts in milliseconds

    def pop(self, queue="celery"):
        """Take a message as a worker does that dies at once."""
        with self.link.using() as linked:
            key = f"{self.prefix}{linked.channel._q_for_pri(queue, 5)}"
            return json.loads(linked.client.rpop(key))

    def waiting(self, queue="celery"):
        with self.link.using() as linked:
            key = f"{self.prefix}{linked.channel._q_for_pri(queue, 5)}"
            return [json.loads(text) for text in linked.client.lrange(key, 0, -1)]

    def close(self):
        self.enqueuer.close()
        self.link.close()


def content_of(task_id):
    return {"uid": task_id, "correlation_id": "x", "text": '"correlation_id": "y"'}


@pytest.fixture(params=["", "a[1]*:"])
def world(redis_server, request, monkeypatch):
    redis_server.client().flushdb()
    monkeypatch.setattr(module, "LOOK_AGAIN_S", 0.0)
    found = World(redis_server.url, request.param)
    yield found
    found.close()


def ids(messages):
    return [message["headers"]["id"] for message in messages]


def test_what_was_popped_and_noted_nowhere_is_sent_again_once(world):
    world.enqueue("a", "b", "c")
    lost = world.pop()
    assert lost["headers"]["id"] == "a"
    sweep = world.sweep()
    assert world.step(sweep) == 0
    assert world.sent(sweep) == 1
    again = world.waiting()
    assert ids(again) == ["c", "b", "a"], "it is the next one"
    assert again[-1]["headers"].pop("redelivered") is True
    assert again[-1]["properties"]["delivery_info"].pop("redelivered") is True
    assert again[-1] == lost
    sweep.want()
    world.sends_nothing(sweep)


def test_what_waits_in_any_queue_or_is_held_by_anybody_is_left_alone(world):
    world.enqueue("a", "b")
    world.enqueue("c", queue="other")
    world.enqueue("d")
    with world.link.using() as linked:
        held = [json.dumps([world.pop(), "", "celery"]) for _ in range(2)]
        linked.client.hset(linked.keys.unacked("w1"), "tag", held[0])
        linked.client.hset(f"{world.prefix}unacked", "tag", held[1])
    sweep = world.sweep()
    world.sends_nothing(sweep)
    assert ids(world.waiting()) == ["d"]


def test_a_backlog_is_looked_through_whole(world, monkeypatch):
    monkeypatch.setattr("igwn_alert_celery.redelivery.whereabouts._PART", 7)
    names = [f"t{number}" for number in range(30)]
    world.enqueue(*names)
    popped = world.pop()["headers"]["id"]
    sweep = world.sweep()
    assert world.step(sweep) == 0
    assert world.sent(sweep) == 1
    assert sorted(ids(world.waiting())) == sorted(names)
    assert popped == "t0"


def test_a_living_worker_that_waits_for_a_message_may_have_it(world):
    world.enqueue("a")
    world.pop()
    with world.link.using() as linked:
        beat(linked, "other", 60.0)
    sweep = world.sweep()
    world.sends_nothing(sweep)
    with world.link.using() as linked:
        beat(linked, "other", 0.0)
    assert world.sent(sweep) == 1


def test_a_worker_that_was_not_heard_of_since_may_have_it(world):
    world.enqueue("a")
    world.pop()
    with world.link.using() as linked:
        beat(linked, "other", None)
    sweep = world.sweep()
    world.sends_nothing(sweep)
    with world.link.using() as linked:
        beat(linked, "other", None)
    assert world.sent(sweep) == 1


def test_two_workers_that_sweep_at_once_send_it_once(world):
    world.enqueue("a")
    world.pop()
    one, other = world.sweep("one"), world.sweep("other")
    world.step(one, name="one")
    with world.link.using() as linked:
        # As if its lock had run out.
        linked.client.delete(linked.keys.sweeping)
    world.step(other, name="other")

    def both():
        return world.step(one, name="one") + world.step(other, name="other")

    assert wait_until(both, 60, "it is sent again") == 1
    for _ in range(STEPS):
        assert both() == 0
        time.sleep(0.002)
    assert ids(world.waiting()) == ["a"]


def test_one_that_is_lost_again_and_again_becomes_a_dead_letter(world):
    world.enqueue("a", "b")
    sweep = world.sweep()
    for _ in range(3):
        assert world.pop()["headers"]["id"] == "a"
        sweep.want()
        world.step(sweep)
        assert world.sent(sweep) == 1
    world.pop()
    sweep.want()
    world.sends_nothing(sweep)
    (letter,) = world.kept
    assert (letter.reason, letter.handler, json.loads(letter.value)) == (
        "lost",
        "work",
        content_of("a"),
    )
    with world.link.using() as linked:
        assert linked.dead_letters.count() == 1
        assert linked.client.hkeys(linked.keys.outstanding) == [b"b"]
        assert not linked.client.exists(linked.keys.attempts)


def test_a_dead_workers_tasks_go_back_once_though_two_restore_it(world):
    world.enqueue("a", "b", "c")
    with world.link.using() as linked:
        beat(linked, "dead", None)
        held = linked.unacked("dead")
        for tag in ("t1", "t2"):
            text = json.dumps([world.pop(), "", "celery"])
            linked.client.hset(linked.keys.unacked("dead"), tag, text)
            linked.client.zadd(linked.keys.unacked_index("dead"), {tag: 1})
        held.started(["a"]).answer()
        restorers = [Restorer(world.keeper), Restorer(world.keeper)]
        assert [one.restore(linked, "dead") for one in restorers] == [2, 0]
        assert sorted(ids(world.waiting())) == ["a", "b", "c"]
        assert linked.client.hgetall(linked.keys.attempts) == {b"a": b"1"}
        assert not linked.client.exists(
            linked.keys.unacked("dead"), linked.keys.unacked_index("dead"),
            linked.keys.running("dead"), linked.keys.workers,
        )  # fmt: skip
        # Counted by one alone, whichever of them comes second.
        assert held.attempt("a") == 1


def test_a_task_goes_back_through_an_exchange_that_this_worker_does_not_consume(world):
    with world.app.connection_for_write() as connection:
        # As a worker that consumes it has done.
        world.app.amqp.queues["elsewhere"](connection.default_channel).declare()
    world.enqueue("a")
    with world.link.using() as linked:
        beat(linked, "dead", None)
        text = json.dumps([world.pop(), "topics", "alerts.new"])
        linked.client.hset(linked.keys.unacked("dead"), "t1", text)
        assert Restorer(world.keeper).restore(linked, "dead") == 1
        assert ids(world.waiting("elsewhere")) == ["a"]
        assert not linked.client.exists(linked.keys.unacked("dead"))


def test_a_task_that_no_queue_is_known_for_stays_where_it_is(world, caplog):
    with world.link.using() as linked:
        beat(linked, "dead", None)
        text = json.dumps([{"headers": {}, "properties": {}}, "nowhere", "x"])
        linked.client.hset(linked.keys.unacked("dead"), "t1", text)
        for _ in range(2):
            Restorer(world.keeper).restore(linked, "dead")
        assert linked.client.hlen(linked.keys.unacked("dead")) == 1
        assert linked.client.zscore(linked.keys.workers, "dead")
    assert caplog.text.count("no queue is known here") == 1


def test_a_message_without_headers_goes_back_as_well(world):
    with world.link.using() as linked:
        beat(linked, "dead", None)
        message = {"body": "e30=", "properties": {"delivery_info": {}, "delivery_tag": "t1"}}
        linked.client.hset(linked.keys.unacked("dead"), "t1", json.dumps([message, "", "celery"]))
        Restorer(world.keeper).restore(linked, "dead")
        assert not linked.client.exists(linked.keys.unacked("dead"))
        (queue,) = (key for key in linked.client.keys("*") if key.endswith(b"celery"))
        assert linked.client.llen(queue) == 1


def test_a_worker_that_nobody_has_registered_is_missed_all_the_same(world, monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.0)
    with world.link.using() as linked:
        linked.client.hset(linked.keys.unacked("unheard"), "t1", "[]")
        world.step(world.sweep())
        assert linked.client.zscore(linked.keys.workers, "unheard") > 0


def test_a_sweep_whose_worker_dies_is_done_by_another(world):
    world.enqueue("a")
    world.pop()
    one, other = world.sweep("one"), world.sweep("other")
    other._wanted = False
    world.step(one, name="one")
    with world.link.using() as linked:
        assert linked.client.smembers(linked.keys.suspects) == {b"a"}
    with world.link.using() as linked:
        assert linked.client.pttl(linked.keys.sweeping) <= 10_000
        linked.client.delete(linked.keys.sweeping)
        linked.client.zrem(linked.keys.workers, "one")
    assert wait_until(lambda: world.step(other, name="other"), 60, "it is sent again") == 1


def test_what_is_given_up_is_not_outstanding_any_more(world):
    world.enqueue("a", "b")
    with world.link.using() as linked:
        held = linked.unacked("me")
        for tag, task_id in (("t1", "a"), ("t2", "b")):
            held.hold(tag, json.dumps([world.pop(), "", "celery"])).answer()
            held.started([task_id]).answer()
        held.settle("t1", "a")
        held.settle("t2", "b", stays=True)
        assert linked.client.hkeys(linked.keys.outstanding) == [b"b"]
        assert not held.tags()
        assert not held.running()


def test_kombus_options_name_the_same_keys(world):
    with world.link.using() as linked:
        options = transport_options("w1")
        assert f"{world.prefix}{options['unacked_key']}" == linked.keys.unacked("w1")
        assert f"{world.prefix}{options['unacked_index_key']}" == linked.keys.unacked_index("w1")
