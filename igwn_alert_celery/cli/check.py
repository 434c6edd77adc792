# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert check``: a Nagios plugin; one line, and the exit code 0, 1, 2 or 3."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import click

from igwn_alert_celery.cli.kept import bridge_of, kept_by
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.remote import ANSWER_S, statuses
from igwn_alert_celery.cli.report import one_line
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.cli.verdict import Level, Limits, judge
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["AWAY_S", "TIMEOUT_S", "check"]

TIMEOUT_S = 10
AWAY_S = 60
# Of the time, for a second question.
_PATIENCE = 0.3
_EPILOG = examples(
    "igwn-alert -A followup check",
    "igwn-alert -A followup check --critical-dead-letters 100 --warn-lag 1000",
)
_HELP = """Judge the receivers of an app in one line, as a Nagios plugin does.

The exit code is 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN. CRITICAL: no worker's receiver runs, one
is stuck, or Kafka or the task broker has been away for too long. WARNING: that is so for less
long, or for one of several workers; topics are missing or forbidden; there are dead letters; or
too many records wait. UNKNOWN: the app cannot be loaded, or the task broker cannot be asked.
Workers that are not to listen do not count.
"""


class Plugin(click.Command):
    """A command for which every failure of its own is UNKNOWN, also wrong usage."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the options."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as exc:
            raise _unknown(exc.format_message()) from exc

    def invoke(self, ctx: click.Context) -> Any:
        """Check."""
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except click.ClickException as exc:
            raise _unknown(exc.format_message()) from exc
        except Exception as exc:
            # Border: whatever it was, nobody knows how the app is.
            raise _unknown(str(exc) or type(exc).__name__) from exc


def _limit(name: str, text: str, kind: Any, default: float | None) -> Any:
    shown = {"show_default": True} if default is not None else {}
    metavar = "S" if isinstance(kind, click.FloatRange) else "N"
    return click.option(
        *name.split(), cls=Option, type=kind, default=default, metavar=metavar, help=text, **shown
    )


@click.command(cls=Plugin, short_help="Judge an app, for Nagios.", help=_HELP, epilog=_EPILOG)
@_limit("--timeout timeout_s", "Give up after so many seconds.", click.FloatRange(min=1), TIMEOUT_S)
@_limit(
    "--stuck stuck_s",
    "CRITICAL when Kafka was last asked longer ago.  [default: the app's stuck_after_s]",
    click.FloatRange(min=0),
    None,
)
@_limit(
    "--away away_s",
    "CRITICAL when Kafka or the task broker is away for longer.",
    click.FloatRange(min=0),
    AWAY_S,
)
@_limit(
    "--warn-dead-letters",
    "WARNING from so many dead letters on; 0: never.",
    click.IntRange(min=0),
    1,
)
@_limit(
    "--critical-dead-letters",
    "CRITICAL from so many dead letters on; 0: never.",
    click.IntRange(min=0),
    0,
)
@_limit("--warn-lag", "WARNING when more records wait on Kafka.", click.IntRange(min=0), None)
@click.pass_obj
def check(target: Target, /, timeout_s: float, **limits: Any) -> None:
    """See ``_HELP``."""
    watchdog = threading.Timer(timeout_s, _give_up, [timeout_s])
    watchdog.daemon = True
    watchdog.start()
    try:
        level, line = _check(target, limits, timeout_s)
    finally:
        watchdog.cancel()
    Screen().say(line)
    raise click.exceptions.Exit(level)


def _check(target: Target, given: dict[str, Any], timeout_s: float) -> tuple[Level, str]:
    bridge = bridge_of(target, "check")
    if given["stuck_s"] is None:
        given["stuck_s"] = bridge.settings.stuck_after_s
    limits = Limits(**given)
    workers = statuses(bridge)
    if not workers:
        # Once more: a busy machine answers late, and a false alarm wakes somebody up.
        workers = statuses(bridge, max(ANSWER_S, _PATIENCE * timeout_s))
    verdict = judge(workers, _letters(bridge), limits, bridge.app.main)
    return verdict.level, verdict.line


def _letters(bridge: Any) -> int | str:
    try:
        return kept_by(bridge).count
    except TaskBrokerUnavailable as exc:
        return str(exc)


def _give_up(timeout_s: float) -> None:
    """End the process from another thread: the first one may be in a call that never returns."""
    text = f"{Level.UNKNOWN.name} - no result within {timeout_s:g} s\n"
    os.write(sys.stdout.fileno(), text.encode())
    os._exit(Level.UNKNOWN)


def _unknown(text: str) -> click.exceptions.Exit:
    """Say the line, and return what ends the command."""
    Screen().say(f"{Level.UNKNOWN.name} - {one_line(text).replace('|', '/')}")
    return click.exceptions.Exit(Level.UNKNOWN)
