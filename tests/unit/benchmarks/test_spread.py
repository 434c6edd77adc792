# SPDX-License-Identifier: BSD-3-Clause
"""Medians and quantiles."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spread import Spread, quantile, spread

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@given(numbers)
def test_the_median_is_the_median(values):
    assert spread(values).median == pytest.approx(statistics.median(values), abs=1e-6)


@given(numbers)
def test_least_and_most_are_the_ends(values):
    found = spread(values)
    assert (found.low, found.high, found.count) == (min(values), max(values), len(values))


@given(numbers, st.floats(0, 1))
def test_a_quantile_lies_between_the_ends(values, share):
    assert min(values) - 1e-6 <= quantile(values, share) <= max(values) + 1e-6


def test_a_quantile_lies_between_its_neighbours_in_proportion():
    assert quantile([10.0, 0.0], 0.25) == 2.5
    assert quantile(range(101), 0.99) == 99
    assert quantile([3.0], 0.99) == 3.0


def test_one_value_has_no_spread():
    assert spread([2.0]) == Spread(2.0, 2.0, 2.0, 1)


def test_no_values_have_neither():
    with pytest.raises(ValueError, match="no values"):
        spread([])
