# SPDX-License-Identifier: BSD-3-Clause
"""The services as fixtures: started when a test first asks, ended with the session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.services.absent import Absent
from tests.services.kafka.broker import Kafka
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import RedisServer
from tests.services.service import Service

S = TypeVar("S", bound=Service)

_in_use: list[Service] = []


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
def redis_server() -> Iterator[RedisServer]:
    """A real Redis server."""
    yield from _serve(RedisServer)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """A real RabbitMQ node."""
    yield from _serve(RabbitMQ)


@pytest.fixture(autouse=True)
def _revive() -> Iterator[None]:
    """Start again what a test stopped, so that a failing test does not fail the next ones."""
    yield
    for service in _in_use:
        service.start()
