# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert subscriptions``: what the consumer group of an app takes, and how far it is."""

from __future__ import annotations

import click
from rich.table import Table

from igwn_alert_celery.cli.options import examples
from igwn_alert_celery.cli.positions import Reading, read_positions
from igwn_alert_celery.cli.remote import taken_out_by_worker
from igwn_alert_celery.cli.report import note, problem
from igwn_alert_celery.cli.screen import Screen
from igwn_alert_celery.cli.target import Target
from igwn_alert_celery.errors import TaskBrokerUnavailable

__all__ = ["subscriptions"]

_EPILOG = examples(
    "igwn-alert -A followup subscriptions",
    "celery -A followup igwn-alert subscriptions",
)
_HELP = """Show what the consumer group of a Celery app takes: topic, partition, position, lag.

The position is the next offset as the group has committed it, the lag how many records wait behind
it. Without -A there is nothing to show: igwn-alert's own subscriptions are no more.
"""
_DEPRECATED = (
    "this feature is deprecated: without a Celery app nothing is subscribed to. -A APP shows what "
    "an app takes; `igwn-alert topics` lists what there is"
)
_HEAD = ("topic", "partition", "position", "lag", "member")


@click.command(short_help="Show what an app takes, and how far it is.", help=_HELP, epilog=_EPILOG)
@click.pass_obj
def subscriptions(target: Target) -> None:
    """See ``_HELP``."""
    if target.bridge is None:
        raise click.UsageError(_DEPRECATED)
    reading = read_positions(target)
    screen = Screen()
    screen.say(
        f"consumer group {reading.consumer_group} at {target.place}: "
        f"{reading.state}, {reading.members} members"
    )
    if screen.is_live:
        screen.print(_table(reading))
    else:
        for row in (_HEAD, *reading.rows):
            screen.say("\t".join(row))
    for topic in reading.missing:
        problem(f"there is no topic {topic}, or the credential may not read it")
    _tell_taken_out(target)


def _tell_taken_out(target: Target) -> None:
    try:
        found = taken_out_by_worker(target.bridge)
    except TaskBrokerUnavailable as exc:
        note(f"(the workers cannot be asked what was taken out of them: {exc})")
        return
    for worker, topics in found.items():
        note(f"{worker} does not take {', '.join(topics)}, until it is started again")


def _table(reading: Reading) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in _HEAD:
        table.add_column(name, justify="left" if name in {"topic", "member"} else "right")
    for row in reading.rows:
        table.add_row(*row)
    return table
