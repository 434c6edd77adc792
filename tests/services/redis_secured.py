# SPDX-License-Identifier: BSD-3-Clause
"""A Redis server with TLS by a test authority, and users with rights of their own."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.services.absent import Absent
from tests.services.kafka.certificates import Authority
from tests.services.ports import free_port
from tests.services.process import Process
from tests.services.redis_server import RedisServer

__all__ = ["SecuredRedis"]


class SecuredRedis(RedisServer):
    """``redis-server`` with a TLS port beside the plain one, which is for the tests themselves.

    Attributes
    ----------
    authority : Authority
        Who signed the server's certificate.
    """

    variable = "IGWN_ALERT_TEST_SECURED_REDIS"

    def __init__(self, address: str | None = None) -> None:
        if address is not None:
            raise Absent(f"unset {self.variable}: the tests make users and certificates")
        super().__init__()

    def secured_url(self, username: str, password: str, **options: str) -> str:
        """Return the URL of the TLS port for a user; ``options`` are its query."""
        query = "&".join(f"{name}={quote(value)}" for name, value in options.items())
        return f"rediss://{username}:{password}@127.0.0.1:{self._tls_port}/0?{query}"

    def let(self, username: str, password: str, rules: list[str]) -> None:
        """Make a user with these rights and no others."""
        admin: Any = self.client()
        admin.execute_command("ACL", "SETUSER", username, "reset", "on", f">{password}", *rules)

    def denied(self, username: str) -> list[str]:
        """Return what a user was not let do, a line each, the newest first."""
        entries = self.client().acl_log(128)
        return [
            f"{entry['reason']} {entry['object']} in {entry['context']}"
            for entry in entries
            if entry["username"] == username
        ]

    def _prepare(self) -> str:
        address = super()._prepare()
        self._tls_port = free_port()
        self.authority = Authority(self.folder / "tls")
        self._certificate = str(self.authority.issue("redis"))
        return address

    def _launch(self) -> Process:
        argv = [
            self._program, "--port", str(self.port), "--bind", "127.0.0.1",
            "--dir", str(self.folder), "--appendonly", "yes", "--save", "",
            "--tls-port", str(self._tls_port), "--tls-auth-clients", "no",
            "--tls-cert-file", self._certificate, "--tls-key-file", self._certificate,
            "--tls-ca-cert-file", str(self.authority.certificate),
        ]  # fmt: skip
        return Process(argv, self.folder)
