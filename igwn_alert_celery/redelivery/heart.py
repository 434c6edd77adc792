# SPDX-License-Identifier: BSD-3-Clause
"""The heart of a worker: says that it is alive, and looks after those that are not."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.native import start_native_thread
from igwn_alert_celery.redelivery.audit import Audit
from igwn_alert_celery.redelivery.deaf import DeafWatch
from igwn_alert_celery.redelivery.link import Link, Linked
from igwn_alert_celery.redelivery.registry import Peers, beat
from igwn_alert_celery.redelivery.restore import Restorer
from igwn_alert_celery.redelivery.sweep import Sweep
from igwn_alert_celery.redelivery.tracker import Tracker

__all__ = ["DEAD_S", "Heart"]

logger = logging.getLogger(__name__)

BEAT_S = 2.0
#: A worker that has not been heard of for so long, seconds, is dead.
DEAD_S = 10.0
#: One that has not been heard of for so long, seconds, may be.
SILENT_S = 4.0
#: What waits to be said is gathered for so long, seconds.
_GATHER_S = 0.05
_LOOK_S = 0.01


class Heart:
    """A native thread beside the worker's main one, under every pool.

    Parameters
    ----------
    link : Link
        Its own.
    tracker : Tracker
        What has to be said for the main thread.
    restorer : Restorer
    sweep : Sweep
    deaf : DeafWatch
    audit : Audit
    counters : collections.Counter
        Of what it has done.
    """

    def __init__(
        self,
        link: Link,
        tracker: Tracker,
        restorer: Restorer,
        sweep: Sweep,
        deaf: DeafWatch,
        audit: Audit,
        counters: Counter[str],
    ) -> None:
        self._link = link
        self._tracker = tracker
        self._restorer = restorer
        self._sweep = sweep
        self._deaf = deaf
        self._audit = audit
        self._counters = counters
        self._clock: Callable[[], float] = time.monotonic
        self._answers_since = self._answered_at = float("-inf")
        self._found_dead: set[str] = set()
        self._silent: set[str] = set()
        self._beats: dict[str, tuple[int, float]] = {}
        self._connected = 0
        self._stopping = False
        self._finished = True
        self.peers = 0

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._stopping, self._finished = False, False
        start_native_thread(self._run, "igwn-alert-heart")

    def stop(self, timeout_s: float) -> bool:
        """End the thread; return whether it has ended within the time."""
        self._stopping = True
        deadline = time.monotonic() + timeout_s
        while not self._finished and time.monotonic() < deadline:
            # Again and again: it may just be about to wait.
            self._tracker.wake()
            time.sleep(_LOOK_S)
        return self._finished

    def _run(self) -> None:
        next_beat = self._clock()
        try:
            while not self._stopping:
                is_time = self._clock() >= next_beat
                if is_time:
                    next_beat = self._clock() + BEAT_S
                self._once(self._beat if is_time else self._tracker.drain)
                if self._tracker.wait(next_beat - self._clock()) and not self._stopping:
                    time.sleep(_GATHER_S)
            self._once(self._tracker.drain)
        finally:
            self._link.close()
            self._finished = True

    def _once(self, what: Callable[[Linked], Any]) -> None:
        if what == self._tracker.drain and not self._tracker.waits:
            return
        try:
            with self._link.using() as linked:
                what(linked)
        except TaskBrokerUnavailable as exc:
            # The consumer and the receiver say so, and more often.
            logger.debug("heart: %s", exc)
            self._sweep.want()
            time.sleep(0.0 if self._stopping else BEAT_S / 4)
        except Exception:
            # Border of the heart's thread: the worker must not go on without it.
            self._counters["heart_failures"] += 1
            logger.exception("igwn-alert: redelivery failed; it is tried again")
            time.sleep(0.0 if self._stopping else BEAT_S)

    def beat(self, linked: Linked) -> Peers:
        """Say that this worker is alive; return all that have said so."""
        since = self._tracker.channels.waiting_since
        peers = beat(
            linked,
            self._tracker.incarnation,
            None if since is None else time.monotonic() - since,
        )
        self._note_answer()
        self._note_beats(peers)
        return peers

    def pulse(self, linked: Linked) -> None:
        """Beat, if it is time, while something else takes long."""
        if self._clock() - self._answered_at > BEAT_S:
            self.beat(linked)

    def _beat(self, linked: Linked) -> None:
        self._tracker.drain(linked)
        peers = self.beat(linked)
        self.peers = len(peers.all) - 1
        if self._connected != self._tracker.reconnected:
            self._connected = self._tracker.reconnected
            self._sweep.want()
        dead = self._dead(peers)
        self._found_dead &= dead
        self._look_early(dead)
        for incarnation in dead:
            self._restore(linked, incarnation)
        living = {peer.incarnation for peer in peers.all} - dead
        self._counters["sent_again"] += self._sweep.step(linked, peers, living)
        self._counters["given_back"] += self._audit.look(linked)
        self._counters["found_deaf"] += self._deaf.look(linked)

    def _note_answer(self) -> None:
        now = self._clock()
        if now - self._answered_at > 2.5 * BEAT_S:
            # Redis was away, or we were: everybody's heartbeat may have expired meanwhile.
            self._answers_since = now
        self._answered_at = now

    def _note_beats(self, peers: Peers) -> None:
        # By this process's clock: Redis's may be set, and stands still with its machine.
        before, now = self._beats, self._answered_at
        self._beats = {
            peer.incarnation: (peer.beat_ms, now)
            if before.get(peer.incarnation, (None, 0.0))[0] != peer.beat_ms
            else before[peer.incarnation]
            for peer in peers.all
        }

    def _dead(self, peers: Peers) -> set[str]:
        now, me = self._answered_at, self._tracker.incarnation
        if now - self._answers_since < DEAD_S:
            return set()
        return {
            name
            for name, (_, heard_at) in self._beats.items()
            if name != me and now - max(heard_at, self._answers_since) >= DEAD_S
        }

    def _look_early(self, dead: set[str]) -> None:
        """Ask for a first look as soon as somebody is silent: the second one is at their death."""
        now = self._answered_at
        silent = {
            name
            for name, (_, at) in self._beats.items()
            if now - at > SILENT_S and name not in dead
        }
        if silent - self._silent:
            self._sweep.want()
        self._silent = silent

    def _restore(self, linked: Linked, incarnation: str) -> None:
        try:
            count = self._restorer.restore(linked, incarnation)
        except (RedisError, OSError, TaskBrokerUnavailable):
            raise
        except Exception:
            # Border: one dead worker's message must not keep the others' from going back.
            self._counters["heart_failures"] += 1
            logger.exception("igwn-alert: not all tasks of worker %s are given back", incarnation)
            return
        if not count and incarnation in self._found_dead:
            return  # it is kept for what nobody here can give back
        self._found_dead.add(incarnation)
        self._counters["workers_found_dead"] += 1
        self._counters["given_back"] += count
        logger.warning(
            "worker %s has not been heard of for %g s; %d of its tasks are given back",
            incarnation,
            DEAD_S,
            count,
        )
        self._sweep.want()
