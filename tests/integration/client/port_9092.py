# SPDX-License-Identifier: BSD-3-Clause
"""A way to a Kafka on any port for programs that can only use 9092.

igwn-alert 0.7.0's command takes no other port (``-p`` fails on an assertion). It asks here for the
broker's own address, and goes on there.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

__all__ = ["port_9092"]

_PORT = 9092


@contextmanager
def port_9092(target: str) -> Iterator[str]:
    """Hand on connections to ``host:port``; yields the host to use."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        host = _bind(listening)
        listening.listen()
        threading.Thread(target=_accept, args=(listening, target), daemon=True).start()
        yield host
        listening.shutdown(socket.SHUT_RDWR)


def _bind(listening: socket.socket) -> str:
    # Linux has all of 127.0.0.0/8; elsewhere the usual address has to be free.
    for host in (*(f"127.0.0.{number}" for number in range(92, 100)), "127.0.0.1"):
        try:
            listening.bind((host, _PORT))
        except OSError:
            continue
        return host
    pytest.skip("no local address has its port 9092 free")


def _accept(listening: socket.socket, target: str) -> None:
    host, _, port = target.partition(":")
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        far = socket.create_connection((host, int(port)))
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    except OSError:
        pass  # the other direction has ended it
    finally:
        for end in (source, sink):
            end.close()
