# SPDX-License-Identifier: BSD-3-Clause
"""A receiver in this process, on real Kafka and Redis; no worker consumes what it enqueues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

from igwn_alert_celery import IGWNAlert
from igwn_alert_celery.worker.supervisor import Supervisor
from tests.services.task_message import body_of
from tests.services.wait import wait_until

__all__ = ["Receiving", "receiving"]


class Receiving:
    """One receiver, started; see :func:`receiving`."""

    def __init__(self, app: Celery, igwn_alert: IGWNAlert, deployment: Any, client: Any) -> None:
        self.igwn_alert = igwn_alert
        self.redis = client
        self._deployment = deployment
        self._app = app
        self._supervisor = Supervisor(igwn_alert)
        self._supervisor.start()

    @property
    def status(self) -> dict[str, Any]:
        """The bridge's own status."""
        return self.igwn_alert.status()

    @property
    def uids(self) -> list[str]:
        """The uid in each task message, the oldest first."""
        return [alert["uid"] for alert, _ in self.messages]

    @property
    def messages(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Alert and record of each task message, the oldest first."""
        found = []
        for item in reversed(self.redis.lrange("celery", 0, -1)):
            message = json.loads(item)
            body = json.loads(body_of(message))
            found.append((body[0][0], message["headers"]["igwn_alert"]))
        return found

    def running(self, timeout_s: float = 60.0) -> Receiving:
        """Wait until it receives."""
        self.state("running", timeout_s)
        wait_until(lambda: self.status["partitions"] or not self.status["topics"], 60, "partitions")
        return self

    def state(self, wanted: str, timeout_s: float = 60.0) -> str:
        """Wait for a state; return its detail."""
        wait_until(lambda: self.status["state"] == wanted, timeout_s, f"{wanted}, is {self.status}")
        return str(self.status["detail"])

    def expect(self, uids: list[str], timeout_s: float = 60.0) -> None:
        """Wait until these alerts are enqueued, and check that nothing else is."""
        wait_until(
            lambda: self.redis.llen("celery") >= len(uids), timeout_s, f"{uids}, are {self.uids}"
        )
        assert sorted(self.uids) == sorted(uids)

    def counted(self, **expected: int) -> None:
        """Wait for these counters, which follow what is enqueued; they must not go farther."""
        wait_until(
            lambda: all(self.counter(name) >= number for name, number in expected.items()),
            60,
            f"{expected} counted",
        )
        assert {name: self.counter(name) for name in expected} == expected

    def counter(self, name: str) -> int:
        """Return a counter, 0 where nothing was counted yet."""
        return int(self.status["counters"].get(name, 0))

    def committed(self, records: int = 0) -> None:
        """Wait until Kafka has a commit of each partition, and of so many records in all.

        Commits are asynchronous. Only for the usual topic, which must have been empty.
        """

        def is_there() -> bool:
            offsets = self._commits()
            return len(offsets) == 4 and sum(offsets) >= records

        wait_until(is_there, 60, f"the commits of {records} records")

    def stop(self) -> None:
        """End it; it must do so in time."""
        assert self._supervisor.stop(60.0)

    def _commits(self) -> list[int]:
        deployment, group = self._deployment, self.status["consumer_group"]
        return [offset for offset, _ in deployment.kafka.commits(group, deployment.topic).values()]


@contextmanager
def receiving(
    deployment: Any, *topics: str, url: str | None = None, where: Any = None, **settings: Any
) -> Iterator[Receiving]:
    """Receive with one handler for these topics; ``url`` is another Redis than the usual one."""
    app = Celery("followup", broker=url or deployment.environment["FOLLOWUP_BROKER"])
    given = {
        "server": f"kafka://{deployment.kafka.bootstrap}/",
        "group": deployment.group,
        "consumer_group": deployment.group,
        "noauth": True,
        **settings,
    }
    igwn_alert = IGWNAlert(app, **given)

    @igwn_alert.handler(*(topics or ("superevent",)), name="handle", where=where)
    def handle(alert: Any) -> None:
        """Is only enqueued."""

    found = Receiving(app, igwn_alert, deployment, deployment.client(url))
    try:
        yield found
    finally:
        found.stop()
