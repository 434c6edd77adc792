# SPDX-License-Identifier: BSD-3-Clause
"""Which tasks want this alert? Filters are pure; a task nobody wants is never created."""

from __future__ import annotations

import fnmatch
import inspect
import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from igwn_alert_celery.alert import Alert, Unread, whole
from igwn_alert_celery.errors import HandlerError

__all__ = [
    "Match",
    "Registry",
    "Subscription",
    "check_prefix",
    "check_topic",
    "fits",
    "is_pattern",
    "runs_later",
    "topic_regex",
]

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
    if isinstance(topic, (list, tuple, set, frozenset)):
        raise HandlerError(f"topics {topic!r}: give them one by one, handler('superevent', …)")
    if not isinstance(topic, str) or not _TOPIC.match(topic):
        raise HandlerError(
            f"topic {topic!r}: give the topic's name as text, e.g. 'superevent' or 'cbc_*' "
            "(letters, digits, '.', '_', '-'; '*' and '?' make a pattern)"
        )
    return topic


def check_prefix(group: object, topics: Iterable[object]) -> None:
    """Refuse topics that carry igwn-alert's group; raises :exc:`HandlerError`."""
    for topic in topics:
        if group and isinstance(topic, str) and topic.startswith(f"{group}."):
            raise HandlerError(
                f"topic {topic!r} carries the group: write {topic.removeprefix(f'{group}.')!r}"
            )


def runs_later(function: object) -> bool:
    """Whether calling it runs nothing yet: an async function or a generator."""
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(is_kind(function) for is_kind in kinds)


def fits(function: Callable[..., object], count: int) -> bool:
    """Whether it can be called with so many arguments; True where nobody can tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


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
        alert_type: str | Iterable[str] | None = None,
        labels: str | Iterable[str] | None = None,
        where: Where | None = None,
        max_age_s: float | None = None,
    ) -> Subscription:
        """Check the filters and return the subscription; raises :exc:`HandlerError`."""
        names = tuple(check_topic(topic) for topic in topics)
        if not names:
            raise HandlerError('name at least one topic, e.g. @igwn_alert.handler("superevent")')
        if where is not None and (not callable(where) or runs_later(where) or not fits(where, 1)):
            raise HandlerError(f"where={where!r}: give a plain function that takes the alert alone")
        number = isinstance(max_age_s, (int, float)) and not isinstance(max_age_s, bool)
        if max_age_s is not None and not (number and max_age_s > 0):
            raise HandlerError(f"max_age_s={max_age_s!r}: give a number of seconds above 0")
        types = None if alert_type is None else _names("alert_type", alert_type)
        wanted = frozenset() if labels is None else _names("labels", labels)
        # A float of NumPy's has no place in a task message.
        limit_s = None if max_age_s is None else float(max_age_s)
        return cls(task_name, names, types, wanted, where, limit_s)

    def takes_topic(self, topic: str) -> bool:
        """Whether the topic (without the group prefix) is one of ours."""
        return any(
            topic == name or (is_pattern(name) and fnmatch.fnmatchcase(topic, name))
            for name in self.topics
        )

    def takes(self, alert: Alert | Unread) -> bool:
        """Whether the filters let the alert through; a filter that raises lets it through."""
        if self.alert_types is not None and alert.alert_type not in self.alert_types:
            return False
        if self.labels and not self.labels.issubset(alert.labels):
            return False
        if self.where is None:
            return True
        try:
            return bool(self.where(whole(alert)))
        except KeyboardInterrupt:
            raise
        except BaseException:
            # The filter is user code: an alert must not be lost because a filter is wrong.
            logger.warning(
                "where= of handler %s raised; the alert is let through",
                self.task_name,
                exc_info=True,
            )
            return True


def _names(option: str, value: object) -> frozenset[str]:
    names = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if isinstance(value, bytes) or not all(isinstance(name, str) for name in names):
        raise HandlerError(f"{option}={value!r}: give a text or a collection of texts")
    if not names or "" in names:
        raise HandlerError(f"{option}={value!r} is empty and would match nothing: leave it out")
    return frozenset(names)


class Match(msgspec.Struct, frozen=True, gc=False):
    """The tasks that an alert becomes, and those for which it came too late.

    ``limits`` has the age in seconds up to which a task may still start, where there is one.
    """

    tasks: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    limits: Mapping[str, float] = msgspec.field(default_factory=dict)

    def header(self, task_name: str, header: dict[str, object]) -> dict[str, object]:
        """Return the task message's header for one of the tasks, with its limit."""
        limit = self.limits.get(task_name)
        return header if limit is None else {**header, "max_age_s": limit}


def _code(function: Callable[..., Any]) -> Any:
    return getattr(inspect.unwrap(function), "__code__", None)


def _place(function: Callable[..., Any]) -> str:
    code = _code(function)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def _is_loaded_again(known: Callable[..., Any], function: Callable[..., Any]) -> bool:
    # Functions that a loop or a factory makes share their code, but may close over other values.
    return _code(known) is not _code(function) and _place(known) == _place(function)


def _is_loaded_twice(known: Callable[..., Any], function: Callable[..., Any]) -> bool:
    there, here = (getattr(inspect.unwrap(each), "__globals__", None) for each in (known, function))
    return there is not here and _is_loaded_again(known, function)


@dataclass
class Registry:
    """All subscriptions of one app; filled while modules are imported, read by the receiver."""

    subscriptions: list[Subscription] = field(default_factory=list)
    _by_topic: dict[str, tuple[Subscription, ...]] = field(default_factory=dict)
    _functions: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def claim(self, task_name: str, function: Callable[..., Any]) -> None:
        """Note whose task name it is.

        Raises
        ------
        HandlerError
            It is another function's; or the function has another name already because its file
            was loaded twice, so that each alert would be handled twice.
        """
        for name, known in self._functions.items():
            if name != task_name and _is_loaded_twice(known, function):
                raise HandlerError(
                    f"{_place(function)} is loaded twice, for tasks {name!r} and {task_name!r}, so "
                    "each alert would be handled twice: import it under one name, or give name="
                )
        known = self._functions.setdefault(task_name, function)
        if known is not function and not _is_loaded_again(known, function):
            raise HandlerError(
                f"two handlers are called {task_name!r}, at {_place(known)} and "
                f"{_place(function)}, and Celery would run the first one for both: give one name="
            )

    def add(self, subscription: Subscription) -> None:
        """Register one subscription."""
        self.subscriptions.append(subscription)
        # A new dict: the receiver's thread may still be filling the old one, without this one.
        self._by_topic = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics and patterns that handlers ask for, without prefix, sorted, each once."""
        return tuple(sorted({name for sub in self.subscriptions for name in sub.topics}))

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names of the handler tasks, sorted, each once."""
        return tuple(sorted({sub.task_name for sub in self.subscriptions}))

    def match(self, topic: str, alert: Alert | Unread, age_s: float) -> Match:
        """Return the tasks that want this alert; a task named twice gets it once."""
        limits: dict[str, float] = {}
        for sub in self._for_topic(topic):
            if sub.takes(alert):
                limit = math.inf if sub.max_age_s is None else sub.max_age_s
                limits[sub.task_name] = max(limit, limits.get(sub.task_name, 0.0))
        if min(limits.values(), default=math.inf) == math.inf:
            return Match(tuple(limits))
        return Match(
            tuple(name for name, limit in limits.items() if age_s <= limit),
            tuple(name for name, limit in limits.items() if age_s > limit),
            {name: limit for name, limit in limits.items() if limit < math.inf},
        )

    def _for_topic(self, topic: str) -> tuple[Subscription, ...]:
        cache = self._by_topic
        if topic not in cache:
            cache[topic] = tuple(sub for sub in self.subscriptions if sub.takes_topic(topic))
        return cache[topic]
