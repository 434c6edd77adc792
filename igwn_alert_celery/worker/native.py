# SPDX-License-Identifier: BSD-3-Clause
"""Start a native thread, also where gevent or eventlet have replaced ``threading``.

librdkafka blocks in C, which would stall a green pool's hub (confluent-kafka-python#612).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from kombu.utils.compat import detect_environment

__all__ = ["start_native_thread"]


def start_native_thread(target: Callable[[], None], name: str) -> None:
    """Run ``target`` on a daemon thread of the operating system; returns at once."""
    environment = detect_environment()
    if environment == "gevent":
        from gevent.monkey import get_original

        get_original("_thread", "start_new_thread")(target, ())
    elif environment == "eventlet":
        from eventlet.patcher import original

        native: Any = original("threading")
        native.Thread(target=target, name=name, daemon=True).start()
    else:
        threading.Thread(target=target, name=name, daemon=True).start()
