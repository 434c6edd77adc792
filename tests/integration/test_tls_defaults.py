# SPDX-License-Identifier: BSD-3-Clause
"""Nothing is said to a Kafka server whose certificate does not hold, with nothing but defaults."""

from __future__ import annotations

import socket
import ssl
import threading

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient

from igwn_alert_celery.kafka.client import consumer_config, producer_config, reader_config
from igwn_alert_celery.kafka.credentials import load_credential
from igwn_alert_celery.settings import Settings
from tests.services.kafka.certificates import Authority
from tests.services.wait import wait_until

CONFIGS = {
    "consumer": lambda settings, auth: consumer_config(settings, auth, "alice-x"),
    "producer": producer_config,
    "reader": lambda settings, auth: reader_config(settings, auth, "alice"),
}


class Impostor:
    """A TLS server that keeps what it is told, once a client has accepted it."""

    def __init__(self, certificate):
        self.heard = b""
        self.refused = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(30.0)
            with plain:
                self._hear(plain)

    def _hear(self, plain):
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self.heard += connection.recv(1000)
        except OSError:  # ssl.SSLError is one
            self.refused += 1


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def impostor(authority, request):
    made = Impostor(authority.issue("impostor", **request.param))
    yield made
    made.close()


def speak(impostor, authority, tmp_path, kind, *, trusted):
    """Let a client of ours begin to speak; return what it says of the server."""
    authfile = tmp_path / "auth.toml"
    authfile.touch(mode=0o600)
    ca = f'ssl_ca_location = "{authority.certificate}"\n' if trusted else ""
    authfile.write_text(
        '[[auth]]\nusername = "alice"\npassword = "canary"\n'
        f'hostname = "127.0.0.1:{impostor.port}"\n{ca}'
    )
    settings = Settings(server=f"kafka://127.0.0.1:{impostor.port}/", authfile=str(authfile))
    config = CONFIGS[kind](settings, load_credential(settings, {}))
    shared = ("bootstrap", "security", "sasl", "ssl", "enable.ssl", "reconnect")
    said = []
    client = AdminClient(
        {
            **{name: value for name, value in config.items() if name.startswith(shared)},
            "error_cb": lambda error: said.append(error.str()),
        }
    )
    with pytest.raises(confluent_kafka.KafkaException):
        client.list_topics(timeout=1)
    # A connection may also end in other ways before; it is tried again.
    wait_until(lambda: client.poll(0.1) or refused(said) or impostor.heard, 60, "an answer")
    return said


def refused(said):
    return any("certificate verify failed" in text for text in said)


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(
    ("impostor", "trusted"),
    [
        ({}, False),
        ({"hosts": "DNS:kafka.scimma.org"}, True),
        ({"days": -1}, True),
    ],
    indirect=["impostor"],
    ids=["of an unknown authority", "of another host", "that has ended"],
)
def test_a_certificate(impostor, authority, tmp_path, kind, trusted):
    said = speak(impostor, authority, tmp_path, kind, trusted=trusted)
    assert refused(said), said
    assert impostor.heard == b""


@pytest.mark.parametrize("impostor", [{}], indirect=True)
def test_the_impostor_would_hear_it(impostor, authority, tmp_path):
    speak_until_heard = threading.Thread(
        target=speak, args=(impostor, authority, tmp_path, "reader"), kwargs={"trusted": True}
    )
    speak_until_heard.start()
    wait_until(lambda: impostor.heard, 60, "the client speaks to a server that it trusts")
    speak_until_heard.join()
