# SPDX-License-Identifier: BSD-3-Clause
"""One run: alerts flow, the fault happens, alerts flow on; then all is waited for and counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.catalogue import Row
from tests.faults.stage import Servers, Stage
from tests.faults.tally import Tally, tally
from tests.faults.verdict import verdict

__all__ = ["Outcome", "run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of a run, what is wrong with them, and how long it took."""

    row: Row
    tally: Tally
    wrong: tuple[str, ...]
    took_s: float


def run(row: Row, servers: Servers, folder: Path, seed: int = 0, linger_s: float = 0.0) -> Outcome:
    """
    Do one run; blocks. Servers are restored before, not after.

    Parameters
    ----------
    row : Row
        What is done, on which task broker and pool.
    servers : Servers
        They run.
    folder : Path
        For diary and logs; empty.
    seed : int
        For what is left to chance.
    linger_s : float
        How long to look on, when all is handled, for what may still be handled again.
    """
    began = time.monotonic()
    servers.restore()
    stage = Stage(servers, folder, row.task_broker, row.pool, row.way, seed)
    stage.environ, stage.counting = dict(row.fault.environ), row.fault.counting
    wrong: tuple[str, ...] = ()
    counted: list[int] = []
    try:
        _play(stage, row, linger_s)
        wrong, counted = stage.died(), stage.counted()
    except (TimeoutError, RuntimeError) as exc:
        # What did not come true, as a worker that is ready: a figure as well, not the table's end.
        wrong = (*stage.died(), str(exc).partition("\n")[0])
    finally:
        stage.close()
    figures = tally(stage.sender.accepted, stage.diary.notes(), stage.story, counted)
    return Outcome(row, figures, (*wrong, *verdict(row, figures)), time.monotonic() - began)


def _play(stage: Stage, row: Row, linger_s: float) -> None:
    pace = row.fault.pace
    stage.workers(row.fault.workers)
    stage.sender.start(pace.rate)
    stage.under_way(pace.before + stage.random.randint(0, pace.before))
    row.fault.does(stage)
    stage.sender.reach(stage.sender.sent + pace.after)
    stage.sender.stop()
    stage.settle(min(pace.settle_s, row.way.settle_s))
    stage.last_for(linger_s)
