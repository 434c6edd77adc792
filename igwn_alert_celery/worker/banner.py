# SPDX-License-Identifier: BSD-3-Clause
"""What the worker says before it listens, for somebody who sees it for the first time."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from igwn_alert_celery.handlers import Registry, Subscription, is_pattern
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.settings import Settings
from igwn_alert_celery.worker.overview import TopicState

__all__ = ["age", "banner", "say"]

logger = logging.getLogger(__name__)

_UNITS = (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))


def banner(
    metrics: Metrics, settings: Settings, registry: Registry, states: Sequence[TopicState]
) -> str:
    """Return the block: server, groups, topics with ✓ or ✗, start positions, handlers."""
    who = f"as {metrics.username}" if metrics.username else "without a credential"
    lines = [
        "[igwn-alert]",
        f"  server          {metrics.server} ({who})",
        f"  group           {metrics.group}",
        f"  consumer group  {metrics.consumer_group}",
        f"  enqueued        {metrics.guarantee}",
        "  topics",
        *_topic_lines(states, settings),
        "  handlers",
        *(f"    {line}" for line in _handler_lines(registry)),
    ]
    return "\n".join(lines)


def age(seconds: float) -> str:
    """Return a duration in its largest unit: ``3 min``, ``2 h``."""
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return "a moment"


def _topic_lines(states: Sequence[TopicState], settings: Settings) -> Iterator[str]:
    for state in states:
        name = settings.short_topic(state.name)
        if not is_pattern(state.name):
            yield f"    {_mark(state)} {name}: {_what(state, settings)}"
            continue
        count = len(state.topics)
        yield f"    {_mark(state)} {name}: {count} topic{'s' * (count != 1)} now, later ones too"
        for topic in state.topics:
            yield f"        {settings.short_topic(topic.name)}: {_what(topic, settings)}"


def _mark(state: TopicState) -> str:
    return "✓" if state.exists else "✗"


def _what(state: TopicState, settings: Settings) -> str:
    if not state.exists:
        return "does not exist yet, or your credential may not read it"
    parts = [f"{state.partitions} partition{'s' * (state.partitions != 1)}"]
    if state.silent:
        parts.append(f"{state.silent} do not answer just now")
    if state.behind is None:
        parts.append(f"new to this consumer group, starts at {settings.start_at}")
    else:
        parts.append(f"goes on where it stopped, {state.behind} behind")
    if state.newest_ms is None:
        parts.append("no record seen")
    else:
        parts.append(f"last record {age(time.time() - state.newest_ms / 1000)} ago")
    return ", ".join(parts)


def _handler_lines(registry: Registry) -> list[str]:
    if not registry.subscriptions:
        return ["none: alerts are announced by signal only"]
    return [f"{sub.task_name}: {_wants(sub)}" for sub in registry.subscriptions]


def _wants(sub: Subscription) -> str:
    parts = [", ".join(sub.topics)]
    if sub.alert_types is not None:
        parts.append(f"alert_type {' or '.join(sorted(sub.alert_types))}")
    if sub.labels:
        parts.append(f"labels {' and '.join(sorted(sub.labels))}")
    if sub.where is not None:
        parts.append("where …")
    if sub.max_age_s is not None:
        parts.append(f"not older than {sub.max_age_s:g} s")
    return "; ".join(parts)


def say(text: str) -> None:
    """Say it at INFO, or on the terminal when the worker logs nothing below WARNING."""
    if logger.isEnabledFor(logging.INFO):
        logger.info("\n%s", text)
        return
    try:
        # As Celery does with its own banner: the default log level would hide it.
        _write(sys.__stdout__, text)
    except (OSError, ValueError) as exc:
        # No reason not to receive.
        logger.warning(
            "what the receiver listens to cannot be shown (%s): start the worker with "
            "-l INFO to have it in the log",
            exc,
        )


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        raise ValueError("there is no standard output")
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()
