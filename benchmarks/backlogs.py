# SPDX-License-Identifier: BSD-3-Clause
"""The backlogs that are measured: alone, and with each thing varied that could cost more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.backlog import measure
from benchmarks.sample import OURS, TODAYS, Case
from benchmarks.scenario import Column, Scenario
from benchmarks.servers import RABBITMQ, REDIS
from benchmarks.ways import FLOORS, UNTOUCHED

__all__ = ["BACKLOGS"]

_COLUMNS = (
    Column("alerts_per_s", "alerts/s", 0, compared=True),
    Column("worker_cpu_ms_per_alert", "worker CPU, ms an alert", 3, compared=True),
    Column("task_broker_cpu_ms_per_alert", "task broker CPU, ms an alert", 3),
    Column("kafka_cpu_ms_per_alert", "Kafka CPU, ms an alert", 3),
    Column("elsewhere_cores", "cores busy elsewhere", 2),
)
_TEMPLATE, *_ = FLOORS
_QUICK, _LEAST = 10, 200
# As many bytes as take about as long, and as Redis and Kafka can hold.
_BY_SIZE = {"1 kB": 20_000, "10 kB": 20_000, "100 kB": 3_000, "1 MB": 400}
_SLOWER = 5


def _cases(
    scenario: str, ways: Iterable[str], conditions: Iterable[Mapping[str, Any]], *, quick: bool
) -> list[Case]:
    found = []
    for about in conditions:
        for way in ways:
            alerts = about["alerts"]
            if way == TODAYS and scenario != "backlog":
                alerts //= _SLOWER
            if quick:
                alerts = max(alerts // _QUICK, min(alerts, _LEAST))
            # Whole rows of ten, the same number in each partition.
            found.append(Case(scenario, way, {**about, "alerts": max(alerts // 40, 1) * 40}))
    return found


def _alone(quick: bool) -> list[Case]:
    memory = [{"data": "in memory", "alerts": 20_000}]
    disk = [{"data": "on disk", "alerts": 20_000}]
    return [
        *_cases("backlog", (OURS, TODAYS, *FLOORS), memory, quick=quick),
        *_cases("backlog", (OURS, TODAYS, _TEMPLATE), disk, quick=quick),
    ]


def _sizes(quick: bool) -> list[Case]:
    conditions = [{"size": size, "alerts": alerts} for size, alerts in _BY_SIZE.items()]
    return _cases("sizes", (OURS, TODAYS, *FLOORS), conditions, quick=quick)


def _handlers(quick: bool) -> list[Case]:
    conditions: list[dict[str, Any]] = [
        {"handlers": handlers, "rejecting": rejecting, "alerts": 5_000}
        for handlers, rejecting in ((1, ""), (2, ""), (8, ""), (1, "90 %"), (8, "90 %"))
    ]
    return _cases("handlers", (OURS, TODAYS), conditions, quick=quick)


def _brokers(quick: bool) -> list[Case]:
    conditions = [{"task broker": name, "alerts": 5_000} for name in (REDIS, RABBITMQ)]
    return _cases("task brokers", (OURS, TODAYS), conditions, quick=quick)


def _workers(quick: bool) -> list[Case]:
    conditions = [{"workers": workers, "alerts": 20_000} for workers in (1, 2, 4)]
    return _cases("workers", (OURS, UNTOUCHED), conditions, quick=quick)


def _partitions(quick: bool) -> list[Case]:
    conditions = [{"partitions": partitions, "alerts": 20_000} for partitions in (1, 4, 16)]
    return _cases("partitions", (OURS, UNTOUCHED), conditions, quick=quick)


def _topics(quick: bool) -> list[Case]:
    conditions = [{"other topics": topics, "alerts": 20_000} for topics in (0, 100)]
    return _cases("topics", (OURS,), conditions, quick=quick)


def _memory(quick: bool) -> list[Case]:
    return _cases("memory", (OURS, TODAYS), [{"size": "1 MB", "alerts": 1_000}], quick=quick)


BACKLOGS = (
    Scenario(
        "backlog",
        "A backlog into the queue",
        "Alerts of 10 kB on 4 partitions, one handler, one worker. With Redis's data in memory "
        "only, and with its append-only file, as a deployment should have it.",
        measure,
        _alone,
        _COLUMNS,
    ),
    Scenario(
        "sizes",
        "The size of an alert",
        "The same with smaller and larger alerts.",
        measure,
        _sizes,
        _COLUMNS,
        repetitions=3,
    ),
    Scenario(
        "handlers",
        "Handlers on the topic",
        "Each alert becomes a task for each handler that wants it. Where the handlers want one "
        "alert in ten, today's way starts them all the same, and each looks for itself.",
        measure,
        _handlers,
        _COLUMNS,
        repetitions=3,
    ),
    Scenario(
        "task brokers",
        "Redis and RabbitMQ",
        "On RabbitMQ this package publishes a batch at a time, confirmed at its end.",
        measure,
        _brokers,
        _COLUMNS,
        repetitions=3,
    ),
    Scenario(
        "workers",
        "Several workers",
        "On one machine they share its cores with Kafka and Redis: what each of them uses shows "
        "how far the machine, not the package, is the limit.",
        measure,
        _workers,
        _COLUMNS,
    ),
    Scenario(
        "partitions",
        "Partitions of the topic",
        "One worker receives all of them.",
        measure,
        _partitions,
        _COLUMNS,
        repetitions=3,
    ),
    Scenario(
        "topics",
        "Handlers on other topics",
        "One handler on the topic, and one on each of so many others.",
        measure,
        _topics,
        _COLUMNS,
        repetitions=3,
    ),
    Scenario(
        "memory",
        "Memory under a backlog",
        "A gigabyte of alerts of 1 MB waits in Kafka, and today's way has a fifth of it. The most "
        "memory that the worker's process has had.",
        measure,
        _memory,
        (Column("peak_mb", "peak memory, MB", 0), Column("alerts_per_s", "alerts/s", 0)),
        repetitions=3,
    ),
)
