# SPDX-License-Identifier: BSD-3-Clause
"""What arrived, held against what had to: nothing missing, nothing twice, nothing out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from benchmarks.queues import Arrival

__all__ = ["count"]


def count(
    arrivals: Iterable[Arrival],
    expected: Iterable[int],
    handlers: int,
    partition_of: Callable[[int], int],
) -> tuple[str, ...]:
    """
    Return what is wrong with what arrived, in words; nothing when all is well.

    Parameters
    ----------
    arrivals : iterable of Arrival
        In the order in which they were enqueued; alerts that were not asked for do not count.
    expected : iterable of int
        The alerts that had to arrive.
    handlers : int
        How many tasks each alert had to become.
    partition_of : callable
        Which partition an alert was in: order is kept within one, for each task.
    """
    wanted = set(expected)
    found = [item for item in arrivals if item.number in wanted]
    ids = {item.task_id for item in found}
    pairs = Counter((item.task, item.number) for item in found)
    missing = len(wanted) * handlers - len(pairs)
    latest: dict[tuple[str, int], int] = {}
    disordered = 0
    for item in found:
        place = item.task, partition_of(item.number)
        disordered += item.number < latest.get(place, -1)
        latest[place] = max(item.number, latest.get(place, -1))
    wrong = {
        "missing": missing,
        "twice": len(found) - len(pairs),
        "with the id of another": len(found) - len(ids),
        "out of order": disordered,
    }
    return tuple(f"{number} {what}" for what, number in wrong.items() if number)
