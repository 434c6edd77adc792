# SPDX-License-Identifier: BSD-3-Clause
"""The dead letters of the app of ``-A``: how many, and to open them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.enqueue.letter_store import LetterStore, opened_letters
from igwn_alert_celery.publisher.letters import group_of_letters

__all__ = ["Kept", "bridge_of", "kept_by", "opened"]


@dataclass(frozen=True, slots=True)
class Kept:
    """How many dead letters there are, their bytes, and where; ``is_shared`` False for a file."""

    count: int
    bytes: int
    place: str
    is_shared: bool


def bridge_of(target: Target, command: str) -> Any:
    """Return the app's bridge.

    Raises
    ------
    click.UsageError
        There is no ``-A``.
    ConfigError
        The app cannot be loaded, or has none.
    """
    if target.bridge is None:
        raise click.UsageError(f"`{command}` is about a Celery app: igwn-alert -A APP {command}")
    # So that options which contradict the app are refused.
    _ = target.settings
    return target.bridge


@contextmanager
def opened(bridge: Any) -> Iterator[LetterStore]:
    """Open the dead letters of an app.

    Raises
    ------
    TaskBrokerUnavailable
        They cannot be reached.
    """
    with opened_letters(bridge.app, bridge.settings, group_of_letters(bridge)) as store:
        yield store


def kept_by(bridge: Any) -> Kept:
    """Return how many there are; raises as :func:`opened` does."""
    with opened(bridge) as store:
        letters = store.letters
        return Kept(letters.count(), letters.size_bytes(), store.place, store.is_shared)
