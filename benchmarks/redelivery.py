# SPDX-License-Identifier: BSD-3-Clause
"""What "handled, not only enqueued" costs on Redis: noting a task when it is enqueued, erasing it.

Run ``python -m benchmarks.redelivery`` at the root of a checkout, in its environment. It starts a
Redis server of its own, and measures with and without, in turns, in one run.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

from igwn_alert_celery.enqueue.batch import Batch, Command, Entry, PartitionId, Position
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.redelivery.keys import Keys
from tests.services.redis_server import RedisServer

BYTES = 11_000  # a 10 kB alert, with its headers
BATCH = 100
BATCHES = 20
ROUNDS = 9


def main() -> None:
    """Measure and print."""
    server = RedisServer()
    server.start()
    client = server.client()
    print(f"Redis {client.info('server')['redis_version']}, {ROUNDS} rounds, microseconds a task")
    try:
        report("enqueue", _enqueue(client, noted=False), _enqueue(client, noted=True), client)
        report(
            "acknowledge",
            _acknowledge(client, noted=False),
            _acknowledge(client, noted=True),
            client,
        )
    finally:
        server.close()


def report(
    what: str, without: Callable[[], float], noted: Callable[[], float], client: Any
) -> None:
    """Time both in turns, and print medians, their ratio and the spread."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_noted, run in ((False, without), (True, noted)):
            client.flushdb()
            times[is_noted].append(run())
    before, after = (statistics.median(times[key]) for key in (False, True))
    spread = " ".join(f"{min(times[key]):.0f}-{max(times[key]):.0f}" for key in (False, True))
    ratio = after / before
    print(f"{what:12} without {before:6.1f}   with {after:6.1f}   ratio {ratio:.2f}   ({spread})")


def _enqueue(client: Any, *, noted: bool) -> Callable[[], float]:
    message = b"x" * BYTES

    def run() -> float:
        ledger = Ledger(client, max_dead_count=10, max_dead_bytes=10, notes_outstanding=noted)
        ledger.open()
        partition = PartitionId("cluster", "group", "topic", "id", 0)
        position = ledger.claim(partition, 0)
        batches = []
        for number in range(BATCHES):
            first = number * BATCH
            entries = tuple(
                Entry(at, (Command("lpush", "celery", message, str(uuid.uuid4())),), ())
                for at in range(first, first + BATCH)
            )
            believed = Position(first, position.epoch)
            batches.append(Batch(partition, believed, first + BATCH, entries))
        began = time.perf_counter()
        for batch in batches:
            ledger.write(batch)
        return (time.perf_counter() - began) * 1e6 / (BATCH * BATCHES)

    return run


def _acknowledge(client: Any, *, noted: bool) -> Callable[[], float]:
    keys = Keys("")
    ids = [str(uuid.uuid4()) for _ in range(1000)]

    def run() -> float:
        for task_id in ids:
            client.hset("unacked", task_id, b"x" * BYTES)
            client.zadd("unacked_index", {task_id: 1})
            client.hset(keys.outstanding, task_id, b"x" * BYTES)
        began = time.perf_counter()
        for task_id in ids:
            # As kombu does it, and as unacked.py does.
            pipe = client.pipeline()
            pipe.zrem("unacked_index", task_id)
            pipe.hdel("unacked", task_id)
            if noted:
                pipe.hdel(keys.outstanding, task_id)
                pipe.hdel(keys.attempts, task_id)
                pipe.srem(keys.running("w"), task_id)
            pipe.execute()
        return (time.perf_counter() - began) * 1e6 / len(ids)

    return run


if __name__ == "__main__":
    main()
