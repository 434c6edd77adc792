# SPDX-License-Identifier: BSD-3-Clause
"""What the publisher task was called with: by a user, a canvas, or its own message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from igwn_alert_celery.errors import HandlerError
from igwn_alert_celery.publisher.parcel import pack

__all__ = ["named", "packed", "partly_packed", "shown"]

_NAMES = ("topic", "alert", "key", "headers", "test")


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
    if "parcels" in kwargs:
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
    if "parcels" in kwargs:
        return (), dict(kwargs)
    given = named(args, kwargs)
    return packed(bridge, (), given) if "alert" in given else ((), given)


def shown(message: Mapping[str, Any]) -> str:
    """Return what people see of a task's arguments: topics and sizes, never an alert."""
    first, *others = message["parcels"]
    more = f", and {len(others)} more" if others else ""
    value = first["value"]
    size = len(value if isinstance(value, str) else value["base64"])
    return f"({first['topic']}, {size} characters{more})"
