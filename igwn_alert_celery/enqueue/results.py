# SPDX-License-Identifier: BSD-3-Clause
"""Nobody waits in the receiver for the results of handlers; the result backend must know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from celery import Celery

__all__ = ["without_results"]

_ours: WeakSet[Any] = WeakSet()


class _OnTaskCall:
    """Stands before the backend's own ``on_task_call``."""

    def __init__(self, original: Callable[[Any, str], Any]) -> None:
        self._original = original

    def __call__(self, producer: Any, task_id: str) -> Any:
        return {} if producer in _ours else self._original(producer, task_id)


def without_results(app: Celery, producer: Any) -> Any:
    """Return the producer, whose tasks the result backend will leave alone.

    For each task whose result is kept Celery begins to listen where it is sent, unless the pool
    forbids to wait for results (``Backend.on_task_call``; gevent and eventlet do not). Here that
    would be one subscription an alert, on a connection that nobody ever reads.
    """
    _ours.add(producer)
    backend = app.backend
    if not isinstance(backend.on_task_call, _OnTaskCall):
        backend.on_task_call = _OnTaskCall(backend.on_task_call)
    return producer
