# SPDX-License-Identifier: BSD-3-Clause
"""Topics that refuse batches for their size, though each record in them is small enough."""

import subprocess
import sys
import threading
import uuid

import confluent_kafka
import pytest

from igwn_alert_celery.errors import SendFailed, SendRefused
from igwn_alert_celery.kafka.client import producer_config
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.publisher.line import Line
from igwn_alert_celery.settings import Settings
from tests.integration.publisher.conftest import read_all

LIMIT = 30_000
SIZE = 10_000
COUNT = 60
PATCH = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()\n",
    "eventlet": "import warnings; warnings.simplefilter('ignore')\n"
    "import eventlet; eventlet.monkey_patch()\n",
}
GREEN = """
import sys, threading
from igwn_alert_celery.publisher.line import Line
from igwn_alert_celery.kafka.producer import OutgoingRecord
from igwn_alert_celery.settings import Settings

bootstrap, topic = sys.argv[1:]
line = Line.open(Settings(server=f"kafka://{bootstrap}/", noauth=True))
records = [OutgoingRecord(topic=topic, value=b"1".rjust(10_000, b"0"), key=b"k")] * 20
found = []

def send():
    found.extend(line.send(records))

threads = [threading.Thread(target=send) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted({type(report).__name__ for report in found}), len(found), line.close(30.0))
"""


@pytest.fixture
def topic(kafka):
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, 2, max_message_bytes=str(LIMIT))
    return name


@pytest.fixture
def line(kafka):
    opened = opened_for(kafka)
    yield opened
    opened.close(60.0)


def opened_for(kafka, **options):
    settings = Settings(
        server=f"kafka://{kafka.bootstrap}/",
        noauth=True,
        publish_timeout_s=30,
        kafka_options=options,
    )
    return Line.open(settings)


def records(topic, count=COUNT, size=SIZE):
    values = (b"%07d" % number for number in range(count))
    return [OutgoingRecord(topic=topic, value=value.ljust(size), key=b"k") for value in values]


def numbers(kafka, topic):
    return [int(message.value()[:7]) for message in read_all(kafka, topic)]


def second(line):
    """Return the producer that sends again, if it was needed."""
    return line._alone._producer


def test_librdkafka_still_fails_all_records_of_a_batch_that_was_refused(kafka, topic):
    """When it does not any more, ``publisher/alone.py`` can go."""
    raw = confluent_kafka.Producer(
        {"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True, "linger.ms": 100}
    )
    errors = []
    for record in records(topic):
        raw.produce(topic, record.value, record.key, on_delivery=lambda e, _: errors.append(e))
    assert raw.flush(60.0) == 0
    assert {error.code() for error in errors} == {confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE}
    assert len(errors) == COUNT


@pytest.mark.parametrize("count", [COUNT, 300])
def test_all_records_arrive_once(kafka, topic, line, count):
    for _ in range(2):
        reports = line.send(records(topic, count))
        assert [type(report) for report in reports] == [Delivery] * count
    assert sorted(numbers(kafka, topic)) == sorted([*range(count), *range(count)])
    assert second(line) is not None
    assert not line.is_broken


def test_a_record_that_is_too_large_itself_is_refused_and_no_other(kafka, topic, line):
    for _ in range(2):
        reports = line.send([*records(topic, 20), *records(topic, 1, LIMIT)])
        assert [type(report) for report in reports] == [Delivery] * 20 + [SendRefused]
        assert reports[-1].code == "too_large"
    assert len(numbers(kafka, topic)) == 40


def test_what_was_alone_in_its_batch_is_not_sent_again(kafka, topic, line):
    (refused,) = line.send(records(topic, 1, 2_000_000))
    assert refused.code == "too_large"
    assert second(line) is None


def test_threads_send_at_the_same_time(kafka, topic, line):
    found = []

    def send():
        found.extend(line.send(records(topic, 10)))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(report) for report in found] == [Delivery] * 80
    assert len(numbers(kafka, topic)) == 80


@pytest.mark.parametrize("pool", PATCH)
def test_greenlets_send_at_the_same_time(kafka, topic, pool):
    done = subprocess.run(
        [sys.executable, "-c", PATCH[pool] + GREEN, kafka.bootstrap, topic],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "['Delivery'] 80 0\n", done.stderr[-2000:]
    assert len(numbers(kafka, topic)) == 80


def test_no_second_producer_where_none_is_needed(kafka, line):
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name)
    reports = line.send(records(name, 300))
    assert [report.offset for report in reports] == list(range(300))
    assert second(line) is None


def test_the_second_producer_ends_with_the_first(kafka, topic, line):
    line.send(records(topic))
    other = second(line)
    assert line.close(60.0) == 0
    (report,) = other.send(records(topic, 1), 1.0)
    assert "is closed" in str(report)


def test_a_closed_line_makes_no_second_producer(topic, line):
    line.close(60.0)
    reports = line._alone.send(records(topic), 1.0)
    assert {type(report) for report in reports} == {SendFailed}
    assert "is closed" in str(reports[0])
    assert second(line) is None


def test_a_second_producer_that_has_failed_is_made_anew(topic, line):
    line.send(records(topic))
    other = second(line)
    other._judgement._is_fatal = True
    assert {type(report) for report in line.send(records(topic))} == {Delivery}
    assert second(line) is not other


@pytest.mark.parametrize("error", ["no.such.option", "an error of any kind"])
def test_without_a_second_producer_it_is_to_be_tried_again(kafka, topic, line, monkeypatch, error):
    if error == "no.such.option":
        line._alone._config[error] = 1
    else:
        monkeypatch.setattr(line._alone, "_usable", lambda: 1 / 0)
    reports = line.send(records(topic))
    failed = [report for report in reports if isinstance(report, SendFailed)]
    assert failed
    assert all("could not be sent again alone" in str(report) for report in failed)
    assert len(numbers(kafka, topic)) == COUNT - len(failed)


def test_a_user_may_bound_batches_for_such_a_topic(kafka, topic):
    """As the documents say: then nothing is sent twice, and the order is kept."""
    line = opened_for(kafka, **{"batch.size": LIMIT - SIZE})
    try:
        reports = line.send(records(topic))
        assert [report.offset for report in reports] == list(range(COUNT))
        assert second(line) is None
    finally:
        line.close(60.0)


def test_streams_have_batches_that_nearly_every_topic_takes(kafka):
    """They tell their user later, and have nobody who sends again."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, max_message_bytes="120000")
    producer = Producer(producer_config(Settings(server=f"kafka://{kafka.bootstrap}/"), None))
    found = []
    for record in records(name, 300):
        producer.queue(record, found.append)
    assert producer.close(60.0) == 0
    assert [report.offset for report in found] == list(range(300))
