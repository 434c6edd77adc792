# SPDX-License-Identifier: BSD-3-Clause
"""What the worker says once it listens, for somebody who sees it for the first time."""

from __future__ import annotations

import logging
import sys

from igwn_alert_celery.handlers import Registry, is_pattern, topic_regex
from igwn_alert_celery.kafka.consumer import ClusterView
from igwn_alert_celery.metrics import Metrics
from igwn_alert_celery.settings import Settings

__all__ = ["banner", "say"]

logger = logging.getLogger(__name__)


def banner(
    metrics: Metrics,
    settings: Settings,
    registry: Registry,
    view: ClusterView,
    wanted: tuple[str, ...],
) -> str:
    """Return the block: server, groups, topics with ✓ or ✗, handlers."""
    lines = [
        "[igwn-alert]",
        f"  server          {metrics.server}",
        f"  group           {metrics.group}",
        f"  consumer group  {metrics.consumer_group} (new topics start at {settings.start_at})",
        f"  enqueued        {metrics.guarantee}",
        "  topics",
    ]
    lines += [f"    {_topic_line(name, view)}" for name in wanted]
    lines.append("  handlers")
    lines += [f"    {sub.task_name}: {', '.join(sub.topics)}" for sub in registry.subscriptions]
    return "\n".join(lines)


def _topic_line(name: str, view: ClusterView) -> str:
    if is_pattern(name):
        regex = topic_regex(name)
        found = sorted(topic for topic in view.topics if regex.fullmatch(topic))
        return f"{'✓' if found else '✗'} {name} ({len(found)} topics now, later ones too)"
    if name in view.topics:
        return f"✓ {name} ({view.topics[name]} partitions)"
    return f"✗ {name} (does not exist yet, or your credential may not read it)"


def say(text: str) -> None:
    """Say it at INFO, or on the terminal when the worker logs nothing below WARNING."""
    if logger.isEnabledFor(logging.INFO):
        logger.info("\n%s", text)
    elif sys.__stdout__ is not None:
        # As Celery does with its own banner: the default log level would hide it.
        sys.__stdout__.write(text + "\n")
        sys.__stdout__.flush()
