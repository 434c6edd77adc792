# SPDX-License-Identifier: BSD-3-Clause
"""No message of the folder of files is read before it is whole."""

import socket
import threading
import time
from queue import Empty

import pytest
from celery import Celery

from igwn_alert_celery.playground.task_broker import settings

MESSAGES = 1000


@pytest.fixture
def connect(tmp_path):
    app = Celery("files", set_as_current=False)
    app.conf.update(settings(tmp_path))
    connections = []

    def connect():
        connections.append(app.connection_for_write())
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def test_a_reader_beside_a_writer_gets_every_message_in_order(connect):
    writer, reader = (connect().channel() for _ in range(2))
    numbers = []

    def write():
        for number in range(MESSAGES):
            writer._put("celery", {"number": number, "body": "→" * 1500})

    thread = threading.Thread(target=write)
    thread.start()
    deadline = time.monotonic() + 60
    while len(numbers) < MESSAGES and time.monotonic() < deadline:
        try:
            numbers.append(reader._get("celery")["number"])
        except Empty:
            pass  # the writer is behind
    thread.join()
    assert numbers == list(range(MESSAGES))


def test_queues_are_kept_apart(connect):
    channel = connect().channel()
    channel._put("one", {"number": 1})
    with pytest.raises(Empty):
        channel._get("two")
    assert channel._get("one") == {"number": 1}


def test_everything_stays_in_its_folder(connect, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    channel = connect().channel()
    channel._put("celery", {})
    channel._get("celery")
    assert list(elsewhere.iterdir()) == []
    assert list((tmp_path / "queues").iterdir()) == []


def test_a_worker_is_asked_soon_whether_it_has_to_end(connect):
    connection = connect()
    connection.default_channel  # noqa: B018 - connects
    began = time.monotonic()
    with pytest.raises(socket.timeout):
        connection.drain_events(timeout=60.0)
    assert time.monotonic() - began < 20
