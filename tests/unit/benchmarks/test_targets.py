# SPDX-License-Identifier: BSD-3-Clause
"""What has to be reached: each target is found in what the scenarios measure."""

import pytest

from benchmarks.catalogue import SCENARIOS
from benchmarks.publisher import ECHO, ECHO_THEN_RAW
from benchmarks.sample import FLOOR, OURS, TODAYS
from benchmarks.targets import Finding, findings, verdict
from benchmarks.ways import BEHIND_RAW
from tests.unit.benchmarks.made import report, sample


def whole(figure):
    """Return a report in which every case of every scenario has every figure."""
    return report(
        *(
            sample(case.scenario, case.way, case.about, _figures(item, figure))
            for item in SCENARIOS
            for case in item.cases(False)
        )
    )


def _figures(item, value):
    return {column.figure: value for column in item.columns}


def test_each_target_is_measured_by_a_whole_run():
    found = findings(whole(1.0))
    assert [item.what for item in found if item.met is None] == []
    assert len(found) > 25


def test_nothing_is_met_by_a_run_of_nothing():
    assert {item.met for item in findings(report())} == {None}
    assert "not measured" in verdict(report())


@pytest.mark.parametrize(("ours", "met"), [(2000.0, True), (1900.0, False)])
def test_throughput_is_held_against_todays_way(ours, met):
    memory = {"data": "in memory", "alerts": 10}
    found = findings(
        report(
            sample("backlog", OURS, memory, {"alerts_per_s": ours}),
            sample("backlog", TODAYS, memory, {"alerts_per_s": 100.0}),
            sample("backlog", f"{FLOOR}: template", memory, {"alerts_per_s": 4000.0}),
        )
    )
    assert found[0].met is met
    assert found[1].value == ours / 4000


def test_the_99th_is_held_against_todays_median():
    about = {"pool": "solo", "alerts/s": 5, "alerts": 10}
    ours = sample("latency", OURS, about, {"latency_p50_ms": 1.0, "latency_p99_ms": 8.1})
    todays = sample("latency", TODAYS, about, {"latency_p50_ms": 6.0, "latency_p99_ms": 14.0})
    (found,) = (item for item in findings(report(ours, todays)) if "p99" in item.what)
    assert (found.limit, found.value, found.met) == (8.0, 8.1, False)


def test_one_lost_alert_is_one_too_many():
    right = sample("idle", OURS, {"pool": "prefork"}, {})
    wrong = sample("idle", OURS, {"pool": "prefork"}, {}, wrong=["1 missing"])
    assert findings(report(right))[-1].met is True
    assert findings(report(right, wrong))[-1].met is False


def test_a_line_says_the_target_the_figure_and_its_spread():
    least = Finding("speed", "×", 20, 27.123, 25.0, 29.9, least=True)
    assert least.cells() == ("speed", "≥ 20 ×", "27.1 × (25…29.9)", "–", "met")
    cost = Finding("cost", "MB", 25, 30, floor=26.04)
    assert cost.cells() == ("cost", "≤ 25 MB", "30 MB", "26 MB", "NOT MET")
    assert Finding("cost", "MB", 25, None).cells()[2:] == ("–", "–", "not measured")


def test_the_floor_is_held_against_the_same():
    about = {"pool": "solo", "alerts/s": 5, "alerts": 10}
    ways = {OURS: 4.0, TODAYS: 6.0, BEHIND_RAW: 3.0}
    found = findings(
        report(
            *(
                sample("latency", way, about, {"latency_p50_ms": p50, "latency_p99_ms": 2 * p50})
                for way, p50 in ways.items()
            )
        )
    )
    p50, p99 = (item for item in found if "5 alerts/s, solo" in item.what)
    assert (p50.value, p50.floor) == (4.0 / 6.0, 0.5)
    assert (p99.limit, p99.value, p99.floor) == (8.0, 8.0, 6.0)


def test_a_single_send_is_held_against_the_round_trip_and_a_raw_send():
    """The names of two ways begin alike, and any may have been measured first."""
    about = {"send": "single", "alerts": 10}
    ways = {ECHO_THEN_RAW: 3.0, ECHO: 2.0, OURS: 3.75, FLOOR: 0.5}
    found = findings(
        report(
            *(sample("publisher", way, about, {"p50_ms": p50}) for way, p50 in ways.items()),
        )
    )
    (single,) = (item for item in found if item.what.startswith("publisher, single"))
    assert (single.value, single.floor, single.met) == (1.5, 1.2, True)
