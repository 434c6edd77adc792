# SPDX-License-Identifier: BSD-3-Clause
"""Free ports on the loopback address."""

from __future__ import annotations

import os
import random
import socket

__all__ = ["free_port"]

# Below the ports that systems hand to outgoing connections, so that a stopped service finds its own
# port free again; drawn at random, so that test runs side by side do not meet.
_FIRST, _LAST = 15_000, 32_000
_draw = random.SystemRandom()
# Between the draw and its use, and while a service is stopped, nothing listens on its port: nobody
# else may be given it meanwhile. The workers of pytest-xdist (gw0, gw1) have numbers of their own.
_given: set[int] = set()
_SIDES = 8


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    while True:
        port = _draw.randrange(_FIRST + _side(), _LAST, _SIDES)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port


def _side() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SIDES
