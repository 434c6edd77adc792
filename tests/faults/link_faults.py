# SPDX-License-Identifier: BSD-3-Clause
"""What is done to the connections between workers and a server, by toxiproxy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from tests.faults.fault import Fault
from tests.faults.links import Link
from tests.faults.stage import Stage

__all__ = ["link_faults"]

CUT_S = 5.0
SILENT_S = 15.0
SLOW_S = 8.0
LATENCY_MS, JITTER_MS = 100, 50

Telling = Callable[[Stage], AbstractContextManager[None]]


def _broken(
    stage: Stage, name: str, how: Callable[[Link], None], for_s: float, telling: Telling
) -> None:
    link = stage.servers.links[name]
    with telling(stage):
        how(link)
        stage.last_for(for_s)
        link.heal()


def link_faults(
    name: str, server: str, fault: Callable[..., Fault], telling: Telling
) -> tuple[Fault, ...]:
    """Return the faults of one detour; ``telling`` tells the story of a server that is away."""

    def row(what: str, how: Callable[[Link], None], for_s: float) -> Fault:
        does = partial(_broken, name=name, how=how, for_s=for_s, telling=telling)
        return fault(f"{server}: {what} for {for_s:g} s", does)

    def slow(link: Link) -> None:
        link.slow(LATENCY_MS, JITTER_MS)

    return (
        row("connections refused", Link.cut, CUT_S),
        row("connections reset", Link.reset, CUT_S),
        row("connections half open", Link.silence, SILENT_S),
        row(f"{LATENCY_MS} ± {JITTER_MS} ms each way", slow, SLOW_S),
    )
