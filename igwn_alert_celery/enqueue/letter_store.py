# SPDX-License-Identifier: BSD-3-Clause
"""The dead letters of an app from outside its workers, wherever its task broker keeps them.

Nothing is written by looking: neither a ledger on an empty Redis nor a file, which would be the
looker's own and keep the worker out.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from celery import Celery
from redis import Redis

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.away import connecting
from igwn_alert_celery.enqueue.channel import prompt, use_channels
from igwn_alert_celery.enqueue.ledger import Ledger
from igwn_alert_celery.enqueue.local import LocalDeadLetters
from igwn_alert_celery.enqueue.opening import state_path
from igwn_alert_celery.enqueue.publish import time_limits
from igwn_alert_celery.enqueue.redis import is_redis
from igwn_alert_celery.errors import TaskBrokerUnavailable
from igwn_alert_celery.settings import Settings

__all__ = ["LetterStore", "Letters", "each_letter", "opened_letters"]

# A letter may have several megabytes.
_AT_ONCE = 20


class Letters(Protocol):
    """What can be asked of dead letters; each call may raise :exc:`TaskBrokerUnavailable`."""

    def count(self) -> int:
        """Return how many there are."""

    def size_bytes(self) -> int:
        """Return their size in bytes, as stored."""

    def ids(self) -> builtins.list[str]:
        """Return all ids, the oldest first."""

    def some(self, ids: Sequence[str]) -> builtins.list[DeadLetter]:
        """Return those of these ids that are there, in this order."""

    def add(self, letter: DeadLetter, /) -> builtins.list[str]:
        """Keep one; returns the ids that the bounds pushed out."""

    def drop(self, letter_id: str) -> bool:
        """Drop one; returns whether it was there."""


@dataclass(frozen=True, slots=True)
class LetterStore:
    """Dead letters, and where they are kept.

    ``is_shared`` is False where it is a file, so that other machines have others.
    """

    letters: Letters
    place: str
    is_shared: bool


class _NoLetters:
    """Stands for a file that no worker of this machine has made yet."""

    def count(self) -> int:
        return 0

    def size_bytes(self) -> int:
        return 0

    def ids(self) -> list[str]:
        return []

    def some(self, ids: Sequence[str]) -> list[DeadLetter]:
        return []

    def add(self, letter: DeadLetter, /) -> list[str]:
        raise TaskBrokerUnavailable("there is no file to keep a dead letter in")

    def drop(self, letter_id: str) -> bool:
        return False


@contextmanager
def opened_letters(app: Celery, settings: Settings, consumer_group: str) -> Iterator[LetterStore]:
    """Open the dead letters; blocks for a few time-outs at most.

    Parameters
    ----------
    app : celery.Celery
    settings : Settings
    consumer_group : str
        It names the file where the task broker is not Redis.

    Raises
    ------
    TaskBrokerUnavailable
        Redis does not answer, or the file cannot be read.
    """
    if is_redis(app):
        with _on_redis(app, settings) as store:
            yield store
    else:
        yield _in_file(settings, consumer_group)


def each_letter(letters: Letters, ids: Sequence[str]) -> Iterator[DeadLetter]:
    """Yield letters, a few at a time in memory; one that is dropped meanwhile is left out."""
    for start in range(0, len(ids), _AT_ONCE):
        yield from letters.some(ids[start : start + _AT_ONCE])


@contextmanager
def _on_redis(app: Celery, settings: Settings) -> Iterator[LetterStore]:
    timeout_s = settings.task_broker_timeout_s
    connection = app.connection_for_write(
        connect_timeout=timeout_s, transport_options=time_limits(app, timeout_s)
    )
    # Their client does not try again by itself, which would outlast the time-out.
    use_channels(connection, prompt)
    try:
        with connecting(connection):
            connection.ensure_connection(max_retries=max(0, len(connection.alt or ()) - 1))
            channel = connection.channel()
        ledger = Ledger(
            Redis(connection_pool=channel.pool),
            prefix=channel.global_keyprefix,
            max_dead_count=settings.dead_letter_max_count,
            max_dead_bytes=settings.dead_letter_max_bytes,
        )
        yield LetterStore(ledger.dead_letters, str(connection.as_uri()), is_shared=True)
    finally:
        connection.collect()


def _in_file(settings: Settings, consumer_group: str) -> LetterStore:
    path = state_path(settings, consumer_group)
    try:
        is_there = path.exists()
    except OSError as exc:
        raise TaskBrokerUnavailable(f"the state file {path} cannot be used: {exc}") from exc
    letters: Letters = _NoLetters()
    if is_there:
        bounds = settings.dead_letter_max_count, settings.dead_letter_max_bytes
        letters = LocalDeadLetters(path, *bounds)
    return LetterStore(letters, str(path), is_shared=False)
