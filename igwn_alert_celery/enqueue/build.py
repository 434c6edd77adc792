# SPDX-License-Identifier: BSD-3-Clause
"""From a task call to the Redis commands that enqueue it: by template, or the ordinary way."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import Celery, Task

from igwn_alert_celery.enqueue.away import reaching
from igwn_alert_celery.enqueue.batch import Command
from igwn_alert_celery.enqueue.channel import Unroutable
from igwn_alert_celery.enqueue.message import TaskCall, apply
from igwn_alert_celery.enqueue.regular import Watch, why_ordinary
from igwn_alert_celery.enqueue.results import without_results
from igwn_alert_celery.enqueue.template import Template, compile_template, quote
from igwn_alert_celery.errors import PoisonRecord, TaskBrokerUnavailable
from igwn_alert_celery.task import HEADER

__all__ = ["Builder"]

logger = logging.getLogger(__name__)

#: What has changed is seen after so long, seconds, also where a batch takes longer.
_LOOK_S = 1.0
_BYPASSED = "its apply_async sends by itself, so at least once"


class Builder:
    """Builds with one connection. Not thread-safe.

    Parameters
    ----------
    app : celery.Celery
    connection, channel
        kombu's; the channel is a capturing one.
    ordinary_way : dict
        Filled with the tasks that have no template, and why.
    """

    def __init__(
        self, app: Celery, connection: Any, channel: Any, ordinary_way: dict[str, str]
    ) -> None:
        self._app = app
        self._connection = connection
        self._channel = channel
        self._producer = without_results(app, app.amqp.Producer(channel, auto_declare=False))
        self._ordinary_way = ordinary_way
        self._templates: dict[tuple[str, bool | None], Template | None] = {}
        self._watch = Watch(app)
        self._fast = True
        self._look_at = 0.0
        self._json = self._quoted = b""

    def commands(self, call: TaskCall) -> tuple[Command, ...]:
        """Return the commands; raises :exc:`PoisonRecord` when no queue would take them."""
        if time.monotonic() >= self._look_at:
            self._look()
        template = self._template(call.task) if self._fast and call.kombu_safe else None
        if template is None:
            return self._build(call)
        if call.json is not self._json:  # of several handlers only the first one makes it
            self._json, self._quoted = call.json, call.quoted or quote(call.json)
        return (template.fill(self._quoted, call.task_id, call.header),)

    def look_again(self) -> None:
        """Look, before the next call, for what would make templates wrong."""
        self._look_at = 0.0

    def _look(self) -> None:
        self._look_at = time.monotonic() + _LOOK_S
        if self._watch.changed():
            self._templates.clear()
            self._ordinary_way.clear()
            self._watch = Watch(self._app)
        # Inside a task Celery adds the parent, and perhaps its priority.
        self._fast = self._app.current_task is None

    def _template(self, task: Task) -> Template | None:
        # Of a task's own options Celery reads this one for each message.
        key = (task.name, task.ignore_result)
        if key not in self._templates:
            found = why_ordinary(self._app, task) or self._compiled(task)
            self._templates[key] = found if isinstance(found, Template) else None
            if isinstance(found, str):
                self._ordinary_way[task.name] = found
        return self._templates[key]

    def _compiled(self, task: Task) -> Template | str:
        try:
            return compile_template(task, self._build)
        except TaskBrokerUnavailable:
            raise
        except Exception as exc:
            # Border: a task's own code may want more of an alert than a probe has.
            logger.info("%s cannot be tried out", task.name, exc_info=True)
            return f"its messages cannot be tried out: {exc!r}"

    def _build(self, call: TaskCall) -> tuple[Command, ...]:
        try:
            return self._captured(call)
        except Unroutable:
            # Bindings are kept in Redis, which may have come back without them; kombu remembers
            # in two places that it has made them.
            self._connection.declared_entities.clear()
            self._channel.state.clear()
        try:
            return self._captured(call)
        except Unroutable as exc:
            raise PoisonRecord("unroutable", f"{call.task.name}: {exc}") from exc

    def _captured(self, call: TaskCall) -> tuple[Command, ...]:
        self._channel.captured.clear()
        with reaching(self._connection):
            apply(call, HEADER, self._producer)
        if not self._channel.captured and self._ordinary_way.get(call.task.name) != _BYPASSED:
            self._ordinary_way[call.task.name] = _BYPASSED
            logger.warning("%s: %s", call.task.name, _BYPASSED)
        return tuple(self._channel.captured)
