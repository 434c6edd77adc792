# SPDX-License-Identifier: BSD-3-Clause
"""Sends to a broker with passwords, certificates and rules: what works, and what is said."""

import pytest

from igwn_alert_celery.errors import SendRefused
from igwn_alert_celery.kafka.producer import Delivery, OutgoingRecord
from igwn_alert_celery.publisher.line import Line
from igwn_alert_celery.settings import Settings
from tests.services.kafka import access
from tests.services.kafka.access import PASSWORDS
from tests.services.kafka.certificates import Authority
from tests.services.stopwatch import Stopwatch

# Promised: whoever sends knows within this time what is wrong.
PROMISED_S = 15.0


@pytest.fixture
def open_line(secured_kafka, tmp_path):
    """Open a line with an auth.toml for one of the listeners."""
    lines = []

    def open_line(username="alice", *, password=None, tls=True, change=None):
        text = secured_kafka.auth_toml(username, password=password, tls=tls)
        authfile = tmp_path / f"{len(lines)}.toml"
        authfile.touch(mode=0o600)
        authfile.write_text(change(text) if change else text)
        bootstrap = secured_kafka.ssl_bootstrap if tls else secured_kafka.sasl_bootstrap
        settings = Settings(server=f"kafka://{bootstrap}/", authfile=str(authfile))
        lines.append(Line.open(settings))
        return lines[-1]

    yield open_line
    for line in lines:
        line.close(1.0)


def send(line, topic, count=1):
    with Stopwatch() as watch:
        reports = line.send([OutgoingRecord(topic=topic, value=b"1") for _ in range(count)])
    assert watch.seconds < PROMISED_S
    return reports


def refusal(line, topic=access.WRITE_ONLY):
    (report,) = send(line, topic)
    assert isinstance(report, SendRefused), report
    assert not any(secret in str(report) for secret in (*PASSWORDS.values(), "mistyped"))
    return report


@pytest.mark.parametrize("tls", [True, False])
def test_the_right_password_is_enough_on_both_listeners(open_line, tls):
    line = open_line(tls=tls)
    assert line.username == "alice"
    assert all(isinstance(report, Delivery) for report in send(line, access.WRITE_ONLY, 10))


def test_a_wrong_password(open_line):
    line = open_line(password="mistyped")
    report = refusal(line)
    assert report.code == "credential"
    assert "does not accept the credential of user 'alice'" in str(report)
    # Told at once from then on.
    with Stopwatch() as watch:
        refusal(line)
    assert watch.seconds < 5


@pytest.mark.parametrize("topic", [access.READ_ONLY, access.SECRET])
def test_a_forbidden_topic(open_line, topic):
    report = refusal(open_line(), topic)
    assert report.code == "not_authorized"
    assert f"may not write to {topic}: ask" in str(report)


def test_a_user_who_may_not_write_anywhere(open_line):
    # Kafka does not let such a user have an idempotent producer at all.
    line = open_line("bob")
    for _ in range(2):
        report = refusal(line)
        assert report.code == "not_authorized"
        assert "may not write to" in str(report)


def test_an_unknown_authority(open_line, secured_kafka, tmp_path):
    stranger = Authority(tmp_path, "stranger").certificate
    line = open_line(change=lambda text: text.replace(secured_kafka.ca, str(stranger)))
    assert "ssl_ca_location" in str(refusal(line))


def test_one_forbidden_topic_holds_no_other_up(open_line):
    line = open_line()
    records = [
        OutgoingRecord(topic=topic, value=b"1")
        for topic in (access.WRITE_ONLY, access.READ_ONLY, access.WRITE_ONLY)
    ]
    kinds = [type(report) for report in line.send(records)]
    assert kinds == [Delivery, SendRefused, Delivery]
