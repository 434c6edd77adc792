# SPDX-License-Identifier: BSD-3-Clause
"""One run for a test: what it shows to be wrong, on a machine that others use as well."""

from __future__ import annotations

from pathlib import Path

from tests.faults.catalogue import Row
from tests.faults.run import Outcome, run
from tests.faults.stage import Servers
from tests.faults.verdict import late

__all__ = ["promised"]


def promised(row: Row, servers: Servers, folder: Path) -> Outcome:
    """
    Do a run, and a second one when nothing but the time was wrong; return the last one.

    The machine may have stalled in the first. A fault of ours makes both late.
    """
    outcome = _run(row, servers, folder / "first")
    if outcome.wrong and set(outcome.wrong) <= set(late(row, outcome.tally)):
        outcome = _run(row, servers, folder / "second")
    return outcome


def _run(row: Row, servers: Servers, folder: Path) -> Outcome:
    folder.mkdir()
    return run(row, servers, folder)
