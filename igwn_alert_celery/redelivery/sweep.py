# SPDX-License-Identifier: BSD-3-Clause
"""Finds outstanding tasks that nobody has, and sends them again.

A worker pops a message and notes it as unacked only afterwards: killed, or cut off, in between, it
takes the task with it (https://github.com/celery/kombu/issues/305,
https://github.com/celery/celery/issues/4354).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from kombu.utils.json import dumps

from igwn_alert_celery.enqueue.redis_dead_letters import register, text_of
from igwn_alert_celery.redelivery.keeper import Keeper
from igwn_alert_celery.redelivery.keys import PACKAGE
from igwn_alert_celery.redelivery.link import Linked
from igwn_alert_celery.redelivery.registry import Peer, Peers, adopt
from igwn_alert_celery.redelivery.whereabouts import (
    holders,
    marked,
    missing,
    queue_keys,
    queues_of,
)

__all__ = ["Sweep"]

logger = logging.getLogger(__name__)

#: Between two looks, seconds: a task on the move is not lost.
LOOK_AGAIN_S = 3.0
#: Without any sign of a loss, seconds.
EVERY_S = 60.0
#: So many outstanding tasks cost too much to be looked for without a sign of a loss.
_FEW = 2000
_LOCK_MS = 5_000


class Sweep:
    """For the heart's thread; raises what redis-py does.

    Parameters
    ----------
    incarnation : str
        Ours.
    keeper : Keeper
        For what was sent again too often.
    queue_names : callable
        Returns the names of the app's queues.
    pulse : callable
        Lets the heart beat, as a look may take long.
    """

    def __init__(
        self,
        incarnation: str,
        keeper: Keeper,
        queue_names: Callable[[], Iterable[str]],
        pulse: Callable[[Linked], object],
    ) -> None:
        self._incarnation = incarnation
        self._keeper = keeper
        self._queue_names = queue_names
        self._pulse = pulse
        self._wanted = True
        self._looked_at = time.monotonic()

    def want(self) -> None:
        """Ask for a sweep: a worker has died, or was cut off."""
        self._wanted = True

    def step(self, linked: Linked, peers: Peers, living: Iterable[str]) -> int:
        """Look once, or send again what was missing twice; return how many were sent again.

        How far it is stands in Redis: who looks may die before the second look.

        Parameters
        ----------
        linked : Linked
        peers : Peers
            As of just now.
        living : iterable of str
            Incarnations that are not dead.
        """
        if self._wanted:
            linked.client.hincrby(linked.keys.sweep, "wanted", 1)
            self._wanted = False
        fields = linked.client.hmget(linked.keys.sweep, "wanted", "began", "looked", "done")
        wanted, began, looked, done = (int(field or 0) for field in fields)
        # A clock of Redis that was set back makes a look of no use.
        if began != done and looked <= peers.now_ms:
            if self._lock(linked):
                return self._confirm(linked, peers, set(living), (began, looked))
        elif self._is_due(linked, peers, wanted != done) and self._lock(linked):
            self._look(linked, peers)
        return 0

    def _is_due(self, linked: Linked, peers: Peers, wanted: bool) -> bool:
        if wanted:
            return True
        if time.monotonic() - self._looked_at < EVERY_S:
            return False
        self._looked_at = time.monotonic()
        self._adopt(linked, peers)
        return 0 < int(linked.client.hlen(linked.keys.outstanding)) <= _FEW

    def _adopt(self, linked: Linked, peers: Peers) -> None:
        adopt(linked, set(holders(linked)) - {peer.incarnation for peer in peers.all})

    def _lock(self, linked: Linked) -> bool:
        """Take or keep the lock; it is soon free again when its owner dies."""
        name, key = self._incarnation, linked.keys.sweeping
        if linked.client.set(key, name, nx=True, px=_LOCK_MS):
            return True
        mine = bool(linked.client.get(key) == name.encode())
        return mine and bool(linked.client.pexpire(key, _LOCK_MS))

    def _look(self, linked: Linked, peers: Peers) -> None:
        self._adopt(linked, peers)
        # What is asked for from now on is for the next one.
        wanted = int(linked.client.hincrby(linked.keys.sweep, "wanted", 1))
        self._looked_at = time.monotonic()
        ids = [text_of(item) for item in linked.client.hkeys(linked.keys.outstanding)]
        suspects = self._missing(linked, ids) if ids else set()
        pipe = linked.client.pipeline()
        pipe.delete(linked.keys.suspects)
        if suspects:
            pipe.sadd(linked.keys.suspects, *suspects)
            pipe.hset(linked.keys.sweep, mapping={"began": wanted, "looked": _now_ms(linked)})
        else:
            pipe.hset(linked.keys.sweep, mapping={"began": wanted, "done": wanted})
            pipe.delete(linked.keys.sweeping)
        pipe.execute()

    def _missing(self, linked: Linked, ids: Iterable[str]) -> set[str]:
        queues = queue_keys(linked, self._queue_names())
        return missing(linked, ids, queues, lambda: self._pulse(linked))

    def _confirm(
        self, linked: Linked, peers: Peers, living: set[str], look: tuple[int, int]
    ) -> int:
        began, looked_ms = look
        others = [peer for peer in peers.all if peer.incarnation in living]
        early = peers.now_ms - looked_ms < 1000 * LOOK_AGAIN_S
        if early or any(_may_have_it(peer, looked_ms) for peer in others):
            return 0
        suspects = [text_of(item) for item in linked.client.smembers(linked.keys.suspects)]
        found = linked.client.hmget(linked.keys.outstanding, suspects) if suspects else []
        tasks = {one: text for one, text in zip(suspects, found, strict=True) if text is not None}
        # Before the second look: who sends a task again counts it, so that nobody else does.
        before = linked.client.hmget(linked.keys.attempts, list(tasks)) if tasks else []
        attempts = {one: int(count or 0) for one, count in zip(tasks, before, strict=True)}
        lost = self._missing(linked, tasks)
        sent = sum(self._send(linked, one, json.loads(tasks[one]), attempts[one]) for one in lost)
        pipe = linked.client.pipeline()
        pipe.delete(linked.keys.suspects)
        pipe.hset(linked.keys.sweep, "done", began)
        pipe.delete(linked.keys.sweeping)
        pipe.execute()
        return sent

    def _send(self, linked: Linked, task_id: str, message: dict[str, Any], attempts: int) -> bool:
        if attempts >= self._keeper.max_attempts:
            self._give_up(linked, task_id, message, attempts)
            return False
        script = register(linked.client, "send_again.lua", package=PACKAGE)
        queues = queues_of(linked, message)
        if not queues:
            logger.error("task %s was lost, and no queue is known here that takes it", task_id)
            return False
        keys = [linked.keys.outstanding, linked.keys.attempts, *queues]
        sent = bool(script(keys, [task_id, attempts, dumps(marked(message))]))
        if sent:
            logger.warning("task %s was lost on its way to a worker; it is sent again", task_id)
        return sent

    def _give_up(
        self, linked: Linked, task_id: str, message: dict[str, Any], attempts: int
    ) -> None:
        error = (
            f"sent again {attempts} times, and never handled: has every worker of this task broker "
            "igwn_alert_redelivery = True?"
        )
        if not self._keeper.keep(linked, message, "lost", error):
            return
        pipe = linked.client.pipeline()
        pipe.hdel(linked.keys.outstanding, task_id)
        pipe.hdel(linked.keys.attempts, task_id)
        pipe.execute()


def _may_have_it(peer: Peer, looked_ms: int) -> bool:
    """Whether a worker may have popped what we missed, and not noted it yet."""
    # It has waited since before we looked, or not been heard of since then.
    return 0 < peer.popping_since_ms <= looked_ms or peer.beat_ms <= looked_ms


def _now_ms(linked: Linked) -> int:
    seconds, micros = linked.client.time()
    return int(seconds) * 1000 + int(micros) // 1000
