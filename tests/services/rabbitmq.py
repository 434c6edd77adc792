# SPDX-License-Identifier: BSD-3-Clause
"""A RabbitMQ node of its own: name, ports, port mapper, cookie and folders."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import kombu
import kombu.exceptions

from tests.services.absent import Absent, program
from tests.services.ports import free_port
from tests.services.process import Process
from tests.services.service import Service

__all__ = ["RabbitMQ"]

_HINT = "apt-get install rabbitmq-server"
# Debian's command of this name changes to the user rabbitmq, who may not write our folders.
_UNWRAPPED = "/usr/lib/rabbitmq/bin"


def _epmd() -> str:
    try:
        return program("epmd", _HINT)
    except Absent:
        show_root = 'io:format("~s", [code:root_dir()]), halt().'
        erl = program("erl", _HINT)
        root = subprocess.check_output([erl, "-noshell", "-eval", show_root], text=True)
        return str(Path(root) / "bin" / "epmd")


class RabbitMQ(Service):
    """``rabbitmq-server`` on a free port."""

    variable = "IGWN_ALERT_TEST_AMQP"

    def __init__(self, address: str | None = None) -> None:
        self._mapper: Process | None = None
        super().__init__(address)

    @property
    def url(self) -> str:
        """The URL, as Celery's ``broker_url`` takes it."""
        return self.address

    @property
    def port(self) -> int:
        """The TCP port of AMQP."""
        return urlsplit(self.address).port or 5672

    def close(self) -> None:
        """End the node, then its port mapper, and remove the data."""
        super().close()
        if self._mapper is not None:
            self._mapper.kill()

    def _prepare(self) -> str:
        self._program = program("rabbitmq-server", _HINT, prefer=_UNWRAPPED)
        self._epmd_program = _epmd()
        self._epmd_port, self._dist_port = free_port(), free_port()
        return f"amqp://guest:guest@127.0.0.1:{free_port()}//"

    def _launch(self) -> Process:
        environ = self._environ()
        # Erlang would leave a port mapper behind as a daemon; one that already runs it just uses.
        if self._mapper is None:
            folder = self.folder / "epmd"
            folder.mkdir()
            self._mapper = Process([self._epmd_program, "-address", "127.0.0.1"], folder, environ)
        return Process([self._program], self.folder, environ)

    def _environ(self) -> dict[str, str]:
        folder = self.folder
        config = folder / "rabbitmq.conf"
        config.write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\ndisk_free_limit.absolute = 50MB\n"
        )
        (folder / "plugins").write_text("[].\n")
        (folder / "env.conf").touch()
        return {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "HOME": str(folder),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_NODENAME": f"igwn{self.port}@localhost",
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _answers(self) -> bool:
        connection = kombu.Connection(self.url, connect_timeout=2.0)
        try:
            connection.connect()
        except (OSError, kombu.exceptions.KombuError):
            return False
        finally:
            connection.release()
        return True
