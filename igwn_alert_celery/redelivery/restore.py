# SPDX-License-Identifier: BSD-3-Clause
"""Gives back what a dead worker held; a handler that has killed it too often is kept instead."""

from __future__ import annotations

from typing import Any

from igwn_alert_celery.errors import HandlerKilledProcess
from igwn_alert_celery.redelivery.keeper import Keeper
from igwn_alert_celery.redelivery.link import Linked
from igwn_alert_celery.redelivery.registry import leave
from igwn_alert_celery.redelivery.unacked import Unacked, task_id_of

__all__ = ["Restorer"]


class Restorer:
    """For the heart's thread.

    Several workers may restore the same one: each task goes back once, and counts once.

    Parameters
    ----------
    keeper : Keeper
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def restore(self, linked: Linked, incarnation: str) -> int:
        """Give back all tasks of a dead worker and forget it; return how many were given back.

        Raises what redis-py does, and :exc:`TaskBrokerUnavailable`.
        """
        held = linked.unacked(incarnation)
        running, messages = held.running(), held.messages()
        for tag, message in messages:
            if not self._gave_up(linked, held, (tag, message), running):
                held.put_back(tag)
        left = len(held.tags())
        if not left:
            leave(linked, incarnation)
            linked.forget(incarnation)
        return max(0, len(messages) - left)

    def _gave_up(
        self, linked: Linked, held: Unacked, task: tuple[str, dict[str, Any]], running: set[str]
    ) -> bool:
        tag, message = task
        task_id = task_id_of(message.get("headers"))
        if not task_id or task_id not in running:
            return False
        attempts = held.attempt(task_id)
        if attempts < self._keeper.max_attempts:
            return False
        exc = HandlerKilledProcess(message["headers"]["task"], attempts)
        if not self._keeper.keep(linked, message, exc.reason, str(exc)):
            return False
        held.settle(tag, task_id)
        return True
