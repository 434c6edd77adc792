# SPDX-License-Identifier: BSD-3-Clause
"""Checks on JSON text, so that what we enqueue is what the pool can load.

The standard parser is used on purpose: kombu uses it in the worker, and what one accepts the
other accepts.
"""

from __future__ import annotations

import json
import re
from typing import Any

from igwn_alert_celery.errors import PoisonRecord

__all__ = ["MOST_DEPTH", "is_kombu_safe", "parse", "unwrap"]

#: Deeper alerts would end in a RecursionError in the pool, before the task runs.
MOST_DEPTH = 200
_MOST_WRAPPINGS = 4
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def parse(text: str) -> Any:
    """Parse JSON; raises :exc:`PoisonRecord` (``not_json``, ``too_deep``)."""
    if text.count("[") + text.count("{") > MOST_DEPTH and _depth(text) > MOST_DEPTH:
        raise PoisonRecord("too_deep", f"nested deeper than {MOST_DEPTH} levels")
    try:
        return json.loads(text)
    except RecursionError:
        raise PoisonRecord("too_deep", f"nested deeper than {MOST_DEPTH} levels") from None
    except ValueError as exc:
        raise PoisonRecord("not_json", str(exc)) from exc


def unwrap(text: str) -> tuple[Any, str]:
    """Parse JSON, and JSON inside a JSON string (GraceDB's way); return value and its text.

    A string is unwrapped only when an object or a list comes out in the end.
    """
    outer = parse(text)
    value, inner = outer, text
    for _ in range(_MOST_WRAPPINGS):
        if not isinstance(value, str):
            break
        inner = value
        try:
            value = parse(inner)
        except PoisonRecord as exc:
            if exc.reason == "too_deep":
                raise
            return outer, text
    return (value, inner) if isinstance(value, (dict, list)) else (outer, text)


def is_kombu_safe(text: str, value: Any) -> bool:
    """Whether kombu's decoder leaves the value alone: it acts on ``{"__type__", "__value__"}``."""
    if "__type__" not in text and "\\u" not in text:
        return True
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.keys() == {"__type__", "__value__"}:
                return False
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return True


def _depth(text: str) -> int:
    depth = most = 0
    for mark in _MARKS.finditer(text):
        char = text[mark.start()]
        if char in "[{":
            depth += 1
            most = max(most, depth)
            if most > MOST_DEPTH:
                return most
        elif char in "]}":
            depth -= 1
    return most
