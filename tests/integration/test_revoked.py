# SPDX-License-Identifier: BSD-3-Clause
"""What Kafka allowed is taken away while the receiver runs, and given back: named, and no gap."""

import json
from contextlib import contextmanager

import pytest

from tests.integration.receiving import receiving
from tests.services.kafka.access import PASSWORDS
from tests.services.wait import wait_until


@contextmanager
def logged_in(deployment, tmp_path):
    login = {
        "server": f"kafka://{deployment.kafka.sasl_bootstrap}/",
        "authfile": str(deployment.log_in(tmp_path, tls=False)),
        "noauth": False,
        "consumer_group": f"alice-{deployment.group}",
    }
    with receiving(deployment, **login) as it:
        it.running()
        send(deployment, "a", "b")
        it.expect(["a", "b"])
        yield it


def send(deployment, *uids):
    for uid in uids:
        deployment.kafka.send(deployment.topic, json.dumps({"uid": uid}), partition=0)
    deployment.kafka.flush()


def given_back(deployment, it):
    """Check that what came meanwhile, and what comes then, is received in order."""
    it.expect(["a", "b", "c", "d"], timeout_s=60)
    it.state("running")
    send(deployment, "e")
    it.expect(["a", "b", "c", "d", "e"])
    assert it.uids == ["a", "b", "c", "d", "e"]
    assert "lost_to_retention" not in it.status["counters"]


def test_the_permission_to_read_the_topic(secured_deployment, tmp_path, caplog):
    deployment = secured_deployment
    with logged_in(deployment, tmp_path) as it:
        deployment.kafka.forbid(deployment.topic)
        try:
            wait_until(lambda: it.status["forbidden_topics"], 60, "it is named")
            send(deployment, "c", "d")
        finally:
            deployment.kafka.allow(deployment.topic)
        given_back(deployment, it)
        wait_until(lambda: not it.status["forbidden_topics"], 60, "it is over")
    assert caplog.text.count(f"Kafka does not let us read topic {deployment.topic}") == 1


def test_the_permission_to_use_the_consumer_group(secured_deployment, tmp_path, caplog):
    deployment = secured_deployment
    group = f"alice-{deployment.group}"
    with logged_in(deployment, tmp_path) as it:
        deployment.kafka.forbid_group(group)
        try:
            assert f"use the consumer group '{group}'" in it.state("failed")
            send(deployment, "c", "d")
        finally:
            deployment.kafka.allow_group(group)
        given_back(deployment, it)


@pytest.mark.long
def test_the_user(secured_deployment, tmp_path):
    deployment = secured_deployment
    with logged_in(deployment, tmp_path) as it:
        deployment.kafka.delete_user("alice")
        try:
            # Kafka asks who we are when we connect.
            deployment.kafka.stop()
            deployment.kafka.start()
            assert "does not accept the credential of user 'alice'" in it.state("failed")
            send(deployment, "c", "d")
        finally:
            deployment.kafka.change_password("alice", PASSWORDS["alice"])
        given_back(deployment, it)
