# SPDX-License-Identifier: BSD-3-Clause
"""A topic that exists, and that the credential may read only later."""

import json

import pytest

from tests.integration.conftest import _deploy
from tests.integration.receiving import receiving


@pytest.fixture
def hidden(secured_kafka, redis_server, tmp_path):
    yield from _deploy(secured_kafka, redis_server.url, redis_server, tmp_path, "hidden-")


def send(deployment, *uids):
    for uid in uids:
        text = json.dumps({"uid": uid, "alert_type": "new", "data": {}, "object": {}})
        deployment.kafka.send(deployment.topic, text, partition=0)
    deployment.kafka.flush()


@pytest.mark.parametrize(
    ("start_at", "expected"),
    [("latest", ["since", "then"]), ("earliest", ["before", "since", "then"])],
)
def test_it_starts_with_what_came_since_it_was_asked_for(
    hidden, tmp_path, monkeypatch, caplog, start_at, expected
):
    # Ours is the broker's own clock.
    monkeypatch.setattr("igwn_alert_celery.worker.first_requests._CLOCKS_MS", 0)
    send(hidden, "before")
    login = {
        "server": f"kafka://{hidden.kafka.sasl_bootstrap}/",
        "authfile": str(hidden.log_in(tmp_path, tls=False)),
        "noauth": False,
        "consumer_group": f"alice-{hidden.group}",
    }
    with receiving(hidden, start_at=start_at, **login) as it:
        it.running()
        assert it.status["missing_topics"] == ["superevent"]
        send(hidden, "since")
        hidden.kafka.permit(hidden.topic)
        it.expect(expected[:-1])
        send(hidden, "then")
        it.expect(expected)
    assert ("was there before it could be read" in caplog.text) is (start_at == "latest")
