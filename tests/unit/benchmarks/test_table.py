# SPDX-License-Identifier: BSD-3-Clause
"""Figures as tables."""

from benchmarks.sample import FLOOR, OURS, TODAYS
from benchmarks.table import number, table, told
from tests.unit.benchmarks.made import report, sample, scenario


def rate(way, value, repetition=0):
    return sample("backlog", way, {"alerts": 5}, {"alerts_per_s": value}, repetition=repetition)


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_columns_are_as_wide_as_they_must_be():
    lines = table(("a", "long title"), [("longer", "b"), ("c", "d")]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|--------|------------|"


def test_a_case_has_its_median_its_spread_and_its_ratios():
    made = report(
        rate(OURS, 1200.0), rate(OURS, 1000.0, 1), rate(TODAYS, 50.0), rate(f"{FLOOR}: x", 4400.0)
    )
    lines = told(scenario(), made).splitlines()
    assert cells(lines[0])[2:] == ["alerts/s", f"÷ {TODAYS}", f"÷ {FLOOR}"]
    assert cells(lines[2])[1:] == [
        OURS,
        "1\u202f100 (1\u202f000…1\u202f200)",
        "22.0",
        "0.25",
    ]


def test_nothing_is_compared_with_itself_or_with_what_is_not_there():
    head, _, line = told(scenario(), report(rate(TODAYS, 50.0))).splitlines()
    assert cells(head)[2:] == ["alerts/s", f"÷ {TODAYS}"]
    assert cells(line)[1:] == [TODAYS, "50", "–"]


def test_what_could_not_be_measured_has_a_line_without_figures():
    failed = sample("backlog", OURS, {"alerts": 5}, {}, wrong=["TimeoutError"])
    (*_, line) = told(scenario(), report(failed)).splitlines()
    assert cells(line)[1:] == [f"{OURS} ✗", "–"]


def test_what_was_not_asked_for_has_no_table():
    assert told(scenario("idle"), report(rate(OURS, 1.0))) == ""


def test_thousands_stand_apart():
    assert number(1234567.891, 1) == "1\u202f234\u202f567.9"
