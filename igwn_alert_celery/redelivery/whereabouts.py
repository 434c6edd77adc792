# SPDX-License-Identifier: BSD-3-Clause
"""Where tasks are in Redis: which of the outstanding ones nobody has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from igwn_alert_celery.enqueue.redis_dead_letters import register, text_of
from igwn_alert_celery.redelivery.keys import PACKAGE
from igwn_alert_celery.redelivery.link import Linked

__all__ = ["holders", "marked", "missing", "queue_keys", "queues_of"]

_PART = 300
_ID = re.compile(rb'"correlation_id":\s*"([^"]*)"')


def missing(
    linked: Linked, task_ids: Iterable[str], queues: Iterable[str], between: Callable[[], object]
) -> set[str]:
    """Return those of the tasks that are in none of the queues and held by no worker.

    A task that moves meanwhile may look missing; one that does so twice, seconds apart, is lost.

    Parameters
    ----------
    linked : Linked
    task_ids : iterable of str
    queues : iterable of str
        Keys of lists.
    between : callable
        Is called now and then, as this may take long.
    """
    lost = set(task_ids)
    for queue in queues:
        if not lost:
            return lost
        lost -= _in_queue(linked, queue, between)
    held = [linked.keys.unacked(name) for name in holders(linked)]
    # The last one is that of workers without us.
    for key in (*held, f"{linked.keys.prefix}{linked.channel.unacked_key}"):
        for _, text in linked.client.hscan_iter(key, count=100):
            lost.difference_update(text_of(found) for found in _ID.findall(text))
    return lost


def queue_keys(linked: Linked, names: Iterable[str]) -> list[str]:
    """Return the keys of all queues: those named, and those that kombu knows bindings of."""
    channel, prefix = linked.channel, linked.keys.prefix
    pattern = f"{prefix}{channel.keyprefix_queue % '*'}"
    found = set(names)
    for table in linked.client.scan_iter(match=_literal(prefix, pattern), count=1000, _type="set"):
        for binding in linked.client.smembers(table):
            found.add(text_of(binding).split(channel.sep)[-1])
    steps = channel.priority_steps
    return [f"{prefix}{channel._q_for_pri(name, step)}" for name in found for step in steps]  # noqa: SLF001 - kombu's name for it


def queues_of(linked: Linked, message: dict[str, Any]) -> list[str]:
    """Return the keys of the queues that a message belongs into, by kombu's own routing."""
    channel, route = linked.channel, message["properties"]["delivery_info"]
    priority = channel._get_message_priority(message, reverse=False)  # noqa: SLF001 - see below
    names = channel._lookup(route["exchange"], route["routing_key"])  # noqa: SLF001
    return [f"{linked.keys.prefix}{channel._q_for_pri(name, priority)}" for name in names]  # noqa: SLF001


def marked(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as kombu gives messages back: marked redelivered."""
    properties = message["properties"]
    route = {**properties["delivery_info"], "redelivered": True}
    return {
        **message,
        "headers": {**message["headers"], "redelivered": True},
        "properties": {**properties, "delivery_info": route},
    }


def holders(linked: Linked) -> list[str]:
    """Return the incarnations of the workers that hold tasks."""
    pattern = _literal(linked.keys.prefix, linked.keys.unacked("*"))
    start = len(linked.keys.unacked(""))
    return [text_of(key)[start:] for key in linked.client.scan_iter(match=pattern, count=1000)]


def _in_queue(linked: Linked, queue: str, between: Callable[[], object]) -> set[str]:
    ids = register(linked.client, "ids.lua", package=PACKAGE)
    found: set[str] = set()
    start = 0
    while True:
        # From the end where new ones come in: what is pushed meanwhile moves the others on, so
        # that they are seen twice, and never missed.
        count, *some = ids([queue], [start, start + _PART - 1])
        found.update(text_of(item) for item in some)
        start += _PART
        between()
        if count < _PART:
            return found


def _literal(prefix: str, pattern: str) -> str:
    """Return the pattern with what is special in the prefix taken literally."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + pattern[len(prefix) :]
