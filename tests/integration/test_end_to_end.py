# SPDX-License-Identifier: BSD-3-Clause
"""Alerts through real Kafka into real workers on real Redis: counted in, and counted out."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter

import pytest

from tests.services.wait import wait_until


class Worker:
    """A real ``celery worker`` process, with its output in a file."""

    def __init__(self, log, environment, options):
        self.log = log
        command = [sys.executable, "-m", "celery", "-A", "tests.integration.followup", "worker"]
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [*command, "-l", "INFO", *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def text(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        self.popen.terminate()
        return self.popen.wait(30)

    def kill(self):
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


def alert(number):
    inner = {"uid": f"S{number}", "alert_type": "new", "data": {}, "object": {"labels": []}}
    return json.dumps(json.dumps(inner))


@pytest.fixture
def topic(kafka):
    name = f"test-{uuid.uuid4().hex[:8]}.superevent"
    kafka.create_topic(name, 4)
    return name


@pytest.fixture
def start_worker(kafka, topic, redis_server, tmp_path):
    redis_server.client().flushdb()
    workers = []

    def start(*options, name="w1"):
        group = topic.removesuffix(".superevent")
        environment = {
            **os.environ,
            "FOLLOWUP_REDIS": redis_server.url,
            "IGWN_ALERT_SERVER": f"kafka://{kafka.bootstrap}/",
            "IGWN_ALERT_GROUP": group,
            "IGWN_ALERT_CONSUMER_GROUP": group,
        }
        log = tmp_path / f"{name}.log"
        workers.append(Worker(log, environment, ["-n", f"{name}@%h", *options]))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def listening(worker):
    wait_until(lambda: "receiver: running" in worker.text(), 60, f"listening, see {worker.log}")


def send(kafka, topic, numbers):
    for number in numbers:
        kafka.send(topic, alert(number), partition=number % 4)
    kafka.flush()


def expect_once_each(redis_server, count, timeout_s=60):
    client = redis_server.client()
    wait_until(
        lambda: client.llen("first") >= count and client.llen("second") >= count,
        timeout_s,
        "every alert is handled by both handlers",
    )
    first = Counter(item.decode() for item in client.lrange("first", 0, -1))
    second = Counter(item.decode() for item in client.lrange("second", 0, -1))
    assert first == Counter(f"S{n}" for n in range(count))
    assert second == Counter(f"S{n} superevent True" for n in range(count))


@pytest.mark.parametrize("pool", ["prefork", "solo", "threads", "gevent", "eventlet"])
def test_every_alert_runs_once_in_each_handler(kafka, topic, redis_server, start_worker, pool):
    worker = start_worker("-P", pool, "-c", "2")
    listening(worker)
    send(kafka, topic, range(200))
    expect_once_each(redis_server, 200)
    assert worker.stop() == 0


def test_a_worker_goes_on_where_it_stopped_also_before_its_first_alert(
    kafka, topic, redis_server, start_worker
):
    first = start_worker("-P", "solo")
    listening(first)
    assert first.stop() == 0
    send(kafka, topic, range(100))
    listening(start_worker("-P", "solo", name="w2"))
    expect_once_each(redis_server, 100)


def test_two_workers_share_the_partitions(kafka, topic, redis_server, start_worker):
    listening(start_worker("-P", "solo", name="w1"))
    listening(start_worker("-P", "solo", name="w2"))
    send(kafka, topic, range(400))
    expect_once_each(redis_server, 400)


def test_poison_becomes_dead_letters_and_the_stream_goes_on(
    kafka, topic, redis_server, start_worker
):
    listening(start_worker("-P", "solo"))
    poison = [b"no json", b"\xff\xfe", b"", b"[" * 5000]
    for value in poison:
        kafka.send(topic, value, partition=0)
    kafka.send(topic, b"{}", partition=0, headers=[("_format", b"nonsense")])
    kafka.send(topic, alert(0), partition=0)
    kafka.flush()
    expect_once_each(redis_server, 1)
    letters = redis_server.client().hvals("igwn_alert:dead_letters")
    reasons = Counter(json.loads(letter)["reason"] for letter in letters)
    assert reasons == {"not_json": 2, "empty": 1, "too_deep": 1, "unknown_format": 1}


def test_a_killed_worker_is_taken_over_without_loss_or_repetition(
    kafka, topic, redis_server, start_worker
):
    victim = start_worker("-P", "solo", "-Q", "nobody", name="w1")
    other = start_worker("-P", "solo", name="w2")
    listening(victim)
    listening(other)
    send(kafka, topic, range(200))
    victim.kill()
    send(kafka, topic, range(200, 400))
    expect_once_each(redis_server, 400)
