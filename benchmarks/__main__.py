# SPDX-License-Identifier: BSD-3-Clause
"""``python -m benchmarks``: measure, print, keep as JSON, write the page; for ``make bench``."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from functools import reduce
from pathlib import Path

from benchmarks.catalogue import SCENARIOS
from benchmarks.machine import machine, versions
from benchmarks.memory import page_cost
from benchmarks.page import write
from benchmarks.report import Report
from benchmarks.run import Asked, run
from benchmarks.sample import Sample
from benchmarks.servers import running_servers
from benchmarks.table import told
from benchmarks.targets import verdict

__all__ = ["main"]

_KEPT = Path(__file__).parents[1] / ".cache" / "benchmarks"


def main() -> int:
    """Do what is asked for; return 1 when something was lost, doubled or could not be measured."""
    asked = _arguments()
    if asked.list:
        return _list(_asked(asked))
    report = _kept(asked.show) if asked.show else _measured(asked)
    for scenario in SCENARIOS:
        if text := told(scenario, report):
            print(f"\n{scenario.title}\n\n{text}")
    print(f"\nTargets\n\n{verdict(report)}")
    if asked.write:
        write(SCENARIOS, report)
    wrong = list(report.wrong())
    print("\n" + ("\n".join(["WRONG:", *wrong]) if wrong else "Everything arrived, once."))
    return 1 if wrong else 0


def _kept(paths: list[Path]) -> Report:
    return reduce(Report.with_parts_of, map(Report.load, paths))


def _measured(asked: argparse.Namespace) -> Report:
    now = dt.datetime.now(dt.timezone.utc)
    about = {
        "command": _asked(asked).command(),
        "at": now.isoformat(timespec="seconds"),
        "machine": {**machine(), "page of memory": page_cost()},
        "versions": versions(),
    }
    report = Report(about)
    path = asked.json or _KEPT / f"{now:%Y%m%dT%H%M%S}.json"

    def taken(sample: Sample) -> None:
        report.samples.append(sample)
        report.save(path)
        print(_line(sample), flush=True)

    with running_servers() as servers:
        run(SCENARIOS, _asked(asked), servers, taken)
    print(f"\nkept in {path}")
    return report


def _line(sample: Sample) -> str:
    figures = (f"{name} {value:.4g}" for name, value in sample.outcome.figures.items())
    wrong = "".join(f"\n  WRONG: {text}" for text in sample.outcome.wrong)
    return f"{sample.case.key} #{sample.repetition}: {', '.join(figures)}{wrong}"


def _list(asked: Asked) -> int:
    for scenario in SCENARIOS:
        for case in asked.cases(scenario):
            print(f"{asked.times(scenario)} × {case.key}")
    return 0


def _asked(given: argparse.Namespace) -> Asked:
    return Asked(only=given.only, quick=given.quick, repetitions=given.repetitions, long=given.long)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="regular expression of what --list shows")
    parser.add_argument("--quick", action="store_true", help="fewer alerts, once each")
    parser.add_argument(
        "--repetitions", "--repeats", type=int, help="in place of each scenario's own number"
    )
    parser.add_argument("--long", action="store_true", help="also what takes an hour")
    parser.add_argument("--list", action="store_true", help="show the cases, measure nothing")
    parser.add_argument("--json", type=Path, help="where to keep it; default: .cache/benchmarks")
    what = "measure nothing, take what was kept there; a later file's scenarios replace others'"
    parser.add_argument("--show", type=Path, nargs="+", metavar="JSON", help=what)
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
