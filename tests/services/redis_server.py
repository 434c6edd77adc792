# SPDX-License-Identifier: BSD-3-Clause
"""A Redis server with an append-only file."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import redis
import redis.exceptions

from tests.services.absent import program
from tests.services.ports import free_port
from tests.services.process import Process
from tests.services.service import Service

__all__ = ["RedisServer"]


class RedisServer(Service):
    """``redis-server`` on a free port."""

    variable = "IGWN_ALERT_TEST_REDIS"

    def __init__(self, address: str | None = None) -> None:
        self._clients: list[redis.Redis] = []
        super().__init__(address)

    @property
    def url(self) -> str:
        """The URL, as Celery's ``broker_url`` takes it."""
        return self.address

    @property
    def other_url(self) -> str:
        """The URL of another database of the same server."""
        base, _, database = self.url.rpartition("/")
        return f"{base}/{int(database or 0) + 1}"

    @property
    def port(self) -> int:
        """The TCP port."""
        return urlsplit(self.address).port or 6379

    def client(self, url: str | None = None, **options: Any) -> redis.Redis:
        """Return a new client, closed when the tests end; ``url`` names another database."""
        # By itself redis-py gives up after 5 s; a machine may stall for longer.
        client = redis.Redis.from_url(url or self.url, **{"socket_timeout": 60.0, **options})
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the clients, end the server, remove its data."""
        for client in self._clients:
            client.close()
        super().close()

    def _prepare(self) -> str:
        self._program = program("redis-server", "apt-get install redis-server")
        return f"redis://127.0.0.1:{free_port()}/0"

    def _launch(self) -> Process:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": "",
        }
        argv = [part for key, value in options.items() for part in (f"--{key}", value)]
        return Process([self._program, *argv], self.folder)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2.0) as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False
