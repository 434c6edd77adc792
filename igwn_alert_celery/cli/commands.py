# SPDX-License-Identifier: BSD-3-Clause
"""The command with its sub-commands, each loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
from celery import Celery
from click.core import ParameterSource

from igwn_alert_celery.cli.flags import Flags
from igwn_alert_celery.cli.options import global_options
from igwn_alert_celery.cli.report import reporting, set_up_log
from igwn_alert_celery.cli.target import Target

__all__ = ["COMMANDS", "Commands"]

_PACKAGE = "igwn_alert_celery.cli"
#: Sub-commands and their modules, in the order of the help.
COMMANDS = (
    "listen",
    "topics",
    "send",
    "subscriptions",
    "unsubscribe",
    "status",
    "check",
    "dead-letters",
    "doctor",
)


class Commands(click.Group):
    """Loads its sub-commands late, so that ``celery`` itself starts as fast as before."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the sub-commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import a sub-command, and let it take the global options as well."""
        if name not in COMMANDS:
            return None
        attribute = name.replace("-", "_")
        module = import_module(f"{_PACKAGE}.{attribute}")
        command: click.Command = getattr(module, attribute)
        _take_global_options(command)
        return command

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Prepare what the options write into, before they are read."""
        extra["obj"] = Target(Flags(app=_app_of(parent)))
        with reporting():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a sub-command; whatever ends it is one line and an exit code."""
        set_up_log(ctx.obj.flags.log)
        with reporting():
            return super().invoke(ctx)


def _take_global_options(command: click.Command) -> None:
    if not any(param.name == "app" for param in command.params):
        command.params.extend(global_options(hidden=True))
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _take_global_options(inner)


def _app_of(parent: click.Context | None) -> Celery | None:
    """Return the app of ``celery -A``; without -A Celery makes one up."""
    if parent is None:
        return None
    source = parent.get_parameter_source("app")
    if source in {None, ParameterSource.DEFAULT}:
        return None
    app: Celery | None = getattr(parent.obj, "app", None)
    return app
