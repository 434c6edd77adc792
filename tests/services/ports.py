# SPDX-License-Identifier: BSD-3-Clause
"""Free ports on the loopback address."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

# Below the ports that systems hand to outgoing connections, so that a stopped service finds its own
# port free again; drawn at random, so that test runs side by side do not meet.
_FIRST, _LAST = 15_000, 32_000
_draw = random.SystemRandom()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    while True:
        port = _draw.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
