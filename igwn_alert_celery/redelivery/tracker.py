# SPDX-License-Identifier: BSD-3-Clause
"""What this worker holds, between its main thread and the heart's: settled now, or soon.

Redis may be away just when a handler has ended. Then what was to be said to it is kept, and said
by the heart when it answers again; the worker's main loop does not wait for it meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from kombu.utils.compat import detect_environment
from redis.exceptions import RedisError

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.kafka.wake import Wake
from igwn_alert_celery.redelivery.channels import Channels
from igwn_alert_celery.redelivery.link import Link, Linked
from igwn_alert_celery.redelivery.post import Post
from igwn_alert_celery.redelivery.unacked import Unacked

__all__ = ["Tracker", "tag_of"]

logger = logging.getLogger(__name__)

_PAUSE_S = 1.0
#: How long one thread waits for another that reads an answer.
_HEARING_S = 1.0
_BLIND_S = 0.05
_Said = tuple[str, Callable[[Linked], Any]]


class Tracker:
    """For the main thread and those on which Celery acknowledges; :meth:`drain` is the heart's.

    Parameters
    ----------
    link : Link
        The main thread's.
    incarnation : str
        This worker's.
    in_process : bool
        Whether handlers run in this very process, and can take it down with them.

    Attributes
    ----------
    channels : Channels
        Over which messages come.
    reconnected : int
        How often the consumer has connected.
    """

    def __init__(self, link: Link, incarnation: str, *, in_process: bool) -> None:
        self.link = link
        self.incarnation = incarnation
        self.channels = Channels()
        self.reconnected = 0
        self._in_process = in_process
        self._later: deque[_Said] = deque()
        # An ordered set, of handlers that have begun to run.
        self._starting: dict[str, None] = {}
        self._away_until = 0.0
        self._wake: Wake | None = None
        # Said, and not answered yet. Green beside greenlets, as its users then are.
        self._posted: deque[tuple[_Said, Post, Callable[[], object]]] = deque()
        # A signal's handler may come in between, and say something itself (Celery's cold shutdown).
        self._hearing = threading.RLock()

    def started(self, task_id: str) -> None:
        """Note that a handler begins to run, at the latest in a tenth of a second."""
        if self._in_process and self.link.is_open and time.monotonic() > self._away_until:
            # Now: it may take this process down before the heart has said so.
            self._say("", lambda linked: self._mine(linked).started([task_id]))
        else:
            self._starting[task_id] = None
            self.wake()

    def hold(self, tag: str, text: str, then: Callable[[], object] | None = None) -> None:
        """Note a message that was popped, as kombu would have done.

        Without waiting: ``then`` is called when Redis has it, or it is to be said later. Whatever
        is said next waits for that, at the latest that a handler begins.
        """
        self._say(tag, lambda linked: self._mine(linked).hold(tag, text), then)

    def settle(self, tag: str, task_id: str, *, stays: bool = False) -> None:
        """Forget a task that is handled or given up, or that ``stays`` outstanding."""
        self._starting.pop(task_id, None)
        self._say(tag, lambda linked: self._mine(linked).settle(tag, task_id, stays=stays))

    def put_back(self, tag: str, task_id: str, *, leftmost: bool) -> None:
        """Give a task back to its queue."""
        self._starting.pop(task_id, None)
        self._say(tag, lambda linked: self._mine(linked).put_back(tag, task_id, leftmost=leftmost))

    def keep(self, letter: DeadLetter) -> None:
        """Keep a dead letter: before its task is settled, whenever that is."""
        self._say("", lambda linked: linked.dead_letters.add(letter))

    def reconcile(self, running: set[str]) -> int:
        """Give back what an earlier connection of this worker had, but for what still runs.

        Parameters
        ----------
        running : set of str
            Delivery tags of tasks that run.

        Returns
        -------
        int
            How many were given back.

        Raises
        ------
        TaskBrokerUnavailable
        """
        self.reconnected += 1
        self.channels.forget()
        self.hear()
        keep = running | self.tags_to_say
        with self.link.using() as linked:
            mine = self._mine(linked)
            lost = [tag for tag in mine.tags() if tag not in keep]
            for tag in lost:
                mine.put_back(tag)
        return len(lost)

    @property
    def waits(self) -> bool:
        """Whether something waits to be said."""
        return bool(self._later or self._starting)

    def wait(self, timeout_s: float) -> bool:
        """Return whether something waits to be said, or :meth:`wake` was called, within the time.

        For the heart; blocks.
        """
        try:
            # With eventlet Python may crash at its end, when a native thread has waited so.
            wake = self._wake = None if detect_environment() == "eventlet" else Wake()
        except OSError as exc:
            logger.debug("no descriptor is left to be woken by: %s", exc)
            wake = None
        if wake is None:
            time.sleep(max(0.0, min(timeout_s, _BLIND_S)))
            return self.waits
        # What came before is seen here, and what comes from now on wakes.
        if self.waits:
            wake.set()
        woken = wake.wait(timeout_s)
        wake.set()  # lets go of its other end
        return woken

    def wake(self) -> None:
        """Wake the heart; any thread."""
        wake = self._wake
        if wake is not None:
            wake.set()

    @property
    def tags_to_say(self) -> set[str]:
        """Tags of which something waits to be said."""
        return {tag for tag, _ in self._later.copy()}

    def drain(self, linked: Linked) -> None:
        """Say what could not be said before, in its order; for the heart."""
        while self._later:
            # It stays first until it is said.
            tag, what = self._later[0]
            try:
                answer = what(linked)
                if isinstance(answer, Post):
                    answer.answer()
            except (RedisError, OSError, TaskBrokerUnavailable):
                raise
            except Exception:
                # Border: one that can never be said must not keep the others from being said.
                logger.exception("igwn-alert: given up to say what has become of %s", tag)
            self._later.popleft()
        ids = list(self._starting)
        if ids:
            self._mine(linked).started(ids).answer()
            for task_id in ids:
                self._starting.pop(task_id, None)

    def _mine(self, linked: Linked) -> Unacked:
        return linked.unacked(self.incarnation)

    def hear(self) -> bool:
        """Read the answers to what was said; what Redis did not take is said again later.

        Returns
        -------
        bool
            Whether that was done: another thread may be waiting for Redis, perhaps in vain.
        """
        if not self._hearing.acquire(timeout=_HEARING_S):
            return False
        try:
            while self._posted:
                self._hear(*self._posted.popleft())
        finally:
            self._hearing.release()
        return True

    def _hear(self, said: _Said, post: Post, then: Callable[[], object]) -> None:
        try:
            post.answer()
        except (RedisError, OSError, ValueError) as exc:
            self._say_again(*said)
            self._is_away(exc, expected=not isinstance(exc, ValueError))
        except BaseException:
            # A signal's handler has raised it, to end the worker.
            self._say_again(*said)
            raise
        finally:
            then()

    def _say(
        self,
        tag: str,
        what: Callable[[Linked], Any],
        then: Callable[[], object] | None = None,
    ) -> None:
        then = then or _nothing
        if not self.hear() or self._later or time.monotonic() < self._away_until:
            self._say_later(tag, what)
            then()
            return
        try:
            with self.link.using() as linked:
                answer = what(linked)
        except Exception as exc:  # noqa: BLE001 - told, and said again
            # Border: nothing that goes wrong here may keep a handler from running, or a worker.
            self._say_later(tag, what)
            self._is_away(exc, expected=isinstance(exc, TaskBrokerUnavailable))
            then()
            return
        if isinstance(answer, Post):
            self._posted.append(((tag, what), answer, then))

    def _is_away(self, exc: Exception, *, expected: bool) -> None:
        text = str(exc) or type(exc).__name__
        logger.warning(
            "%s; what has become of tasks is said when it answers again",
            text if isinstance(exc, TaskBrokerUnavailable) else f"Redis: {text}",
            exc_info=None if expected else exc,
        )
        self._away_until = time.monotonic() + _PAUSE_S

    def _say_again(self, tag: str, what: Callable[[Linked], Any]) -> None:
        # It comes before whatever else is said of that task. Where that was said meanwhile, to be
        # held is over; a note after it would stay for ever.
        if not tag or tag not in self.tags_to_say:
            self._say_later(tag, what)

    def _say_later(self, tag: str, what: Callable[[Linked], Any]) -> None:
        self._later.append((tag, what))
        self.wake()


def _nothing() -> None:
    """Serve where nobody wants to know."""


def tag_of(request: Any) -> str:
    """Return the delivery tag of a request of Celery's."""
    return str(request.message.delivery_tag)
