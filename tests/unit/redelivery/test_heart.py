# SPDX-License-Identifier: BSD-3-Clause
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.redelivery import heart as module
from igwn_alert_celery.redelivery.heart import BEAT_S, DEAD_S, Heart
from igwn_alert_celery.redelivery.registry import Peer, Peers


class Redis:
    """Stands for Redis and the clock: who beats, and who has been restored."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self.away = False
        self.clock_ms = 0
        self.waits = []
        self.beats = {"me": 0.0}
        self.restored = []
        self.steps = []
        monkeypatch.setattr(module, "beat", self.beat)
        monkeypatch.setattr(module.time, "sleep", lambda s: None)
        tracker = SimpleNamespace(
            incarnation="me",
            channels=SimpleNamespace(waiting_since=None),
            reconnected=0,
            waits=False,
            drain=lambda linked: None,
            wait=self.wait,
            wake=lambda: None,
        )
        sweep = SimpleNamespace(wanted=0, want=self.want, step=self.step)
        self.sweeps_wanted = 0
        restorer = SimpleNamespace(restore=self.restore)
        deaf = SimpleNamespace(look=lambda linked: False)
        audit = SimpleNamespace(look=lambda linked: 0)
        self.heart = Heart(self, tracker, restorer, sweep, deaf, audit, Counter())
        self.heart._clock = lambda: self.now

    @contextmanager
    def using(self):
        if self.away:
            raise TaskBrokerUnavailable("away")
        yield self

    def beat(self, linked, incarnation, popping_s):
        self.beats[incarnation] = self.now
        shift_ms = self.clock_ms
        peers = [Peer(name, round(1000 * at) + shift_ms, 0) for name, at in self.beats.items()]
        return Peers(round(1000 * self.now) + shift_ms, tuple(peers))

    def wait(self, timeout_s):
        self.waits.append(timeout_s)
        self.now += timeout_s
        if len(self.waits) == 5:
            self.heart.stop(0.0)
        return False

    def close(self):
        pass

    def restore(self, linked, incarnation):
        self.restored.append((incarnation, self.now))
        del self.beats[incarnation]
        return 3

    def want(self):
        self.sweeps_wanted += 1

    def step(self, linked, peers, living):
        self.steps.append(sorted(living))
        return 0

    def live(self, seconds, *others):
        """Let time pass; these others beat as well."""
        until = self.now + seconds
        while self.now < until:
            self.now += BEAT_S
            if not self.away:
                self.beats |= dict.fromkeys(others, self.now)
            self.heart._once(self.heart._beat)


@pytest.fixture
def redis(monkeypatch):
    return Redis(monkeypatch)


def test_a_worker_that_is_silent_for_long_is_restored_once(redis):
    redis.live(60, "w1", "w2")
    redis.live(DEAD_S + 2 * BEAT_S, "w1")
    assert [name for name, _ in redis.restored] == ["w2"]
    assert redis.heart._counters == {
        "workers_found_dead": 1,
        "given_back": 3,
        "sent_again": 0,
        "found_deaf": 0,
    }
    assert redis.sweeps_wanted
    redis.live(60, "w1")
    assert len(redis.restored) == 1


def test_nobody_is_judged_before_redis_has_answered_for_as_long(redis):
    redis.beats["old"] = -1000.0
    redis.live(DEAD_S - BEAT_S)
    assert not redis.restored
    redis.live(2 * BEAT_S)
    assert [name for name, _ in redis.restored] == ["old"]


def test_after_an_outage_every_worker_has_the_time_to_beat_again(redis):
    redis.live(60, "w1", "w2")
    redis.away = True
    redis.live(120)
    redis.away = False
    # The other one comes back late, though in time.
    redis.live(DEAD_S - 2 * BEAT_S)
    assert not redis.restored
    redis.live(60, "w1", "w2")
    assert not redis.restored


def test_whoever_was_stopped_itself_judges_nobody_at_first(redis):
    redis.live(60, "w1")
    redis.now += 100.0
    redis.heart._once(redis.heart._beat)
    redis.live(BEAT_S * 2)
    assert not redis.restored
    redis.live(60, "w1")
    assert not redis.restored


def test_the_dead_do_not_keep_lost_tasks_from_being_sent_again(redis):
    redis.live(60, "w1", "w2")
    redis.live(DEAD_S + 2 * BEAT_S, "w1")
    assert redis.steps[-1] == ["me", "w1"]


def test_a_clock_of_redis_that_is_set_makes_nobody_dead(redis):
    redis.live(60, "w1", "w2")
    redis.clock_ms = 3_600_000
    redis.live(60, "w1", "w2")
    redis.clock_ms = -3_600_000
    redis.live(60, "w1", "w2")
    assert not redis.restored


def test_one_that_cannot_be_given_back_whole_is_told_once(redis, caplog):
    redis.live(60, "w1")
    redis.heart._restorer = SimpleNamespace(restore=lambda *_: 0)
    redis.live(60)
    assert caplog.text.count("worker w1 has not been heard of") == 1
    assert redis.heart._counters["workers_found_dead"] == 1


def test_a_first_look_is_asked_for_before_a_silent_worker_is_judged(redis):
    redis.live(60, "w1")
    before = redis.sweeps_wanted
    redis.live(3 * BEAT_S)
    assert redis.sweeps_wanted == before + 1
    redis.live(BEAT_S)
    assert redis.sweeps_wanted == before + 1
    assert not redis.restored


def test_it_beats_while_a_sweep_takes_long(redis):
    redis.live(30)
    before = redis.beats["me"]
    redis.now += BEAT_S + 1
    redis.heart.pulse(redis)
    assert redis.beats["me"] == redis.now > before
    redis.now += 0.1
    redis.heart.pulse(redis)
    assert redis.beats["me"] < redis.now


def test_whatever_fails_the_heart_goes_on(redis, caplog):
    redis.live(30, "w1")
    redis.heart._restorer = SimpleNamespace(restore=lambda *_: 1 / 0)
    redis.live(30)
    assert "not all tasks of worker w1 are given back" in caplog.text
    assert redis.heart._counters["heart_failures"] > 0
    assert redis.steps[-1] == ["me"], "what else there is to do is done"
    redis.heart._restorer = SimpleNamespace(restore=redis.restore)
    redis.live(BEAT_S)
    assert [name for name, _ in redis.restored] == ["w1"]


def test_a_sweep_that_fails_is_tried_again(redis, caplog):
    def fails(*_):
        raise KeyError("headers")

    redis.heart._sweep.step = fails
    redis.live(4)
    assert "redelivery failed" in caplog.text
    redis.heart._sweep.step = redis.step
    redis.live(4)
    assert redis.steps


def test_between_two_beats_it_rests(redis):
    beaten = []
    redis.heart._beat = lambda linked: beaten.append(redis.now)
    redis.heart._run()
    assert beaten == [n * BEAT_S for n in range(5)]
    assert redis.waits == [BEAT_S] * 5


def test_what_waits_to_be_said_is_said_between_two_beats(redis):
    drained = []
    tracker = redis.heart._tracker
    tracker.drain = lambda linked: drained.append(redis.now)

    def wait(timeout_s):
        # Somebody calls after half a second, again and again.
        tracker.waits = True
        redis.wait(0.5)
        return True

    tracker.wait = wait
    redis.heart._run()
    assert drained == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
