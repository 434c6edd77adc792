# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert status``: what the receivers of a running app say of themselves."""

from __future__ import annotations

import json
from typing import Any

import click

from igwn_alert_celery.cli.exit_code import ExitCode
from igwn_alert_celery.cli.kept import Kept, bridge_of, kept_by
from igwn_alert_celery.cli.options import Option, examples
from igwn_alert_celery.cli.remote import ANSWER_S, Answers, statuses
from igwn_alert_celery.cli.report import problem
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.status_view import show_letters, show_worker
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["nobody_text", "status"]

_EPILOG = examples(
    "igwn-alert -A followup status",
    "igwn-alert -A followup status --json | jq '.workers[].state'",
)


@click.command(short_help="Show how the receivers of an app are.", epilog=_EPILOG)
@click.option("--json", "as_json", cls=Option, is_flag=True, help="Print one JSON object.")
@click.option(
    "--timeout",
    "timeout_s",
    cls=Option,
    type=click.FloatRange(min=0.1),
    default=ANSWER_S,
    show_default=True,
    metavar="S",
    help="Wait so many seconds for a worker's answer.",
)
@click.pass_obj
def status(target: Target, as_json: bool, timeout_s: float) -> None:
    """Show what the receiver of each running worker says of itself, and the dead letters.

    Workers answer from memory, so this works also while Kafka is away. A worker with the pool
    `solo` answers only between two tasks. The exit code is 0 when at least one has answered,
    however it is: `igwn-alert check` judges.
    """
    bridge = bridge_of(target, "status")
    workers = statuses(bridge, timeout_s)
    kept = _kept(bridge)
    screen = Screen()
    if as_json:
        screen.say(json.dumps(_plain(bridge, workers, kept), ensure_ascii=False, indent=2))
    else:
        for name, said in workers.items():
            show_worker(screen, name, said)
        if isinstance(kept, Kept):
            show_letters(screen, kept)
    if not workers:
        problem(nobody_text(bridge))
    if not isinstance(kept, Kept):
        problem(f"dead letters cannot be counted: {kept}")
    raise click.exceptions.Exit(_code(workers, kept))


def nobody_text(bridge: Any) -> str:
    """Return what to say, and to do, where no worker has answered."""
    return (
        f"no worker of the app {bridge.app.main!r} has answered: start one (celery -A … worker); "
        "one that runs is busy (--timeout waits longer), on another task broker, or has "
        "worker_enable_remote_control off"
    )


def _kept(bridge: Any) -> Kept | str:
    try:
        return kept_by(bridge)
    except TaskBrokerUnavailable as exc:
        return str(exc)


def _code(workers: Answers, kept: Kept | str) -> ExitCode:
    if not workers:
        return ExitCode.FAILED
    return ExitCode.DONE if isinstance(kept, Kept) else ExitCode.AWAY


def _plain(bridge: Any, workers: Answers, kept: Kept | str) -> dict[str, Any]:
    if isinstance(kept, Kept):
        letters = {"count": kept.count, "bytes": kept.bytes, "place": kept.place, "error": None}
    else:
        letters = {"count": None, "bytes": None, "place": None, "error": kept}
    return {"app": bridge.app.main, "workers": workers, "dead_letters": letters}
