# SPDX-License-Identifier: BSD-3-Clause
"""One chaos run: three workers, a steady stream, and the faults of one seed."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from tests.faults.catalogue import Row
from tests.faults.chaos import Acts, plan
from tests.faults.fault import Fault, Pace
from tests.faults.run import Outcome, run
from tests.faults.stage import Servers, Stage

__all__ = ["SECONDS", "chaos_run"]

SECONDS = 60.0
# A fault may begin with the last second, and a worker be lost then.
PACE = Pace(settle_s=150.0)
_NO_LIMIT_S = float("inf")


def _chaos(stage: Stage, seed: int, seconds: float) -> None:
    began = time.monotonic()
    acts = Acts(stage, plan(seed, seconds), seed)
    stage.last_for(max(0.0, began + seconds - time.monotonic()))
    acts.wait()
    stage.servers.restore()
    stage.story.returned.clear()  # the next fault may have come before all had resumed


def chaos_run(seed: int, servers: Servers, folder: Path, seconds: float = SECONDS) -> Outcome:
    """Do the run of one seed; what overlaps has no limit of its own, so times are only shown."""
    fault = Fault(
        f"chaos, seed {seed}",
        partial(_chaos, seed=seed, seconds=seconds),
        workers=3,
        takeover_limit_s=_NO_LIMIT_S,
        redelivery_limit_s=_NO_LIMIT_S,
        resume_limit_s=None,
        pace=PACE,
    )
    return run(Row(fault, "redis", "prefork"), servers, folder, seed)
