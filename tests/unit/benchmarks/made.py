# SPDX-License-Identifier: BSD-3-Clause
"""Reports and scenarios that no server was asked for."""

from benchmarks.report import Report
from benchmarks.sample import Case, Outcome, Sample
from benchmarks.scenario import Column, Scenario

ABOUT = {
    "command": "python -m benchmarks",
    "at": "2026-01-01T00:00:00+00:00",
    "machine": {"cores": "2"},
    "versions": {"celery": "5.7.0"},
}


def sample(scenario, way, about, figures, *, repetition=0, series=None, wrong=()):
    outcome = Outcome(figures, series or {}, tuple(wrong))
    return Sample(Case(scenario, way, about), repetition, outcome, "now", 1.0)


def report(*samples):
    return Report(dict(ABOUT), list(samples))


def scenario(name="backlog", cases=(), columns=(), **more):
    columns = columns or (Column("alerts_per_s", "alerts/s", 0, compared=True),)
    return Scenario(
        name, f"Title of {name}", "Text.", None, lambda quick: list(cases), columns, **more
    )
