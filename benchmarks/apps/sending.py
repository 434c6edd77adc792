# SPDX-License-Identifier: BSD-3-Clause
"""Sends alerts through this package's publisher task, or tasks as large that do nothing.

``python -m benchmarks.apps.sending single|batch|echo|raw|raw-batch COUNT BATCH`` prints as JSON
what each send took until Kafka had acknowledged it, in milliseconds, and how many came to a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Producer

from benchmarks import environment as env
from benchmarks.alerts import HEADERS, TOPIC, Alerts
from benchmarks.apps.publishing import echo, igwn_alert, notes
from igwn_alert_celery.publisher.parcel import pack
from tests.services.wait import wait_until

__all__: list[str] = []

_ALERTS = Alerts(9_800)
_WARM = 5
_LOOK_S = 0.0005
_TIMEOUT_S = 60.0


def _single(count: int, _batch: int) -> dict[str, Any]:
    return _one_by_one(count, lambda number: igwn_alert.publish(TOPIC, _ALERTS.text(number)).id)


def _echo(count: int, _batch: int) -> dict[str, Any]:
    def send(number: int) -> str:
        parcel = pack(igwn_alert.settings, TOPIC, _ALERTS.text(number), None, None, test=False)
        return str(echo.apply_async((), {"parcels": [parcel.as_message()]}).id)

    return _one_by_one(count, send)


def _one_by_one(count: int, send: Callable[[int], str]) -> dict[str, Any]:
    """Send one when the one before is done."""
    took = []
    for number in range(count + _WARM):
        called = time.monotonic_ns()
        name = f"done {send(number)}"
        deadline = time.monotonic() + _TIMEOUT_S
        while name not in notes.first():
            if time.monotonic() > deadline:
                raise TimeoutError(f"send {number} is not done")
            time.sleep(_LOOK_S)
        took.append((notes.first()[name] - called) / 1e6)
    return _told(took[_WARM:])


def _batch(count: int, batch: int) -> dict[str, Any]:
    waves = list(_waves(count, batch))
    _done([_many(range(_WARM)), _many(range(_WARM))])
    called, used_s = time.monotonic_ns(), time.process_time()
    ids = [_many(wave) for wave in waves]
    used_s = time.process_time() - used_s
    found = _done(ids)
    ends = [found[f"done {task_id}"] for task_id in ids]
    working_ns = sum(found[f"done {name}"] - found[f"begun {name}"] for name in ids)
    return {
        "sends_per_s": count / (max(ends) - called) * 1e9,
        "sends_per_s_in_task": count / working_ns * 1e9,
        "caller_cpu_ms_per_alert": used_s * 1e3 / count,
    }


def _many(numbers: Iterable[int]) -> str:
    items = ((TOPIC, _ALERTS.text(number)) for number in numbers)
    return str(igwn_alert.publish_many(items).id)


def _done(ids: list[str]) -> dict[str, int]:
    names = {f"done {task_id}" for task_id in ids}
    wait_until(lambda: names <= notes.first().keys(), _TIMEOUT_S, "all is sent")
    return notes.first()


def _raw(count: int, _batch: int) -> dict[str, Any]:
    producer = _producer()
    took = []
    for number in range(count + _WARM):
        called = time.monotonic_ns()
        _produce(producer, [number])
        took.append((time.monotonic_ns() - called) / 1e6)
    return _told(took[_WARM:])


def _raw_batch(count: int, batch: int) -> dict[str, Any]:
    producer = _producer()
    _produce(producer, range(_WARM))
    _produce(producer, range(_WARM))
    called, used_s = time.monotonic_ns(), time.process_time()
    for wave in _waves(count, batch):
        _produce(producer, wave)
    return {
        "sends_per_s": count / (time.monotonic_ns() - called) * 1e9,
        "caller_cpu_ms_per_alert": (time.process_time() - used_s) * 1e3 / count,
    }


def _producer() -> Any:
    return Producer(
        {"bootstrap.servers": os.environ[env.KAFKA], "enable.idempotence": True, "linger.ms": 0}
    )


def _produce(producer: Any, numbers: Iterable[int]) -> None:
    topic = f"{os.environ['IGWN_ALERT_GROUP']}.{TOPIC}"
    for number in numbers:
        producer.produce(topic, _ALERTS.wire(number), headers=HEADERS)
    if producer.flush(_TIMEOUT_S):
        raise TimeoutError("not all is sent")


def _waves(count: int, batch: int) -> Iterable[range]:
    return (range(at, min(at + batch, count)) for at in range(0, count, batch))


def _told(took: list[float]) -> dict[str, Any]:
    return {"took_ms": took, "sends_per_s": 1e3 * len(took) / sum(took)}


_MODES = {"single": _single, "batch": _batch, "echo": _echo, "raw": _raw, "raw-batch": _raw_batch}


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=_MODES)
    parser.add_argument("count", type=int)
    parser.add_argument("batch", type=int)
    asked = parser.parse_args()
    sys.stdout.write(f"SENT {json.dumps(_MODES[asked.mode](asked.count, asked.batch))}\n")


if __name__ == "__main__":
    _main()
