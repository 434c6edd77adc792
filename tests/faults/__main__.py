# SPDX-License-Identifier: BSD-3-Clause
"""``python -m tests.faults``: the table, the chaos runs and the soak, for ``make``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.catalogue import rows, todays_rows
from tests.faults.chaos import plan
from tests.faults.chaos_run import SECONDS, chaos_run
from tests.faults.page import PAGE, line, text
from tests.faults.pit import Job, play
from tests.faults.results import Results, as_dict, has_failed
from tests.faults.run import run
from tests.faults.soak import growth, soak
from tests.faults.stage import Servers
from tests.faults.ways import todays

# Longer than a worker takes to notice that another one is dead and to take over what it held;
# elsewhere the task broker does that by itself.
LINGER_S = 15.0


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _row_job(row: Any, seed: int) -> Job:
    linger_s = LINGER_S if row.task_broker == "redis" else 0.0
    return Job(
        f"{row.way.name} | {row}",
        lambda servers, folder: as_dict(run(row, servers, folder, seed, linger_s)),
        rabbitmq=row.task_broker == "rabbitmq",
    )


def _table(asked: argparse.Namespace) -> list[Job]:
    found = list(rows(asked.only)) if asked.way in ("ours", "both") else []
    if asked.way in ("todays", "both"):
        found += todays_rows(todays(), asked.only)
    return [_row_job(row, asked.seed) for row in found]


def _chaos(asked: argparse.Namespace) -> list[Job]:
    seeds = range(asked.seed, asked.seed + asked.seeds)
    if asked.show:
        for seed in seeds:
            _say("\n".join([f"seed {seed}", *map(str, plan(seed, asked.seconds))]))
        return []

    def job(seed: int) -> Job:
        def does(servers: Servers, folder: Path) -> dict[str, Any]:
            return as_dict(chaos_run(seed, servers, folder, asked.seconds))

        return Job(f"seed {seed}", does)

    return [job(seed) for seed in seeds]


def _soak(asked: argparse.Namespace) -> list[Job]:
    def does(servers: Servers, folder: Path) -> dict[str, Any]:
        outcome, samples = soak(servers, folder, asked.minutes, asked.seed)
        found = growth(samples)
        for item in found:
            _say(f"{item.what}: {item.before:g} → {item.after:g}{' GREW' if item.grew else ''}")
        result = as_dict(outcome)
        result["wrong"] += [f"{item.what} grew" for item in found if item.grew]
        return {**result, "growth": list(map(asdict, found)), "samples": list(map(asdict, samples))}

    return [Job("soak", does)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    parser.add_argument("--folder", type=Path, help="keep diaries and logs there")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--rest", action="store_true", help="what is not kept yet, or went wrong")
    kinds = parser.add_subparsers(dest="kind", required=True)
    table = kinds.add_parser("table", help="every fault on every task broker and pool")
    table.add_argument("--only", default="", help="regular expression of 'fault | broker | pool'")
    table.add_argument("--way", choices=("ours", "todays", "both"), default="both")
    chaos = kinds.add_parser("chaos", help="random faults that overlap")
    chaos.add_argument("--seeds", type=int, default=5)
    chaos.add_argument("--seconds", type=float, default=SECONDS)
    chaos.add_argument("--show", action="store_true", help="show the plans, run nothing")
    long = kinds.add_parser("soak", help="one long chaos run, watched for growth")
    long.add_argument("--minutes", type=float, default=30.0)
    return parser.parse_args()


_JOBS: dict[str, Callable[[argparse.Namespace], list[Job]]] = {
    "table": _table,
    "chaos": _chaos,
    "soak": _soak,
}


def main() -> int:
    """Run what is asked for; return 1 when a run of this package went wrong."""
    asked = _arguments()
    results, wrong = Results(asked.kind), []
    jobs = _JOBS[asked.kind](asked)
    if asked.rest:
        kept = results.load()
        jobs = [job for job in jobs if job.name not in kept or has_failed(kept[job.name])]
    random.Random(asked.seed).shuffle(jobs)  # so that a part of a table shows all of it

    def done(job: Job, result: dict[str, Any]) -> None:
        results.keep(job.name, result)
        _say(line(result))
        if has_failed(result):
            wrong.append(job.name)

    folder = asked.folder or Path(tempfile.mkdtemp(prefix="igwn-alert-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    play(jobs, folder, asked.jobs, done)
    if asked.write:
        PAGE.write_text(text())
    if wrong:
        _say(f"{len(wrong)} went wrong, see {folder}:\n" + "\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
