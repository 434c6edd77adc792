# SPDX-License-Identifier: BSD-3-Clause
from concurrent.futures import Future
from types import SimpleNamespace

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as Part

from igwn_alert_celery.kafka.ends import Ends
from igwn_alert_celery.record import TopicPartition


def test_each_partition_answers_for_itself():
    futures = [Future(), Future()]
    ends = Ends(zip((Part("g.one", 0), Part("g.one", 1)), futures, strict=True))
    futures[0].set_result(SimpleNamespace(offset=7))
    assert not ends.done
    futures[1].set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    assert ends.done
    assert ends.offsets() == {TopicPartition("g.one", 0): 7}


def test_nothing_asked_is_answered():
    assert Ends([]).done
    assert Ends([]).offsets() == {}
