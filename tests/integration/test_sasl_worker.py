# SPDX-License-Identifier: BSD-3-Clause
"""Workers and a broker with passwords, certificates and rules: what works, and what is said."""

import json

import pytest

from tests.services.kafka.access import PASSWORDS
from tests.services.kafka.certificates import Authority
from tests.services.stopwatch import Stopwatch
from tests.services.wait import wait_until

QUICK = ("-c", "1", "--without-mingle", "--without-gossip")
# Promised: whoever starts a worker knows within this time what is wrong.
PROMISED_S = 15.0
# Until a worker has begun, on a busy machine.
START_S = 15.0


@pytest.fixture
def deployment(secured_deployment):
    """End with no password in any worker's output."""
    yield secured_deployment
    for worker in secured_deployment._workers:
        assert not any(secret in worker.text for secret in (*PASSWORDS.values(), "mistyped"))


def receiver_of(deployment, name):
    """Return the status of the receiver of one worker."""
    workers = deployment.stats(len(deployment._workers))
    return next(stats["igwn-alert"] for node, stats in workers.items() if node.startswith(name))


def test_the_right_password_is_enough_on_both_listeners(deployment, tmp_path):
    deployment.log_in(tmp_path, tls=True)
    encrypted = deployment.start(*QUICK, name="tls")
    deployment.environment |= {
        "IGWN_ALERT_SERVER": f"kafka://{deployment.kafka.sasl_bootstrap}/",
        "IGWN_ALERT_AUTHFILE": "",
        "IGWN_ALERT_USERNAME": "alice",
        "IGWN_ALERT_PASSWORD": PASSWORDS["alice"],
        "IGWN_ALERT_KAFKA_OPTIONS": json.dumps({"security.protocol": "SASL_PLAINTEXT"}),
    }
    plain = deployment.start(*QUICK, name="plain")
    for worker in (encrypted, plain):
        worker.listen()
    wait_until(
        lambda: all(receiver_of(deployment, name)["partitions"] for name in ("tls", "plain")),
        60,
        "both receive",
    )
    deployment.send(range(8))
    deployment.expect_once_each(range(8))
    assert "as alice" in encrypted.text


def test_a_wrong_password_is_said_and_healed(deployment, tmp_path):
    authfile = deployment.log_in(tmp_path, "mistyped")
    with Stopwatch() as watch:
        worker = deployment.start(*QUICK)
        worker.expect("does not accept the credential of user 'alice'")
    assert watch.seconds < PROMISED_S + START_S
    assert "correct the password where it is kept" in worker.text
    status = receiver_of(deployment, "w1")
    assert status["state"] == "failed"
    assert "does not accept the credential of user 'alice'" in status["detail"]
    authfile.write_text(deployment.kafka.auth_toml("alice"))
    worker.listen()
    assert worker.text.count("igwn-alert: the receiver does not run") == 1


def test_a_foreign_consumer_group_and_an_unknown_authority_are_said(deployment, tmp_path):
    authfile = deployment.log_in(tmp_path)
    stranger = Authority(tmp_path, "stranger").certificate
    other = tmp_path / "other.toml"
    other.touch(mode=0o600)
    other.write_text(authfile.read_text().replace(deployment.kafka.ca, str(stranger)))
    with Stopwatch() as watch:
        deployment.environment["IGWN_ALERT_CONSUMER_GROUP"] = "bobs-followup"
        group = deployment.start(*QUICK, name="group")
        deployment.environment["IGWN_ALERT_AUTHFILE"] = str(other)
        tls = deployment.start(*QUICK, name="tls")
        group.expect("does not let alice use the consumer group 'bobs-followup'")
        tls.expect("no secure connection to Kafka at")
    assert watch.seconds < PROMISED_S + START_S
    assert "let it begin with 'alice-'" in group.text
    assert "ssl_ca_location" in tls.text
    assert receiver_of(deployment, "group")["state"] == "failed"
    assert receiver_of(deployment, "tls")["state"] == "failed"


def test_a_forbidden_topic_is_said_and_read_once_it_is_allowed(deployment, tmp_path):
    closed = f"{deployment.group}.superclosed"
    deployment.kafka.create_topic(closed)
    deployment.kafka.forbid(closed)
    deployment.kafka.send(closed, json.dumps({"uid": "S1", "alert_type": "new"}))
    deployment.kafka.flush()
    deployment.log_in(tmp_path)
    deployment.environment["IGWN_ALERT_START_AT"] = "earliest"
    with Stopwatch() as watch:
        worker = deployment.start(*QUICK)
        worker.expect(f"Kafka does not let us read topic {closed}: ask")
    assert watch.seconds < PROMISED_S + START_S
    worker.listen()
    assert receiver_of(deployment, "w1")["forbidden_topics"] == ["superclosed"]
    deployment.send(range(2, 4))
    deployment.kafka.allow(closed)
    wait_until(lambda: len(deployment.ran("second")) >= 3, 60, "all alerts handled")
    wait_until(lambda: not receiver_of(deployment, "w1")["forbidden_topics"], 60, "it is allowed")
    assert len(deployment.ran("second")) == 3
    assert worker.text.count("Kafka does not let us read topic") == 1


@pytest.mark.long
def test_a_password_that_changes_meanwhile_is_said_and_taken_up(deployment, tmp_path):
    authfile = deployment.log_in(tmp_path)
    worker = deployment.start(*QUICK).listen()
    deployment.send(range(4))
    deployment.expect_once_each(range(4))
    deployment.kafka.change_password("alice", "mistyped")
    try:
        deployment.kafka.stop()
        deployment.kafka.start()
        worker.expect("does not accept the credential of user 'alice'")
        assert receiver_of(deployment, "w1")["state"] == "failed"
        deployment.send(range(4, 8))
        authfile.write_text(deployment.kafka.auth_toml("alice", password="mistyped"))
        deployment.expect_once_each(range(8))
    finally:
        deployment.kafka.change_password("alice", PASSWORDS["alice"])
    assert receiver_of(deployment, "w1")["state"] == "running"
