# SPDX-License-Identifier: BSD-3-Clause
"""The saved records of the fuzz: what once went wrong, or could, with what has to become of it.

A file of ``corpus`` is a JSON list. Bytes are written as text of Latin-1, or as ``[[text, times],
…]`` where they repeat; ``becomes`` is ``alert``, ``skipped``, or a dead letter's reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igwn_alert_celery.record import Record

__all__ = ["Saved", "saved_records"]

_CORPUS = Path(__file__).with_name("corpus")


@dataclass(frozen=True)
class Saved:
    """One saved record, and what becomes of it."""

    name: str
    record: Record
    becomes: str


def saved_records() -> list[Saved]:
    """Return all of them."""
    return [
        _saved(f"{file.stem}: {case['says']}", case)
        for file in sorted(_CORPUS.glob("*.json"))
        for case in json.loads(file.read_text())
    ]


def _saved(name: str, case: dict[str, Any]) -> Saved:
    headers = tuple((_text(key), _bytes(value)) for key, value in case.get("headers", []))
    headers *= case.get("headers_times", 1)
    record = Record(
        "g.superevent", 0, 0, 0, _bytes(case.get("key")), _bytes(case["value"]), headers
    )
    return Saved(name, record, case["becomes"])


def _bytes(pieces: Any) -> bytes | None:
    if pieces is None:
        return None
    return _text(pieces).encode("latin-1")


def _text(pieces: Any) -> str:
    if isinstance(pieces, str):
        return pieces
    return "".join(text * times for text, times in pieces)
