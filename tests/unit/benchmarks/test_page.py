# SPDX-License-Identifier: BSD-3-Clause
"""The page and its pictures."""

import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.catalogue import SCENARIOS
from benchmarks.charts import Bar, Curve, bars, curves
from benchmarks.page import text, write
from benchmarks.plots import plots
from benchmarks.sample import FLOOR, OURS, TODAYS
from benchmarks.spread import Spread
from tests.unit.benchmarks.made import report, sample

MEMORY = {"data": "in memory", "alerts": 10}
RATES = {"alerts_per_s": 12345.0, "worker_cpu_ms_per_alert": 0.05}
LATENCY = {"pool": "solo", "alerts/s": 5, "alerts": 3}


@pytest.fixture
def made():
    return report(
        *(sample("backlog", way, MEMORY, RATES) for way in (OURS, TODAYS, f"{FLOOR}: template")),
        *(sample("sizes", OURS, {"size": size, "alerts": 10}, RATES) for size in ("1 kB", "10 kB")),
        sample("latency", OURS, LATENCY, {}, series={"latency_ms": [2.0, 3.0, 20.0]}),
    )


def test_pictures_are_drawn_of_what_was_measured(made):
    assert set(plots(made)) == {"backlog.svg", "cpu.svg", "sizes.svg", "latency-5.svg"}
    assert plots(report()) == {}


def test_pictures_are_well_formed(made):
    for picture in plots(made).values():
        assert ET.fromstring(picture).tag.endswith("svg")


def test_a_title_may_hold_anything():
    drawn = bars("<&'\">", "x", [Bar("<a>", Spread(1, 1, 1, 1), "#000")])
    words = [item.text for item in ET.fromstring(drawn).iter() if item.text]
    assert "<&'\">" in words
    assert "<a>" in words


def test_a_longer_bar_is_longer():
    rows = [Bar("a", Spread(10, 9, 11, 3), "#111111"), Bar("b", Spread(90, 80, 95, 3), "#222222")]
    drawn = bars("", "x", rows)
    widths = re.findall(r"width='([\d.]+)' height='[\d.]+' fill='#(?:111111|222222)'", drawn)
    assert float(widths[0]) < float(widths[1])


def test_a_curve_of_shares_goes_from_the_bottom_to_the_top():
    drawn = curves("", ("ms", ""), [Curve("a", [(1.0, 0.0), (9.0, 1.0)], "#123456")], shares=True)
    (points,) = re.findall(r"points='([^']+)' fill='none' stroke='#123456' stroke-width='2'", drawn)
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points.split())
    assert x0 < x1
    assert y0 > y1


def test_every_scenario_has_its_section(made):
    page = text(SCENARIOS, made, {})
    for scenario in SCENARIOS:
        assert f"### {scenario.title}\n\n{scenario.text}" in page
    assert "12\u202f345" in page
    assert "Not measured in this run." in page
    assert not re.search(r"\{\w+\}", page)


def test_the_page_shows_each_picture_once_and_those_of_an_older_run_go(made, tmp_path):
    folder = tmp_path / "performance"
    folder.mkdir()
    (folder / "old.svg").touch()
    write(SCENARIOS, made, tmp_path / "performance.md")
    page = (tmp_path / "performance.md").read_text()
    shown = re.findall(r"\]\((performance/[^)]+)\)", page)
    assert sorted(shown) == sorted(f"performance/{path.name}" for path in folder.iterdir())
    assert "performance/old.svg" not in shown
