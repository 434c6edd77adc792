# SPDX-License-Identifier: BSD-3-Clause
"""What holds a secret does not show it: no ``repr``, no ``str``, no error, no pickle of the app."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
import traceback

import pytest
from hop.auth import Auth

import igwn_alert_celery
from igwn_alert_celery import IGWNAlert, client
from igwn_alert_celery.kafka.client import consumer_config, producer_config
from igwn_alert_celery.kafka.consumer import Consumer
from igwn_alert_celery.kafka.credentials import find_credential
from igwn_alert_celery.kafka.offload import OffloadFetcher
from igwn_alert_celery.kafka.producer import Producer
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.assembly import Plan
from tests.unit.apps import new_app

OPTIONS = {"sasl.oauthbearer.config": "canary-option", "ssl.key.password": "canary-key"}
SECRETS = {"username": "alice", "password": "canary-password", "kafka_options": OPTIONS}
SECRET_NAME = re.compile("pass|secret|token|credential|auth|config|kafka_options|environ")
# Paths and flags, not secrets; names of what was found, not the thing.
HARMLESS = {"authfile", "noauth"}


def modules():
    for found in pkgutil.walk_packages(igwn_alert_celery.__path__, "igwn_alert_celery."):
        # The playground has no secret, and its modules are programs.
        if not re.search(r"__main__|\.playground\.", found.name):
            yield importlib.import_module(found.name)


DATACLASSES = {
    item
    for module in modules()
    for _, item in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(item) and item.__module__.startswith("igwn_alert_celery")
}


@pytest.mark.parametrize("kind", sorted(DATACLASSES, key=str), ids=lambda kind: kind.__name__)
def test_a_field_with_the_name_of_a_secret_is_not_shown(kind):
    shown = {
        item.name
        for item in dataclasses.fields(kind)
        if item.repr and SECRET_NAME.search(item.name)
    }
    assert shown - HARMLESS == set()


@pytest.fixture
def bridge():
    app = new_app()
    bridge = IGWNAlert(app, group="g", **SECRETS)

    @bridge.handler("superevent", name="handle")
    def handle(alert):
        """Does nothing."""

    return bridge


def made(bridge):
    """Objects that hold the secrets."""
    settings = bridge.settings
    found = find_credential(settings, {})
    yield from (bridge, settings, found, found.credential, bridge.metrics, bridge.registry)
    yield from (bridge.app, bridge.app.conf, bridge.app.tasks["handle"], bridge.publisher)
    yield Plan.of(bridge, {})
    plain = Settings(username="alice", password="canary-password")
    credential = Auth("alice", "canary-password")
    consumer = Consumer(consumer_config(plain, credential, "alice-x"))
    yield from (consumer, consumer.refusals, consumer.cluster)
    consumer.close()
    producer = Producer(producer_config(plain, credential))
    yield producer
    producer.close(0)
    yield OffloadFetcher({"sasl.password": "canary-password"}, credential, 1.0, 1)
    yield client(username="alice", password="canary-password", group="g")


def test_no_object_shows_one(bridge):
    count = 0
    for found in made(bridge):
        assert "canary" not in f"{found!r} {found} {found:}", type(found)
        count += 1
    assert count > 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "canary", "passwort": "canary"},
        {"kafka_options": {"sasl.password": "canary", "no such option": "canary"}},
        {"kafka_options": {"sasl.password": {"canary": "canary"}}},
        {"kafka_options": "canary"},
        {"password": ["canary"]},
        {"username": None, "password": "canary"},
        {"server": "kafka://me:canary@host/"},
        {"server": "https://me:canary@host/", "token": "canary"},
        {"kafka_options": {"ssl.key.pem": "canary"}},
    ],
)
def test_no_error_shows_one(wrong):
    app = new_app()
    try:
        bridge = IGWNAlert(app, group="g", **{"username": "alice", **wrong})
        bridge.handler("superevent")(_handle)
        plan = Plan.of(bridge, {})
        Consumer(dict(plan.config)).close()
    except Exception as exc:  # noqa: BLE001 - whatever it is
        text = "".join(traceback.TracebackException.from_exception(exc).format())
        # The lines of this file are in it, and they hold the word.
        told = [line for line in text.splitlines() if "wrong" not in line]
        assert "canary" not in "\n".join(told)
    else:
        pytest.fail("this was taken")


def _handle(alert):
    """Does nothing."""
