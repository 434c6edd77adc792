# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for a condition, never for a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["wait_until"]

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], timeout_s: float = 60.0, what: str = "the condition"
) -> T:
    """
    Call `condition` until it is true, and return its value.

    Raises
    ------
    TimeoutError
        When it is still false after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {timeout_s:g} s")
        time.sleep(0.02)
    return value
