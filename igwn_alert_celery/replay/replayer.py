# SPDX-License-Identifier: BSD-3-Clause
"""Replays dead letters: once what a letter becomes is enqueued, the letter is dropped."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from igwn_alert_celery import signals
from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.away import reaching
from igwn_alert_celery.enqueue.letter_store import Letters
from igwn_alert_celery.enqueue.publish import Publisher, confirming, connected
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.publisher.parcel import Parcel
from igwn_alert_celery.publisher.task import TASK_NAME
from igwn_alert_celery.replay.plan import Plan, Ways, plan
from igwn_alert_celery.worker.signalling import send_signal

__all__ = ["Replayed", "Replayer", "replaying"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one letter.

    Attributes
    ----------
    letter : DeadLetter
    tasks : dict
        Ids of the tasks that are enqueued, by the name of the task; empty when it failed.
    error : str
        Why nothing was enqueued: the letter is kept.
    kept : tuple of DeadLetter
        New letters, for handlers whose task could not be enqueued beside the others.
    """

    letter: DeadLetter
    tasks: dict[str, str] = field(default_factory=dict)
    error: str = ""
    kept: tuple[DeadLetter, ...] = ()


class Replayer:
    """Replays letter by letter over one connection. Not thread-safe; see :func:`replaying`."""

    def __init__(self, letters: Letters, ways: Ways) -> None:
        self._letters = letters
        self._ways = ways
        self._app = ways.bridge.app
        self._settings = ways.bridge.settings
        self._connection: Any = None
        self._publisher: Publisher | None = None

    def replay(self, letter: DeadLetter) -> Replayed:
        """Enqueue what the letter becomes, and drop it; blocks for a few time-outs at most.

        At least once: whoever is killed between the two replays it again the next time.

        Raises
        ------
        TaskBrokerUnavailable
            It may or may not have been enqueued; the letter is kept.
        """
        planned = plan(letter, self._ways)
        if planned.refusal:
            return Replayed(letter, error=planned.refusal)
        if planned.parcel is not None:
            return self._send_again(letter, planned.parcel)
        return self._enqueue(letter, planned)

    def close(self) -> None:
        """Close the connection without waiting for a server that is gone."""
        connection, self._connection, self._publisher = self._connection, None, None
        if connection is not None:
            connection.collect()

    def _enqueue(self, letter: DeadLetter, planned: Plan) -> Replayed:
        publisher, prefix = self._open(), self._settings.topic_prefix
        failed: dict[str, DeadLetter] = {}
        for call in planned.calls:
            kept = publisher.publish(call, prefix)
            if kept is not None:
                failed[call.task.name] = kept
        tasks = {call.task.name: call.task_id for call in planned.calls}
        tasks = {name: task_id for name, task_id in tasks.items() if name not in failed}
        if not tasks:
            why = "; ".join(f"{name}: {one.reason}: {one.error}" for name, one in failed.items())
            return Replayed(letter, error=why)
        kept_now = (*failed.values(), *planned.late)
        for one in kept_now:
            self._letters.add(one)
        self._letters.drop(letter.id)
        self._announce(planned, tuple(tasks.values()), kept_now)
        return Replayed(letter, tasks, kept=kept_now)

    def _announce(
        self, planned: Plan, task_ids: tuple[str, ...], kept: tuple[DeadLetter, ...]
    ) -> None:
        bridge = self._ways.bridge
        send_signal(signals.alert_enqueued, bridge, alert=planned.alert, task_ids=task_ids)
        for one in kept:
            send_signal(signals.alert_dead_lettered, bridge, dead_letter=one)

    def _send_again(self, letter: DeadLetter, parcel: Parcel) -> Replayed:
        producer = self._open().producer
        try:
            with reaching(self._connection):
                result = self._ways.bridge.publisher.apply_async(
                    (), {"parcels": [parcel.as_message()]}, producer=producer, retry=False
                )
        except TaskBrokerUnavailable:
            raise
        except Exception as exc:
            # Border: a router or a serializer of the user's; the other letters do not wait for it.
            logger.debug("the letter %s cannot be sent again", letter.id, exc_info=True)
            self.close()
            return Replayed(letter, error=f"{type(exc).__name__}: {exc}")
        self._letters.drop(letter.id)
        return Replayed(letter, {TASK_NAME: str(result.id)})

    def _open(self) -> Publisher:
        if self._publisher is None:
            connection = confirming(self._app, self._settings.task_broker_timeout_s)
            self._connection = connection
            self._publisher = connected(self._app, connection)
        return self._publisher


@contextmanager
def replaying(letters: Letters, ways: Ways) -> Iterator[Replayer]:
    """Give a replayer, and let go of its connection at the end."""
    replayer = Replayer(letters, ways)
    try:
        yield replayer
    finally:
        replayer.close()
