# SPDX-License-Identifier: BSD-3-Clause
"""Which workers are alive, by Redis's own clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from igwn_alert_celery.enqueue.redis_dead_letters import text_of
from igwn_alert_celery.redelivery.link import Linked

__all__ = ["Peer", "Peers", "adopt", "beat", "leave"]


@dataclass(frozen=True, slots=True)
class Peer:
    """One worker, this one included.

    Attributes
    ----------
    incarnation : str
    beat_ms : int
        When its heart has beaten last, by Redis's clock.
    popping_since_ms : int
        Since when it waits for a message, by Redis's clock; 0 when it does not.
    """

    incarnation: str
    beat_ms: int
    popping_since_ms: int


@dataclass(frozen=True, slots=True)
class Peers:
    """All workers, and the time of Redis's clock in milliseconds."""

    now_ms: int
    all: tuple[Peer, ...]


def beat(linked: Linked, incarnation: str, popping_s: float | None) -> Peers:
    """Say that we are alive, and return all that have said so.

    Parameters
    ----------
    linked : Linked
    incarnation : str
        Ours.
    popping_s : float or None
        For how long we have been waiting for a message.
    """
    keys = [linked.keys.workers, linked.keys.popping]
    popping_ms = -1 if popping_s is None else round(1000 * popping_s)
    now_ms, workers, popping = linked.beat(keys, [incarnation, popping_ms])
    since = {text_of(name): int(text_of(at)) for name, at in _pairs(popping)}
    found = tuple(
        Peer(text_of(name), int(float(at)), since.get(text_of(name), 0))
        for name, at in _pairs(workers)
    )
    return Peers(now_ms, found)


def adopt(linked: Linked, incarnations: Iterable[str]) -> None:
    """Register workers of which there is nothing but what they hold, so that they are missed."""
    seconds, micros = linked.client.time()
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    for incarnation in incarnations:
        linked.client.zadd(linked.keys.workers, {incarnation: now_ms}, nx=True)


def leave(linked: Linked, incarnation: str) -> None:
    """Forget a worker that holds nothing any more."""
    pipe = linked.client.pipeline()
    pipe.zrem(linked.keys.workers, incarnation)
    pipe.hdel(linked.keys.popping, incarnation)
    pipe.delete(linked.keys.running(incarnation))
    pipe.execute()


def _pairs(flat: list[Any]) -> zip[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)
