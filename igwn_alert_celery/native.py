# SPDX-License-Identifier: BSD-3-Clause
"""Start a native thread, also where gevent or eventlet have replaced ``threading``.

librdkafka blocks in C, which would stall a green pool's hub (confluent-kafka-python#612), so the
receiver has a thread of the operating system. What it shares with the greenlets must not be
guarded by their locks: with eventlet a green lock that two native threads want at once wakes its
waiter in the wrong hub, with gevent in the hub of the thread that had it first.

Shared, and native here: the locks of logging and of every handler, those of later handlers too,
and of ``threading``'s list of threads. Safe as they are: sockets, ``time.sleep``, ``select`` and
name look-ups, as each native thread has a hub of its own, while what one opens no other uses;
threads that this one starts, which are greenlets of its own hub; ``random``, ``uuid`` and
``sqlite3``, which are native code. Not safe, and not ours to change: the green locks, queues and
connections of others, see docs/decisions/0002.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kombu.utils.compat import detect_environment

__all__ = ["run_natively", "start_native_thread"]

_T = TypeVar("_T")

_KEEP_ALIVE_S = 1.0
_NEXT_S = 0.05
_PARK_S = 0.5
# Timers stop when they are collected.
_timers: list[Any] = []
# Where native threads beside gevent that have nothing to do look for their next job.
_idle: list[list[tuple[Callable[[], None], str]]] = []
_parked: list[Any] = []
_ending: list[bool] = []
# They do not exist in a forked child.
os.register_at_fork(after_in_child=_idle.clear)


def start_native_thread(target: Callable[[], None], name: str) -> None:
    """Run ``target`` on a daemon thread of the operating system; returns at once."""
    start = _STARTS.get(detect_environment(), _start_plainly)
    start(target, name)


def run_natively(call: Callable[[], _T]) -> _T:
    """Return what a call returns that blocks in C, without stalling the other greenlets."""
    environment = detect_environment()
    if environment == "gevent":
        from gevent import get_hub

        found: _T = get_hub().threadpool.apply(call)
        return found
    if environment == "eventlet":
        from eventlet import tpool

        given: _T = tpool.execute(call)
        return given
    return call()


def _start_plainly(target: Callable[[], None], name: str) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()


def _start_beside_gevent(target: Callable[[], None], name: str) -> None:
    from gevent import get_hub
    from gevent.monkey import get_original

    def run() -> None:
        jobs = [(target, name)]
        lock = get_original("_thread", "allocate_lock")()
        lock.acquire()
        keep_alive()
        while True:
            job, threading.current_thread().name = jobs.pop()
            job()
            del job
            # It stays: greenlets that wait for a lock which this thread had first are woken by its
            # hub. So it may as well be the next one.
            _idle.append(jobs)
            while not jobs:
                if _ending:
                    _parked.append(jobs)
                    lock.acquire()
                time.sleep(_NEXT_S)

    def keep_alive() -> None:
        # A hub that waits for another native thread's lock alone takes that for a deadlock.
        hub = get_hub()
        timer = hub.loop.timer(_KEEP_ALIVE_S, repeat=_KEEP_ALIVE_S)
        timer.start(_nothing)
        _timers.append(timer)

    try:
        return _idle.pop().append((target, name))
    except IndexError:
        pass  # all are at work
    if not _timers:
        atexit.register(_park_idle_threads)
    keep_alive()
    # Made at the first look-up of a host, with imports: two hubs would meet at the import lock.
    _ = get_hub().resolver, get_hub().threadpool
    _use_locks(get_original("_thread", "RLock"))
    get_original("_thread", "start_new_thread")(run, ())
    return None


def _park_idle_threads() -> None:
    """Let threads beside gevent wait where the interpreter's end cannot hurt.

    It ends each thread that wants to run Python once more; one that is in gevent's hub then, on
    a stack of gevent's making, takes the process down with it.
    """
    from gevent.monkey import get_original

    sleep = get_original("time", "sleep")
    _ending.append(True)
    deadline = time.monotonic() + _PARK_S
    while len(_parked) < len(_idle) and time.monotonic() < deadline:
        sleep(_NEXT_S / 10)


def _start_beside_eventlet(target: Callable[[], None], name: str) -> None:
    from eventlet.green import threading as green_threading
    from eventlet.patcher import original

    native: Any = original("threading")
    _use_locks(native.RLock)
    # To name the thread of a log record, eventlet takes the import lock and puts modules of its
    # own for queue, select and threading into sys.modules, where other native threads find them.
    green_threading.__patched_enumerate = threading.enumerate  # noqa: SLF001 - no other way
    native.Thread(target=target, name=name, daemon=True).start()


@functools.cache
def _use_locks(make_lock: Callable[[], Any]) -> None:
    """Give logging and the list of threads, which all use, locks that native threads can share."""
    names: Any = threading
    names._active_limbo_lock = make_lock()  # noqa: SLF001 - there is no other way
    logs: Any = logging
    logs._lock = make_lock()  # noqa: SLF001 - nor here
    for reference in list(logs._handlerList):  # noqa: SLF001
        handler = reference()
        if handler is not None and handler.lock is not None:
            handler.lock = make_lock()
    create_lock = logs.Handler.createLock

    def create_shared_lock(handler: Any) -> None:
        create_lock(handler)
        handler.lock = make_lock()

    logs.Handler.createLock = create_shared_lock


def _nothing() -> None:
    """Serve as a callback."""


_STARTS: dict[str, Callable[[Callable[[], None], str], None]] = {
    "gevent": _start_beside_gevent,
    "eventlet": _start_beside_eventlet,
}
