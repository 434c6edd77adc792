# SPDX-License-Identifier: BSD-3-Clause
"""A ledger of its own for each test, on one Redis server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.enqueue.redis import RedisEnqueuer
from tests.integration.enqueue.kit import opened, remove
from tests.integration.enqueue.sendings import Sending, enqueuing


@pytest.fixture
def client(redis_server: Any) -> Any:
    """A client that does not wait for ever, as ours."""
    return redis_server.client(socket_timeout=60.0)


@pytest.fixture
def prefix(client: Any) -> Iterator[str]:
    """A key prefix that no other test has."""
    name = f"{uuid.uuid4().hex}:"
    yield name
    remove(client, name)


@pytest.fixture
def ledger(client: Any, prefix: str) -> Ledger:
    """An open ledger under the prefix."""
    return opened(client, prefix)


@pytest.fixture
def queued(client: Any, prefix: str) -> Callable[[], list[int]]:
    """Return the numbers in the queue, the oldest first."""

    def queued(key: str = "celery") -> list[int]:
        return [int(item) for item in reversed(client.lrange(f"{prefix}{key}", 0, -1))]

    return queued


@pytest.fixture
def configured(client: Any) -> Iterator[Callable[[str, str], None]]:
    """Change Redis's configuration for one test."""
    before: dict[str, str] = {}

    def change(name: str, value: str) -> None:
        before.setdefault(name, client.config_get(name)[name])
        client.config_set(name, value)

    yield change
    for name, value in before.items():
        client.config_set(name, value)


@pytest.fixture
def restricted(redis_server: Any, client: Any) -> Iterator[Callable[..., Any]]:
    """Make clients of Redis users that have only these rights."""
    if int(client.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("before Redis 7 a script cannot ask for its user's rights")
    names = []

    def make(*rules: str) -> Any:
        name = uuid.uuid4().hex
        names.append(name)
        client.execute_command("ACL", "SETUSER", name, "on", ">secret", *rules)
        return redis_server.client(username=name, password="secret")

    yield make
    for name in names:
        client.acl_deluser(name)


@pytest.fixture
def database(redis_server: Any) -> redis.Redis:
    """A client of the database that the apps of :func:`opened_app` use."""
    client: redis.Redis = redis_server.client(redis_server.other_url)
    return client


@pytest.fixture
def opened_app(redis_server: Any, database: redis.Redis) -> Callable[..., Any]:
    """Make apps that send in a certain way, with an enqueuer, each in an empty database."""

    def opened_app(sending: Sending, **settings: Any) -> Any:
        database.flushdb()
        return enqueuing(redis_server.other_url, sending, RedisEnqueuer, **settings)

    return opened_app


@pytest.fixture
def plain_sending() -> Sending:
    """An app that says nothing about how it sends."""
    return Sending()
