# SPDX-License-Identifier: BSD-3-Clause
"""Why a large record cannot be stored; real servers are in integration."""

import pytest
from hop.auth import Auth

from igwn_alert_celery.errors import KafkaUnavailable, SendFailed, SendRefused
from igwn_alert_celery.kafka.offload_server import OffloadServer
from igwn_alert_celery.kafka.producer import OutgoingRecord
from igwn_alert_celery.kafka.upload import Uploader

RECORD = OutgoingRecord(topic="g.superevent", value=b"x" * 10)


@pytest.fixture
def ask(monkeypatch):
    """Let Kafka answer as it is told."""

    def let(answer):
        def ask(_server):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(OffloadServer, "_ask", ask)

    return let


def test_a_kafka_that_is_away_is_waited_for(ask):
    ask(KafkaUnavailable("no answer"))
    upload = Uploader({}, Auth("carol", "se3cret"), 1.0)
    for _ in range(2):
        with pytest.raises(SendFailed, match=r"too large for Kafka, .*: no answer") as caught:
            upload(RECORD)
        assert caught.value.topic == "g.superevent"


@pytest.mark.parametrize(
    ("answer", "credential", "why"),
    [
        (None, Auth("carol", "se3cret"), "names no server of large messages"),
        (KafkaUnavailable("no answer"), None, "names no server of large messages"),
        ("http://elsewhere.org", Auth("carol", "se3cret"), "is plain http"),
    ],
)
def test_what_waiting_does_not_mend_is_refused(ask, answer, credential, why):
    ask(answer)
    with pytest.raises(SendRefused, match=why) as caught:
        Uploader({}, credential, 1.0)(RECORD)
    assert caught.value.code == "too_large"
