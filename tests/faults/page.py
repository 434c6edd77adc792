# SPDX-License-Identifier: BSD-3-Clause
"""``docs/reliability.md``, from the figures of the runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.results import Results

__all__ = ["PAGE", "line", "text"]

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_TEMPLATE = Path(__file__).with_name("page.md")
_NONE = "No run yet."
_TIMES = ("longest_s", "takeover_s", "redelivery_s", "resume_s")
_COUNTS = ("sent", "missing", "gone", "enqueued_twice", "disordered")
_COLUMNS = (
    "fault",
    "way",
    "task broker",
    "pool",
    "sent",
    "missing",
    "given up",
    "enqueued twice",
    "out of order",
    "ran twice (unexcused)",
    "longest",
    "takeover",
    "redelivery",
    "resume",
    "",
)
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"

Kept = dict[str, Any]


def text() -> str:
    """Return the page of all results that are kept."""
    table = list(Results("table").load().values())
    chaos, soaks = (list(Results(kind).load().values()) for kind in ("chaos", "soak"))
    parts = {
        "table": f"{_sums(table)}\n\n{_table(table)}" if table else _NONE,
        "chaos": _chaos(chaos),
        "soak": "\n\n".join(map(_soak, soaks)) or _NONE,
        "versions": _versions([*table, *chaos, *soaks]),
    }
    page = _TEMPLATE.read_text()
    for name, part in parts.items():
        page = page.replace(f"{{{name}}}", part)
    return page


def line(item: Kept) -> str:
    """Return one line of the table."""
    cells = [item[name] for name in ("fault", "way", "task_broker", "pool", *_COUNTS)]
    cells += [f"{item['ran_twice']} ({item['ran_twice_unexcused']})"]
    cells += [_seconds(item[name]) for name in _TIMES]
    cells += ["; ".join(item["wrong"]) or "✓"]
    return "| " + " | ".join(map(str, cells)) + " |"


def _table(items: Iterable[Kept]) -> str:
    lines = sorted(map(line, items))
    return "\n".join([_HEAD, *lines]) if lines else _NONE


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return "never" if math.isinf(value) else f"{value:.1f} s"


def _sums(items: list[Kept]) -> str:
    """Return what all lines of each way come to, the worst times among them."""
    said = []
    for way in sorted({item["way"] for item in items}, reverse=True):
        own = [item for item in items if item["way"] == way]
        sent, missing = (sum(item[name] for item in own) for name in ("sent", "missing"))
        twice = sum(item["enqueued_twice"] for item in own if item["task_broker"] == "redis")
        worst = [
            f"{name[:-2]} {_seconds(max(times))}"
            for name in _TIMES
            if (times := [item[name] for item in own if item[name] is not None])
        ]
        good = sum(not item["wrong"] for item in own)
        said.append(
            f"- **{way}**: {len(own)} lines, {good} of them ✓; {sent} alerts, "
            f"{missing} missing, {twice} enqueued twice on Redis; the worst: {', '.join(worst)}."
        )
    return "\n".join(said)


def _chaos(items: list[Kept]) -> str:
    return f"{_sums(items)}\n\n{_table(items)}" if items else _NONE


def _soak(item: Kept) -> str:
    lines = [
        f"| {g['what']} | {g['before']:g} | {g['after']:g} | {'grew' if g['grew'] else '✓'} |"
        for g in item["growth"]
    ]
    titles = "| | second quarter | last quarter | |\n|---|---|---|---|"
    head = (
        f"{item['fault']}, sampled {len(item['samples'])} times; medians of one worker and "
        f"its pool, which no fault ended.\n\n{titles}"
    )
    return "\n".join([head, *lines, "", _table([item])])


def _versions(items: Iterable[Kept]) -> str:
    found = {(item["date"], ", ".join(map(" ".join, item["versions"].items()))) for item in items}
    return "\n".join(f"- {date}: {said}" for date, said in sorted(found)) or _NONE
