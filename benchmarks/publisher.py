# SPDX-License-Identifier: BSD-3-Clause
"""From the call that sends an alert until Kafka has acknowledged it, one by one and in batches."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from confluent_kafka import Consumer

from benchmarks.alerts import number_in
from benchmarks.sample import FLOOR, OURS, TODAYS, Case, Outcome, Value
from benchmarks.scenario import Column, Scenario
from benchmarks.servers import Servers
from benchmarks.spread import quantile
from benchmarks.stage import Plan, Stage, stage
from benchmarks.ways import todays_interpreter

__all__ = ["ECHO", "ECHO_THEN_RAW", "PUBLISHER"]

#: Tasks with the same messages that do nothing.
ECHO = "Celery round trip"
#: One after the other, so that neither is warmer than when this package sends.
ECHO_THEN_RAW = "Celery round trip, then a raw send"
_OWN = "benchmarks.apps.sending"
_TIMEOUT_S = 300.0
_READ_S = 10.0
_MODES = {
    ("single", OURS): "single",
    ("single", ECHO): "echo",
    ("single", ECHO_THEN_RAW): "echo-then-raw",
    ("single", FLOOR): "raw",
    ("single", TODAYS): "single",
    ("batch", OURS): "batch",
    ("batch", ECHO): "echo-batch",
    ("batch", FLOOR): "raw-batch",
    ("batch", TODAYS): "batch",
}


def _cases(quick: bool) -> list[Case]:
    single: dict[str, Value] = {"send": "single", "alerts": 50 if quick else 300}
    batch: dict[str, Value] = {"send": "batch", "batch": 100, "alerts": 1_000 if quick else 10_000}
    # Each of its sends opens a producer and takes long.
    few = {**single, "alerts": 10 if quick else 50}
    return [
        *(Case("publisher", way, single) for way in (OURS, ECHO, ECHO_THEN_RAW, FLOOR)),
        Case("publisher", TODAYS, few),
        *(Case("publisher", way, batch) for way in (OURS, ECHO, FLOOR, TODAYS)),
    ]


def _measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    about = case.about
    mode = _MODES[str(about["send"]), case.way]
    asked = [mode, str(about["alerts"]), str(about.get("batch", 1))]
    with stage(servers, folder, Plan(pool="prefork", concurrency=2)) as on:
        if case.way in (OURS, ECHO, ECHO_THEN_RAW):
            on.start_publisher().expect(" ready.")
        program = "benchmarks.apps.todays_sending" if case.way == TODAYS else _OWN
        python = todays_interpreter() if case.way == TODAYS else sys.executable
        sending = on.begin([python, "-m", program, *asked])
        # Not the line of a traceback.
        sending.expect('SENT {"', _TIMEOUT_S)
        sending.expect("\n", _TIMEOUT_S)
        told = json.loads(_line(sending.process.log.read_text()))
        wrong = () if case.way == ECHO else _wrong(on, int(about["alerts"]))
    took = told.pop("took_ms", [])
    marks = (("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0))
    figures = {name: quantile(took, share) for name, share in marks} if took else {}
    return Outcome({**told, **figures}, {"took_ms": took} if took else {}, wrong)


def _line(text: str) -> str:
    (found,) = (line[5:] for line in text.splitlines() if line.startswith("SENT "))
    return found


def _wrong(on: Stage, count: int) -> tuple[str, ...]:
    """Read what Kafka has, and say what is missing of it."""
    consumer = Consumer(
        {
            "bootstrap.servers": on.servers.kafka.bootstrap,
            "group.id": f"{on.name}-count",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([on.topic])
    found: set[int] = set()
    try:
        while not found >= set(range(count)):
            records = consumer.consume(500, 0.2) or consumer.consume(1, _READ_S)
            if not records:
                return (f"{count - len(found)} missing in Kafka",)
            found |= {number_in(record.value() or b"") for record in records}
    finally:
        consumer.close()
    return ()


PUBLISHER = Scenario(
    "publisher",
    "Sending",
    "Alerts of 10 kB, from the call to Kafka's acknowledgement, through a task in a pool of 2 "
    "processes. Single alerts: each is sent when the one before is acknowledged. Batches: each is "
    "one task, and one caller orders them all before it waits for the first, so that both "
    "processes send at once; a hundred alerts in a row have a sky map each, and the rest in "
    "common, as the alerts of one event have. The Celery round trip is tasks with the same "
    "messages that do nothing: what remains if sending took no time. With a raw send after each, "
    "from the same process, all that takes part in a send has been as long asleep as when this "
    "package sends. The floor is a raw idempotent "
    "producer that is flushed after each alert, or after each batch of as many, and only then goes "
    "on, so it never sleeps. Today's way is igwn-alert's `publish`, which opens a producer each "
    "time, and for batches its session, flushed likewise.",
    _measure,
    _cases,
    (
        Column("p50_ms", "p50, ms", 2, compared=True),
        Column("p99_ms", "p99, ms", 1),
        Column("max_ms", "longest, ms", 1),
        Column("sends_per_s", "sends/s", 0, compared=True),
        Column("sends_per_s_in_task", "sends/s within the task", 0),
        Column("caller_cpu_ms_per_alert", "caller's CPU, ms an alert", 3),
    ),
)
