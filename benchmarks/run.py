# SPDX-License-Identifier: BSD-3-Clause
"""Takes all samples that are asked for, in turns, so that a slow minute falls on all ways alike."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sample import Case, Outcome, Sample
from benchmarks.scenario import Scenario
from benchmarks.servers import Servers

__all__ = ["Asked", "run", "turns"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """
    What to measure.

    Attributes
    ----------
    only : str
        Regular expression of a case's key.
    quick : bool
        Fewer alerts, once each.
    repetitions : int or None
        In place of each scenario's own.
    long : bool
        Also what takes long.
    """

    only: str = ""
    quick: bool = False
    repetitions: int | None = None
    long: bool = False

    def command(self) -> str:
        """Return what asks for the same again."""
        said = ["python -m benchmarks"]
        said += [f"--only {shlex.quote(self.only)}"] * bool(self.only)
        said += ["--quick"] * self.quick + ["--long"] * self.long
        said += [f"--repetitions {self.repetitions}"] * bool(self.repetitions)
        return " ".join(said)

    def cases(self, scenario: Scenario) -> list[Case]:
        """Return the cases of a scenario that are to be measured."""
        if scenario.long and not self.long:
            return []
        return [case for case in scenario.cases(self.quick) if re.search(self.only, case.key)]

    def times(self, scenario: Scenario) -> int:
        """Return how often."""
        return self.repetitions or (1 if self.quick else scenario.repetitions)


def turns(scenarios: Iterable[Scenario], asked: Asked) -> Iterator[tuple[Scenario, Case, int]]:
    """Yield what to measure next: all cases of a scenario in turn, then all of them again."""
    for scenario in scenarios:
        cases = asked.cases(scenario)
        for repetition in range(asked.times(scenario)):
            # Each round from another one on, so that none always follows the same one.
            start = repetition % len(cases) if cases else 0
            for case in cases[start:] + cases[:start]:
                yield scenario, case, repetition


def run(
    scenarios: Iterable[Scenario],
    asked: Asked,
    servers: Servers,
    taken: Callable[[Sample], None],
) -> None:
    """Take all samples; one that fails is kept as such, and the others are taken all the same."""
    for scenario, case, repetition in turns(scenarios, asked):
        began = time.monotonic()
        at = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        outcome = _outcome(scenario, case, servers)
        taken(Sample(case, repetition, outcome, at, round(time.monotonic() - began, 1)))


def _outcome(scenario: Scenario, case: Case, servers: Servers) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="igwn-alert-bench-") as folder:
        try:
            return scenario.measure(case, servers, Path(folder))
        except Exception:  # noqa: BLE001 - see below
            # A border: one case that cannot be measured must not cost an hour of others.
            return Outcome({}, wrong=(traceback.format_exc(limit=-3),))
