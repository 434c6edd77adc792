# SPDX-License-Identifier: BSD-3-Clause
"""Topics that somebody has taken out of a running app: by name, or all that a pattern finds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from igwn_alert_celery.handlers import is_pattern, topic_regex

__all__ = ["TakenOut"]

# librdkafka takes no empty subscription. No topic is called so, and with none the group is left.
_NOTHING = r"^[.]$"


@dataclass(frozen=True, slots=True)
class TakenOut:
    """Names and patterns, in the same spelling as the topics that they are compared with."""

    names: tuple[str, ...] = ()

    def covers(self, topic: str) -> bool:
        """Whether a topic, or a pattern as such, is taken out."""
        if topic in self.names:
            return True
        patterns = () if is_pattern(topic) else filter(is_pattern, self.names)
        return any(topic_regex(name).fullmatch(topic) for name in patterns)

    def rest(self, topics: Iterable[str]) -> tuple[str, ...]:
        """Return the topics and patterns that are left."""
        return tuple(topic for topic in topics if not self.covers(topic))

    def subscription(self, wanted: Iterable[str], existing: Collection[str]) -> list[str]:
        """Return what to subscribe to, as librdkafka takes it.

        Parameters
        ----------
        wanted : iterable of str
            Topics and patterns.
        existing : collection of str
            What the patterns find now: its regular expressions cannot leave anything out, so a
            pattern that loses a topic is written out.
        """
        found: set[str] = set()
        for name in self.rest(wanted):
            regex = topic_regex(name)
            if not is_pattern(name):
                found.add(name)
            elif self._narrows(name):
                found.update(self.rest(topic for topic in existing if regex.fullmatch(topic)))
            else:
                found.add(f"^{regex.pattern}$")
        return sorted(found) or [_NOTHING]

    def _narrows(self, pattern: str) -> bool:
        regex = topic_regex(pattern)
        return any(is_pattern(name) or regex.fullmatch(name) for name in self.names)
