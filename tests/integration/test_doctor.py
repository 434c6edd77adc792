# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert doctor`` on a real broker with passwords and a real Redis, each failure provoked."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.cli.checks import check as checks
from igwn_alert_celery.cli.checks import network
from igwn_alert_celery.cli.checks.check import Failed, Outcome, examine
from igwn_alert_celery.cli.checks.patient import Patient
from igwn_alert_celery.cli.doctor import CHECKS
from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.kafka.permissions import Welcome
from tests.services.kafka.access import PASSWORDS
from tests.services.kafka.certificates import Authority
from tests.services.ports import free_port

BEYOND_KAFKA = {"script"}


@pytest.fixture(scope="module")
def superevent(secured_kafka):
    """A topic that alice may read and write."""
    topic = "gracedb-test.superevent"
    secured_kafka.create_topic(topic)
    yield topic
    secured_kafka.delete_topic(topic)


@pytest.fixture
def clinic(secured_kafka, superevent, redis_server, tmp_path, monkeypatch):
    """A home in which all is well until a test changes it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # On a busy machine all is well later.
    monkeypatch.setattr(network, "_CONNECT_S", 30.0)
    monkeypatch.setattr(checks, "STEP_S", 90.0)
    return Clinic(secured_kafka, redis_server, tmp_path)


class Clinic:
    def __init__(self, kafka, redis_server, home):
        self.kafka = kafka
        self.redis = redis_server
        self.authfile = home / ".config" / "hop" / "auth.toml"
        self.authfile.parent.mkdir(parents=True)
        self.authfile.touch(mode=0o600)
        self.write(kafka.auth_toml("alice"))
        self.server = f"kafka://{kafka.ssl_bootstrap}/"

    def write(self, text):
        self.authfile.write_text(text)

    def move(self, bootstrap):
        """Let server and credential be for another address, with TLS."""
        self.server = f"kafka://{bootstrap}/"
        self.write(self.authfile.read_text().replace(self.kafka.ssl_bootstrap, bootstrap))

    def trust(self, place):
        self.write(self.authfile.read_text().replace(self.kafka.ca, str(place)))

    def app(self, *topics, broker_url=None, **settings):
        """An app with one handler for these topics."""
        app = Celery("followup", broker=broker_url or self.redis.url, set_as_current=False)
        given = {"server": self.server, "group": "gracedb-test", **settings}
        bridge = IGWNAlert(app, **given)

        @bridge.handler(*topics, name="followup.first")
        def first(alert):
            pass

        return app

    def examine(self, app=None, **flags):
        """Return all findings by name; no password is in any of them."""
        given = {} if app is not None else {"server": self.server, "group": "gracedb-test"}
        patient = Patient(Target(Flags(**{"app": app, **given, **flags})))
        found = {finding.name: finding for finding in examine(patient, CHECKS)}
        assert not any(
            secret in f"{found}{patient}" for secret in (*PASSWORDS.values(), "mistyped")
        )
        return found

    def failed(self, app=None, **flags):
        """Return the findings that failed."""
        found = self.examine(app, **flags)
        failed = {name: each for name, each in found.items() if each.outcome is Outcome.FAILED}
        return {name: each for name, each in failed.items() if name not in BEYOND_KAFKA}


def test_all_is_well_with_an_app(clinic):
    found = clinic.examine(clinic.app("superevent", "super*"))
    well = {name for name, each in found.items() if each.outcome is Outcome.OK}
    assert well >= {check.name for check in CHECKS} - BEYOND_KAFKA
    assert found["login"].text.startswith("user 'alice' is let in, ")
    assert found["brokers"].text == f"{clinic.kafka.ssl_bootstrap} can be reached"
    assert found["consumer group"].text == "alice-followup may be used"
    assert "certificate of test ca good for" in found["TLS"].text


def test_all_is_well_without_an_app(clinic):
    found = clinic.examine()
    assert {name for name, each in found.items() if each.outcome is Outcome.SKIPPED} >= {
        "app", "handlers", "tasks", "task broker", "keeps tasks",
    }  # fmt: skip
    assert "superevent" in found["topics"].text
    assert "but not write_only" in found["topics"].text
    assert clinic.failed() == {}


def test_all_is_well_without_tls(clinic):
    clinic.write(clinic.kafka.auth_toml("alice", tls=False))
    clinic.server = f"kafka://{clinic.kafka.sasl_bootstrap}/"
    found = clinic.examine(clinic.app("superevent"))
    assert found["TLS"].text == "no TLS (SASL_PLAINTEXT)"
    assert found["login"].outcome is Outcome.OK


def test_a_port_that_nobody_listens_on(clinic):
    clinic.move(f"127.0.0.1:{free_port()}")
    failed = clinic.failed()
    assert set(failed) == {"TCP"}
    assert "Connection refused" in failed["TCP"].text


def test_an_authority_that_did_not_sign(clinic, tmp_path):
    clinic.trust(Authority(tmp_path, "stranger").certificate)
    failed = clinic.failed()
    assert set(failed) == {"TLS"}
    assert "the server's certificate is not accepted" in failed["TLS"].text
    assert "ssl_ca_location" in failed["TLS"].remedy


def test_a_port_without_tls(clinic):
    clinic.move(clinic.kafka.sasl_bootstrap)
    failed = clinic.failed()
    assert set(failed) == {"TLS"}
    assert "does not answer by TLS" in failed["TLS"].text


def test_a_port_with_tls_for_a_client_without(clinic):
    text = clinic.kafka.auth_toml("alice", tls=False)
    clinic.write(text.replace(clinic.kafka.sasl_bootstrap, clinic.kafka.ssl_bootstrap))
    failed = clinic.failed()
    assert set(failed) == {"login"}
    assert "does the port speak SASL_PLAINTEXT?" in failed["login"].remedy


def test_a_server_that_says_nothing(clinic, monkeypatch):
    monkeypatch.setattr(network, "_CONNECT_S", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clinic.move(f"127.0.0.1:{silent.getsockname()[1]}")
        failed = clinic.failed()
    assert set(failed) == {"TLS"}
    assert "no answer within 3 s" in failed["TLS"].text


@contextmanager
def tls_server(certificate):
    """Serve handshakes alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                try:
                    with plain:
                        context.wrap_socket(plain, server_side=True).close()
                except OSError:
                    continue  # the client has gone, as it should

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(60)


@pytest.mark.parametrize(
    ("name", "issued", "said", "remedy"),
    [
        ("expired", {"days": -1}, "certificate has expired", "this machine's date"),
        ("other", {"hosts": "DNS:kafka.example"}, "IP address mismatch", "is not the name in it"),
    ],
)
def test_a_certificate_that_does_not_hold(clinic, name, issued, said, remedy):
    with tls_server(clinic.kafka.authority.issue(name, **issued)) as number:
        clinic.move(f"127.0.0.1:{number}")
        failed = clinic.failed()
    assert set(failed) == {"TLS"}
    assert said in failed["TLS"].text
    assert remedy in failed["TLS"].remedy


@pytest.mark.parametrize("tls", [True, False])
def test_a_wrong_password(clinic, tls):
    clinic.write(clinic.kafka.auth_toml("alice", password="mistyped", tls=tls))
    if not tls:
        clinic.server = f"kafka://{clinic.kafka.sasl_bootstrap}/"
    failed = clinic.failed()
    assert set(failed) == {"login"}
    assert failed["login"].text == "Kafka refuses user 'alice'"
    assert "correct the password where it is kept" in failed["login"].remedy


@pytest.mark.parametrize("command", ["exit 1", "echo no-token"])
def test_a_token_command_that_fails(clinic, command, capfd):
    text = clinic.kafka.auth_toml("alice").replace("SCRAM-SHA-512", "OAUTHBEARER")
    clinic.write(f'{text}token_command = "{command}"\n')
    failed = clinic.failed()
    assert set(failed) == {"login"}
    assert f"the token_command in {clinic.authfile} fails" in failed["login"].text


def test_a_broker_behind_a_firewall(clinic):
    seen = Welcome(
        (("127.0.0.1", free_port()), ("127.0.0.1", urlsplit(clinic.server).port)), frozenset()
    )
    patient = Patient(Target(Flags()), welcome=seen)
    with pytest.raises(Failed) as raised:
        network.brokers(patient)
    assert (
        raised.value.text
        == f"not to be reached: 127.0.0.1:{seen.brokers[0][1]} (Connection refused)"
    )
    assert "advertised.listeners" in raised.value.remedy


def test_a_user_who_may_see_nothing(clinic):
    clinic.write(clinic.kafka.auth_toml("bob"))
    failed = clinic.failed()
    assert set(failed) == {"topics", "consumer group"}
    assert failed["topics"].text == "none of group gracedb-test can be seen"


def test_a_group_that_does_not_exist_names_those_that_do(clinic):
    failed = clinic.failed(group="gracedb-tset")
    assert set(failed) == {"topics"}
    assert "(to be seen: gracedb-test)" in failed["topics"].remedy


def test_topics_that_may_not_be_read(clinic):
    failed = clinic.failed(clinic.app("superevent", "secret", "write_only"))
    assert set(failed) == {"topics"}
    assert failed["topics"].text == "secret, write_only may not be read by user 'alice'"


def test_handlers_for_topics_that_do_not_exist(clinic):
    failed = clinic.failed(clinic.app("superevnt", "cbc_*", "superevent"))
    assert set(failed) == {"handlers"}
    assert failed["handlers"].text == "no such topic: superevnt, cbc_*"
    assert "superevent for superevnt" in failed["handlers"].remedy


def test_a_consumer_group_that_is_not_ours(clinic):
    failed = clinic.failed(clinic.app("superevent", consumer_group="bobs-followup"))
    assert set(failed) == {"consumer group"}
    assert "let it begin with 'alice-…'" in failed["consumer group"].remedy
    assert set(clinic.failed(consumer_group="bobs-followup")) == {"consumer group"}


def test_an_app_without_a_name(clinic):
    app = clinic.app("superevent")
    app.main = None
    failed = clinic.failed(app)
    assert set(failed) == {"consumer group"}
    assert "igwn_alert_consumer_group" in failed["consumer group"].remedy


def test_tasks_that_workers_would_throw_away(clinic):
    app = clinic.app("superevent")
    app.conf.task_serializer, app.conf.accept_content = "pickle", ["json"]
    failed = clinic.failed(app)
    assert set(failed) == {"tasks"}
    assert "accept_content" in failed["tasks"].remedy


@pytest.mark.parametrize("url", ["redis://:hunter2@{}/0", "amqp://user:hunter2@{}//"])
def test_a_task_broker_that_is_away(clinic, url):
    there = url.format(f"127.0.0.1:{free_port()}")
    failed = clinic.failed(clinic.app("superevent", broker_url=there))
    assert set(failed) == {"task broker"}
    assert "hunter2" not in str(failed)
    assert "broker_url" in failed["task broker"].remedy


def test_a_task_broker_that_forgets(clinic):
    client = clinic.redis.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("appendonly", "no")
    try:
        failed = clinic.failed(clinic.app("superevent"))
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")
    assert set(failed) == {"keeps tasks"}
    assert "maxmemory-policy" in failed["keeps tasks"].remedy
    assert "appendonly yes" in failed["keeps tasks"].remedy


def test_nothing_is_left_behind(clinic):
    client = clinic.redis.client()
    client.flushdb()
    clinic.examine(clinic.app("superevent"))
    assert client.keys("*") == []
    assert clinic.kafka.commits("alice-followup") == {}


@pytest.mark.parametrize(("password", "code"), [(None, 0), ("mistyped", 1)])
def test_the_command_on_an_app(clinic, tmp_path, password, code):
    clinic.write(clinic.kafka.auth_toml("alice", password=password))
    # Nobody's igwn-alert shall be found.
    environment = {
        "PATH": str(tmp_path),
        "IGWN_ALERT_SERVER": clinic.server,
        "IGWN_ALERT_NOAUTH": "false",
        "FOLLOWUP_BROKER": clinic.redis.url,
        "FOLLOWUP_QUEUE": "celery",
        "FOLLOWUP_RAN": clinic.redis.url,
        "FOLLOWUP_SCHEDULE": str(tmp_path / "schedule"),
    }
    argv = ["-m", "igwn_alert_celery", "-A", "tests.integration.followup", "doctor", "--json"]
    done = subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is (code == 0)
    outcomes = {each["name"]: each["outcome"] for each in told["checks"]}
    assert outcomes["login"] == ("failed" if code else "ok")
    assert outcomes["task broker"] == "ok"
    assert not any(secret in done.stdout + done.stderr for secret in PASSWORDS.values())
