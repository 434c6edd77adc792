# SPDX-License-Identifier: BSD-3-Clause
"""The dead letters of a deployment, put there and looked at beside the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

from igwn_alert_celery.dead_letter import DeadLetter
from igwn_alert_celery.enqueue.letter_store import Letters, opened_letters
from igwn_alert_celery.settings import Settings

__all__ = ["FIRST", "LETTERS", "keep", "left", "letters_of"]

LETTERS = ("-A", "tests.integration.followup", "dead-letters")
FIRST = "tests.integration.followup.first"


@contextmanager
def letters_of(deployment: Any) -> Iterator[Letters]:
    """Open the letters."""
    app = Celery(broker=deployment.environment["FOLLOWUP_BROKER"], set_as_current=False)
    settings = Settings(state_dir=deployment.environment["IGWN_ALERT_STATE_DIR"])
    with opened_letters(app, settings, deployment.group) as store:
        yield store.letters


def keep(deployment: Any, *letters: DeadLetter) -> None:
    """Keep some."""
    with letters_of(deployment) as kept:
        for letter in letters:
            kept.add(letter)


def left(deployment: Any) -> list[str]:
    """Return the ids of those that there are."""
    with letters_of(deployment) as kept:
        return kept.ids()
