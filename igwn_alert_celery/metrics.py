# SPDX-License-Identifier: BSD-3-Clause
"""What the receiver knows about itself: written by its thread, read by any other."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["Metrics", "State", "Stuck"]


class State(str, Enum):
    """States of the receiver."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    KAFKA_AWAY = "kafka_away"
    TASK_BROKER_AWAY = "task_broker_away"
    FAILED = "failed"
    DISABLED = "disabled"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Stuck:
    """The receiver's thread does not go on: since when (``time.monotonic()``), and what is said."""

    since_s: float
    text: str


@dataclass
class Metrics:
    """Counters and the present state; every value is replaced as a whole, so no lock is needed.

    From other threads come ``unsubscribed``, what somebody has taken out, for the receiver to obey,
    and ``stuck``, which is shown in place of the state.
    """

    state: State = State.STOPPED
    detail: str = ""
    server: str = ""
    username: str | None = None
    group: str = ""
    consumer_group: str = ""
    guarantee: str = ""
    warnings: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    unsubscribed: tuple[str, ...] = ()
    partitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    last_alert_at: float | None = None
    last_poll_at: float | None = None
    #: Counts whatever shows that the receiver's thread goes on; a watchdog looks at it.
    beats: int = 0
    stuck: Stuck | None = None
    ordinary_way: dict[str, str] = field(default_factory=dict)
    #: Since when it does not run, of itself; None while it does, and before its first start.
    not_running_at: float | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Note with a change of state since when the receiver does not run."""
        if name == "state":
            since = getattr(self, "not_running_at", None)
            self.not_running_at = None if value is State.RUNNING else since or time.time()
        super().__setattr__(name, value)

    def note_poll(self) -> None:
        """Note that the receiver's thread has polled Kafka just now."""
        self.last_poll_at = time.time()
        self.beats += 1

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-safe values, without asking any server."""
        stuck = self.stuck
        return {
            "state": (State.STUCK if stuck else self.state).value,
            "detail": stuck.text if stuck else self.detail,
            "stuck_s": time.monotonic() - stuck.since_s if stuck else None,
            "server": self.server,
            "username": self.username,
            "group": self.group,
            "consumer_group": self.consumer_group,
            "guarantee": self.guarantee,
            "warnings": list(self.warnings),
            "topics": list(self.topics),
            "missing_topics": list(self.missing),
            "forbidden_topics": list(self.forbidden),
            "unsubscribed_topics": list(self.unsubscribed),
            "partitions": {name: dict(value) for name, value in self.partitions.copy().items()},
            "counters": dict(self.counters.copy()),
            "last_alert_age_s": _age_s(self.last_alert_at),
            "last_poll_age_s": _age_s(self.last_poll_at),
            "not_running_s": _age_s(self.not_running_at),
            "dead_letters": self.counters["dead_letters"],
            "ordinary_way": self.ordinary_way.copy(),
        }


def _age_s(moment: float | None) -> float | None:
    # The clock may be set back meanwhile.
    return None if moment is None else max(0.0, time.time() - moment)
