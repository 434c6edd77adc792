# SPDX-License-Identifier: BSD-3-Clause
"""Options of Kafka's client, one at a time: what ours are worth, and what others would be."""

from __future__ import annotations

from benchmarks.backlog import measure as measure_backlog
from benchmarks.latency import measure as measure_latency
from benchmarks.sample import OURS, Case, Value
from benchmarks.scenario import Column, Scenario

__all__ = ["OPTIONS"]

_NONE = "none"
# Defaults of librdkafka's that we have changed, and others that could be better than they are.
_BACKLOG = (
    _NONE,
    "fetch.queue.backoff.ms 1000",
    "fetch.queue.backoff.ms 100",
    "fetch.wait.max.ms 10",
    "queued.max.messages.kbytes 65536",
    "queued.max.messages.kbytes 4096",
    "queued.min.messages 1000",
    "fetch.message.max.bytes 100000",
    "fetch.max.bytes 2000000",
    "socket.receive.buffer.bytes 1000000",
    "socket.nagle.disable false",
)
_LATENCY = (_NONE, "socket.nagle.disable false", "fetch.wait.max.ms 10")


def _backlogs(quick: bool) -> list[Case]:
    alerts = 2_000 if quick else 20_000
    return [
        Case("options in a backlog", OURS, {"changed": option, "alerts": alerts})
        for option in _BACKLOG
    ]


def _latencies(quick: bool) -> list[Case]:
    about: dict[str, Value] = {"pool": "solo", "alerts/s": 200, "alerts": 600 if quick else 2_000}
    return [Case("options and latency", OURS, {"changed": option, **about}) for option in _LATENCY]


OPTIONS = (
    Scenario(
        "options in a backlog",
        "Options of Kafka's client: a backlog",
        "One option at a time is given another value than this package's, by "
        "`igwn_alert_kafka_options`, where librdkafka's own default is another one or another one "
        "might be better.",
        measure_backlog,
        _backlogs,
        (
            Column("alerts_per_s", "alerts/s", 0),
            Column("worker_cpu_ms_per_alert", "worker CPU, ms an alert", 3),
            Column("kafka_cpu_ms_per_alert", "Kafka CPU, ms an alert", 3),
            Column("peak_mb", "peak memory, MB", 0),
        ),
        repetitions=3,
    ),
    Scenario(
        "options and latency",
        "Options of Kafka's client: latency",
        "The same, for those that could matter to a single alert.",
        measure_latency,
        _latencies,
        (
            Column("latency_p50_ms", "p50, ms", 2),
            Column("latency_p99_ms", "p99, ms", 1),
            Column("worker_cpu_ms_per_alert", "worker CPU, ms an alert", 2),
            Column("kafka_cpu_ms_per_alert", "Kafka CPU, ms an alert", 2),
        ),
        repetitions=3,
    ),
)
