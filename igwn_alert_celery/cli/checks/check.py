# SPDX-License-Identifier: BSD-3-Clause
"""One check: what it needs, what it finds, and how long it may take."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import click

from igwn_alert_celery.errors import IGWNAlertError

__all__ = ["STEP_S", "Check", "Failed", "Finding", "Outcome", "Skipped", "examine"]

logger = logging.getLogger(__name__)

#: No step takes longer, whatever it waits for, seconds.
STEP_S = 10.0


class Outcome(str, Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Failed(Exception):
    """Something is wrong; the text says what, ``remedy`` what to do."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text, remedy)
        self.text = text
        self.remedy = remedy


class Skipped(Exception):
    """There is nothing to check; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check by name; ``run`` returns what is well, or raises.

    Attributes
    ----------
    name : str
    run : callable
        Takes the patient; returns a text, or raises Failed, Skipped or one of our errors.
    needs : tuple of str
        Checks without which it makes no sense.
    wrong : str
        What is wrong in short, where one of our errors says the rest.
    own_thread : bool
        Whether it may wait for others. What runs the user's own code runs on the main thread.
    """

    name: str
    run: Callable[[Any], str]
    needs: tuple[str, ...] = ()
    wrong: str = "failed"
    own_thread: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found."""

    name: str
    outcome: Outcome
    text: str
    remedy: str = ""


def examine(patient: object, checks: Sequence[Check]) -> Iterator[Finding]:
    """Run the checks in order; what needs one that failed is skipped."""
    broken: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in broken]
        if missing:
            finding = Finding(check.name, Outcome.SKIPPED, f"needs {', '.join(missing)}")
        else:
            finding = _run(check, patient)
        if missing or finding.outcome is Outcome.FAILED:
            broken.add(check.name)
        yield finding


def _run(check: Check, patient: object) -> Finding:
    try:
        text = _bounded(check, patient) if check.own_thread else check.run(patient)
    except Skipped as exc:
        return Finding(check.name, Outcome.SKIPPED, str(exc))
    except Failed as exc:
        return Finding(check.name, Outcome.FAILED, exc.text, exc.remedy)
    except IGWNAlertError as exc:
        return Finding(check.name, Outcome.FAILED, check.wrong, str(exc))
    except click.ClickException as exc:
        return Finding(check.name, Outcome.FAILED, check.wrong, exc.format_message())
    except Exception as exc:
        # Border: the other checks may still tell what is wrong.
        logger.debug("the check %r failed", check.name, exc_info=True)
        text = f"unexpected {type(exc).__name__}"
        return Finding(check.name, Outcome.FAILED, text, "-l debug shows where it comes from")
    return Finding(check.name, Outcome.OK, text)


def _bounded(check: Check, patient: object) -> str:
    """Run it on a thread that is left alone when it takes too long: name look-ups may hang."""
    ended: list[str | BaseException] = []

    def run() -> None:
        try:
            ended.append(check.run(patient))
        except BaseException as exc:  # noqa: BLE001 - raised again by who waits
            ended.append(exc)

    thread = threading.Thread(target=run, name=f"doctor-{check.name}", daemon=True)
    thread.start()
    thread.join(STEP_S)
    if not ended:
        raise Failed(f"no answer within {STEP_S:g} s", "try again; then ask those who run it")
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]
