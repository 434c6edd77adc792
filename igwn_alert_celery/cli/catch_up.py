# SPDX-License-Identifier: BSD-3-Clause
"""A progress bar while `listen` reads what is already there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from igwn_alert_celery.cli.screen import Screen

__all__ = ["progress_of"]

Advance = Callable[[int], None]


@contextmanager
def progress_of(what: str, total: int, output: Screen) -> Iterator[Advance]:
    """Draw a bar on stderr, if that is a terminal, until the block ends or all is done.

    Parameters
    ----------
    what : str
        What is counted.
    total : int
    output : Screen
        Standard output: on a terminal the bar stays below what is printed there.

    Yields
    ------
    callable
        To be called with how many more are done.
    """
    errors = Screen(stderr=True)
    if not errors.is_live or total < 1:
        yield _nothing
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = output if output.is_live else errors
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            progress.update(task, completed=min(done, total))
            if done >= total:
                progress.stop()

        yield advance


def _nothing(_more: int) -> None:
    """Serve where there is no bar."""
