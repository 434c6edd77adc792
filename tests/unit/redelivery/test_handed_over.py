# SPDX-License-Identifier: BSD-3-Clause
import os
import threading
import weakref
from collections import deque
from types import SimpleNamespace

import pytest
from celery.concurrency.asynpool import AsynPool
from celery.concurrency.gevent import TaskPool as GeventPool
from celery.concurrency.solo import TaskPool as SoloPool
from celery.concurrency.thread import TaskPool as ThreadPool
from celery.worker import state

from igwn_alert_celery.redelivery import handed_over
from igwn_alert_celery.redelivery.handed_over import remembered


class Job:
    """A job of billiard's, as far as it is asked here."""

    _accepted = False
    _writer = None

    def __init__(self, cache, *, alive=True, written=True, ended=False):
        self._write_to = SimpleNamespace(_is_alive=lambda: alive) if written else None
        self.ready = lambda: ended
        self._cache = cache
        cache[id(self)] = self

    def discard(self):
        self._cache.pop(id(self), None)


def pool_of(cache):
    return SimpleNamespace(_pool=SimpleNamespace(_cache=cache))


@pytest.fixture
def cache():
    return {}


def test_what_a_living_process_has_is_put_back(cache):
    job = Job(cache)
    with remembered(pool_of(cache)):
        cache.clear()
    assert cache == {id(job): job}


@pytest.mark.parametrize("other", [{"written": False}, {"alive": False}, {"ended": True}])
def test_what_no_process_runs_any_more_stays_forgotten(cache, other):
    Job(cache, **other)
    with remembered(pool_of(cache)):
        cache.clear()
    assert not cache


def test_a_cold_shutdown_ends_its_processes_as_well(cache, monkeypatch):
    # Celery's handler of the signal sets it.
    monkeypatch.setattr(state, "should_terminate", 1)
    Job(cache)
    with remembered(pool_of(cache)):
        cache.clear()
    assert not cache


def test_what_was_not_forgotten_stays_as_it_is(cache):
    job, waiting = Job(cache), Job(cache, written=False)
    with remembered(pool_of(cache)):
        pass
    assert cache == {id(job): job, id(waiting): waiting}


def test_it_is_put_back_also_when_closing_fails(cache):
    job = Job(cache)

    def close():
        with remembered(pool_of(cache)):
            cache.clear()
            raise OSError("closing")

    with pytest.raises(OSError, match="closing"):
        close()
    assert cache == {id(job): job}


@pytest.mark.parametrize(
    "pool",
    [
        None,
        SimpleNamespace(_pool=None),
        # The blocking pool, of task brokers without an event loop.
        pool_of({1: SimpleNamespace(_write_to=None)}),
        SoloPool(limit=1),
        ThreadPool(limit=1),
        pytest.param("gevent", id="gevent"),
    ],
)
def test_pools_that_write_to_no_process_have_nothing_to_forget(pool):
    if pool == "gevent":
        pytest.importorskip("gevent")
        pool = GeventPool(limit=1)
    cache = getattr(getattr(pool, "_pool", None), "_cache", {})
    with remembered(pool):
        cache.clear()
    assert not cache


class Pipe:
    """A process's, with a job that is being written to it."""

    def __init__(self, job, size):
        self.read_from, self.write_to = os.pipe()
        os.set_blocking(self.write_to, False)
        self.size = self.left = size
        self.writer = self._write()
        next(self.writer)
        job._write_to.inqW_fd = self.write_to
        job._writer = weakref.ref(self.writer)

    def _write(self):
        # As Celery's.
        while self.left:
            try:
                self.left -= os.write(self.write_to, bytes(self.left))
            except BlockingIOError:
                yield

    def read(self):
        """As its process does, until all is there."""
        got = 0
        while got < self.size:
            got += len(os.read(self.read_from, self.size))

    def close(self):
        os.close(self.read_from)
        os.close(self.write_to)


@pytest.fixture
def part_written(cache):
    pipe = Pipe(Job(cache), 300_000)
    yield pipe
    pipe.close()


def test_what_is_written_in_part_is_written_to_its_end_before_it_closes(cache, part_written):
    process = threading.Thread(target=part_written.read, daemon=True)
    process.start()
    with remembered(pool_of(cache)):
        assert part_written.left == 0
        assert handed_over._writer_of(next(iter(cache.values()))) is None
    process.join(30)
    assert not process.is_alive()


def test_a_process_that_reads_no_more_is_not_waited_for_long(
    cache, part_written, monkeypatch, caplog
):
    monkeypatch.setattr(handed_over, "_WRITE_S", 0.01)
    with remembered(pool_of(cache)):
        assert part_written.left > 0
    assert "in part only" in caplog.text


def test_nothing_is_written_in_a_cold_shutdown(cache, part_written, monkeypatch):
    monkeypatch.setattr(state, "should_terminate", 1)
    os.read(part_written.read_from, 100_000)
    with remembered(pool_of(cache)):
        assert part_written.left > 0


def test_celery_still_forgets_what_it_has_handed_over(cache):
    """When this fails, Celery has mended it: see whether ``handed_over.py`` can go."""
    Job(cache)
    pool = SimpleNamespace(
        _state=0,
        _cache=cache,
        synack=False,
        outbound_buffer=deque(),
        maintain_pool=lambda: None,
        _active_writers=set(),
        _active_writes=set(),
        _busy_workers=set(),
    )
    AsynPool.flush(pool)
    assert not cache


def test_nothing_that_goes_wrong_keeps_the_worker_from_closing(cache, caplog):
    broken, closed = Job(cache), []
    broken._writer = lambda: 1 / 0
    broken.ready = lambda: 1 / 0
    with remembered(pool_of(cache)):
        closed.append(True)
    assert closed
    assert caplog.text.count("what was handed to the pool's processes may run again") == 2
