# SPDX-License-Identifier: BSD-3-Clause
"""What was given on the command line before the names of commands: igwn-alert's own flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Flags"]

LISTEN_RETRIES = 3
RETRY_WAIT_S = 0.1


@dataclass(slots=True)
class Flags:
    """The global options; None where one was not given.

    Attributes
    ----------
    app : str, celery.Celery or None
        Where ``celery -A`` would find the app, or the app itself.
    server, group, username, netrc : str or None
    port : int or None
    noauth : bool or None
    consumer_group : str or None
        Of Kafka, for ``listen``.
    pretty : bool
        Whether alerts are printed indented.
    log : str
        Level of the log.
    retry_on_fatal : bool
        Whether ``listen`` tries again where it would end.
    listen_retries : int
        How many times in a row.
    retry_wait_s : float
        Seconds before each.
    """

    app: Any = None
    server: str | None = None
    port: int | None = None
    group: str | None = None
    noauth: bool | None = None
    username: str | None = None
    netrc: str | None = None
    consumer_group: str | None = None
    pretty: bool = False
    log: str = "error"
    retry_on_fatal: bool = False
    listen_retries: int = LISTEN_RETRIES
    retry_wait_s: float = RETRY_WAIT_S

    @property
    def connection(self) -> dict[str, Any]:
        """Those that say where and as whom, by the names of the settings."""
        names = ("server", "port", "group", "noauth", "username", "netrc")
        given = {name: getattr(self, name) for name in names}
        return {name: value for name, value in given.items() if value is not None}
