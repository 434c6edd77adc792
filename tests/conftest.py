# SPDX-License-Identifier: BSD-3-Clause
"""The services as fixtures: started when a test first asks, ended with the session."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import TypeVar

import pytest
from celery import _state
from hypothesis import HealthCheck, settings

from tests.services.absent import Absent
from tests.services.kafka.broker import Kafka
from tests.services.kafka.secured import SecuredKafka
from tests.services.kafka.trio import KafkaTrio
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_secured import SecuredRedis
from tests.services.redis_server import RedisServer
from tests.services.service import Service

S = TypeVar("S", bound=Service)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every program that a test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is slow, not wrong.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

_in_use: list[Service] = []


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run two halves side by side, each on servers of its own; foreign ones cannot be shared."""
    foreign = any(
        name in os.environ for name in (s.variable for s in (Kafka, RedisServer, RabbitMQ))
    )
    return 0 if foreign else 2


def _serve(kind: type[S]) -> Iterator[S]:
    try:
        service = kind(os.environ.get(kind.variable) or None)
    except Absent as exc:
        if os.environ.get("CI"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))
    try:
        service.start()
        _in_use.append(service)
        yield service
    finally:
        service.close()
        if service in _in_use:
            _in_use.remove(service)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A real Kafka broker."""
    yield from _serve(Kafka)


@pytest.fixture(scope="session")
def secured_kafka() -> Iterator[SecuredKafka]:
    """A real Kafka broker with passwords, TLS and rules who may what."""
    yield from _serve(SecuredKafka)


@pytest.fixture(scope="session")
def kafka_trio() -> Iterator[KafkaTrio]:
    """A real Kafka cluster of three brokers."""
    yield from _serve(KafkaTrio)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis server."""
    yield from _serve(RedisServer)


@pytest.fixture(scope="session")
def secured_redis() -> Iterator[SecuredRedis]:
    """A real Redis server with TLS, and users with rights of their own."""
    yield from _serve(SecuredRedis)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A real RabbitMQ node."""
    yield from _serve(RabbitMQ)


@pytest.fixture(autouse=True)
def _warnings_are_logged() -> None:
    """Let every test see warnings: Celery's test workers leave the root logger at ERROR."""
    logging.getLogger().setLevel(logging.WARNING)


@pytest.fixture(autouse=True)
def _shared_tasks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let shared tasks of a test end with it; Celery gives them to all apps of the process."""
    finalizers = set(_state._on_app_finalizers)
    monkeypatch.setattr(_state, "_on_app_finalizers", finalizers)


@pytest.fixture(autouse=True)
def _revive() -> Iterator[None]:
    """Start again what a test stopped, so that a failing test does not fail the next ones."""
    yield
    for service in _in_use:
        service.start()
