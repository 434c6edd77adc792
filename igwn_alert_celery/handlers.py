# SPDX-License-Identifier: BSD-3-Clause
"""Which tasks want this alert? Filters are pure; a task nobody wants is never created."""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from igwn_alert_celery.alert import Alert
from igwn_alert_celery.errors import HandlerError

__all__ = ["Match", "Registry", "Subscription", "check_topic", "is_pattern", "topic_regex"]

logger = logging.getLogger(__name__)

Where = Callable[[Alert], object]
_TOPIC = re.compile(r"[A-Za-z0-9._\-*?]+\Z")


def is_pattern(topic: str) -> bool:
    """Whether the topic is a pattern such as ``cbc_*``."""
    return "*" in topic or "?" in topic


def topic_regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a topic pattern (``*`` and ``?`` as in a shell)."""
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern))


def check_topic(topic: object) -> str:
    """Return the topic, or raise :exc:`HandlerError` naming what is wrong with it."""
    if not isinstance(topic, str) or not _TOPIC.match(topic):
        raise HandlerError(
            f"topic {topic!r}: give the topic's name as text, e.g. 'superevent' or 'cbc_*' "
            "(letters, digits, '.', '_', '-'; '*' and '?' make a pattern)"
        )
    return topic


@dataclass(frozen=True, slots=True)
class Subscription:
    """One ``@igwn_alert.handler(…)``: topics and filters of one task.

    ``max_age_s`` is in seconds by Kafka's timestamp; None means any age.
    """

    task_name: str
    topics: tuple[str, ...]
    alert_types: frozenset[str] | None = None
    labels: frozenset[str] = frozenset()
    where: Where | None = None
    max_age_s: float | None = None

    @classmethod
    def build(
        cls,
        task_name: str,
        topics: Iterable[object],
        *,
        alert_type: str | Collection[str] | None = None,
        labels: str | Collection[str] | None = None,
        where: Where | None = None,
        max_age_s: float | None = None,
    ) -> Subscription:
        """Check the filters and return the subscription; raises :exc:`HandlerError`."""
        names = tuple(check_topic(topic) for topic in topics)
        if not names:
            raise HandlerError('name at least one topic, e.g. @igwn_alert.handler("superevent")')
        if where is not None and not callable(where):
            raise HandlerError(f"where={where!r}: give a function that takes the alert")
        number = isinstance(max_age_s, (int, float)) and not isinstance(max_age_s, bool)
        if max_age_s is not None and not (number and max_age_s > 0):
            raise HandlerError(f"max_age_s={max_age_s!r}: give a number of seconds above 0")
        types = None if alert_type is None else _names("alert_type", alert_type)
        wanted = frozenset() if labels is None else _names("labels", labels)
        return cls(task_name, names, types, wanted, where, max_age_s)

    def takes_topic(self, topic: str) -> bool:
        """Whether the topic (without the group prefix) is one of ours."""
        return any(
            topic == name or (is_pattern(name) and fnmatch.fnmatchcase(topic, name))
            for name in self.topics
        )

    def takes(self, alert: Alert) -> bool:
        """Whether the filters let the alert through; a filter that raises lets it through."""
        if self.alert_types is not None and alert.alert_type not in self.alert_types:
            return False
        if self.labels and not self.labels.issubset(alert.labels):
            return False
        if self.where is None:
            return True
        try:
            return bool(self.where(alert))
        except Exception:
            # The filter is user code: an alert must not be lost because a filter is wrong.
            logger.warning(
                "where= of handler %s raised; the alert is let through",
                self.task_name,
                exc_info=True,
            )
            return True


def _names(option: str, value: str | Collection[str]) -> frozenset[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise HandlerError(f"{option}={value!r}: give a text or a collection of texts")
    if not names:
        raise HandlerError(f"{option}={value!r} is empty and would match nothing: leave it out")
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Match:
    """The tasks that an alert becomes, and those for which it came too late."""

    tasks: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()


@dataclass
class Registry:
    """All subscriptions of one app; filled while modules are imported, read by the receiver."""

    subscriptions: list[Subscription] = field(default_factory=list)
    _by_topic: dict[str, tuple[Subscription, ...]] = field(default_factory=dict)

    def add(self, subscription: Subscription) -> None:
        """Register one subscription."""
        self.subscriptions.append(subscription)
        self._by_topic.clear()

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics and patterns that handlers ask for, without prefix, sorted, each once."""
        return tuple(sorted({name for sub in self.subscriptions for name in sub.topics}))

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names of the handler tasks, sorted, each once."""
        return tuple(sorted({sub.task_name for sub in self.subscriptions}))

    def match(self, topic: str, alert: Alert, age_s: float) -> Match:
        """Return the tasks that want this alert; a task named twice gets it once."""
        tasks: dict[str, bool] = {}
        for sub in self._for_topic(topic):
            if sub.takes(alert):
                fresh = sub.max_age_s is None or age_s <= sub.max_age_s
                tasks[sub.task_name] = tasks.get(sub.task_name, False) or fresh
        return Match(
            tuple(name for name, fresh in tasks.items() if fresh),
            tuple(name for name, fresh in tasks.items() if not fresh),
        )

    def _for_topic(self, topic: str) -> tuple[Subscription, ...]:
        found = self._by_topic.get(topic)
        if found is None:
            found = tuple(sub for sub in self.subscriptions if sub.takes_topic(topic))
            self._by_topic[topic] = found
        return found
