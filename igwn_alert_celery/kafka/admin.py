# SPDX-License-Identifier: BSD-3-Clause
"""Administration clients, whose answers come from librdkafka's own thread, also beside eventlet.

confluent_kafka makes a :class:`concurrent.futures.Future` for each answer. Its lock is taken by
the thread of the answer and by whoever looks for it, and eventlet replaces it by a green one, which
two native threads must not share: the look-up then waits for ever, once in some thousand answers.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka.admin import AdminClient
from kombu.utils.compat import detect_environment

__all__ = ["make_admin"]


def make_admin(config: Mapping[str, Any]) -> Any:
    """Return an ``AdminClient`` with these options.

    Raises
    ------
    confluent_kafka.KafkaException
        librdkafka refuses an option.
    """
    if detect_environment() == "eventlet":
        # Called by confluent_kafka as a static method of this very class (admin/__init__.py).
        made: Any = AdminClient
        made._create_future = staticmethod(_native_future)  # noqa: SLF001 - no other way
    return AdminClient(dict(config))


def _native_future() -> Any:
    from eventlet.patcher import original

    future: Any = Future()
    future._condition = threading.Condition(original("threading").RLock())  # noqa: SLF001 - as above
    future.set_running_or_notify_cancel()
    return future
