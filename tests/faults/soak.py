# SPDX-License-Identifier: BSD-3-Clause
"""A long run with random faults, in which the workers' memory, descriptors and threads are watched.

One worker, the witness, is never killed, so that whatever it does not let go adds up.
"""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.catalogue import Row
from tests.faults.chaos import Acts, plan
from tests.faults.crew import CrewMember
from tests.faults.fault import Fault, Pace
from tests.faults.processes import descendants, use
from tests.faults.run import Outcome, run
from tests.faults.stage import Servers, Stage

__all__ = ["Growth", "Sample", "growth", "soak"]

SAMPLE_S = 5.0
# What a median may be above an earlier one: allocators and connections breathe.
ALLOWED = {"memory_kb": (0.10, 4096), "descriptors": (0.10, 4), "threads": (0.10, 2)}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the witness and its pool's processes used together, some seconds after the beginning."""

    at_s: float
    memory_kb: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of the second and of the last quarter of a soak, and whether that is growth."""

    what: str
    before: float
    after: float
    grew: bool


def growth(samples: list[Sample]) -> list[Growth]:
    """
    Compare the second quarter with the last one.

    The first is left out, as caches fill and pools open then. Medians, so that a moment of a
    reconnect or of a child's start counts for nothing.
    """
    quarter = len(samples) // 4
    if not quarter:
        raise ValueError(f"{len(samples)} samples are too few to compare quarters")
    found = []
    for what, (share, least) in ALLOWED.items():
        values = [getattr(sample, what) for sample in samples]
        before = statistics.median(values[quarter : 2 * quarter])
        after = statistics.median(values[-quarter:])
        found.append(Growth(what, before, after, after > before + max(share * before, least)))
    return found


class _Watch:
    """Samples a worker until it is told to end."""

    def __init__(self, member: CrewMember) -> None:
        self._pid = member.pid
        self._began = time.monotonic()
        self._end = threading.Event()
        self._samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def end(self) -> list[Sample]:
        """Return what was sampled; raise when the witness did not see the end."""
        alive = self._thread.is_alive()
        self._end.set()
        self._thread.join()
        if not alive:
            raise RuntimeError(f"the witness, process {self._pid}, has ended before the soak")
        return self._samples

    def _run(self) -> None:
        while not self._end.wait(SAMPLE_S) and use(self._pid):
            used = [use(pid) for pid in (self._pid, *descendants(self._pid))]
            sums = {what: sum(item.get(what, 0) for item in used) for what in ALLOWED}
            self._samples.append(Sample(round(time.monotonic() - self._began, 1), **sums))


def soak(servers: Servers, folder: Path, minutes: float, seed: int) -> tuple[Outcome, list[Sample]]:
    """Do it; blocks. Returns the figures of the run, and the samples."""
    samples: list[Sample] = []

    def does(stage: Stage) -> None:
        watch = _Watch(stage.crew[0])
        acts = Acts(stage, plan(seed, minutes * 60), seed)
        acts.wait()
        servers.restore()
        stage.story.returned.clear()  # the next fault may have come before all had resumed
        samples.extend(watch.end())

    fault = Fault(
        f"soak of {minutes:g} min, seed {seed}",
        does,
        workers=3,
        takeover_limit_s=float("inf"),
        redelivery_limit_s=float("inf"),
        resume_limit_s=None,
        pace=Pace(settle_s=150.0),
        counting=False,
    )
    return run(Row(fault, "redis", "prefork"), servers, folder, seed), samples
