# SPDX-License-Identifier: BSD-3-Clause
"""What Celery's prefork has handed to its processes, which it must not forget when it closes.

When a warm shutdown begins, and when a connection is lost, ``AsynPool.flush`` takes every job out
of the pool's cache that no process has accepted yet
(https://github.com/celery/celery/pull/10151), also one that lies in a process's pipe already. The
process runs it, but its word that it has ended finds nobody: the task is not acknowledged, and
runs again. The process waits half a minute for its word to be heard, and so does the shutdown.
Before Celery 5.7 a warm shutdown forgets nothing, but a lost connection those that run as well
(https://github.com/celery/celery/issues/8541).

A job longer than a pipe takes at once, 64 kB, may be written in part only. A warm shutdown writes
the rest no more: the process waits for it, and the shutdown for the process, for ever.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from inspect import GEN_CLOSED, getgeneratorstate
from typing import Any

from celery.worker import state

__all__ = ["remembered"]

logger = logging.getLogger(__name__)

#: For all that is written in part; a process that waits for its next task reads it within millis.
_WRITE_S = 5.0


@contextmanager
def remembered(pool: Any) -> Iterator[None]:
    """Give the pool's cache back what it forgets within, where a living process has it.

    Blocks for at most five seconds, while it writes what is written in part. Does nothing in a cold
    shutdown, which ends the processes as well.

    Parameters
    ----------
    pool : celery.concurrency.base.BasePool
        Any; only prefork's writes its jobs to processes.
    """
    # Neither in other pools, nor once prefork has stopped.
    cache = getattr(getattr(pool, "_pool", None), "_cache", None) or {}
    handed_over: dict[Any, Any] = {}
    with _never_failing():
        handed_over |= {k: job for k, job in list(cache.items()) if _process_of(job) is not None}
        if not state.should_terminate:
            _write_the_rest(handed_over.values())
    try:
        yield
    finally:
        if not state.should_terminate:
            with _never_failing():
                _put_back(cache, handed_over)


@contextmanager
def _never_failing() -> Iterator[None]:
    """Let no process that dies just now keep the worker from closing."""
    try:
        yield
    except Exception:
        # Border: Celery's and billiard's insides, at a moment when everything ends.
        logger.exception("what was handed to the pool's processes may run again")


def _write_the_rest(jobs: Iterable[Any]) -> None:
    deadline = time.monotonic() + _WRITE_S
    for job in jobs:
        writer = _writer_of(job)
        if writer is not None and _is_alive(job) and not _written(job, writer, deadline):
            logger.error("a task was given to its process in part only: the shutdown may hang")


def _writer_of(job: Any) -> Any:
    # A weak reference to a generator, or none yet.
    refer: Any = getattr(job, "_writer", None)
    writer = refer() if refer is not None else None
    return writer if writer is not None and getgeneratorstate(writer) != GEN_CLOSED else None


def _written(job: Any, writer: Iterator[None], deadline: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(_process_of(job).inqW_fd, selectors.EVENT_WRITE)
        while (left_s := deadline - time.monotonic()) > 0 and selector.select(left_s):
            try:
                next(writer)
            except (StopIteration, OSError):
                return True
    return False


def _put_back(cache: Any, handed_over: dict[Any, Any]) -> None:
    for key, job in handed_over.items():
        # What nobody lives to run is for others, as Celery has it.
        if not job.ready() and _is_alive(job):
            cache.setdefault(key, job)


def _is_alive(job: Any) -> bool:
    return bool(_process_of(job)._is_alive())  # noqa: SLF001 - as Celery asks


def _process_of(job: Any) -> Any:
    # Set when its first byte is written, and never in billiard's blocking pool.
    return getattr(job, "_write_to", None)
