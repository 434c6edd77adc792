# SPDX-License-Identifier: BSD-3-Clause
"""One deployment of the bridge for each test: topics, workers and what their handlers ran."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.integration.worker_process import WorkerProcess
from tests.services.wait import wait_until

__all__ = ["Deployment"]


class Deployment:
    """Topics and a consumer group of its own, on shared servers."""

    def __init__(
        self, kafka: Any, broker_url: str, redis_server: Any, folder: Path, prefix: str = "test-"
    ) -> None:
        self.kafka = kafka
        self.redis = redis_server.client()
        self._redis_server = redis_server
        self.group = f"{prefix}{uuid.uuid4().hex[:8]}"
        self.topic = f"{self.group}.superevent"
        self._folder = folder
        self._workers: list[WorkerProcess] = []
        self.module = "tests.integration.followup"
        self.environment = {
            "FOLLOWUP_BROKER": broker_url,
            # RabbitMQ keeps its queues from test to test; Redis is emptied.
            "FOLLOWUP_QUEUE": "celery" if broker_url.startswith("redis") else self.group,
            "FOLLOWUP_RAN": redis_server.url,
            "FOLLOWUP_SCHEDULE": str(folder / "schedule"),
            "IGWN_ALERT_SERVER": f"kafka://{kafka.bootstrap}/",
            "IGWN_ALERT_GROUP": self.group,
            "IGWN_ALERT_CONSUMER_GROUP": self.group,
            "IGWN_ALERT_STATE_DIR": str(folder),
        }

    def log_in(self, folder: Path, password: str | None = None, *, tls: bool = True) -> Path:
        """Let workers be alice on a secured broker; return her auth.toml."""
        authfile = folder / "auth.toml"
        authfile.touch(mode=0o600)
        authfile.write_text(self.kafka.auth_toml("alice", password=password, tls=tls))
        bootstrap = self.kafka.ssl_bootstrap if tls else self.kafka.sasl_bootstrap
        self.environment |= {
            "IGWN_ALERT_SERVER": f"kafka://{bootstrap}/",
            "IGWN_ALERT_NOAUTH": "false",
            "IGWN_ALERT_AUTHFILE": str(authfile),
            "IGWN_ALERT_CONSUMER_GROUP": f"alice-{self.group}",
        }
        return authfile

    def start(self, *options: str, name: str = "w1", level: str = "INFO") -> WorkerProcess:
        """Start a worker and return it at once."""
        arguments = ["-l", level, *options] if level else list(options)
        worker = WorkerProcess(name, self._folder, self.environment, arguments, self.module)
        self._workers.append(worker)
        return worker

    def client(self, url: str | None = None) -> Any:
        """Return a Redis client, for another database than the usual one if a URL is given."""
        return self.redis if url is None else self._redis_server.client(url)

    def stats(self, workers: int = 1) -> dict[str, Any]:
        """Return what ``celery inspect stats`` says, by worker, once so many answer."""
        # With a connection of its own: those of kombu's pool may have seen the server restart.
        app = Celery(broker=self.environment["FOLLOWUP_BROKER"], set_as_current=False)
        # A busy worker answers late, and then to nobody: each time it is given longer.
        patience_s = chain([1.0, 2.0], repeat(5.0))
        with app, app.connection_for_write() as connection:

            def answers() -> dict[str, Any]:
                inspect = app.control.inspect(timeout=next(patience_s), connection=connection)
                return _of_all(inspect.stats(), workers)

            return wait_until(answers, 90, f"{workers} workers answer")

    def counted(self, number: int, workers: int = 1) -> dict[str, Any]:
        """Return the workers' statistics once so many records are counted and shown as done.

        That follows what is enqueued, so that all may have been handled before; the topics must
        have been empty.
        """

        def stats() -> dict[str, Any]:
            found = self.stats(workers)
            said = [one["igwn-alert"] for one in found.values()]
            received = sum(one["counters"].get("received", 0) for one in said)
            shares = [share for one in said for share in one["partitions"].values()]
            done = sum(share["next_offset"] for share in shares)
            return found if min(received, done) >= number else {}

        return wait_until(stats, 60, f"{number} records counted")

    def send(self, numbers: range) -> None:
        """Send alerts ``S<number>`` as GraceDB does, round the four partitions."""
        for number in numbers:
            self.kafka.send(self.topic, alert(number), partition=number % 4)
        self.kafka.flush()

    def ran(self, handler: str) -> list[str]:
        """What a handler was given."""
        return [item.decode() for item in self.redis.lrange(handler, 0, -1)]

    def expect_once_each(self, numbers: range, timeout_s: float = 180.0) -> None:
        """Wait until both handlers have run for each alert, and check that it was once."""
        wait_until(
            lambda: min(self.redis.llen("first"), self.redis.llen("second")) >= len(numbers),
            timeout_s,
            f"{len(numbers)} alerts handled: "
            f"{self.redis.llen('first')} and {self.redis.llen('second')}",
        )
        expected = Counter(f"S{number}" for number in numbers)
        assert Counter(self.ran("first")) == expected
        assert Counter(line.split()[0] for line in self.ran("second")) == expected

    def expect_at_least_once_each(self, numbers: range, timeout_s: float = 180.0) -> None:
        """Wait until both handlers have run for each alert, and check that nothing else did."""
        expected = {f"S{number}" for number in numbers}
        wait_until(
            lambda: set(self.ran("first")) >= expected and self._seconds() >= expected,
            timeout_s,
            f"{len(numbers)} alerts handled",
        )
        assert set(self.ran("first")) == self._seconds() == expected

    def _seconds(self) -> set[str]:
        return {line.split()[0] for line in self.ran("second")}

    def close(self) -> None:
        """Kill what still runs."""
        for worker in self._workers:
            worker.kill()


def _of_all(stats: dict[str, Any] | None, workers: int) -> dict[str, Any]:
    return stats if stats is not None and len(stats) == workers else {}


def alert(number: int) -> str:
    """Return an alert in GraceDB's wire form: JSON text in a JSON string."""
    inner = {"uid": f"S{number}", "alert_type": "new", "data": {}, "object": {"labels": []}}
    return json.dumps(json.dumps(inner))


@pytest.fixture
def deployment(kafka: Any, redis_server: Any, tmp_path: Path) -> Iterator[Deployment]:
    """On Redis, with the topic ``superevent`` of four partitions."""
    yield from _deploy(kafka, redis_server.url, redis_server, tmp_path)


@pytest.fixture
def amqp_deployment(
    kafka: Any, rabbitmq: Any, redis_server: Any, tmp_path: Path
) -> Iterator[Deployment]:
    """The same on RabbitMQ; Redis only notes what ran."""
    yield from _deploy(kafka, rabbitmq.url, redis_server, tmp_path)


@pytest.fixture
def secured_deployment(
    secured_kafka: Any, redis_server: Any, tmp_path: Path
) -> Iterator[Deployment]:
    """The same on a broker with passwords, as ``log_in`` gives them to workers."""
    yield from _deploy(secured_kafka, redis_server.url, redis_server, tmp_path, "gracedb-test.")


def _deploy(
    kafka: Any, broker_url: str, redis_server: Any, folder: Path, prefix: str = "test-"
) -> Iterator[Deployment]:
    for name in os.environ:
        assert not name.startswith("IGWN_ALERT_") or name.startswith("IGWN_ALERT_TEST_"), name
    redis_server.client().flushdb()
    deployed = Deployment(kafka, broker_url, redis_server, folder, prefix)
    kafka.create_topic(deployed.topic, 4)
    yield deployed
    deployed.close()
