# SPDX-License-Identifier: BSD-3-Clause
"""Count what lies in a queue on Redis that no worker consumes."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.services.wait import wait_until

__all__ = ["enqueued", "expect_enqueued_once_each"]


def enqueued(client: Any, queue: str = "celery", most: int = 0) -> list[tuple[str, int, int]]:
    """Return handler, partition and offset of each task message, the oldest first.

    ``most`` leaves out all but the newest.
    """
    items = client.lrange(queue, 0, most - 1)
    headers = [json.loads(item)["headers"] for item in reversed(items)]
    return [
        (
            header["task"].rpartition(".")[2],
            header["igwn_alert"]["partition"],
            header["igwn_alert"]["offset"],
        )
        for header in headers
    ]


def expect_enqueued_once_each(client: Any, count: int, timeout_s: float = 120.0) -> None:
    """Wait for ``count`` alerts on four partitions, for two handlers; check that it was once.

    Within each partition they must lie in the order of offsets.
    """
    wait_until(lambda: client.llen("celery") >= 2 * count, timeout_s, f"{count} are enqueued")
    found = enqueued(client)
    handlers = ("first", "second")
    expected = Counter((name, n % 4, n // 4) for name in handlers for n in range(count))
    assert Counter(found) == expected
    for partition in range(4):
        offsets = [item[2] for item in found if item[:2] == ("first", partition)]
        assert offsets == sorted(offsets)
