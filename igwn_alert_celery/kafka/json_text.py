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
_KOMBU_KEYS = {"__type__", "__value__"}
# An escape is one mark, so that the scan is linear; a pattern for whole strings is quadratic
# when the last one has no end.
_MARKS = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def parse(text: str) -> Any:
    """Parse JSON exactly as Python's ``json`` does, NaN and duplicate keys included.

    Raises
    ------
    PoisonRecord
        ``too_deep``; ``not_json``, also for an integer that is too long for ``int``.
    """
    if text.count("[") + text.count("{") > MOST_DEPTH and _is_too_deep(text):
        raise PoisonRecord("too_deep", f"nested deeper than {MOST_DEPTH} levels")
    try:
        return json.loads(text)
    except RecursionError as exc:
        raise PoisonRecord("too_deep", "nested too deep for Python's JSON parser") from exc
    except ValueError as exc:
        raise PoisonRecord("not_json", str(exc)) from exc


def unwrap(value: Any, text: str) -> tuple[Any, str]:
    """Open JSON inside a JSON string (GraceDB's way, and igwn-alert's over-encoded one).

    Parameters
    ----------
    value, text
        A parsed value and the JSON text that it came from.

    Returns
    -------
    tuple
        The object or list inside and its own text; or what was given, when the string holds
        anything else.
    """
    inner, inner_text = value, text
    for _ in range(_MOST_WRAPPINGS):
        if not isinstance(inner, str):
            break
        inner_text = inner
        try:
            inner = parse(inner_text)
        except PoisonRecord as exc:
            if exc.reason == "too_deep":
                raise
            break
    return (inner, inner_text) if isinstance(inner, (dict, list)) else (value, text)


def is_kombu_safe(text: str, value: Any) -> bool:
    """Whether kombu's JSON decoder leaves the value alone.

    It acts on every object whose keys are exactly ``__type__`` and ``__value__``. The keys may
    be written with escapes, which for these letters all begin with ``\\u00``.
    """
    if "__type__" not in text and "\\u00" not in text:
        return True
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.keys() == _KOMBU_KEYS:
                return False
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return True


def _is_too_deep(text: str) -> bool:
    """Count open brackets outside strings; exact up to the first syntax error."""
    depth = 0
    in_string = False
    for found in _MARKS.finditer(text):
        mark = found.group()
        if mark == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif mark in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                return True
        elif mark in "]}":
            depth -= 1
    return False
