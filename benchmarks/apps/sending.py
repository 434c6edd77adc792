# SPDX-License-Identifier: BSD-3-Clause
"""Sends alerts through this package's publisher task, or tasks as large that do nothing.

``python -m benchmarks.apps.sending MODE COUNT BATCH`` prints as JSON what each send took until
Kafka had acknowledged it, in milliseconds, and how many came to a second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import string
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Producer

from benchmarks import environment as env
from benchmarks.alerts import HEADERS, TOPIC, Alerts
from benchmarks.apps.publishing import echo, igwn_alert, notes
from igwn_alert_celery.publisher.arguments import deflated
from igwn_alert_celery.publisher.parcel import pack, pack_each
from tests.services.wait import wait_until

__all__: list[str] = []

_ALERTS = Alerts(9_800)
# So many alerts in a row have sky maps of their own.
_MAPS = 100
_WARM = 5
_LOOK_S = 0.0005
_TIMEOUT_S = 60.0


def _single(count: int, _batch: int) -> dict[str, Any]:
    return _one_by_one(count, lambda number: igwn_alert.publish(TOPIC, _text(number)).id)


def _echo(count: int, _batch: int) -> dict[str, Any]:
    return _one_by_one(count, _send_echo)


def _echo_then_raw(count: int, _batch: int) -> dict[str, Any]:
    producer = _producer()
    return _one_by_one(count, _send_echo, lambda number: _produce(producer, [number]))


def _send_echo(number: int) -> str:
    parcel = pack(igwn_alert.settings, TOPIC, _text(number))
    return str(echo.apply_async((), {"parcels": [parcel.as_message()]}).id)


def _one_by_one(
    count: int, send: Callable[[int], str], after: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Send one when the one before is done; what is done after each counts as well."""
    took = []
    for number in range(count + _WARM):
        called = time.monotonic_ns()
        name = f"done {send(number)}"
        deadline = time.monotonic() + _TIMEOUT_S
        while name not in notes.first():
            if time.monotonic() > deadline:
                raise TimeoutError(f"send {number} is not done")
            time.sleep(_LOOK_S)
        done = notes.first()[name] - called
        if after is not None:
            began = time.monotonic_ns()
            after(number)
            done += time.monotonic_ns() - began
        took.append(done / 1e6)
    return _told(took[_WARM:])


def _batch(count: int, batch: int) -> dict[str, Any]:
    return _in_batches(count, batch, _many)


def _echo_batch(count: int, batch: int) -> dict[str, Any]:
    def send(numbers: Iterable[int]) -> str:
        items = ((TOPIC, _text(number)) for number in numbers)
        parcels = [parcel.as_message() for parcel in pack_each(igwn_alert.settings, items)]
        message = deflated({"parcels": parcels, "many": True})
        return str(echo.apply_async((), message, argsrepr="", kwargsrepr="").id)

    found = _in_batches(count, batch, send)
    del found["sends_per_s_in_task"]
    return found


def _in_batches(count: int, batch: int, send: Callable[[Iterable[int]], str]) -> dict[str, Any]:
    """Send one after the other, and do not wait for any before the last is sent."""
    waves = list(_waves(count, batch))
    for _ in range(_WARM):
        _done([send(range(batch)), send(range(batch))])
    called, used_s = time.monotonic_ns(), time.process_time()
    ids = [send(wave) for wave in waves]
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
    return str(igwn_alert.publish_many((TOPIC, _text(number)) for number in numbers).id)


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
    for _ in range(2 * _WARM):
        _produce(producer, range(batch))
    called, used_s = time.monotonic_ns(), time.process_time()
    for wave in _waves(count, batch):
        _produce(producer, wave)
    return {
        "sends_per_s": count / (time.monotonic_ns() - called) * 1e9,
        "caller_cpu_ms_per_alert": (time.process_time() - used_s) * 1e3 / count,
    }


def _text(number: int) -> str:
    before, after = _TEXTS[number % _MAPS]
    return f"{before}{number:07d}{after}"


def _wire(number: int) -> bytes:
    before, after = _PARTS[number % _MAPS]
    return b"%b%07d%b" % (before, number, after)


def _parts(number: int) -> tuple[bytes, bytes]:
    """Return what stands around an alert's number, with a sky map that no other one has.

    Else a batch could be made far shorter on its way than the alerts of one event are.
    """
    alert = json.loads(_ALERTS.text(number))
    chance = random.Random(number)
    letters = string.ascii_letters + string.digits
    alert["data"]["skymap"] = "".join(chance.choices(letters, k=len(alert["data"]["skymap"])))
    before, _, after = json.dumps(json.dumps(alert)).encode().partition(b"%07d" % number)
    return before, after


_PARTS = [_parts(number) for number in range(_MAPS)]
_TEXTS = [(json.loads(before + b'"'), json.loads(b'"' + after)) for before, after in _PARTS]


def _producer() -> Any:
    return Producer(
        {
            "bootstrap.servers": os.environ[env.KAFKA],
            "enable.idempotence": True,
            "linger.ms": 0,
            "socket.nagle.disable": True,
        }
    )


def _produce(producer: Any, numbers: Iterable[int]) -> None:
    topic = f"{os.environ['IGWN_ALERT_GROUP']}.{TOPIC}"
    for number in numbers:
        producer.produce(topic, _wire(number), headers=HEADERS)
    if producer.flush(_TIMEOUT_S):
        raise TimeoutError("not all is sent")


def _waves(count: int, batch: int) -> Iterable[range]:
    return (range(at, min(at + batch, count)) for at in range(0, count, batch))


def _told(took: list[float]) -> dict[str, Any]:
    return {"took_ms": took, "sends_per_s": 1e3 * len(took) / sum(took)}


_MODES = {
    "single": _single,
    "batch": _batch,
    "echo": _echo,
    "echo-then-raw": _echo_then_raw,
    "echo-batch": _echo_batch,
    "raw": _raw,
    "raw-batch": _raw_batch,
}


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=_MODES)
    parser.add_argument("count", type=int)
    parser.add_argument("batch", type=int)
    asked = parser.parse_args()
    sys.stdout.write(f"SENT {json.dumps(_MODES[asked.mode](asked.count, asked.batch))}\n")


if __name__ == "__main__":
    _main()
