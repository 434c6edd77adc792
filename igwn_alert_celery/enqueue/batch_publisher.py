# SPDX-License-Identifier: BSD-3-Clause
"""Publishes a batch's tasks one after the other, and waits for their confirmations at its end."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.away import reaching
from igwn_alert_celery.enqueue.confirms import Confirms, knows
from igwn_alert_celery.enqueue.message import TaskCall
from igwn_alert_celery.enqueue.publish import Publisher
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["BatchPublisher", "Done"]

logger = logging.getLogger(__name__)

#: By task id: None, or the dead letter of a task that the task broker would never take.
Done = dict[str, DeadLetter | None]


class BatchPublisher:
    """Publishes batches over one connection. Not thread-safe.

    A handler's task goes by itself, nothing else being on its way, until one of them has arrived:
    an exchange that is missing, or a queue that differs, closes the channel, and with it go the
    confirmations of what was sent before. What is not confirmed in the end goes by itself as well.
    Where the transport is not py-amqp, each task does.
    """

    def __init__(self, connection: Any, publisher: Publisher, topic_prefix: str) -> None:
        self._connection = connection
        self._publisher = publisher
        self._topic_prefix = topic_prefix
        self._together = knows(publisher.producer.channel)
        self._arriving: set[str] = set()
        self._confirms: Confirms | None = None
        self._producer: Any = None
        self._sent: dict[str, TaskCall] = {}

    def publish(self, calls: Iterable[TaskCall], done: Done) -> None:
        """Publish what is not done, and note what is; blocks for about the time-out.

        Raises
        ------
        TaskBrokerUnavailable
            What is not noted may or may not have been published.
        """
        try:
            for call in calls:
                if call.task_id not in done and not self._is_sent(call):
                    self._settle(done)
                    self._publish(call, done)
            self._settle(done)
        except TaskBrokerUnavailable:
            self._note(done)
            # The connection is of no use any more, but for a queue that refuses.
            self._arriving, self._confirms, self._sent = set(), None, {}
            raise

    def _is_sent(self, call: TaskCall) -> bool:
        """Send it without waiting, if that is to be tried."""
        if call.task.name not in self._arriving:
            return False
        try:
            confirms = self._opened()
            confirms.task_id = call.task_id
            self._publisher.apply(call, self._producer)
        except TaskBrokerUnavailable:
            raise
        except Exception as exc:
            # Border: a router, a serializer; or the channel was closed over an earlier task.
            logger.debug("%s is tried by itself", call.task.name, exc_info=True)
            if self._confirms and isinstance(exc, self._connection.channel_errors):
                self._confirms.lost = True
            return False
        self._sent[call.task_id] = call
        return True

    def _opened(self) -> Confirms:
        if self._confirms is None:
            with reaching(self._connection):
                self._confirms = Confirms(self._connection)
            self._producer = self._publisher.producer_on(self._confirms.channel)
        return self._confirms

    def _settle(self, done: Done) -> None:
        """Wait for what is on its way; what no queue has taken then goes by itself, in order."""
        confirms = self._confirms
        if confirms is None:
            return
        try:
            with reaching(self._connection):
                confirms.wait()
        except TaskBrokerUnavailable:
            raise
        except Exception:
            # Border: whatever py-amqp raises; the tasks' own publishing tells what it is about.
            logger.debug("what is not confirmed is tried task by task", exc_info=True)
            confirms.lost = True
        self._note(done)
        if confirms.refused:
            raise TaskBrokerUnavailable("a queue refuses the message; it may be full")
        if self._sent or confirms.lost:
            self._begin_anew(confirms)
        sent, self._sent = self._sent, {}
        for call in sent.values():
            self._publish(call, done)

    def _note(self, done: Done) -> None:
        """Move what is confirmed from what is sent to what is done."""
        open_ids = self._confirms.unconfirmed() if self._confirms else set()
        done.update((task_id, None) for task_id in self._sent if task_id not in open_ids)
        self._sent = {task_id: call for task_id, call in self._sent.items() if task_id in open_ids}

    def _begin_anew(self, confirms: Confirms) -> None:
        self._confirms = None
        # A queue or an exchange that we have declared may be gone since.
        self._connection.declared_entities.clear()
        with reaching(self._connection):
            # py-amqp has opened it again, but it does not confirm.
            confirms.channel.close()

    def _publish(self, call: TaskCall, done: Done) -> None:
        """Publish it by itself, and see whether the next ones of its handler need that, too."""
        letter = done[call.task_id] = self._publisher.publish(call, self._topic_prefix)
        if letter is None and self._together:
            self._arriving.add(call.task.name)
        else:
            self._arriving.discard(call.task.name)
