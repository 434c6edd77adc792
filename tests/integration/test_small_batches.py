# SPDX-License-Identifier: BSD-3-Clause
"""Topics that refuse batches for their size, though each record in them is small enough."""

import threading
import uuid

import confluent_kafka
import pytest

from igwn_alert_celery.client.writing import Way, WriteStream
from igwn_alert_celery.errors import SendFailed, SendRefused
from igwn_alert_celery.kafka.client import producer_config
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord, Producer
from igwn_alert_celery.settings import Settings
from tests.integration.publisher.conftest import read_all

LIMIT = 30_000
SIZE = 10_000
COUNT = 60


@pytest.fixture
def topic(kafka):
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name, 2, max_message_bytes=str(LIMIT))
    return name


@pytest.fixture
def producer(kafka):
    producer = made(kafka)
    yield producer
    producer.close(60.0)


def made(kafka, **options):
    settings = Settings(server=f"kafka://{kafka.bootstrap}/", noauth=True, kafka_options=options)
    return Producer(producer_config(settings, None))


def records(topic, count=COUNT, size=SIZE):
    values = (b"%07d" % number for number in range(count))
    return [OutgoingRecord(topic=topic, value=value.ljust(size), key=b"k") for value in values]


def numbers(kafka, topic):
    return [int(message.value()[:7]) for message in read_all(kafka, topic)]


def test_librdkafka_still_fails_all_records_of_a_batch_that_was_refused(kafka, topic):
    """When it does not any more, the producer need not send any of them again."""
    raw = confluent_kafka.Producer(
        {"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True, "linger.ms": 100}
    )
    errors = []
    for record in records(topic):
        raw.produce(topic, record.value, record.key, on_delivery=lambda e, _: errors.append(e))
    assert raw.flush(60.0) == 0
    assert {error.code() for error in errors} == {confluent_kafka.KafkaError.MSG_SIZE_TOO_LARGE}
    assert len(errors) == COUNT


@pytest.mark.parametrize("count", [2, 60, 300])
def test_all_records_arrive_once(kafka, topic, producer, count):
    for _ in range(2):
        reports = producer.send(records(topic, count), 60.0)
        assert {type(report) for report in reports} == {Delivery}
    assert sorted(numbers(kafka, topic)) == sorted([*range(count), *range(count)])
    assert not producer.is_broken


def test_a_record_that_is_too_large_itself_is_refused_and_no_other(kafka, topic, producer):
    for _ in range(2):
        reports = producer.send([*records(topic, 20), *records(topic, 1, LIMIT)], 60.0)
        assert [type(report) for report in reports] == [Delivery] * 20 + [SendRefused]
        assert reports[-1].code == "too_large"
    assert len(numbers(kafka, topic)) == 40


def test_what_the_client_streams_arrives_as_well(kafka, topic, producer):
    told = []
    stream = WriteStream(Way(producer, None), (topic,), None, 60.0, print)
    for record in records(topic):
        stream.write_raw(record.value, key="k", delivery_callback=lambda *found: told.append(found))
    stream.close()
    assert [error for error, _ in told] == [None] * COUNT
    assert sorted(numbers(kafka, topic)) == list(range(COUNT))


def test_other_threads_send_at_the_same_time(kafka, topic, producer):
    found = []

    def send():
        found.extend(producer.send(records(topic, 10), 60.0))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {type(report) for report in found} == {Delivery}
    assert len(numbers(kafka, topic)) == 80


def test_no_second_client_where_none_is_needed(kafka, producer):
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(name)
    reports = producer.send(records(name, 300), 60.0)
    assert [report.offset for report in reports] == list(range(300))
    assert producer._other is None


def test_the_second_client_ends_with_the_first(kafka, topic):
    producer = made(kafka)
    producer.send(records(topic), 60.0)
    other = producer._other
    assert producer.close(60.0) == 0
    (report,) = other.send(records(topic, 1), 1.0)
    assert "is closed" in str(report)


def test_a_second_client_that_has_failed_is_made_anew(kafka, topic, producer):
    producer.send(records(topic), 60.0)
    other = producer._other
    other._judgement._is_fatal = True
    reports = producer.send(records(topic), 60.0)
    assert {type(report) for report in reports} == {Delivery}
    assert producer._other is not other


def test_a_user_may_bound_batches_for_such_a_topic(kafka, topic):
    """As the documents say: then nothing is sent twice, and the order is kept."""
    producer = made(kafka, **{"batch.size": LIMIT - SIZE})
    reports = producer.send(records(topic), 60.0)
    assert [report.offset for report in reports] == list(range(COUNT))
    assert producer._other is None
    producer.close(60.0)


def test_without_a_second_client_it_is_to_be_tried_again(kafka, topic, producer):
    producer._config = {**producer._config, "no.such.option": 1}
    reports = producer.send(records(topic), 60.0)
    assert {type(report) for report in reports} <= {SendFailed, Delivery}
    failed = [report for report in reports if isinstance(report, SendFailed)]
    assert failed
    assert all("no second producer" in str(report) for report in failed)
    assert len(numbers(kafka, topic)) == COUNT - len(failed)
