# SPDX-License-Identifier: BSD-3-Clause
"""What section 3 of the design promises, held against the figures of a run."""

from __future__ import annotations

from tests.faults.catalogue import Row
from tests.faults.tally import Tally

__all__ = ["late", "verdict"]


def verdict(row: Row, figures: Tally) -> tuple[str, ...]:
    """Return what is wrong; nothing when all promises are kept."""
    wrong = []
    if figures.missing:
        wrong.append(f"{len(figures.missing)} missing: {_some(figures.missing)}")
    if figures.enqueued_twice and row.task_broker == "redis":
        wrong.append(
            f"{len(figures.enqueued_twice)} enqueued twice: {_some(figures.enqueued_twice)}"
        )
    if figures.disordered and row.task_broker == "redis":
        wrong.append(f"{len(figures.disordered)} out of order: {_some(figures.disordered)}")
    if unexcused := _unexcused(row, figures):
        wrong.append(f"{len(unexcused)} ran twice without excuse: {_some(unexcused)}")
    return (*wrong, *late(row, figures))


def late(row: Row, figures: Tally) -> tuple[str, ...]:
    """Return which limits in seconds are passed: what a slow machine can be to blame for."""
    fault = row.fault
    times = (
        ("longest", figures.longest_s, fault.longest_limit_s),
        ("takeover", figures.takeover_s, fault.takeover_limit_s),
        ("redelivery", figures.redelivery_s, fault.redelivery_limit_s),
        ("resume", figures.resume_s, fault.resume_limit_s),
    )
    return tuple(text for one in times for text in _late(*one))


def _unexcused(row: Row, figures: Tally) -> list[int]:
    """Where a task may be enqueued twice, each of the two may run."""
    if row.task_broker == "redis":
        return figures.ran_twice_unexcused
    return sorted(set(figures.ran_twice_unexcused) - set(figures.enqueued_twice))


def _late(what: str, seconds: float | None, limit_s: float | None) -> list[str]:
    if seconds is None or limit_s is None or seconds <= limit_s:
        return []
    return [f"{what} {seconds:.1f} s, limit {limit_s:g} s"]


def _some(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:6]))
    return f"{shown}, …" if len(numbers) > 6 else shown
