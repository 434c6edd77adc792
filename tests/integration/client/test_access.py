# SPDX-License-Identifier: BSD-3-Clause
"""Passwords, certificates and permissions, against a broker that checks them."""

import pytest
from hop.auth import Auth

from igwn_alert_celery import client
from igwn_alert_celery.errors import CredentialRefused, KafkaRefused, SendRefused
from tests.integration.client.listener import Listener
from tests.services.kafka.access import PASSWORDS, READ_ONLY, SECRET, WRITE_ONLY
from tests.services.stopwatch import Stopwatch

TOPIC = "gracedb-test.client"
GROUP, _, SHORT = TOPIC.partition(".")
# What the promise is.
LIMIT_S = 15.0


@pytest.fixture(scope="module")
def secured(secured_kafka):
    secured_kafka.create_topic(TOPIC)
    return secured_kafka


@pytest.fixture
def make(secured):
    def make_client(auth, *, tls=False, **options):
        address = secured.ssl_bootstrap if tls else secured.sasl_bootstrap
        return client(server=f"kafka://{address}/", group=GROUP, auth=auth, **options)

    return make_client


def alice(password=PASSWORDS["alice"]):
    return Auth("alice", password, ssl=False)


def short(topic):
    return topic.partition(".")[2]


def refusal(kind, call, *arguments):
    with Stopwatch() as watch, pytest.raises(kind) as caught:
        call(*arguments)
    assert watch.seconds < LIMIT_S
    text = str(caught.value)
    assert not any(password in text for password in (*PASSWORDS.values(), "wr0ng"))
    return text


def test_the_right_password_works_over_tls_and_stays_out_of_the_log(
    secured, make, tmp_path, caplog
):
    caplog.set_level("DEBUG")
    file = tmp_path / "auth.toml"
    file.write_text(secured.auth_toml("alice"))
    file.chmod(0o600)
    made = make(None, tls=True, authfile=file)
    assert SHORT in made.get_topics()
    assert short(SECRET) not in made.get_topics()
    listener = Listener(made, SHORT).ready()
    try:
        made.publish(SHORT, '{"uid": "S1"}')
        listener.expect(["S1"])
    finally:
        listener.stop()
    assert PASSWORDS["alice"] not in caplog.text + repr(made)


def test_a_member_needs_a_group_with_the_username(make):
    listener = Listener(make(alice(), consumer_group="alice-client"), SHORT).ready()
    try:
        make(alice()).publish(SHORT, '{"uid": "S2"}')
        listener.expect(["S2"])
    finally:
        listener.stop()
    other = make(alice(), consumer_group="bob-client")
    assert "let it begin with 'alice-'" in refusal(KafkaRefused, other.listen, print, SHORT)


@pytest.mark.parametrize("consumer_group", [None, "alice-client"])
def test_a_wrong_password_is_told_by_listen(make, consumer_group):
    made = make(alice("wr0ng"), consumer_group=consumer_group)
    text = refusal(CredentialRefused, made.listen, print, SHORT)
    assert "does not accept the credential of user 'alice'" in text


def test_a_wrong_password_is_told_by_every_other_call(make):
    made = make(alice("wr0ng"))
    assert "user 'alice'" in refusal(CredentialRefused, made.get_topics)
    assert "user 'alice'" in refusal(SendRefused, made.publish, SHORT, "{}")
    assert "user 'alice'" in refusal(CredentialRefused, made.listen, print)


def test_a_certificate_that_nobody_vouches_for_is_told(make):
    made = make(Auth("alice", PASSWORDS["alice"]), tls=True)
    assert "ssl_ca_location" in refusal(KafkaRefused, made.listen, print, SHORT)


@pytest.mark.parametrize("consumer_group", [None, "alice-client"])
@pytest.mark.parametrize("topic", [WRITE_ONLY, SECRET])
def test_a_topic_that_may_not_be_read_is_told(make, topic, consumer_group):
    made = make(alice(), consumer_group=consumer_group)
    assert topic in refusal(KafkaRefused, made.listen, print, short(topic))


def test_a_topic_that_may_not_be_written_is_told(make):
    made = make(alice())
    assert READ_ONLY in refusal(SendRefused, made.publish, short(READ_ONLY), "{}")
    assert SECRET in refusal(SendRefused, made.publish, short(SECRET), "{}")


def test_forbidden_topics_do_not_keep_the_others_from_being_heard(make):
    listener = Listener(make(alice()), [SHORT, short(WRITE_ONLY), short(SECRET)]).ready()
    try:
        make(alice()).publish(SHORT, '{"uid": "S3"}')
        listener.expect(["S3"])
    finally:
        listener.stop()
