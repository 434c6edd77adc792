# SPDX-License-Identifier: BSD-3-Clause
"""One of two workers ends: until the other one handles what comes in its partitions."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from benchmarks import environment as env
from benchmarks.sample import OURS, Case, Outcome
from benchmarks.scenario import Column, Scenario
from benchmarks.sender import Sender
from benchmarks.servers import Servers
from benchmarks.stage import Plan, Stage, stage
from benchmarks.warming import FIRST, ready, warm
from tests.services.wait import wait_until

__all__ = ["TAKEOVER"]

_RATE = 40.0
_AFTER_S = 15.0
_TIMEOUT_S = 90.0


def _cases(_quick: bool) -> list[Case]:
    return [Case("takeover", OURS, {"end": end}) for end in ("SIGTERM", "kill -9")]


def _measure(case: Case, servers: Servers, folder: Path) -> Outcome:
    with stage(servers, folder, Plan(consumed=True)) as on:
        on.start(case.way, 2, **{env.NOTING: "yes"})
        ready(on, case.way)
        warm(on, lambda numbers: set(map(str, numbers)) <= on.notes.first().keys())
        sender = Sender(on, _RATE)
        sending = threading.Thread(target=sender.run, name="sender", daemon=True)
        sending.start()
        wait_until(lambda: len(sender.taken) > _RATE, _TIMEOUT_S, "alerts flow")
        first = on.workers[0]
        ended = first.terminate() if case.about["end"] == "SIGTERM" else first.kill()
        if case.about["end"] != "SIGTERM":
            on.workers.remove(first)
        time.sleep(_AFTER_S)
        sender.stop()
        sending.join()
        wrong = _wrong(on, sender, may_repeat=case.about["end"] != "SIGTERM")
        handled, enqueued = (_waits(on, sender, before) for before in ("", "enqueued "))
    late = {number for number, at in sender.called.items() if at >= ended * 1e9}
    figures = {
        "takeover_s": max(wait for number, wait in enqueued.items() if number in late),
        "longest_s": max(handled.values()),
    }
    return Outcome(figures, {"enqueued_s": list(enqueued.values())}, wrong)


def _wrong(on: Stage, sender: Sender, *, may_repeat: bool) -> tuple[str, ...]:
    wanted = set(map(str, sender.called))
    wrong = []
    try:
        wait_until(lambda: wanted <= on.notes.first().keys(), _TIMEOUT_S, "all handled")
    except TimeoutError:
        wrong.append(f"{len(wanted - on.notes.first().keys())} missing")
    again = [what for what in on.notes.again() if what.isdigit() and int(what) < FIRST]
    if again and not may_repeat:
        wrong.append(f"{len(again)} handled twice")
    return tuple(wrong)


def _waits(on: Stage, sender: Sender, before: str) -> dict[int, float]:
    """Return how long each alert waited for what is noted of it, in seconds."""
    noted = on.notes.first()
    return {
        number: round((noted[f"{before}{number}"] - at) / 1e9, 4)
        for number, at in sender.called.items()
        if f"{before}{number}" in noted
    }


TAKEOVER = Scenario(
    "takeover",
    "When a worker ends",
    "Two workers share 4 partitions, 40 alerts come a second, and one worker ends. How long the "
    "slowest alert that was sent afterwards waited to be enqueued; and the longest until a handler "
    "started, among them those whose tasks the killed worker held.",
    _measure,
    _cases,
    (
        Column("takeover_s", "sent afterwards, until enqueued, s", 2),
        Column("longest_s", "any, until handled, s", 2),
    ),
)
