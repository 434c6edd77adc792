# SPDX-License-Identifier: BSD-3-Clause
"""``docs/performance.md`` and its pictures, from the figures of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.cores import room
from benchmarks.plots import plots
from benchmarks.report import Report
from benchmarks.scenario import Scenario
from benchmarks.table import told
from benchmarks.targets import verdict

__all__ = ["PAGE", "text", "write"]

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_TEMPLATE = Path(__file__).with_name("page.md")
_NONE = "Not measured in this run."


def write(scenarios: Iterable[Scenario], report: Report, page: Path = PAGE) -> None:
    """Write page and pictures; pictures of an older run go."""
    folder = page.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    pictures = plots(report)
    for name, picture in pictures.items():
        (folder / name).write_text(picture)
    page.write_text(text(scenarios, report, {name: f"{folder.name}/{name}" for name in pictures}))


def text(scenarios: Iterable[Scenario], report: Report, pictures: Mapping[str, str]) -> str:
    """Return the page; ``pictures`` has where each is."""
    found = {scenario.name: _section(scenario, report, pictures) for scenario in scenarios}
    parts = {
        "verdict": verdict(report),
        "room": room(report) or _NONE,
        "sections": "\n\n".join(found.values()),
        "measured": _measured(report),
    }
    page = _TEMPLATE.read_text()
    for name, part in parts.items():
        page = page.replace(f"{{{name}}}", part)
    return page


def _section(scenario: Scenario, report: Report, pictures: Mapping[str, str]) -> str:
    shown = [
        f"![{scenario.title}: {name[:-4]}]({place})"
        for name, place in pictures.items()
        if _scenario_of(name) == scenario.name
    ]
    figures = told(scenario, report) or _NONE
    return "\n\n".join([f"### {scenario.title}", scenario.text, *shown, figures])


def _scenario_of(picture: str) -> str:
    name = picture.removesuffix(".svg").partition("-")[0]
    return "backlog" if name == "cpu" else name


def _measured(report: Report) -> str:
    about = report.about
    told = (
        f"{about['at']}, by `{about['command']}`, {len(report.samples)} measurements.",
        *(", ".join(map(" ".join, about[name].items())) for name in ("machine", "versions")),
    )
    return "\n".join(f"- {line}" for line in told)
