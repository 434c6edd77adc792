# SPDX-License-Identifier: BSD-3-Clause
"""Large messages on their whole way: Kafka, offload server, receiver, task or dead letter."""

import json
import time
from collections import Counter

import pytest
from hop.io import Producer
from hop.models import ExternalMessage

from igwn_alert_celery.kafka import offload_server
from tests.integration.conftest import alert
from tests.integration.offload_http import OffloadHTTP, packed
from tests.integration.receiving import receiving
from tests.services.wait import wait_until

# This Kafka knows no passwords; the credential is for the offload server alone.
SETTINGS = {
    "noauth": False,
    "username": "carol",
    "password": "se3cret",
    "kafka_options": {"security.protocol": "plaintext"},
    "offload_timeout_s": 5.0,
}


@pytest.fixture
def server(deployment, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    metadata = f"{deployment.group}-metadata"
    monkeypatch.setattr(offload_server, "_TOPIC", metadata)
    deployment.kafka.create_topic(metadata)
    server = OffloadHTTP("carol", "se3cret")
    deployment.kafka.send(metadata, json.dumps({"LargeMessageUploadEndpoint": server.url}))
    deployment.kafka.flush()
    yield server
    server.close()


def send_external(deployment, server, *paths):
    for path in paths:
        value, headers = Producer.pack(ExternalMessage(f"{server.url}{path}"))
        deployment.kafka.send(deployment.topic, value, headers=headers, partition=0)
    deployment.kafka.flush()


def letters(deployment):
    found = deployment.redis.hvals("igwn_alert:dead_letters")
    return Counter(json.loads(letter)["reason"] for letter in found)


def test_a_large_message_becomes_a_task_and_a_server_that_hangs_stops_nobody(deployment, server):
    server.paths["/msg/1"] = packed(alert(1).encode(), [("_format", b"json")])
    server.paths["/hangs"] = lambda handler: handler.owner.stopping.wait()
    with receiving(deployment, **SETTINGS) as found:
        found.running()
        began = time.monotonic()
        send_external(deployment, server, "/msg/1", "/msg/2", *["/hangs"] * 50)
        deployment.send(range(2, 6))
        found.expect([f"S{number}" for number in range(1, 6)])
        expected = {"offload_missing": 1, "offload_unavailable": 50}
        wait_until(lambda: letters(deployment) == expected, 60, "the dead letters are kept")
        # Else 50 times the limit.
        assert time.monotonic() - began < 60
        found.state("running")
    assert Counter(path for path, _ in server.requests)["/hangs"] <= 4  # two tries of SCRAM
