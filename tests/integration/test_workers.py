# SPDX-License-Identifier: BSD-3-Clause
"""Several workers, workers that stop and start, and workers that are killed."""

import threading
from contextlib import contextmanager
from functools import partial

from tests.integration.enqueued import enqueued, expect_enqueued_once_each
from tests.services.stopwatch import Stopwatch
from tests.services.wait import wait_until

# No worker consumes the handlers' queue, so that it holds exactly what was enqueued.
RECEIVE_ONLY = ("-P", "solo", "-Q", "nobody")
# So many alerts wait at most, and are sent at once.
WAITING = 400


def shares(deployment):
    """Return the partitions that each worker receives."""
    stats = deployment.stats(workers=2)
    return {name: set(said["igwn-alert"]["partitions"]) for name, said in stats.items()}


def test_a_worker_goes_on_where_it_stopped_also_before_its_first_alert(deployment):
    assert deployment.start("-P", "solo", name="w1").listen().stop() == 0
    deployment.send(range(500))
    deployment.start("-P", "solo", name="w2").listen()
    deployment.expect_once_each(range(500))


def test_two_workers_share_the_partitions(deployment):
    for name in ("w1", "w2"):
        deployment.start(*RECEIVE_ONLY, name=name).listen()
    wait_until(lambda: sorted(map(len, shares(deployment).values())) == [2, 2], 60, "two and two")
    everything = {f"superevent[{number}]" for number in range(4)}
    assert set().union(*shares(deployment).values()) == everything
    deployment.send(range(400))
    expect_enqueued_once_each(deployment.redis, 400)
    stats = deployment.counted(400, workers=2).values()
    assert [said["igwn-alert"]["counters"]["received"] for said in stats] == [200, 200]


def test_a_stopped_worker_hands_over_at_once(deployment):
    # So long Kafka would wait for one that did not leave the group.
    deployment.environment["IGWN_ALERT_KAFKA_OPTIONS"] = '{"session.timeout.ms": 45000}'
    first = deployment.start(*RECEIVE_ONLY, name="w1").listen()
    deployment.start(*RECEIVE_ONLY, name="w2").listen()
    deployment.send(range(100))
    expect_enqueued_once_each(deployment.redis, 100)
    assert first.stop() == 0
    deployment.send(range(100, 200))
    expect_enqueued_once_each(deployment.redis, 200, timeout_s=30)


def test_killed_workers_are_taken_over_within_ten_seconds_and_nothing_is_twice(deployment):
    names = ["w0", "w1", "w2", "w3"]
    victim = deployment.start(*RECEIVE_ONLY, name=names[0]).listen()
    sent = 0
    for round_, name in enumerate(names[1:]):
        other = deployment.start(*RECEIVE_ONLY, name=name).listen()
        wait_until(
            lambda: sorted(map(len, shares(deployment).values())) == [2, 2], 90, "two and two"
        )
        orphans = partitions_of(deployment, names[round_])
        with sending(deployment, sent) as stream:
            wait_until(partial(in_the_middle, deployment, sent), 60, "the middle")
            victim.kill()
        with Stopwatch() as watch:
            deployment.send(range(stream.sent, stream.sent + 1000))
            wait_until(partial(taken_over, deployment, orphans, stream.sent // 4), 60, "a takeover")
        assert watch.seconds < 10
        sent = stream.sent + 1000
        expect_enqueued_once_each(deployment.redis, sent)
        victim = other


class Stream:
    """Sends alerts from a number on until :meth:`end`, so that some always wait to be received.

    Only some: a takeover shall not be measured by how long it takes to receive many. And not
    without end: who is to end it may be held up.
    """

    def __init__(self, deployment, first):
        self.sent = first
        self._most = first + 8_000
        self._deployment = deployment
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self):
        self._ending.set()
        self._thread.join()

    def _run(self):
        while self.sent < self._most and not self._ending.wait(0.01):
            if 2 * self.sent - self._deployment.redis.llen("celery") < 2 * WAITING:
                self._deployment.send(range(self.sent, self.sent + WAITING))
                self.sent += WAITING


@contextmanager
def sending(deployment, first):
    stream = Stream(deployment, first)
    try:
        yield stream
    finally:
        stream.end()


def in_the_middle(deployment, before):
    """Whether what is sent just now is being received."""
    return deployment.redis.llen("celery") > 2 * before + 200


def partitions_of(deployment, name):
    """Return the numbers of the partitions that the worker of this name receives."""
    (mine,) = [held for node, held in shares(deployment).items() if node.startswith(f"{name}@")]
    return {int(held.partition("[")[2].rstrip("]")) for held in mine}


def taken_over(deployment, orphans, after):
    """Whether a record sent after the kill, in a partition of the dead worker, is enqueued."""
    newest = enqueued(deployment.redis, most=200)
    return any(partition in orphans and offset >= after for _, partition, offset in newest)
