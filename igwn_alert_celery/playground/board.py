# SPDX-License-Identifier: BSD-3-Clause
"""What has happened to each alert so far, built from what was sent and from the worker's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Board", "Handled", "Row"]

_FINE = {"SUCCESS", "IGNORED", "RETRY"}


@dataclass(frozen=True, slots=True)
class Handled:
    """One handler's run: how long after Kafka took the alert it was done, and what it said."""

    handler: str
    latency_ms: float
    state: str
    said: str

    @property
    def failed(self) -> bool:
        """Whether the handler raised for good."""
        return self.state not in _FINE


@dataclass(slots=True)
class Row:
    """One alert; ``waiting`` are its tasks that have not run yet."""

    topic: str
    uid: str = "?"
    alert_type: str = "?"
    sent_s: float = 0.0
    enqueued_ms: float | None = None
    waiting: set[str] = field(default_factory=set)
    handled: list[Handled] = field(default_factory=list)
    problem: str = ""

    @property
    def unwanted(self) -> bool:
        """Whether the receiver has seen that no handler asks for it."""
        return self.enqueued_ms is not None and not (self.waiting or self.handled or self.problem)

    @property
    def done(self) -> bool:
        """Whether nothing more will happen to it."""
        return not self.waiting and (bool(self.problem) or self.enqueued_ms is not None)


class Board:
    """All alerts: in the order in which they were sent, or else in which they came."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._by_alert: dict[str, Row] = {}
        self._by_task: dict[str, Row] = {}
        # A task may be done before the receiver has reported that it is enqueued.
        self._early: dict[str, list[dict[str, Any]]] = {}

    def sent(self, alert_id: str, topic: str, alert: Mapping[str, Any]) -> None:
        """Take an alert that was sent just now; ``alert_id`` is hop's."""
        row = self._row(alert_id, topic)
        row.uid, row.alert_type = _clean(alert["uid"]), _clean(alert["alert_type"])

    def add(self, step: dict[str, Any]) -> None:
        """Take one step of the report."""
        take = {
            "enqueued": self._enqueued,
            "handled": self._handled,
            "dead_letter": self._dead_letter,
        }.get(step["step"])
        if take is not None:
            take(step)

    @property
    def runs(self) -> list[Handled]:
        """Every run of a handler that was the last of its task."""
        return [run for row in self.rows for run in row.handled if run.state != "RETRY"]

    @property
    def done(self) -> bool:
        """Whether nothing more will happen to any."""
        return all(row.done for row in self.rows)

    @property
    def problems(self) -> list[str]:
        """What went wrong, a line each."""
        letters = [f"{row.alert_type} {row.uid}: {row.problem}" for row in self.rows if row.problem]
        runs = [
            f"{run.handler} on {row.alert_type} {row.uid}: {run.said}"
            for row in self.rows
            for run in row.handled
            if run.failed
        ]
        return letters + runs

    def _enqueued(self, step: dict[str, Any]) -> None:
        row = self._row(step["alert_id"], step["topic"])
        row.uid, row.alert_type = _clean(step["uid"]), _clean(step["alert_type"])
        row.sent_s = step["timestamp_ms"] / 1000
        row.enqueued_ms = (step["at_s"] - row.sent_s) * 1000
        row.waiting = set(step["task_ids"])
        for task_id in step["task_ids"]:
            self._by_task[task_id] = row
            for early in self._early.pop(task_id, ()):
                self._handled(early)

    def _handled(self, step: dict[str, Any]) -> None:
        row = self._by_task.get(step["task_id"])
        if row is None:
            self._early.setdefault(step["task_id"], []).append(step)
            return
        if step["state"] != "RETRY":
            row.waiting.discard(step["task_id"])
        latency_ms = (step["at_s"] - row.sent_s) * 1000
        # The receiver reports once all tasks are enqueued; the first may be done by then.
        row.enqueued_ms = min(row.enqueued_ms or latency_ms, latency_ms)
        row.handled.append(
            Handled(_clean(step["handler"]), latency_ms, step["state"], _clean(step["said"]))
        )

    def _dead_letter(self, step: dict[str, Any]) -> None:
        row = self._row(step["alert_id"], step["topic"])
        row.problem = f"dead letter, {_clean(step['why'])}"

    def _row(self, alert_id: str, topic: str) -> Row:
        if alert_id not in self._by_alert:
            self._by_alert[alert_id] = Row(_clean(topic))
            self.rows.append(self._by_alert[alert_id])
        return self._by_alert[alert_id]


def _clean(text: object) -> str:
    """Return text that is safe on a terminal, on one line."""
    words = " ".join(("?" if text is None else str(text)).split())
    return "".join(char if char.isprintable() else "?" for char in words)
