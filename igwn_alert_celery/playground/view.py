# SPDX-License-Identifier: BSD-3-Clause
"""The board on a terminal as a live table, and as plain lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from igwn_alert_celery.playground.board import Board
from igwn_alert_celery.playground.table import HEAD, Line, fit, lines_of

__all__ = ["LiveTable", "PlainLines", "Screen", "open_view"]

_PLAIN_WIDTH = 100
_MOST_WIDTH = 140
_MOST_ROWS = 50
# Below the table there is room for a prompt, above it for what it is about.
_SPARE_LINES = 4


class Screen(Console):
    """Standard output; a pipe that nobody reads any more raises :exc:`BrokenPipeError`."""

    def say(self, text: str, *, wrap: bool = True) -> None:
        """Print a text as it is; ``wrap=False`` for commands, which are copied from there."""
        self.print(text, soft_wrap=not wrap, highlight=False, markup=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Let the caller end in order; rich would leave from here."""
        raise BrokenPipeError

    @property
    def is_live(self) -> bool:
        """Whether it can be drawn anew; also with FORCE_COLOR a file cannot."""
        return self.file.isatty() and not self.is_dumb_terminal


class PlainLines:
    """For a file, a pipe, a log: the lines of each alert, once nothing more happens to it."""

    def __init__(self, screen: Screen, board: Board) -> None:
        self._screen = screen
        self._board = board
        self._shown = 0
        self._print([HEAD])

    def update(self) -> None:
        """Show what is new, in the order of the board."""
        rows = self._board.rows
        while self._shown < len(rows) and rows[self._shown].done:
            self._print(lines_of(rows[self._shown]))
            self._shown += 1

    def _print(self, lines: list[Line]) -> None:
        for first, last, _ in fit(lines, _PLAIN_WIDTH):
            self._screen.say((first + last).rstrip(), wrap=False)


class LiveTable:
    """For a terminal: the whole board, as far as it fits, drawn anew with each change."""

    def __init__(self, screen: Screen, board: Board, live: Live) -> None:
        self._screen = screen
        self._board = board
        self._live = live

    def update(self) -> None:
        """Show the present board; the latest lines where there are too many."""
        self._draw(max(1, self._screen.height - _SPARE_LINES))

    def finish(self) -> None:
        """Leave it on the terminal, whole: it may scroll now."""
        self._draw(None)

    def _draw(self, room: int | None) -> None:
        rows = self._board.rows[-_MOST_ROWS:]
        lines = [HEAD, *(line for row in rows for line in lines_of(row))]
        head, *body = fit(lines, min(self._screen.width, _MOST_WIDTH))
        hidden = 0 if room is None else max(0, len(body) - room)
        top = [_text(*head)]
        if hidden:
            top.append(Text(f"… {hidden} lines before", "dim"))
        drawn = Text("\n").join([*top, *(_text(*parts) for parts in body[hidden:])])
        self._live.update(drawn, refresh=True)


@contextmanager
def open_view(screen: Screen, board: Board) -> Iterator[LiveTable | PlainLines]:
    """Show the board; call ``update()`` after each change."""
    if not screen.is_live:
        yield PlainLines(screen, board)
        return
    with Live(console=screen, auto_refresh=False) as live:
        table = LiveTable(screen, board, live)
        try:
            yield table
        finally:
            table.finish()


def _text(first: str, last: str, line: Line) -> Text:
    if line is HEAD:
        return Text(first + last, "bold")
    style = "red" if line.failed else "dim" if line.note else "green"
    return Text.assemble((first, "red" if line.failed else ""), (last, style))
