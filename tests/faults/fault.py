# SPDX-License-Identifier: BSD-3-Clause
"""What can be done to a run, and on which task brokers and pools it makes sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.stage import Stage

__all__ = ["ALL_POOLS", "BOTH", "Fault", "Pace"]

ALL_POOLS = ("prefork", "solo", "threads", "gevent", "eventlet")
BOTH = ("redis", "rabbitmq")


@dataclass(frozen=True, slots=True)
class Pace:
    """
    How a run is paced.

    Attributes
    ----------
    rate : float
        Alerts a second.
    before, after : int
        Alerts handled before the fault, at least, and sent after it.
    settle_s : float
        How long what was sent may take, after the last is sent.
    """

    rate: float = 25.0
    before: int = 40
    after: int = 75
    settle_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One line of the table.

    Attributes
    ----------
    name : str
        What is done, for people.
    does : callable
        Does it to a stage on which alerts flow, tells the stage's story, and undoes it.
    workers : int
        How many are started before.
    task_brokers, pools : tuple of str
        Where it makes sense.
    takeover_limit_s : float
        Within what time receiving must be taken over, when a receiver is lost.
    redelivery_limit_s : float
        Within what time each task of a lost worker must have run.
    longest_limit_s : float or None
        Within what time every alert must have been handled, whatever happened meanwhile.
    resume_limit_s : float or None
        Within what time all must have resumed, when a server has come back.
    pace : Pace
        How its runs are paced.
    counting : bool
        Whether the task broker keeps a second message of each alert, to be counted at the end.
    environ : mapping
        For the workers.
    """

    name: str
    does: Callable[[Stage], None]
    workers: int = 2
    task_brokers: tuple[str, ...] = BOTH
    pools: tuple[str, ...] = ALL_POOLS
    takeover_limit_s: float = 10.0
    redelivery_limit_s: float = 30.0
    longest_limit_s: float | None = None
    resume_limit_s: float | None = 5.0
    pace: Pace = Pace()
    counting: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)
