# SPDX-License-Identifier: BSD-3-Clause
"""Real services that can be frozen, rolled back and reached by a detour."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.processes import descendants, send
from tests.services.kafka.broker import Kafka
from tests.services.ports import free_port
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis_server import RedisServer
from tests.services.service import Service

__all__ = ["FaultKafka", "FaultRabbitMQ", "FaultRedis", "frozen"]


@contextmanager
def frozen(service: Service) -> Iterator[None]:
    """Stop a server's processes in the middle of whatever they do; its sockets stay open."""
    pids = descendants(service._own()._popen.pid)
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


class FaultKafka(Kafka):
    """A broker with a second listener: the tests come by the first, workers by a detour."""

    variable = "IGWN_ALERT_TEST_FAULTS_KAFKA"
    _listeners = ("PLAINTEXT", "DETOUR", "CONTROLLER")

    def __init__(self) -> None:
        self.detour_port = free_port()
        super().__init__()

    @property
    def port(self) -> int:
        """Where the detour leads to."""
        return self._ports["DETOUR"]

    @property
    def detour(self) -> str:
        """``host:port`` for workers."""
        return f"127.0.0.1:{self.detour_port}"

    def _more_properties(self) -> dict[str, str]:
        direct = f"PLAINTEXT://127.0.0.1:{self._ports['PLAINTEXT']}"
        return {
            "advertised.listeners": f"{direct},DETOUR://{self.detour}",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in self._listeners
            ),
        }

    def _command(self, *main: str) -> list[str]:
        java, *rest = super()._command(*main)
        return [java, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", *rest]


class FaultRabbitMQ(RabbitMQ):
    """A node of its own, reached by a detour as well."""

    variable = "IGWN_ALERT_TEST_FAULTS_AMQP"

    def __init__(self) -> None:
        self.detour_port = free_port()
        super().__init__()

    @property
    def detour(self) -> str:
        """The URL for workers."""
        return f"amqp://guest:guest@127.0.0.1:{self.detour_port}//"


class FaultRedis(RedisServer):
    """A server that can come back with what it had some time ago, reached by a detour as well."""

    variable = "IGWN_ALERT_TEST_FAULTS_REDIS"

    def __init__(self) -> None:
        self.detour_port = free_port()
        super().__init__()

    @property
    def detour(self) -> str:
        """The URL for workers."""
        return f"redis://127.0.0.1:{self.detour_port}/0"

    def keep(self) -> None:
        """Copy the files as they are; a torn end is cut off by Redis when it loads them."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self._data, self._kept)

    def roll_back(self) -> None:
        """Put the copy in place of what a killed server left."""
        shutil.rmtree(self._data)
        shutil.copytree(self._kept, self._data)

    @property
    def _data(self) -> Path:
        return self.folder / "appendonlydir"

    @property
    def _kept(self) -> Path:
        return self.folder / "kept"
