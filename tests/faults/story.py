# SPDX-License-Identifier: BSD-3-Clause
"""What was done to a run: who was killed when, and from when to when a server was away."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ACK_S", "Held", "Story"]

# Between a handler's last line and Redis' knowing of it: the acknowledgement is on its way.
ACK_S = 2.0
# Celery gives back what it had prefetched only when it has a connection again.
RECONNECT_S = 35.0


@dataclass(frozen=True, slots=True)
class Held:
    """
    What a worker held in this time may run a second time, says section 3 of the design.

    Attributes
    ----------
    worker : str or None
        Its name; None for every worker, cut off from the task broker.
    since, until : float
        The monotonic clock, in seconds.
    """

    worker: str | None
    since: float
    until: float

    def covers(self, worker: str, start: float, end: float | None) -> bool:
        """Whether a handling lies, at least in part, in it."""
        if self.worker not in (None, worker):
            return False
        return start <= self.until and (end is None or end >= self.since - ACK_S)


@dataclass(slots=True)
class Story:
    """
    Written by the faults, read by the tally.

    Attributes
    ----------
    held : list of Held
        Who may have run a task that runs again.
    killed : list of float
        When a receiver was lost: from then on its takeover is timed.
    returned : list of float
        When a server answered again: from then on resuming is timed.
    survivors : set of str
        Workers that must have resumed; empty for all that have run anything.
    emptied : float or None
        When Redis lost all it had.
    """

    held: list[Held] = field(default_factory=list)
    killed: list[float] = field(default_factory=list)
    returned: list[float] = field(default_factory=list)
    survivors: set[str] = field(default_factory=set)
    emptied: float | None = None

    def was_killed(self, worker: str, at: float) -> None:
        """Note a worker that was killed, and with it all that it held."""
        self.held.append(Held(worker, at, at))
        self.killed.append(at)

    def lost_child(self, worker: str, at: float) -> None:
        """Note a child of the pool that was killed: its task runs again, the receiver goes on."""
        self.held.append(Held(worker, at, at))

    def was_frozen(self, worker: str, since: float, until: float) -> None:
        """Note a worker that was judged dead, and came back."""
        self.held.append(Held(worker, since, until))
        self.killed.append(since)

    def was_away(self, since: float, until: float) -> None:
        """Note a task broker that no worker could reach."""
        self.held.append(Held(None, since, until + RECONNECT_S))
        self.returned.append(until)

    def kafka_was_away(self, until: float) -> None:
        """Note a Kafka that no receiver could reach: it excuses no second handling."""
        self.returned.append(until)

    def rolled_back(self, kept: float, until: float) -> None:
        """Note that all since the copy was forgotten, and may come again."""
        self.held.append(Held(None, kept, until + RECONNECT_S))

    def was_emptied(self, at: float) -> None:
        """Note that Redis lost all it had."""
        self.emptied = at
        self.held.append(Held(None, at, at))
