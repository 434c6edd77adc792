# SPDX-License-Identifier: BSD-3-Clause
"""``igwn-alert dead-letters``: list, show, replay and drop what could not be handled."""

from __future__ import annotations

import click

from igwn_alert_celery.cli.letters.drop import drop_letters
from igwn_alert_celery.cli.letters.listing import list_letters
from igwn_alert_celery.cli.letters.replaying import replay_letters
from igwn_alert_celery.cli.letters.show import show_letter
from igwn_alert_celery.cli.options import examples

__all__ = ["dead_letters"]

_EPILOG = examples(
    "igwn-alert -A followup dead-letters list",
    "igwn-alert -A followup dead-letters show 1f0c2b6e",
    "igwn-alert -A followup dead-letters replay 1f0c2b6e",
    "igwn-alert -A followup dead-letters drop --all --reason expired --yes",
)
_HELP = """List, show, replay and drop the dead letters of an app.

A dead letter is a record that could not become a task, an alert that came too late or whose task
could not be enqueued, or one that could not be sent. It is kept whole. On Redis all workers share
them; on another task broker each machine has its own, in a file: run this on that machine, as the
worker's user.
"""


class _InOrder(click.Group):
    """Shows its sub-commands in the order of their use."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return their names."""
        return list(self.commands)


dead_letters = _InOrder(
    "dead-letters",
    {
        "list": list_letters,
        "show": show_letter,
        "replay": replay_letters,
        "drop": drop_letters,
    },
    help=_HELP,
    epilog=_EPILOG,
    short_help="List, show, replay, drop dead letters.",
)
