# SPDX-License-Identifier: BSD-3-Clause
"""Workers that are killed, stopped and cut off, and what their handlers did."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.local import LocalState
from tests.services.redis_server import RedisServer
from tests.services.stopwatch import Stopwatch
from tests.services.wait import wait_until

__all__ = ["Redelivery"]

#: A dead worker's tasks run again within so many seconds (docs: at most 30).
LIMIT_S = 30.0
# Where nothing is promised: a machine may be slow.
_PATIENCE_S = 120.0
_LETTERS = "igwn_alert:dead_letters"


class Redelivery:
    """Alerts for the handler ``work``, and what has become of them."""

    def __init__(self, deployment: Any) -> None:
        self.deployment = deployment
        self.redis = deployment.redis
        deployment.module = "tests.integration.redelivery.app"

    def worker(self, name: str, *options: str, **environment: str) -> Any:
        """Start a worker that consumes, and wait until it receives as well."""
        before = dict(self.deployment.environment)
        self.deployment.environment |= environment
        worker = self.deployment.start(*options, name=name)
        self.deployment.environment = before
        return worker.listen()

    def send(self, *uids: str, topic: str = "work", **content: Any) -> None:
        """Send alerts that say what the handler shall do."""
        for uid in uids:
            alert = {"uid": uid, "alert_type": "update", **content}
            value = json.dumps(json.dumps(alert)).encode()
            self.deployment.kafka.send(f"{self.deployment.group}.{topic}", value, partition=0)
        self.deployment.kafka.flush()

    def counts(self, name: str) -> Counter[str]:
        """How often each alert has begun, or is done."""
        return Counter(item.decode() for item in self.redis.lrange(name, 0, -1))

    def wait(self, name: str, uids: Any, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until all these alerts have begun, or are done."""
        wanted = set(uids)
        wait_until(
            lambda: self.counts(name).keys() >= wanted,
            timeout_s,
            f"{name}: {sorted(wanted - self.counts(name).keys())} still missing",
        )

    def run_again(self, uids: Any) -> None:
        """Wait until these alerts are done, and check that it took no longer than promised."""
        with Stopwatch() as watch:
            self.wait("done", uids)
        assert watch.seconds <= LIMIT_S

    def letters(self, count: int, timeout_s: float = _PATIENCE_S) -> list[DeadLetter]:
        """Wait for so many dead letters, and return them."""
        return wait_until(
            lambda: found if len(found := self._letters()) >= count else None,
            timeout_s,
            f"{count} dead letters",
        )

    def _letters(self) -> list[DeadLetter]:
        environment = self.deployment.environment
        if environment["FOLLOWUP_BROKER"].startswith("redis"):
            return [DeadLetter.from_json(text) for text in self.redis.hvals(_LETTERS)]
        path = Path(environment["IGWN_ALERT_STATE_DIR"], f"{self.deployment.group}.sqlite")
        return LocalState(path).dead_letters.list() if path.exists() else []

    def settled(self, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until nothing is outstanding, and check that nothing else is left."""
        key = "igwn_alert:outstanding"
        wait_until(lambda: not self.redis.hlen(key), timeout_s, "nothing is outstanding")
        assert not self.redis.llen("celery")
        assert not self.redis.hlen("igwn_alert:attempts")


@pytest.fixture
def on(request):
    """Return a deployment on ``redis`` or ``rabbitmq``."""

    def choose(task_broker: str) -> Redelivery:
        name = "deployment" if task_broker == "redis" else "amqp_deployment"
        deployment = request.getfixturevalue(name)
        for topic in ("work", "newer"):
            deployment.kafka.create_topic(f"{deployment.group}.{topic}")
        return Redelivery(deployment)

    return choose


@pytest.fixture
def restarting(on):
    """Return a deployment whose task broker is a Redis of its own, and that server."""
    redelivery = on("redis")
    server = RedisServer()
    server.start()
    redelivery.deployment.environment["FOLLOWUP_BROKER"] = server.url
    yield redelivery, server
    redelivery.deployment.close()
    server.close()


@pytest.fixture
def redelivery(on):
    return on("redis")
