# SPDX-License-Identifier: BSD-3-Clause
"""The command itself: its name, its options, its version."""

from __future__ import annotations

from typing import Any

import click

from igwn_alert_celery import __version__
from igwn_alert_celery.cli.commands import Commands
from igwn_alert_celery.cli.options import examples, global_options

__all__ = ["igwn_alert"]

_HELP = """Listen to igwn-alerts, send them, and look at what a Celery app makes of them.

The options below may stand before or after the name of the sub-command. A password is never one
of them: `hop auth add`, a netrc file or IGWN_ALERT_PASSWORD keep it.
"""
_EPILOG = examples(
    "igwn-alert -g gracedb-playground listen mdc_superevent",
    "igwn-alert -A followup send superevent alert.json",
    "igwn-alert listen --help",
)


@click.group(
    "igwn-alert",
    cls=Commands,
    help=_HELP,
    epilog=_EPILOG,
    params=[*global_options(hidden=False)],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(
    __version__, "-V", "--version", message="igwn-alert (igwn-alert-celery) %(version)s"
)
# Options that an app adds to all commands of `celery` come along; they are for that app.
def igwn_alert(**_preload: Any) -> None:
    """Do nothing before the sub-command."""
