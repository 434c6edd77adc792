# SPDX-License-Identifier: BSD-3-Clause
"""Moments on the command line: ``2h`` ago, an ISO time, or seconds since 1970."""

from __future__ import annotations

import re
import time

import click

from igwn_alert_celery.settings_rules import BrokenRule, epoch_s

__all__ = ["read_moment"]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\+?)((?:\d+(?:\.\d+)?[smhdw])+)")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def read_moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Return milliseconds since the Unix epoch; None where nothing was given.

    ``2h`` and ``1h30m`` are ago, ``+10m`` is from now; else an ISO time or seconds since 1970.

    Raises
    ------
    click.BadParameter
        It is none of these.
    """
    if value is None:
        return None
    duration = _DURATION.fullmatch(value)
    if duration is not None:
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(duration[2]))
        return round((time.time() + (seconds if duration[1] else -seconds)) * 1000)
    try:
        return round(epoch_s(value) * 1000)
    except BrokenRule:
        raise click.BadParameter(
            f"{value!r}: give a time ago such as 90s, 10m, 2h or 3d, an ISO time such as "
            "2026-05-18T12:59:08Z (UTC where it has no zone), or seconds since 1970"
        ) from None
