# SPDX-License-Identifier: BSD-3-Clause
"""What is to be sent, file by file and topic by topic, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from igwn_alert_celery.cli.alert_files import AlertFile

__all__ = ["Outcome", "Outgoing", "each_to_each", "place_of"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One file for one topic (without the group); a ``key`` that is True is the alert's uid."""

    file: AlertFile
    topic: str
    key: str | bool | None = None
    test: bool = False

    @property
    def more(self) -> tuple[str | bool | None, None, bool]:
        """Key, headers and test mark, as the publisher takes them."""
        return self.key, None, self.test


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: where Kafka has it (``place``), that it is queued, or what failed.

    ``is_known`` is False where nobody can say (yet) whether Kafka has it.
    """

    outgoing: Outgoing
    place: str = ""
    error: str = ""
    is_known: bool = True


def each_to_each(
    files: Sequence[AlertFile], topics: Sequence[str], key: str | bool | None, *, test: bool
) -> list[Outgoing]:
    """Return every file for every topic, file by file."""
    return [Outgoing(file, topic, key, test) for file in files for topic in topics]


def place_of(partition: int, offset: int, latency_ms: float) -> str:
    """Return where Kafka has put a record, and how long that took."""
    return f"partition {partition}, offset {offset} ({latency_ms:.0f} ms)"
