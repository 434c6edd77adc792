# SPDX-License-Identifier: BSD-3-Clause
"""A run's samples: kept, read again, and compared."""

import pytest

from benchmarks.report import Report
from benchmarks.sample import FLOOR, OURS, TODAYS, Case
from benchmarks.spread import Spread
from tests.unit.benchmarks.made import report, sample

ABOUT = {"data": "in memory", "alerts": 100}
FEW = {**ABOUT, "alerts": 20}


def rates(way, *values, about=ABOUT):
    return [
        sample("backlog", way, about, {"alerts_per_s": value}, repetition=number)
        for number, value in enumerate(values)
    ]


def test_it_is_the_same_after_it_was_kept(tmp_path):
    kept = report(
        *rates(OURS, 10.0, 12.0),
        sample("latency", OURS, {"pool": "solo"}, {"p50": 1.0}, series={"l": [1.0]}, wrong=["x"]),
    )
    kept.save(tmp_path / "new" / "run.json")
    assert Report.load(tmp_path / "new" / "run.json") == kept


def test_repetitions_of_a_case_make_one_spread():
    found = report(*rates(OURS, 10.0, 30.0, 20.0))
    (case,) = found.cases("backlog")
    assert found.spread(case, "alerts_per_s") == Spread(20.0, 10.0, 30.0, 3)
    assert found.spread(case, "no such figure") is None


def test_a_ratio_is_that_of_medians_and_its_ends_those_of_single_rounds():
    found = report(*rates(OURS, 20.0, 60.0, 40.0), *rates(TODAYS, 2.0, 3.0, 2.0, about=FEW))
    ours = found.find("backlog", OURS, ABOUT)
    ratio = found.ratio(ours, found.find("backlog", TODAYS, ABOUT), "alerts_per_s")
    assert (ratio.value, ratio.low, ratio.high) == (20.0, 10.0, 20.0)


def test_ways_are_compared_though_one_had_fewer_alerts():
    found = report(*rates(TODAYS, 2.0, about=FEW))
    assert found.find("backlog", TODAYS, ABOUT) == Case("backlog", TODAYS, FEW)


def test_ways_are_not_compared_under_other_conditions():
    found = report(*rates(FLOOR, 2.0, about={"data": "on disk", "alerts": 100}))
    assert found.find("backlog", FLOOR, ABOUT) is None


@pytest.mark.parametrize("theirs", [[], rates(TODAYS, 0.0)])
def test_there_is_no_ratio_to_nothing(theirs):
    found = report(*rates(OURS, 1.0), *theirs)
    ours = found.find("backlog", OURS, ABOUT)
    to = found.find("backlog", TODAYS, ABOUT)
    assert found.ratio(ours, to, "alerts_per_s") is None


def test_what_went_wrong_is_told_with_its_case():
    found = report(sample("idle", OURS, {"pool": "solo"}, {}, wrong=["3 missing"]))
    assert list(found.wrong()) == [f"idle | pool solo | {OURS}: 3 missing"]


def test_a_scenario_that_was_measured_anew_takes_the_place_of_the_old_one():
    idle = sample("idle", OURS, {"pool": "solo"}, {"cpu_percent": 1.0})
    found = report(*rates(OURS, 1.0, 2.0), idle).with_parts_of(report(*rates(OURS, 5.0)))
    assert found.samples == [idle, *rates(OURS, 5.0)]


def test_all_commits_that_parts_were_measured_at_are_told_once():
    found = report()
    for commit in ("a1", "b2", "b2"):
        later = report()
        later.about["versions"] = {"commit": commit}
        found = found.with_parts_of(later)
    assert found.about["versions"]["commit"] == "a1 and b2"
