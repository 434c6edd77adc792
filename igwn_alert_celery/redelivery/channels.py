# SPDX-License-Identifier: BSD-3-Clause
"""The channels over which this worker takes messages: Celery's own, and perhaps further steps'."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

__all__ = ["Channels"]


class Channels:
    """Written by the main thread, read by the heart's."""

    def __init__(self) -> None:
        self._open: WeakSet[Any] = WeakSet()
        self._asked_at: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._waiting: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def opened(self, channel: Any) -> None:
        """Note a channel that is open."""
        self._open.add(channel)

    def let_go(self) -> None:
        """Free what lost connections have left behind."""
        for channel in list(self._open):
            if channel.let_go():
                self._open.discard(channel)

    def asks(self, channel: Any) -> None:
        """Note that a channel asks for a message.

        The answer may be on its way from now on: popped from its queue, and known to nobody else.
        """
        self._asked_at[channel] = self._waiting[channel] = time.monotonic()

    def answered(self, channel: Any, asked_at: float | None = None) -> None:
        """Note that there was none, or that it is noted as unacked.

        Where ``asked_at`` is given, only what was asked for then: it may be asking again.
        """
        if asked_at is None or self._waiting.get(channel) == asked_at:
            self._waiting.pop(channel, None)

    def forget(self) -> None:
        """Forget all: the connection is another one."""
        self._asked_at.clear()
        self._waiting.clear()

    @property
    def waiting_since(self) -> float | None:
        """Monotonic time since when the first of them waits; None when none does."""
        return min(self._waiting.copy().values(), default=None)

    def asked_at(self, channel: Any) -> float | None:
        """Return the monotonic time when a channel asked last; None for none."""
        return None if channel is None else self._asked_at.get(channel)

    def known_tags(self) -> set[str] | None:
        """Return the tags of all messages that they have delivered.

        None where that is not known: no channel has asked yet, or the main thread changes it
        meanwhile.
        """
        try:
            channels = list(self._asked_at)
            found = [channel.qos.known_tags() for channel in channels]
        except RuntimeError:
            return None
        return set().union(*found) if found else None
