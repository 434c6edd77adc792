# SPDX-License-Identifier: BSD-3-Clause
"""Faults that overlap: a short run of one seed, and the plans of many."""

import itertools

import pytest

from tests.faults.chaos import LASTS_S, PAUSE_S, TARGETS, plan
from tests.faults.chaos_run import chaos_run


def test_a_seed_always_gives_the_same_plan():
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.mark.parametrize("seed", range(50))
def test_each_target_has_one_fault_at_a_time(seed):
    acts = plan(seed, 60)
    assert {act.target for act in acts} == set(TARGETS)
    for target in TARGETS:
        own = [act for act in acts if act.target == target]
        assert own[0].at_s >= PAUSE_S[0]
        for earlier, later in itertools.pairwise(own):
            assert earlier.at_s + earlier.lasts_s + PAUSE_S[0] <= later.at_s + 1e-6
        assert all(LASTS_S[0] <= act.lasts_s <= LASTS_S[1] for act in own)
        assert all(act.at_s < 60 for act in own)


def test_every_fault_has_its_turn_in_fifty_seeds():
    chosen = {(act.target, act.what) for seed in range(50) for act in plan(seed, 60)}
    assert chosen == {(target, what) for target, faults in TARGETS.items() for what in faults}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_nothing_is_missing_or_enqueued_twice(servers, tmp_path):
    outcome = chaos_run(1, servers, tmp_path, seconds=15)
    assert outcome.wrong == (), outcome
