# SPDX-License-Identifier: BSD-3-Clause
"""A stock ``celery worker`` runs the messages of both ways, and gives handlers what was sent."""

import json
import sys
from pathlib import Path

import pytest
from celery import signals
from kombu import compression

from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from tests.integration.enqueue.stock import HEADERS, call_of, decoded, write
from tests.integration.enqueue.stock_app import RAN, app_of
from tests.services.process import Process
from tests.services.wait import wait_until

ROOT = Path(__file__).parents[3]
ALERTS = [
    '{"uid": "S230518h", "alert_type": "new", "data": {}, "object": {"labels": ["EM_READY"]}}',
    '{"a": NaN, "b": [Infinity, -Infinity, -0.0, 1e400], "c": 123456789012345678901234567890}',
    r'{"lone": "\ud800", "pair": "\ud83d\ude00", "raw": "é😀", "\u0000": "\u2028"}',
    '{"twice": 1, "twice": {"__type__": "bytes"}}',
    '{"__type__": "datetime", "__value__": "2023-05-18T12:00:00"}',
    '{"object": {"__type__": "nobody knows it", "__value__": 1}}',
    r'{"hidden": {"\u005f_type__": "uuid", "__value__": 1}, "hidden": 2}',
    "[1, {}]",
    '{"a":' * 150 + "null" + "}" * 150,
    "{}",
]
NAMES = ("plain", "urgent", "packed")


@pytest.fixture(scope="module")
def compressed():
    """The strongest compression that is there; kombu wants its own package for zstandard."""
    try:
        compression.get_encoder("zstandard")
    except KeyError:
        return "gzip"
    return "zstandard"


@pytest.fixture(scope="module")
def worker(redis_server, tmp_path_factory, compressed):
    """The worker, in a process of its own."""
    url = redis_server.other_url
    redis_server.client(url).flushdb()
    argv = [
        *(sys.executable, "-m", "celery", "-A", "tests.integration.enqueue.stock_app", "worker"),
        *("-P", "solo", "-l", "INFO", "--without-gossip", "--without-mingle"),
    ]
    environ = {
        "STOCK_REDIS": url,
        "STOCK_COMPRESSION": compressed,
        "PYTHONPATH": str(ROOT),
        "C_FORCE_ROOT": "1",  # containers run as root, where Celery refuses pickle
    }
    process = Process(argv, tmp_path_factory.mktemp("worker"), environ)
    process.wait_ready(lambda: " ready." in process.tail(), 120)
    yield process
    process.terminate()


@pytest.fixture
def send(worker, redis_server, compressed, monkeypatch):
    """Send alerts to all handlers; returns what these were given, by task id."""
    monkeypatch.setattr("tests.integration.enqueue.stock_app.COMPRESSION", compressed)
    app = app_of(redis_server.other_url)
    client = redis_server.client(redis_server.other_url)
    client.delete(RAN)
    enqueuer = RedisEnqueuer(app, app.igwn_alert.settings)
    enqueuer.open()

    def send(texts, **header):
        calls = [
            call_of(app.tasks[f"stock.{name}"], text, f"{name}-{number}")
            for number, text in enumerate(texts)
            for name in NAMES
        ]
        for call in calls:
            call.header.update(header)
            write(enqueuer, enqueuer.prepare(call))
        wait_until(lambda: client.llen(RAN) >= len(calls), 120, f"all run:\n{worker.tail()}")
        seen = [json.loads(text) for text in client.lrange(RAN, 0, -1)]
        assert len(seen) == len(calls)
        return {one.pop("id"): one for one in seen}, dict(enqueuer.ordinary_way)

    yield send
    enqueuer.close()
    app.close()


@pytest.fixture
def the_ordinary_way():
    """A receiver of this signal keeps every handler from having a template."""

    def look(**_):
        pass

    signals.before_task_publish.connect(look)
    yield
    signals.before_task_publish.disconnect(look)


def check(seen):
    assert seen.keys() == {f"{name}-{number}" for name in NAMES for number in range(len(ALERTS))}
    for number, text in enumerate(ALERTS):
        for name in NAMES:
            one = seen[f"{name}-{number}"]
            assert one["type"], one
            assert one["alert"] == repr(decoded(text).content)
            assert one["record"] == {**HEADERS, "redelivered": False}
            assert one["priority"] == (1 if name == "urgent" else 0)
            assert one["routing_key"] == ("urgent" if name == "urgent" else "celery")


def test_the_fast_way(send):
    seen, ordinary_way = send(ALERTS)
    check(seen)
    assert ordinary_way == {"stock.packed": "compression"}


def test_the_ordinary_way(the_ordinary_way, send):
    seen, ordinary_way = send(ALERTS)
    check(seen)
    assert ordinary_way.keys() == {f"stock.{name}" for name in NAMES}


def test_what_a_record_may_lack(send):
    seen, _ = send(["{}"], key=None, id=None, sender=None, redelivered=True)
    for one in seen.values():
        assert one["record"] == {
            **HEADERS,
            "key": None,
            "id": None,
            "sender": None,
            "redelivered": True,
        }
