# SPDX-License-Identifier: BSD-3-Clause
"""Checks on JSON text, so that what we enqueue is what the pool can load.

kombu uses Python's own parser in the worker, so that one has the last word here. msgspec reads
seven times as fast and is asked first: what it takes, Python takes, and makes the same of it, whole
numbers of any size included (orjson makes floats of large ones).
"""

from __future__ import annotations

import json
import re
import string
import sys
from array import array
from itertools import accumulate
from typing import Any

import msgspec

from igwn_alert_celery.errors import PoisonRecord

__all__ = ["MOST_DEPTH", "Glance", "glance", "is_kombu_safe", "parse", "string_in", "unwrap"]

#: Deeper alerts would end in a RecursionError in the pool, before the task runs.
MOST_DEPTH = 200
_MOST_WRAPPINGS = 4
_KOMBU_KEYS = {"__type__", "__value__"}
# Letters of the keys above, written as escapes.
_ESCAPED = re.compile(rb"\\u00[5-7]")
_DIGITS = string.digits.encode()
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_NO_OPENING_BRACKETS = bytes(set(range(256)) - set(b"[{"))
_read = msgspec.json.Decoder().decode
_read_string = msgspec.json.Decoder(str).decode


class _Object(msgspec.Struct):
    labels: Any = None


class Glance(msgspec.Struct):
    """What filters ask of an alert first; the rest of its text is checked, and not read.

    Attributes
    ----------
    alert_type
        Whatever stands there; None where nothing does.
    object
        With its ``labels``, as they are; None where there is none.
    """

    alert_type: Any = None
    object: _Object | None = None


_glance = msgspec.json.Decoder(Glance).decode


def glance(text: str | bytes) -> Glance | None:
    """Look at an alert's JSON text without making an object of it, in a quarter of the time.

    Returns
    -------
    Glance or None
        None says nothing but that :func:`parse` has to be asked. Else it would take the text, and
        return a dict.

    Raises
    ------
    PoisonRecord
        ``too_deep``.
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if raw[:1] != b"{":
        return None
    try:
        found = _glance(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    _check_depth(raw)
    return None if _may_have_long_integer(raw) else found


def string_in(value: bytes) -> str | None:
    """Return the text in bytes that are one JSON string, from its first quote to its last.

    Returns
    -------
    str or None
        None says nothing but that :func:`parse` has to be asked. Else it would return the same.
    """
    if value[:1] != b'"' or value[-1:] != b'"':
        return None
    try:
        return _read_string(value)
    except (msgspec.DecodeError, ValueError):
        return None


def parse(text: str) -> Any:
    """Parse JSON exactly as Python's ``json`` does, NaN and duplicate keys included.

    Raises
    ------
    PoisonRecord
        ``too_deep``; ``not_json``, also for an integer that is too long for ``int``.
    """
    try:
        value = _loads(text)
    except RecursionError as exc:
        raise PoisonRecord("too_deep", "nested too deep for Python's JSON parser") from exc
    except ValueError as exc:
        raise PoisonRecord("not_json", str(exc)) from exc
    _check_depth(text.encode("utf-8", "surrogatepass"))
    return value


def _loads(text: str) -> Any:
    try:
        return _read(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # No JSON; or NaN, 1e999, half a surrogate pair and the like, which Python takes.
        return json.loads(text)


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


def is_kombu_safe(raw: bytes) -> bool:
    r"""Whether kombu's JSON decoder leaves all of a valid text alone.

    It acts on every object whose keys are exactly ``__type__`` and ``__value__``, also on one
    that a repeated key hides. The keys may be written with escapes, such as ``\u005f`` for the
    underscore.
    """
    # Most alerts hold no backslash at all, and to look for one byte takes no time.
    if b"__type__" not in raw and not (b"\\" in raw and _ESCAPED.search(raw)):
        return True
    safe = True

    def look(found: dict[str, Any]) -> None:
        nonlocal safe
        safe = safe and found.keys() != _KOMBU_KEYS

    json.loads(raw.decode(), object_hook=look)
    return safe


def _may_have_long_integer(raw: bytes) -> bool:
    """Whether a number may have more digits than ``int`` takes: it is read in the pool.

    So many digits in a row lie across one of the places that are as far apart.
    """
    # Python had no such limit before 3.10.7.
    most = getattr(sys, "get_int_max_str_digits", int)()
    if not most:
        return False
    for number, char in enumerate(raw[::most]):
        if char not in _DIGITS:
            continue
        place = number * most
        before, after = raw[max(0, place - most) : place], raw[place : place + most]
        digits = len(before) - len(before.rstrip(_DIGITS))
        if digits + len(after) - len(after.lstrip(_DIGITS)) > most:
            return True
    return False


def _check_depth(raw: bytes) -> None:
    if len(raw.translate(None, _NO_OPENING_BRACKETS)) > MOST_DEPTH and _depth(raw) > MOST_DEPTH:
        raise PoisonRecord("too_deep", f"nested deeper than {MOST_DEPTH} levels")


def _depth(raw: bytes) -> int:
    """Count open brackets in valid JSON; of the text, as a repeated key hides what it had."""
    outside = b"".join(raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
    steps = outside.translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(array("b", steps)), default=0)
