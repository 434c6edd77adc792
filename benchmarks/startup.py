# SPDX-License-Identifier: BSD-3-Clause
"""From starting a worker's process to the first alert that its handler gets."""

from __future__ import annotations

import threading
from pathlib import Path

from benchmarks.sample import OURS, TODAYS, Case, Outcome
from benchmarks.scenario import Column, Scenario
from benchmarks.sender import Sender
from benchmarks.servers import Servers
from benchmarks.stage import Plan, Stage, stage
from benchmarks.ways import PLAIN
from tests.services.wait import wait_until

__all__ = ["STARTUP"]

_RATE = 50.0
_TIMEOUT_S = 60.0


def _cases(_quick: bool) -> list[Case]:
    return [Case("startup", way, {"pool": "prefork"}) for way in (OURS, TODAYS, PLAIN)]


def _measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    with stage(servers, folder, Plan(pool="prefork", concurrency=2, consumed=True)) as on:
        sender = Sender(on, _RATE)
        sending = threading.Thread(target=sender.run, name="sender", daemon=True)
        sending.start()
        on.start(case.way)
        (worker,) = on.workers
        figures = {"ready_s": worker.expect(" ready.", _TIMEOUT_S) - worker.began}
        if case.way != PLAIN:
            wait_until(lambda: _handled(on), _TIMEOUT_S, "an alert handled")
            figures["first_alert_s"] = min(_handled(on).values()) / 1e9 - worker.began
        if case.way == OURS:
            figures["running_s"] = worker.expect("receiver: running") - worker.began
        sender.stop()
        sending.join()
        wrong = _missing(on, sender) if case.way != PLAIN else ()
    return Outcome(figures, wrong=wrong)


def _handled(on: Stage) -> dict[int, int]:
    return {int(name): at for name, at in on.notes.first().items() if name.isdigit()}


def _missing(on: Stage, sender: Sender) -> tuple[str, ...]:
    """From the first alert on that was handled, all have to be."""
    first = min(_handled(on))
    wanted = {number for number in sender.called if number >= first + on.plan.partitions}
    try:
        wait_until(lambda: wanted <= _handled(on).keys(), _TIMEOUT_S, "the rest handled")
    except TimeoutError:
        return (f"{len(wanted - _handled(on).keys())} missing",)
    return ()


STARTUP = Scenario(
    "startup",
    "Starting",
    "From starting the process, a new consumer group, while alerts come 50 times a second.",
    _measure,
    _cases,
    (
        Column("ready_s", "Celery says ready, s", 2),
        Column("running_s", "the receiver says running, s", 2),
        Column("first_alert_s", "the first handler starts, s", 2),
    ),
)
