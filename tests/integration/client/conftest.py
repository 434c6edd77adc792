# SPDX-License-Identifier: BSD-3-Clause
"""Topics of a test's own, listeners in threads, and the real igwn-alert."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from igwn_alert_celery import client
from tests.integration.client.listener import Listener
from tests.integration.conftest import alert
from tests.services.absent import Absent
from tests.services.igwn_alert import IGWNAlertEnvironment
from tests.services.wait import wait_until


@pytest.fixture(scope="session")
def original() -> IGWNAlertEnvironment:
    """Where the real igwn-alert 0.7.0 is installed."""
    try:
        return IGWNAlertEnvironment()
    except Absent as exc:
        if os.environ.get("CI"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))


@pytest.fixture
def group(kafka: Any) -> str:
    """A group of topics with ``superevent`` of two partitions."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    kafka.create_topic(f"{name}.superevent", 2)
    return name


@pytest.fixture
def make_client(kafka: Any, group: str) -> Callable[..., Any]:
    """Make a client for this group."""

    def make(**options: Any) -> Any:
        server = f"kafka://{kafka.bootstrap}/"
        return client(**{"server": server, "group": group, "noauth": True, **options})

    return make


@pytest.fixture
def listening(make_client: Callable[..., Any]) -> Iterator[Callable[..., Listener]]:
    """Start listeners; those that still listen are stopped at the end."""
    started = []

    def listen(topic: Any = "superevent", **options: Any) -> Listener:
        callback = options.pop("callback", None)
        found = Listener(make_client(**options), topic, callback)
        started.append(found)
        return found

    yield listen
    for listener in started:
        listener.stop()


@pytest.fixture
def committed(kafka: Any, group: str) -> Callable[..., None]:
    """Wait until the consumer group of this name has committed so many alerts, on both partitions.

    What was heard is committed soon after, and Kafka has it when it has.
    """

    def wait(count: int, consumer_group: str = group) -> None:
        def is_there() -> bool:
            commits = kafka.commits(consumer_group, f"{group}.superevent")
            return len(commits) == 2 and sum(at for at, _ in commits.values()) == count

        wait_until(is_there, 60, f"{count} alerts committed")

    return wait


@pytest.fixture
def send(kafka: Any, group: str) -> Callable[..., list[str]]:
    """Send alerts ``S<number>`` and return their names."""

    def send_alerts(*numbers: int, topic: str = "superevent") -> list[str]:
        for number in numbers:
            kafka.send(f"{group}.{topic}", alert(number), partition=number % 2)
        kafka.flush()
        return [f"S{number}" for number in numbers]

    return send_alerts
