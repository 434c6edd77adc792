# SPDX-License-Identifier: BSD-3-Clause
"""The class ``client`` and a broker with passwords, certificates and rules."""

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hop.io import StartPosition

from igwn_alert_celery import client
from igwn_alert_celery.errors import CredentialRefused, KafkaRefused, SendError, SendRefused
from tests.services.kafka.access import PASSWORDS
from tests.services.kafka.certificates import Authority
from tests.services.stopwatch import Stopwatch

PROMISED_S = 15.0


@pytest.fixture(params=[True, False], ids=["SASL_SSL", "SASL_PLAINTEXT"])
def tls(request):
    return request.param


@pytest.fixture
def login(secured_kafka, tls, tmp_path, caplog):
    """Make clients of alice; in the end no password is in any log."""
    caplog.set_level(logging.DEBUG)
    authfile = tmp_path / "auth.toml"
    authfile.touch(mode=0o600)
    bootstrap = secured_kafka.ssl_bootstrap if tls else secured_kafka.sasl_bootstrap

    def make(password=None, ca=None, **more):
        text = secured_kafka.auth_toml("alice", password=password, tls=tls)
        authfile.write_text(text.replace(secured_kafka.ca, str(ca)) if ca else text)
        options = {"server": f"kafka://{bootstrap}/", "group": "gracedb-test", **more}
        return client(authfile=str(authfile), **options)

    yield make
    assert not any(secret in caplog.text for secret in (*PASSWORDS.values(), "mistyped"))


@pytest.fixture
def soon():
    """Let a test end within the promised time."""
    with Stopwatch() as watch:
        yield
    assert watch.seconds < PROMISED_S


@pytest.fixture
def topic(secured_kafka):
    """A topic of alice's, without the group."""
    name = f"t{uuid.uuid4().hex[:8]}"
    secured_kafka.create_topic(f"gracedb-test.{name}")
    return name


def nothing(topic, payload):
    """Take an alert that must not come."""
    raise AssertionError(payload)


def raised_by(*calls):
    """Call all at once, and return what they raise."""
    with ThreadPoolExecutor() as pool:
        return [future.exception() for future in [pool.submit(call) for call in calls]]


def test_the_right_password_reads_and_writes(login, topic):
    got = []

    def take(topic, payload):
        got.append((topic, payload))
        listener.stop()

    first = login()
    assert topic in first.get_topics()
    assert "secret" not in first.get_topics()
    first.publish(topic, '{"uid": "S1"}')
    # As a member of a new group, begun at the oldest record.
    listener = login(consumer_group=f"alice-{topic}")
    listener.start_at = StartPosition.EARLIEST
    listener.listen(take, topic)
    assert got == [(topic, '{"uid": "S1"}')]


def test_a_wrong_password_is_said(login, soon):
    one, two, member = (
        login("mistyped", consumer_group=group) for group in (None, None, "alice-x")
    )
    calls = (
        one.get_topics,
        lambda: one.publish("superevent", "{}"),
        lambda: two.listen(nothing, "superevent"),
        lambda: member.listen(nothing, "superevent"),
    )
    for error in raised_by(*calls):
        assert isinstance(error, (CredentialRefused, SendRefused))
        assert "does not accept the credential of user 'alice'" in str(error)
        assert "correct the password where it is kept" in str(error)


def test_forbidden_topics_are_said(login, soon):
    me = login()
    for name in ("secret", "write_only"):
        with pytest.raises(KafkaRefused, match=f"gracedb-test.{name}"):
            me.listen(nothing, name)
    for name in ("secret", "read_only"):
        with pytest.raises(SendRefused, match=f"may not write to gracedb-test.{name}"):
            me.publish(name, "{}")


def test_a_foreign_consumer_group_is_said(login, soon):
    with pytest.raises(KafkaRefused, match="let it begin with 'alice-'"):
        login(consumer_group="bobs").listen(nothing, "read_only")


@pytest.mark.parametrize("tls", [True], indirect=True, ids=["SASL_SSL"])
def test_an_unknown_authority_is_said(login, soon, tmp_path):
    one, two = (login(ca=Authority(tmp_path, "stranger").certificate) for _ in range(2))
    calls = (
        one.get_topics,
        lambda: one.publish("superevent", "{}"),
        lambda: two.listen(nothing, "superevent"),
    )
    for error in raised_by(*calls):
        assert isinstance(error, (KafkaRefused, SendError))
        assert "no secure connection" in str(error)
