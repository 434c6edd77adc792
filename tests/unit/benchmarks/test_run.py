# SPDX-License-Identifier: BSD-3-Clause
"""What is measured, and in which order."""

import pytest

from benchmarks.catalogue import SCENARIOS
from benchmarks.run import Asked, run, turns
from benchmarks.sample import Case, Outcome
from benchmarks.scenario import Scenario
from tests.unit.benchmarks.made import scenario

CASES = [Case("backlog", way, {"alerts": 1}) for way in "abc"]


def order(asked, *scenarios):
    return [(case.way, repetition) for _, case, repetition in turns(scenarios, asked)]


def test_all_ways_take_turns_and_none_always_follows_the_same():
    found = order(Asked(repetitions=2), scenario(cases=CASES))
    assert found == [("a", 0), ("b", 0), ("c", 0), ("b", 1), ("c", 1), ("a", 1)]


def test_a_scenario_says_how_often_unless_it_is_asked():
    few = scenario(cases=CASES[:1], repetitions=3)
    assert len(order(Asked(), few)) == 3
    assert len(order(Asked(quick=True), few)) == 1
    assert len(order(Asked(quick=True, repetitions=2), few)) == 2


def test_only_some_are_measured():
    assert order(Asked(only=r"^backlog \| alerts 1 \| [ac]$", quick=True), scenario(cases=CASES))
    assert order(Asked(only="latency"), scenario(cases=CASES)) == []


def test_what_takes_long_is_asked_for():
    long = scenario(cases=CASES, long=True)
    assert order(Asked(), long) == []
    assert order(Asked(long=True), long)


def test_one_that_fails_is_kept_as_such_and_the_others_are_measured():
    def measure(case, servers, folder):
        assert folder.is_dir()
        if case.way == "b":
            raise RuntimeError("no luck")
        return Outcome({"x": 1.0})

    taken = []
    made = Scenario("backlog", "", "", measure, lambda quick: CASES, ())
    run([made], Asked(repetitions=1), None, taken.append)
    assert [dict(item.outcome.figures) for item in taken] == [{"x": 1.0}, {}, {"x": 1.0}]
    assert "no luck" in taken[1].outcome.wrong[0]


@pytest.mark.parametrize("quick", [True, False])
def test_every_case_has_a_key_of_its_own(quick):
    keys = [case.key for item in SCENARIOS for case in item.cases(quick)]
    assert len(keys) == len(set(keys))
    assert {case.scenario for item in SCENARIOS for case in item.cases(quick)} == {
        item.name for item in SCENARIOS
    }


def test_the_command_asks_for_the_same_again():
    asked = Asked(only="^idle", quick=True, repetitions=2)
    assert asked.command() == "python -m benchmarks --only '^idle' --quick --repetitions 2"
