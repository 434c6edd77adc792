# SPDX-License-Identifier: BSD-3-Clause
"""The two ways that are compared: this package, and today's."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from tests.faults.todays_environment import TODAYS, todays_python
from tests.services.wait import wait_until

__all__ = ["OURS", "Way", "todays"]


@dataclass(frozen=True, slots=True)
class Way:
    """
    One of them.

    Attributes
    ----------
    name : str
        For the table.
    python, app : str
        What runs, and its module.
    listens : callable
        Waits until a worker, given with its stage, receives.
    settle_s : float
        How long it is worth waiting for an alert that has not been handled.
    """

    name: str
    python: str
    app: str
    listens: Callable[[Any, Any], None]
    settle_s: float = math.inf


def _says_so(stage: Any, member: Any) -> None:
    member.expect("receiver: running")


def _answers(stage: Any, member: Any) -> None:
    """Today's way does not say when it listens, and hears nothing that was sent before."""
    member.expect(" ready.")

    def heard() -> bool:
        stage.sender.ask()
        return any(n.number < 0 and n.worker == member.name for n in stage.diary.notes())

    wait_until(heard, 120, f"{member.name} listens")


OURS = Way("this package", sys.executable, "tests.faults.app", _says_so)


def todays() -> Way:
    """Return today's way; blocks while its environment is made, the first time."""
    python = todays_python({name: version(name) for name in TODAYS})
    return Way("today's way", str(python), "tests.faults.todays_way", _answers, settle_s=10.0)
