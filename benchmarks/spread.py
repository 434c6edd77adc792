# SPDX-License-Identifier: BSD-3-Clause
"""Several measurements of one thing: their median, and how far they lie apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Spread", "quantile", "spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """
    What is told of several measurements.

    Attributes
    ----------
    median, low, high : float
        The middle, the least and the most.
    count : int
        How many there were.
    """

    median: float
    low: float
    high: float
    count: int


def spread(values: Iterable[float]) -> Spread:
    """Return the spread of some values; raises ValueError when there are none."""
    found = sorted(values)
    return Spread(quantile(found, 0.5), found[0], found[-1], len(found))


def quantile(values: Sequence[float], share: float) -> float:
    """
    Return the value below which a share of all values lies, between its neighbours in proportion.

    Parameters
    ----------
    values : sequence of float
        In any order.
    share : float
        0.5 for the median, 0.99 for what all but one in a hundred stay below.

    Raises
    ------
    ValueError
        There are no values.
    """
    if not values:
        raise ValueError("there is no quantile of no values")
    found = sorted(values)
    place = share * (len(found) - 1)
    below = math.floor(place)
    above = min(below + 1, len(found) - 1)
    return found[below] + (found[above] - found[below]) * (place - below)
