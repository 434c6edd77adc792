# SPDX-License-Identifier: BSD-3-Clause
"""The text beside each of our commits in Kafka: whose ledger it belongs to, and since when."""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["LIVE_S", "RENEW_S", "CommitNote"]

#: Each commit is renewed so often, seconds.
RENEW_S = 20.0
#: A ledger whose commits are older belongs to no running deployment, seconds.
LIVE_S = 90.0


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What stands in the metadata of a commit (4096 bytes at most by Kafka's default).

    ``at_s`` is when it was written, seconds since the epoch by the writer's clock; ``handlers``
    tells receivers with other handlers apart, and is empty once a receiver has left. ``claimed`` is
    the offset at which this ledger began with the partition, where that is known.
    """

    ledger_id: str
    topic_id: str
    at_s: float
    handlers: str = ""
    claimed: int | None = None

    def text(self) -> str:
        """Return the metadata text."""
        note: dict[str, object] = {
            "ledger": self.ledger_id,
            "topic": self.topic_id,
            "at": int(self.at_s),
            "handlers": self.handlers,
        }
        if self.claimed is not None:
            note["claimed"] = self.claimed
        return json.dumps(note)

    @classmethod
    def read(cls, text: str) -> CommitNote | None:
        """Return the note, or None when the commit was not one of ours."""
        # Anybody may have committed anything.
        try:
            note = json.loads(text)
            ledger_id, topic_id, at_s = note["ledger"], note["topic"], float(note["at"])
            handlers, claimed = str(note.get("handlers", "")), note.get("claimed")
            begun = None if claimed is None else max(0, int(claimed))
            return cls(str(ledger_id), str(topic_id), at_s, handlers, begun)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def is_of_another_topic(self, topic_id: str) -> bool:
        """Whether the topic was deleted and created again since (when Kafka tells ids)."""
        return bool(self.topic_id and topic_id) and self.topic_id != topic_id

    def is_live(self, now_s: float) -> bool:
        """Whether its ledger was in use just now."""
        return abs(now_s - self.at_s) < LIVE_S
