# SPDX-License-Identifier: BSD-3-Clause
"""When are a handler's task messages alike, but for the alert? Only then is there a template."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import celery.app.base
import celery.app.task
from celery import Celery, Task, signals
from celery.app.amqp import AMQP
from celery.app.routes import MapRoute

__all__ = ["Watch", "why_ordinary"]


def why_ordinary(app: Celery, task: Task) -> str | None:
    """Return what could make this handler's messages vary, or None when nothing does."""
    reasons = {**_settings(app, task), **_code(app, task)}
    return next((reason for reason, holds in reasons.items() if holds), None)


def _settings(app: Celery, task: Task) -> dict[str, object]:
    conf = app.conf
    return {
        "task_always_eager": conf.task_always_eager,
        "task_protocol 1": conf.task_protocol != 2,
        "task_send_sent_event": conf.task_send_sent_event,
        "compression": getattr(task, "compression", None) or conf.task_compression,
        "serializer": (getattr(task, "serializer", None) or conf.task_serializer) != "json",
        "expires": getattr(task, "expires", None) is not None,
    }


def _code(app: Celery, task: Task) -> dict[str, object]:
    """User code that Celery runs for each message, and what instrumentation puts in its place."""
    kind, amqp = type(task), app.amqp
    routers = [route for route in amqp.routes or () if not isinstance(route, MapRoute)]
    return {
        "a receiver of before_task_publish, after_task_publish or task_sent": _listening(),
        "apply_async is overridden": not _is_celerys(kind.apply_async, celery.app.task),
        "shadow_name is overridden": not _is_celerys(kind.shadow_name, celery.app.task),
        "pydantic": getattr(task, "_dump_pydantic_arguments", None) is not None,
        "send_task is overridden": not _is_celerys(
            getattr(app.send_task, "__func__", app.send_task), celery.app.base
        ),
        "the app's amqp is not Celery's": type(amqp) is not AMQP,
        "a router function in task_routes": routers,
    }


def _listening() -> bool:
    """Whether a receiver is connected that Celery calls for every published task."""
    return bool(
        signals.before_task_publish.receivers
        or signals.after_task_publish.receivers
        or signals.task_sent.receivers
    )


def _is_celerys(function: Any, module: Any) -> bool:
    # Instrumentation wraps Celery's own class, so comparing with the class would see nothing; a
    # proxy may even pretend to have the code of what it wraps.
    return type(function) is FunctionType and function.__code__.co_filename == module.__file__


class Watch:
    """Sees whether anything has changed that Celery reads anew for each message."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._listening = _listening()
        self._conf: Any = app.conf
        self._changes = dict(self._conf.changes)
        self._router, self._queues = app.amqp.router, dict(app.amqp.queues)
        # Where the two lie: to ask the cached properties takes ten times as long.
        self._amqp = vars(app.amqp)
        self._tables = [
            table
            for route in app.amqp.routes or ()
            if isinstance(route, MapRoute)
            for table in (route.map, route.patterns)
        ]
        self._routes = _copied(self._tables)

    def changed(self) -> bool:
        """Whether a signal, setting, route or queue is another one than when this was made."""
        same = (
            _listening() is self._listening
            and self._app.conf is self._conf
            and self._conf.changes == self._changes
            and self._amqp.get("router") is self._router
            and self._amqp.get("queues") == self._queues
            # Celery copies the tables of task_routes, but not the routes in them.
            and _copied(self._tables) == self._routes
        )
        return not same


def _copied(tables: list[Any]) -> list[Any]:
    return [
        dict(route) if type(route) is dict else route
        for table in tables
        for route in table.values()
    ]
