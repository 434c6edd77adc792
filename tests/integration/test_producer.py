# SPDX-License-Identifier: BSD-3-Clause
"""The producer itself on real Kafka: reports, order, fork, and every kind of thread."""

import json
import os
import subprocess
import sys
import threading
import uuid

import pytest

from igwn_alert_celery.errors import ConfigError, SendFailed, SendRefused
from igwn_alert_celery.kafka.client import consumer_config, producer_config, reader_config
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.settings import Settings
from tests.services.wait import wait_until

PATCH = {
    "threads": "",
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()\n",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\n"
    "import eventlet; eventlet.monkey_patch()\n",
}
HEAD = """
import json, os, sys, threading, time
from igwn_alert_celery.kafka.client import producer_config
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.settings import Settings

bootstrap, topic = sys.argv[1:]
settings = Settings(server=f"kafka://{bootstrap}/", noauth=True)
producer = Producer(producer_config(settings, None))
record = OutgoingRecord(topic=topic, value=b"1")
"""
MANY = """
done = []

def work():
    for _ in range(50):
        done.append(type(producer.send([record], 60.0)[0]).__name__)

print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    threading.Thread(target=work).start()
for _ in range(20):
    time.sleep(0.005)
print(len(done), flush=True)
while len(done) < 500:
    time.sleep(0.005)
print(json.dumps([sorted(set(done)), producer.close(60.0)]))
"""
FORK = """
producer.send([record], 60.0)
producer.queue(record, lambda report: None)
child = os.fork()
if child == 0:
    try:
        producer.send([record], 1.0)
    except Exception as exc:
        print(type(exc).__name__, flush=True)
    del producer
    own = Producer(producer_config(settings, None))
    print(type(own.send([record], 60.0)[0]).__name__, own.close(60.0), flush=True)
    sys.exit(0)  # with all that the interpreter clears away at its end
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), producer.close(60.0))
"""


@pytest.fixture
def topic(kafka):
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, 4)
    return name


@pytest.fixture
def producer(kafka):
    producer = make(kafka, publish_timeout_s=60)
    yield producer
    producer.close(60.0)


def make(kafka, publish_timeout_s):
    settings = Settings(
        server=f"kafka://{kafka.bootstrap}/", noauth=True, publish_timeout_s=publish_timeout_s
    )
    return Producer(producer_config(settings, None))


def record(topic, value=b"1", key=None):
    return OutgoingRecord(topic=topic, value=value, key=key)


def program(code, kafka, topic):
    done = subprocess.run(
        [sys.executable, "-c", code, kafka.bootstrap, topic],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_reports_come_in_the_order_of_the_records(producer, topic):
    records = [record(topic, str(number).encode(), b"k") for number in range(1000)]
    reports = producer.send([*records, record("nonesuch")], 60.0)
    assert [report.offset for report in reports[:-1]] == list(range(1000))
    assert {report.topic for report in reports[:-1]} == {topic}
    assert reports[0].timestamp_ms > 1_700_000_000_000
    assert all(report.latency_ms > 0 for report in reports[:-1])
    refused = reports[-1]
    assert isinstance(refused, SendRefused)
    assert (refused.topic, refused.code) == ("nonesuch", "unknown_topic")


def test_nothing_to_send(producer):
    assert producer.send([], 1.0) == []


def test_queued_records_are_reported_by_another_thread(producer, topic):
    found = []

    def note(report):
        found.append((report, threading.current_thread().name))
        raise RuntimeError("what a report's taker raises ends nothing")

    for _ in range(3):
        producer.queue(record(topic), note)
    assert producer.flush(60.0) == 0
    assert [type(report) for report, _ in found] == [Delivery] * 3
    assert {name for _, name in found} == {"igwn-alert-producer"}


def test_what_is_not_acknowledged_is_told_in_time(kafka, topic):
    producer = make(kafka, publish_timeout_s=10)
    producer.send([record(topic)], 60.0)
    kafka.stop()
    (report,) = producer.send([record(topic)], 0.2)
    assert isinstance(report, SendFailed)
    assert report.is_final is False
    (report,) = producer.send([record(topic)], 60.0)
    assert isinstance(report, SendFailed)
    assert report.is_final is True
    assert "last error: " in str(report)
    found = []
    producer.queue(record(topic), found.append)
    assert producer.flush(0.1) == 1
    assert producer.close(0.1) == 1
    (report,) = found
    assert isinstance(report, SendFailed)
    assert producer.close(0.1) == 0
    (late,) = producer.send([record(topic)], 1.0)
    assert "is closed" in str(late)


@pytest.mark.long
def test_a_known_topic_that_is_gone_is_doubted_for_some_seconds(kafka, topic, producer):
    producer.send([record(topic)], 60.0)
    kafka.delete_topic(topic)

    def unknown():
        reports = producer.send([record(topic), record(topic)], 60.0)
        return {type(one) for one in reports if getattr(one, "code", "") == "unknown_topic"}

    # A broker that has just started may not know all of its topics yet.
    assert wait_until(unknown, 60, "the topic is gone") == {SendFailed}
    wait_until(lambda: unknown() == {SendRefused}, 60, "it is believed")


def test_options_that_librdkafka_refuses():
    with pytest.raises(ConfigError, match="correct igwn_alert_kafka_options"):
        Producer({"bootstrap.servers": "127.0.0.1:1", "no.such.option": 1})


def test_options_of_consumers_and_secrets_stay_where_they_belong():
    options = {"session.timeout.ms": 9000, "linger.ms": 5}
    config = producer_config(Settings(kafka_options=options, publish_timeout_s=30), None)
    assert "session.timeout.ms" not in config
    assert (config["linger.ms"], config["message.timeout.ms"]) == (5, 30_000)
    assert (config["enable.idempotence"], config["acks"]) == (True, "all")


def test_options_of_producers_are_kept_from_consumers_which_would_warn_of_them():
    settings = Settings(kafka_options={"batch.size": 9000, "linger.ms": 5, "fetch.min.bytes": 2})
    for config in (consumer_config(settings, None, "g"), reader_config(settings, None, None)):
        assert config["fetch.min.bytes"] == 2
        assert not {"batch.size", "linger.ms"} & config.keys()
    assert producer_config(settings, None)["batch.size"] == 9000


@pytest.mark.parametrize("pool", PATCH)
def test_many_send_at_once_and_hold_nobody_up(kafka, topic, pool):
    code = PATCH[pool] + HEAD + MANY
    with subprocess.Popen(
        [sys.executable, "-c", code, kafka.bootstrap, topic],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        with kafka.suspended():
            process.stdin.write("\n")
            process.stdin.flush()
            # A C call that stalled the hub would go on for as long as Kafka hangs.
            assert process.stdout.readline() == "0\n"
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors[-2000:]
    assert json.loads(output) == [["Delivery"], 0]


def test_a_forked_child_leaves_the_inherited_one_alone(kafka, topic):
    assert program(HEAD + FORK, kafka, topic) == ["ConfigError", "Delivery 0", "0 0"]
    assert os.getpid()
