# SPDX-License-Identifier: BSD-3-Clause
"""What the publisher task was called with: by a user, a canvas, or its own message."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from igwn_alert_celery.errors import HandlerError
from igwn_alert_celery.publisher.parcel import pack

__all__ = ["deflated", "inflated", "named", "packed", "partly_packed", "shown"]

_NAMES = ("topic", "alert", "key", "headers", "test")
# How the task's message has what is sent: one of these.
_PACKED = {"parcels", "deflated"}
# Between the caller and the task, all of a message is written and read a dozen times: by kombu, by
# Redis, and by Celery's main process, which is the first to be too slow. What is shorter than this
# passes there in less time than it takes to deflate it.
_DEFLATED_FROM = 100_000
# Higher ones take longer, and make alerts hardly shorter.
_LEVEL = 1


def named(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments by name.

    A canvas puts the result of the task before first: beside ``topic=`` it is the alert.

    Raises
    ------
    HandlerError
        One too many, or one that is not known.
    """
    names = _NAMES[1:] if "topic" in kwargs else _NAMES
    given = dict(zip(names, args, strict=False))
    unknown = [*map(repr, args[len(names) :]), *sorted(kwargs.keys() - set(_NAMES))]
    twice = given.keys() & kwargs.keys()
    if unknown or twice:
        raise HandlerError(
            f"publish takes {', '.join(_NAMES)}, each once, not "
            f"{', '.join([*unknown, *sorted(twice)])}; options such as countdown go to apply_async"
        )
    return {**given, **kwargs}


def packed(
    bridge: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[()], dict[str, Any]]:
    """Return the arguments as the task's message carries them: checked, and encoded once.

    Raises
    ------
    HandlerError
        The topic, or what was given with it, cannot be.
    SendRefused
        The alert, its key or its headers cannot be sent.
    """
    if not _PACKED.isdisjoint(kwargs):
        return (), dict(kwargs)
    given = named(args, kwargs)
    for name in ("topic", "alert"):
        if name not in given:
            raise HandlerError(f"publish needs the {name}: publish('superevent', alert)")
    return (), {"parcels": [pack(bridge.settings, **given).as_message()]}


def partly_packed(
    bridge: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[()], dict[str, Any]]:
    """Return the same for a signature, whose alert may be the result of the task before it."""
    if not _PACKED.isdisjoint(kwargs):
        return (), dict(kwargs)
    given = named(args, kwargs)
    return packed(bridge, (), given) if "alert" in given else ((), given)


def shown(message: Mapping[str, Any]) -> str:
    """Return what people see of a task's arguments: topics and sizes, never an alert."""
    first, *others = message["parcels"]
    more = f", and {len(others)} more" if others else ""
    return f"({first['topic']}, {_size(first)} characters{more})"


def deflated(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's arguments as they travel: long ones deflated, as a text."""
    if sum(map(_size, message["parcels"])) < _DEFLATED_FROM:
        return dict(message)
    rest = {name: value for name, value in message.items() if name != "parcels"}
    short = zlib.compress(msgspec.json.encode(message["parcels"]), _LEVEL)
    return {"deflated": base64.b64encode(short).decode("ascii"), **rest}


def inflated(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that :func:`deflated` was given."""
    if "deflated" not in message:
        return dict(message)
    rest = {name: value for name, value in message.items() if name != "deflated"}
    parcels = msgspec.json.decode(zlib.decompress(base64.b64decode(message["deflated"])))
    return {"parcels": parcels, **rest}


def _size(parcel: Mapping[str, Any]) -> int:
    content = parcel["alert"] if "alert" in parcel else parcel["value"]
    return len(content if isinstance(content, str) else content["base64"])
