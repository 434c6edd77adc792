# SPDX-License-Identifier: BSD-3-Clause
"""What the client's numbers may be."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from igwn_alert_celery.errors import ArgumentError

__all__ = ["check_seconds", "check_text", "check_whole"]

T = TypeVar("T", timedelta, float)


def check_whole(name: str, value: int | None, default: int, *, least: int = 1) -> int:
    """Return a whole number, or the default for None."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{name} = {value!r}: give a whole number of {least} or more")
    return value


def check_text(name: str, value: str | None) -> str | None:
    """Return a text that is not empty, or None."""
    if value is not None and not (isinstance(value, str) and value):
        raise ArgumentError(f"{name} = {value!r}: give a text that is not empty")
    return value


def check_seconds(name: str, value: timedelta | float | None, default: T) -> timedelta | float | T:
    """Return a time of 0 or more, a timedelta or in seconds, or the default for None."""
    if value is None:
        return default
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise ArgumentError(f"{name} = {value!r}: give a timedelta, or seconds of 0 or more")
    return value
