# SPDX-License-Identifier: BSD-3-Clause
"""The HTTP connections of one download, which last no longer than its time."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter

from igwn_alert_celery.errors import PoisonRecord

__all__ = ["Transport", "Unavailable", "check_status", "is_url", "place_of"]

# Characters on which URL parsers disagree could send a credential to the wrong server.
_URL = re.compile(r"https?://[!-\[\]-~]+\Z", re.IGNORECASE)
_TRY_AGAIN = {408, 425, 429}


class Unavailable(Exception):
    """The server cannot be reached, failed, or took too long; a later try may succeed."""


class Transport(HTTPAdapter):
    """requests' own transport with one deadline for everything.

    Parameters
    ----------
    deadline : float
        When it ends, as :func:`time.monotonic` counts.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._sockets: list[Any] = []
        self._challenged = False
        super().__init__()

    def left_s(self) -> float:
        """Return the time that is left, in seconds; raise requests' ``Timeout`` without any."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise exceptions.Timeout
        return left_s

    def abandon(self) -> None:
        """End all waiting for servers; any thread may call it."""
        for sock in self._sockets:
            with contextlib.suppress(OSError, ValueError):
                sock.shutdown(socket.SHUT_RDWR)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let every connection tell its socket; requests has no other way to one."""
        super().init_poolmanager(*args, **kwargs)
        manager: Any = self.poolmanager
        pools = manager.pool_classes_by_scheme.items()
        manager.pool_classes_by_scheme = {name: self._watched(pool) for name, pool in pools}

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send one request; raise at once when the answer is an error."""
        kwargs["timeout"] = self.left_s()
        response = super().send(request, *args, **kwargs)
        status = response.status_code
        if status != 200:
            # requests and hop's SCRAM would read this body whole, however long it is.
            raw, response.raw = response.raw, BytesIO()
            raw.close()
        if status >= 400 and (status != 401 or self._challenged):
            # Before SCRAM misses the server's proof, which such an answer need not have.
            check_status(response)
        self._challenged = status == 401
        return response

    def _watched(self, pool: Any) -> Any:
        def watch(sock: Any) -> None:
            self._sockets.append(sock)
            self.left_s()

        class Connection(pool.ConnectionCls):
            def connect(self) -> None:
                super().connect()
                watch(self.sock)

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})


def check_status(response: requests.Response) -> None:
    """Raise unless the answer is a message, uncompressed."""
    status, place = response.status_code, place_of(response.url)
    if status >= 500 or status in _TRY_AGAIN:
        raise Unavailable(f"{place} answered {status}")
    if status != 200:
        raise PoisonRecord("offload_missing", f"{place} answered {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PoisonRecord("undecodable", f"{place} answered compressed")


def is_url(text: str) -> bool:
    """Whether this is a URL of http or https that can be taken apart."""
    try:
        return bool(_URL.match(text) and urlsplit(text).hostname and urlsplit(text).port != 0)
    except ValueError:
        return False


def place_of(url: str) -> str:
    """Return a URL without user, query and fragment, which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]
