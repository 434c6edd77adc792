# SPDX-License-Identifier: BSD-3-Clause
"""The board as lines of a table, as wide as there is room."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from igwn_alert_celery.playground.board import Handled, Row

__all__ = ["HEAD", "Line", "fit", "lines_of"]

# topic, alert, type, queued, handler, done; what a handler says takes the rest.
_LEAST_WIDTHS = (10, 10, 15, 6, 15, 5)
_RIGHT = {3, 5}
_NOTE_AT = 4
_LEAST_ROOM = 12
_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One line: six cells and what the handler says, or a note from the fifth cell on."""

    cells: tuple[str, ...]
    says: str = ""
    note: str = ""
    failed: bool = False


HEAD = Line(("topic", "alert", "type", "queued", "handler", "done"), "says")


def fit(lines: Sequence[Line], room: int) -> list[tuple[str, str, Line]]:
    """Return each line as two parts that fit together into ``room`` columns.

    What a handler says goes on below its name where it would not fit.
    """
    widths = _widths(lines)
    return [(first, last, line) for line in lines for first, last in _parts(line, widths, room)]


def lines_of(row: Row) -> list[Line]:
    """Return a row's lines, one for each of its handlers."""
    queued = "" if row.enqueued_ms is None else _ms(row.enqueued_ms)
    first: tuple[str, ...] = (row.topic, row.uid, row.alert_type, queued)
    found = []
    for handler, done, says, failed in map(_run, sorted(row.handled, key=_latency)):
        found.append(Line((*first, handler, done), says, failed=failed))
        first = ("", "", "", "")
    note = _note(row)
    if note:
        found.append(Line((*first, "", ""), note=note, failed=bool(row.problem)))
    return found


def _widths(lines: Sequence[Line]) -> list[int]:
    widths = list(_LEAST_WIDTHS)
    for line in lines:
        widths = [max(width, len(cell)) for width, cell in zip(widths, line.cells, strict=True)]
    return widths


def _parts(line: Line, widths: list[int], room: int) -> list[tuple[str, str]]:
    padded = [
        cell.rjust(width) if number in _RIGHT else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(line.cells, widths, strict=True))
    ]
    first = " ".join(padded[:_NOTE_AT] if line.note else padded) + " "
    text = line.note or line.says
    if len(first) + len(text) <= room:
        return [(first, text)]
    indent = " " * (sum(widths[:_NOTE_AT]) + _NOTE_AT)
    if line is HEAD or room - len(indent) < _LEAST_ROOM:
        return [(_cut(first + text, room), "")]
    wrapped = textwrap.wrap(
        text, room - len(indent), max_lines=_MOST_LINES, placeholder="…", break_on_hyphens=False
    )
    below = [(indent, part) for part in wrapped]
    return [(first, below[0][1]), *below[1:]] if line.note else [(_cut(first, room), ""), *below]


def _latency(run: Handled) -> float:
    return run.latency_ms


def _run(run: Handled) -> tuple[str, str, str, bool]:
    state = {"SUCCESS": "", "FAILURE": "failed"}.get(run.state, run.state.lower())
    said = ": ".join(part for part in (state, run.said) if part)
    return run.handler, _ms(run.latency_ms), said, run.failed


def _note(row: Row) -> str:
    if row.problem:
        return row.problem
    if row.enqueued_ms is None:
        return "on its way …"
    if row.unwanted:
        return "nobody asks for it: no task"
    return f"{len(row.waiting)} waiting …" if row.waiting else ""


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"[:room]
