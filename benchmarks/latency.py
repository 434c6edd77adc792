# SPDX-License-Identifier: BSD-3-Clause
"""From sending an alert to the start of its handler, at a rate that leaves everything idle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks import environment as env
from benchmarks.meter import Meter
from benchmarks.sample import FLOOR, OURS, TODAYS, Case, Outcome
from benchmarks.scenario import Column, Scenario
from benchmarks.sender import Sender
from benchmarks.servers import REDIS, Servers
from benchmarks.spread import quantile
from benchmarks.stage import Plan, Stage, options_of, stage
from benchmarks.warming import FIRST, ready, warm
from benchmarks.ways import BEHIND_RAW, FLOORS, PLAIN, UNTOUCHED
from tests.services.wait import wait_until

__all__ = ["LATENCY", "measure"]

_POOLS = ("solo", "threads", "prefork", "gevent")
_SECONDS = {5: 40, 200: 15}
_QUICK_SECONDS = {5: 8, 200: 3}
_TEMPLATE, *_ = FLOORS


def _cases(quick: bool) -> list[Case]:
    found = []
    for rate, seconds in (_QUICK_SECONDS if quick else _SECONDS).items():
        found.append(_case(FLOOR, "none", rate, seconds))
        for pool in _POOLS:
            # gevent's loop would stand still in igwn-alert's listener, which is one blocking call.
            ways = (OURS, BEHIND_RAW) if pool == "gevent" else (OURS, TODAYS, BEHIND_RAW)
            found += [_case(way, pool, rate, seconds) for way in ways]
    return found


def _case(way: str, pool: str, rate: int, seconds: int) -> Case:
    return Case("latency", way, {"pool": pool, "alerts/s": rate, "alerts": rate * seconds})


def measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    """Measure at one rate; blocks."""
    about = case.about
    options = options_of(about)
    plan = Plan(pool=str(about["pool"]), concurrency=2, consumed=True, options=options)
    with stage(servers, folder, plan) as on:
        _start(on, case.way)
        warm(on, lambda numbers: _heard(on, numbers))
        sender = Sender(on, float(about["alerts/s"]))
        meter = Meter({"worker": on.pids(), **servers.processes(REDIS)})
        sender.run(int(about["alerts"]))
        missing = _missing(on, set(sender.called))
        return _outcome(on, sender, meter.read(int(about["alerts"])), missing)


def _start(on: Stage, way: str) -> None:
    if way == FLOOR:
        on.start(_TEMPLATE, 1, **{env.NOTING: "yes"})
        on.start_program("benchmarks.floors.taker")
    elif way == BEHIND_RAW:
        on.start(UNTOUCHED, 1, **{env.NOTING: "yes"})
        on.start(PLAIN)
        on.workers[-1].expect(" ready.")
    else:
        on.start(way)
        ready(on, way)


def _heard(on: Stage, numbers: set[int]) -> bool:
    return set(map(str, numbers)) <= on.notes.first().keys()


def _missing(on: Stage, numbers: set[int]) -> tuple[str, ...]:
    try:
        wait_until(lambda: _heard(on, numbers), 30.0, "all alerts handled")
    except TimeoutError:
        handled = on.notes.first().keys()
        return (f"{sum(str(number) not in handled for number in numbers)} missing",)
    return ()


def _outcome(on: Stage, sender: Sender, used: dict[str, float], wrong: tuple[str, ...]) -> Outcome:
    started = on.notes.first()
    series = {
        "latency_ms": _differences(sender.called, started),
        "after_kafka_ms": _differences(sender.taken, started),
    }
    bridge = {name[7:]: at for name, at in started.items() if name.startswith("bridge ")}
    if bridge:
        series["to_consumer_ms"] = _differences(sender.called, bridge)
    figures = {
        f"{name[:-3]}_{mark}_ms": quantile(values, share)
        for name, values in series.items()
        for mark, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        if values
    }
    if again := [what for what in on.notes.again() if what.isdigit() and int(what) < FIRST]:
        wrong = (*wrong, f"{len(again)} handled twice")
    return Outcome({**figures, **used}, series, wrong)


def _differences(since: Mapping[int, int], until: Mapping[str, int]) -> list[float]:
    """Return milliseconds, alert by alert, of those that came out at the end."""
    return [
        round((until[str(number)] - at) / 1e6, 3)
        for number, at in since.items()
        if str(number) in until
    ]


LATENCY = Scenario(
    "latency",
    "From sending to the handler's start",
    "Alerts of 10 kB, from the call that sends them, through Kafka, Redis and the worker's pool "
    "of 2, to the first line of the handler. The floor is Kafka's own client, an LPUSH, and a "
    "BRPOP in another process. Celery behind a raw bridge is the same client and LPUSH, and a "
    "worker without any bridge that takes the task in its pool. "
    "Today's way has no line on gevent: its listener is one blocking call, in which gevent's loop "
    "stands still.",
    measure,
    _cases,
    (
        Column("latency_p50_ms", "p50, ms", 2, compared=True),
        Column("latency_p99_ms", "p99, ms", 1),
        Column("latency_max_ms", "longest, ms", 1),
        Column("after_kafka_p50_ms", "p50 since Kafka has it, ms", 2),
        Column("to_consumer_p50_ms", "p50 to a raw consumer, ms", 2),
        Column("worker_cpu_ms_per_alert", "worker CPU, ms an alert", 2),
        Column("elsewhere_cores", "cores busy elsewhere", 2),
    ),
    repetitions=3,
    against=(TODAYS, BEHIND_RAW),
)
